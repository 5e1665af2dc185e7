import type { WholeAccount } from '../../views/console/whole-account.ts';
import type { Account } from '../accounts/account.ts';
import { providerNameOf } from '../accounts/identities.ts';
import type { Entry } from '../activity/activity.ts';
import type { AuditEntry } from '../activity/audit.ts';
import { changeInWords, resultOf } from '../activity/entry-words.ts';
import type { Actor } from '../ground/actor.ts';
import type { EntryNames } from '../management/entry-names.ts';
import { credentialView, liveAndDead, serviceView, tokenView } from '../pages/view-models.ts';
import type { ConsoleDependencies } from './dependencies.ts';

/** So many of the latest entries stand on the page of an account. */
const ENTRIES_SHOWN = 10;

/** All that an account has, as its page in the console shows it. */
export async function wholeAccountOf(parts: ConsoleDependencies, account: Account): Promise<WholeAccount> {
  const { tokens, secrets, services, apps, grants, accountThings, identities, rows } = parts;
  const { id, vouchedBy } = account;
  const [ownTokens, ownSecrets, ownServices, ownApps, allowed, sessions, linked, broughtBy] =
    await Promise.all([
      tokens.list(id),
      secrets.listOfAccount(id),
      services.list(id),
      apps.list(id),
      grants.list(id),
      accountThings.sessions(id),
      identities.list(id),
      vouchedBy === undefined ? undefined : rows.clients.get(vouchedBy),
    ]);
  const { scopes, settings, clock } = parts;
  const now = clock();
  const clientNames = new Map([...ownServices, ...ownApps].map((client) => [client.id, client.name]));
  return {
    accountId: id,
    hasPassword: account.passwordHash !== undefined,
    broughtBy: vouchedBy && (broughtBy?.name ?? vouchedBy),
    identities: linked.map((row) => ({ ...row, provider: providerNameOf(row.issuer, settings.google) })),
    sessions,
    tokens: liveAndDead(ownTokens.map((row) => tokenView(row, now, scopes.describe))),
    services: ownServices.map((row) => serviceView(row, scopes.describe)),
    secrets: ownSecrets.map((row) => ({
      ...credentialView(row, now),
      clientName: clientNames.get(row.clientId ?? '') ?? row.clientId ?? '',
    })),
    apps: ownApps,
    grants: allowed.map(({ client, ...row }) => ({
      ...row,
      appId: client.id,
      appName: client.name,
      allows: row.scopes.map(scopes.describe),
    })),
    ...(await historyOf(parts, account)),
  };
}

async function historyOf(parts: ConsoleDependencies, { id: accountId, email }: Account) {
  const [{ entries }, managed] = await Promise.all([
    parts.activity.list({ accountId, limit: ENTRIES_SHOWN }),
    parts.accountThings.managed(accountId, ENTRIES_SHOWN),
  ]);
  const changes = entries.flatMap((entry) => (entry.kind === 'change' ? [entry.change] : []));
  const names = await parts.entryNames([...changes, ...managed].map(({ actor }) => actor.id));
  // The account itself is what the whole page is about.
  const shown = <V extends { about: string }>(view: V): V =>
    view.about === email ? { ...view, about: '' } : view;
  return {
    entries: entries.map((entry) => shown(entryView(entry, names))),
    managed: managed.map((change) => shown(changeView(change, names))),
  };
}

function entryView(entry: Entry, names: EntryNames) {
  if (entry.kind === 'change') return changeView(entry.change, names);
  const { at, method, path, tokenName } = entry.call;
  const { result, reason } = resultOf(entry.call);
  const why = reason === undefined ? result : `${result}: ${reason}`;
  return { at, what: `${method} ${path}`, about: tokenName, result: why, by: '', reason: undefined };
}

function changeView(change: AuditEntry, names: EntryNames) {
  const { at, targetName, refused, actor } = change;
  return {
    at,
    what: changeInWords(change),
    about: targetName,
    result: refused ? 'Refused' : 'Done',
    by: byOf(actor, names),
    reason: actor.reason,
  };
}

/** Who did it: an admin may know the others. */
function byOf({ kind, id = '' }: Actor, names: EntryNames): string {
  if (kind === 'account') return names.accounts.get(id)?.email ?? id;
  if (kind === 'client') return names.clients.get(id)?.name ?? id;
  return { operator: 'The operator', system: 'This site', reporter: 'A report of a leak' }[kind];
}

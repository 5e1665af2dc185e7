import type { RouterContext } from '@koa/router';
import { type Asked, activityPage, type CountsView, type EntryView } from '../../views/activity.ts';
import type { About, Entry } from '../activity/activity.ts';
import type { Outcome } from '../activity/call-counts.ts';
import { changeInWords, resultOf, resultsFor } from '../activity/entry-words.ts';
import type { Credential } from '../credentials/credential.ts';
import type { Actor } from '../ground/actor.ts';
import { isoDate } from '../ground/time.ts';
import { sendPage } from '../http/page.ts';
import { queryOne } from '../http/query.ts';
import { countsView } from '../pages/view-models.ts';
import { chartSpanFrom, filterFrom, outcomesFor, pathTo, readAsked } from './activity-filter.ts';
import type { PortalDependencies } from './dependencies.ts';

const ENTRIES_PER_PAGE = 50;

/** /activity: an account's own calls and changes. */
export function createActivityPages(parts: PortalDependencies) {
  const { site, signedIn, activity, clock } = parts;

  return {
    async list(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.account(ctx);
      const credentials = await filtersOf(parts, account.id);
      const asked = readAsked(ctx, credentials);
      const after = queryOne(ctx, 'after');
      const about = await aboutOf(parts, account.id, asked.credential);
      const { entries, next, isPartial } = await activity.list({
        accountId: account.id,
        about,
        ...filterFrom(asked, clock()),
        after,
        limit: ENTRIES_PER_PAGE,
      });
      const names = await namesOf(parts, account.id, entries);
      const page = activityPage(site, account, {
        entries: entries.map((entry) => entryView(entry, names, asked)),
        credentials,
        asked,
        results: resultsFor(asked.result),
        today: isoDate(clock()),
        // Of what is further back it would say the same again.
        counts: after === '' ? await countsFor(parts, { accountId: account.id, about, asked }) : undefined,
        isPartial,
        csvUrl: pathTo(asked, '', '/activity.csv'),
        newestUrl: after === '' ? undefined : pathTo(asked),
        olderUrl: next && pathTo(asked, next),
      });
      sendPage(ctx, page);
    },
  };
}

/** What is counted of the calls that are asked for; undefined where they are not counted by that. */
async function countsFor(
  { callCounts, clock }: PortalDependencies,
  { accountId, about, asked }: { accountId: string; about: About | undefined; asked: Asked },
): Promise<CountsView | undefined> {
  const outcomes = outcomesFor(asked);
  if (outcomes === undefined) return undefined;
  const { days, routes } = await callCounts.of({ accountId, about, ...chartSpanFrom(asked, clock()) });
  const has = (outcome: Outcome) => outcomes.includes(outcome);
  return countsView({
    days: days.map(({ day, success, refused, failed }) => ({
      day,
      success: has('success') ? success : 0,
      refused: has('refused') ? refused : 0,
      failed: has('failed') ? failed : 0,
    })),
    routes: routes.filter(({ outcome }) => has(outcome)),
  });
}

/** What can be filtered by: everything that this account made or let in. */
export async function filtersOf({ tokens, services, apps, grants }: PortalDependencies, accountId: string) {
  const [ownTokens, ownServices, ownApps, allowed] = await Promise.all([
    tokens.list(accountId),
    services.list(accountId),
    apps.list(accountId),
    grants.list(accountId),
  ]);
  const clients = [...ownServices, ...ownApps, ...allowed.map(({ client }) => client)];
  // A rotation, or a service that issues one at each login, leaves several of one name.
  const ofName = Map.groupBy(ownTokens, ({ name }) => name);
  const nameOf = ({ name, lastFour }: Credential) =>
    ofName.get(name)?.length === 1 ? name : `${name} …${lastFour}`;
  const labels = [
    ...ownTokens.map((token) => [token.id, `Token: ${nameOf(token)}`] as const),
    ...clients.map(
      ({ id, name, kind }) => [id, `${kind === 'service' ? 'Service' : 'App'}: ${name}`] as const,
    ),
  ];
  // An app of one's own may also be let in: it is there once.
  return [...new Map(labels)].map(([id, label]) => ({ id, label }));
}

/** What is asked for as the activity takes it: a token, or a client with the secrets that it has had. */
export async function aboutOf(
  { secrets }: PortalDependencies,
  accountId: string,
  credential: string,
): Promise<About | undefined> {
  if (credential === '') return undefined;
  if (credential.startsWith('tok_')) return { tokenId: credential };
  const rows = await secrets.list({ accountId, clientId: credential });
  return { clientId: credential, secretIds: rows.map((row) => row.id) };
}

/** An entry in words; `names` are those of `namesOf`. */
export function entryView(entry: Entry, names: ReadonlyMap<string, string>, asked?: Asked): EntryView {
  if (entry.kind === 'call') {
    const { at, method, path, tokenName, status, ms, result, from, requestId, privacyBypassed, hidden } =
      entry.call;
    return {
      at,
      what: `${method} ${path}`,
      name: tokenName,
      ...resultOf(entry.call),
      // Those that went wrong in the same way are one click away.
      resultUrl: status < 400 || asked === undefined ? undefined : pathTo({ ...asked, result }),
      ms,
      from,
      requestId,
      privacyBypassed: privacyBypassed === true,
      hidden,
    };
  }
  const { at, accountId, action, actor, targetName, refused } = entry.change;
  const isOther = actor.kind === 'account' && actor.id !== accountId;
  return {
    at,
    what: `${changeInWords(entry.change)}${byWhom(actor, names)}${whyOf(actor)}`,
    name: targetName,
    result: refused ? 'Refused' : 'Done',
    succeeded: !refused,
    // Where somebody else sat is not told, as in what an account takes along.
    from: isOther ? '' : (actor.from ?? ''),
    requestId: actor.requestId ?? '',
    // All other changes were made to the account, and passed over no rules.
    privacyBypassed: action === 'data.touched',
  };
}

/** Why an admin did it, or a service may do as one what it did. */
function whyOf({ reason }: Actor): string {
  return reason === undefined ? '' : ` (reason: ${reason})`;
}

/** Who made a change, where it was not the person themselves: `, by the service Stripe`. */
function byWhom({ kind, id = '', from, reason }: Actor, names: ReadonlyMap<string, string>): string {
  switch (kind) {
    case 'account':
      // Who acted with a reason was an admin then, whatever they are now.
      return names.get(id) ?? (reason === undefined ? ', by another account' : ', by an admin of this site');
    case 'client':
      return names.get(id) ?? ', by a service or app that is gone';
    case 'operator':
      return ', by the operator';
    case 'system':
      // What came from an address was noted by this site, and done by whoever is there.
      return from === undefined ? ', by this site itself' : '';
    case 'reporter':
      return ', by a report of a leak';
  }
}

/** The words of `byWhom` for each account and client that acts in these entries. Other people are not named to anybody. */
export async function namesOf({ rows }: PortalDependencies, accountId: string, entries: readonly Entry[]) {
  const actors = entries.flatMap((entry) => (entry.kind === 'call' ? [] : [entry.change.actor]));
  const clientIds = new Set(
    actors.flatMap(({ kind, id }) => (kind === 'client' && id !== undefined ? [id] : [])),
  );
  const accountIds = new Set(
    actors.flatMap(({ kind, id }) => (kind === 'account' && id !== undefined ? [id] : [])),
  );
  accountIds.delete(accountId);
  const [clients, accounts] = await Promise.all([
    Promise.all([...clientIds].map((id) => rows.clients.get(id))),
    Promise.all([...accountIds].map((id) => rows.accounts.get(id))),
  ]);
  const named = clients.flatMap((row) =>
    row ? [[row.id, `, by the ${row.kind} ${row.name}`] as const] : [],
  );
  const admins = accounts.flatMap((row) =>
    row?.admin ? [[row.id, ', by an admin of this site'] as const] : [],
  );
  return new Map<string, string>([[accountId, ''], ...named, ...admins]);
}

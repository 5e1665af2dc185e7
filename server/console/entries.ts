import type { Context } from 'koa';
import type { NamedView } from '../../views/console/entries.ts';
import { NO_ACCOUNT } from '../activity/audit.ts';
import { SEARCH_LENGTH_MAX } from '../ground/limits.ts';
import { holdsSecret, withoutSecrets } from '../ground/without-secrets.ts';
import { queryOne } from '../http/query.ts';
import type { EntryNames } from '../management/entry-names.ts';

/** What was typed into a field by which entries are found. It is shown again, so it holds no secret. */
export function askedFor(ctx: Context, name: string): string {
  const typed = queryOne(ctx, name).trim().slice(0, SEARCH_LENGTH_MAX);
  // A request id is as long as a token of the engine's.
  const isShown = name === 'request' && /^[\w-]{1,80}$/.test(typed) && !holdsSecret(typed);
  return isShown ? typed : withoutSecrets(typed);
}

/** Whether a box is checked. */
export function isChecked(ctx: Context, name: string): boolean {
  return queryOne(ctx, name) === 'yes';
}

/** An account that an entry names: by its address as long as it is there, by its id when it is gone. */
export function accountNamed(id: string, { accounts }: EntryNames): NamedView {
  if (id === NO_ACCOUNT) return { label: 'Nobody’s account', id: '' };
  const account = accounts.get(id);
  if (account === undefined)
    return {
      label: 'An account that is gone',
      isGone: true,
      id,
      onlyUrl: `/admin/audit?account=${encodeURIComponent(id)}`,
    };
  return { label: account.email, id: '', url: `/admin/accounts/${id}` };
}

/** A service or app that an entry names. */
export function clientNamed(id: string, names: EntryNames): NamedView {
  const client = names.clients.get(id);
  if (client === undefined)
    return {
      label: 'A service or app that is gone',
      isGone: true,
      id,
      onlyUrl: `/admin/audit?target=${encodeURIComponent(id)}`,
    };
  return {
    label: `${client.kind === 'app' ? 'App' : 'Service'} ${client.name}`,
    url: thingPath(id, names),
    id,
  };
}

/** The page of a token, secret, service or app, as long as it is there. */
export function thingPath(id: string, { clients, credentials }: EntryNames): string | undefined {
  if (credentials.has(id)) return `/admin/credentials/${id}`;
  const client = clients.get(id);
  return client && `/admin/${client.kind === 'app' ? 'apps' : 'services'}/${id}`;
}

/** What names a service or an app on the page that explains rules: an app acts for somebody, who is named too. */
export function explainedAs(clientId: string, accountId: string): { who: string; client?: string } {
  return isApp(clientId) ? { who: accountId, client: clientId } : { who: clientId };
}

/** By its id, also of one that is gone. */
export function isApp(clientId: string): boolean {
  return clientId.startsWith('app_');
}

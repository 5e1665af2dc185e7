import type { Account, Identity } from '../../accounts/account.ts';
import { providerNameOf } from '../../accounts/identities.ts';
import type { AnySession, ThingAct } from '../../management/account-things.ts';
import { managerFrom } from '../../management/reason.ts';
import { timesOf } from '../times.ts';
import { accountIn } from './accounts.ts';
import { grantJson } from './apps.ts';
import { bodyOf, type ManagementEndpoint, noQuery, queryOf, reasonBody } from './endpoint.ts';
import type { ManagementDependencies } from './routes.ts';

/** `/accounts/ID/…`: where an account is signed in and how, and the apps that it let in. */
export function accountThingEndpoints(parts: ManagementDependencies): ManagementEndpoint[] {
  const { accountThings, grants, identities, settings } = parts;

  /** What an account has few of: all of it, in the form of a list of one page. */
  const listAt = (path: string, itemsOf: (account: Account) => Promise<object[]>): ManagementEndpoint => ({
    method: 'GET',
    path: `/accounts/:id/${path}`,
    async answer(call) {
      queryOf(call.ctx, noQuery);
      return { items: await itemsOf(await accountIn(parts, call)), next_cursor: null };
    },
  });

  const actAt = (kind: 'sessions' | 'identities', act: ThingAct, done: string): ManagementEndpoint => ({
    method: 'POST',
    path: `/accounts/:id/${kind}/:thingId/${act}`,
    async answer(call) {
      const { reason } = await bodyOf(call.ctx, reasonBody);
      const { id: accountId } = await accountIn(parts, call);
      const thing = await accountThings.find(kind, { accountId, id: call.params.thingId ?? '' });
      await accountThings.do(act, thing, managerFrom(call.actor, reason));
      return { id: thing.id, [done]: true };
    },
  });

  return [
    listAt('grants', async ({ id }) =>
      (await grants.list(id)).map((row) => grantJson({ ...row, accountId: id })),
    ),
    listAt('sessions', async ({ id }) => (await accountThings.sessions(id)).map(sessionJson)),
    listAt('identities', async ({ id }) =>
      (await identities.list(id)).map((row) =>
        identityJson(row, providerNameOf(row.issuer, settings.google)),
      ),
    ),
    actAt('sessions', 'end', 'ended'),
    actAt('identities', 'remove', 'removed'),
  ];
}

function sessionJson({ uid, browser, seenFrom, createdAt, lastSeenAt, isPortal }: AnySession) {
  return {
    id: uid,
    browser,
    portal: isPortal,
    seen_from: seenFrom ?? null,
    ...timesOf('created', createdAt),
    ...timesOf('last_seen', lastSeenAt),
  };
}

function identityJson({ id, issuer, subject, email, createdAt, lastUsedAt }: Identity, provider: string) {
  return {
    id,
    provider,
    issuer,
    subject,
    email,
    ...timesOf('created', createdAt),
    ...timesOf('last_used', lastUsedAt),
  };
}

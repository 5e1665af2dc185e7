import { z } from 'zod';
import type { Account } from '../../accounts/account.ts';
import { ADMIN_SCOPE } from '../../credentials/scopes.ts';
import { noSuch, Problem } from '../../ground/errors.ts';
import { EXTERNAL_ID_LENGTH_MAX } from '../../ground/limits.ts';
import { ACCOUNT_ACTS, type AccountAct } from '../../management/account-acts.ts';
import { managerFrom } from '../../management/reason.ts';
import { timesOf } from '../times.ts';
import {
  bodyOf,
  type ManagementCall,
  type ManagementEndpoint,
  pageAskedBy,
  queryOf,
  reasonBody,
  searchQuery,
} from './endpoint.ts';
import type { ManagementDependencies } from './routes.ts';

const listQuery = searchQuery.extend({
  external_id: z.string().max(EXTERNAL_ID_LENGTH_MAX).optional(),
  state: z.enum(['active', 'suspended', 'admin']).optional(),
});

/** `/accounts…`: everybody's accounts, and what is done to them. */
export function accountEndpoints(parts: ManagementDependencies): ManagementEndpoint[] {
  const { accounts, accountList, accountActs } = parts;

  async function act(which: AccountAct, call: ManagementCall): Promise<object> {
    const { reason } = await bodyOf(call.ctx, reasonBody);
    const account = await accountIn(parts, call);
    if (which === 'promote') requireAllScopes(call);
    await accountActs.do(which, account, managerFrom(call.actor, reason), call.caller.account.id);
    const changed = await accounts.get(account.id);
    return changed === undefined ? { id: account.id, deleted: true } : accountJson(changed);
  }

  return [
    {
      method: 'GET',
      path: '/accounts',
      async answer({ ctx }) {
        const { q: search = '', external_id: externalId, state, ...page } = queryOf(ctx, listQuery);
        const asked = { search, externalId, state };
        const { rows, next } = await accountList.list(asked, pageAskedBy(ctx, page));
        return { items: rows.map(accountJson), next_cursor: next ?? null };
      },
    },
    {
      method: 'GET',
      path: '/accounts/:id',
      answer: async (call) => accountJson(await accountIn(parts, call)),
    },
    ...ACCOUNT_ACTS.map(
      (which): ManagementEndpoint => ({
        method: 'POST',
        path: `/accounts/:id/${which}`,
        answer: (call) => act(which, call),
      }),
    ),
  ];
}

/** What would give a narrow service more than it has: whom it makes an admin, or whose password it knows. Throws Problem 403. */
export function requireAllScopes({ caller }: Pick<ManagementCall, 'caller'>): void {
  if (caller.scopes.includes(ADMIN_SCOPE)) return;
  throw new Problem({
    status: 403,
    code: 'FORBIDDEN',
    message: 'That would reach further than the service that calls.',
    hint: 'Let an admin do it in the console, or call with a service that has the scope admin.',
  });
}

/** An account as programs are told of it. */
export function accountJson(account: Account) {
  const { id, email, name, externalId, admin, createdAt, suspendedAt } = account;
  return {
    id,
    email,
    name: name ?? null,
    external_id: externalId ?? null,
    admin,
    state: suspendedAt === undefined ? 'active' : 'suspended',
    being_deleted: account.removalAt !== undefined,
    ...timesOf('created', createdAt),
    ...timesOf('suspended', suspendedAt),
  };
}

/** The account that a path names. Throws Problem 404. */
export async function accountIn(
  { accounts }: Pick<ManagementDependencies, 'accounts'>,
  { params }: Pick<ManagementCall, 'params'>,
): Promise<Account> {
  const account = await accounts.get(params.id ?? '');
  if (account === undefined) throw noSuch('account');
  return account;
}

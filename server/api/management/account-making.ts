import { z } from 'zod';
import { managerFrom } from '../../management/reason.ts';
import { timesOf } from '../times.ts';
import { accountIn, accountJson, requireAllScopes } from './accounts.ts';
import { bodyOf, type ManagementEndpoint, reasonBody } from './endpoint.ts';
import type { ManagementDependencies } from './routes.ts';

const accountBody = z.strictObject({
  email: z.string(),
  name: z.string().optional(),
  external_id: z.string().optional(),
  password: z.string().optional(),
});
const externalIdBody = z.strictObject({ external_id: z.string() });

/**
 * Accounts on the word of whoever runs the app: `POST /accounts`, `PUT /accounts/ID/external-id`; and
 * `/accounts/ID/reset-link`, the link for a new password in the hand of who asks.
 */
export function accountMakingEndpoints(parts: ManagementDependencies): ManagementEndpoint[] {
  const { vouchedAccounts, resets } = parts;
  return [
    {
      method: 'POST',
      path: '/accounts',
      async answer({ ctx, actor, caller }) {
        const { external_id: externalId, password, ...wanted } = await bodyOf(ctx, accountBody);
        if (password !== undefined) requireAllScopes({ caller });
        const passwordHash = password === undefined ? undefined : await hashOfNew(parts, password, wanted);
        return accountJson(await vouchedAccounts.make({ ...wanted, externalId, passwordHash }, actor));
      },
    },
    {
      method: 'POST',
      path: '/accounts/:id/reset-link',
      async answer(call) {
        const { reason } = await bodyOf(call.ctx, reasonBody);
        const account = await accountIn(parts, call);
        requireAllScopes(call);
        const { url, expiresAt } = await resets.linkFor(account, managerFrom(call.actor, reason));
        return { url, account_id: account.id, ...timesOf('expires', expiresAt) };
      },
    },
    {
      method: 'PUT',
      path: '/accounts/:id/external-id',
      async answer(call) {
        const { external_id: externalId } = await bodyOf(call.ctx, externalIdBody);
        const account = await accountIn(parts, call);
        return accountJson(await vouchedAccounts.nameExternally(account, externalId, call.actor));
      },
    },
  ];
}

/** Throws Problem for a password that is too weak. */
async function hashOfNew(
  { passwords }: ManagementDependencies,
  password: string,
  person: { email: string },
): Promise<string> {
  passwords.requireGood(password, person);
  return passwords.hash(password);
}

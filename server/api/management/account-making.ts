import { z } from 'zod';
import { accountIn, accountJson } from './accounts.ts';
import { bodyOf, type ManagementEndpoint } from './endpoint.ts';
import type { ManagementDependencies } from './routes.ts';

const accountBody = z.strictObject({
  email: z.string(),
  name: z.string().optional(),
  external_id: z.string().optional(),
});
const externalIdBody = z.strictObject({ external_id: z.string() });

/** Accounts on the word of whoever runs the app: `POST /accounts`, `PUT /accounts/ID/external-id`. */
export function accountMakingEndpoints(parts: ManagementDependencies): ManagementEndpoint[] {
  const { vouchedAccounts } = parts;
  return [
    {
      method: 'POST',
      path: '/accounts',
      async answer({ ctx, actor }) {
        const { external_id: externalId, ...wanted } = await bodyOf(ctx, accountBody);
        return accountJson(await vouchedAccounts.make({ ...wanted, externalId }, actor));
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

import { z } from 'zod';
import { noSuch } from '../../ground/errors.ts';
import { accountJson } from './accounts.ts';
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
  const { accounts, vouchedAccounts } = parts;
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
      async answer({ ctx, actor, params }) {
        const { external_id: externalId } = await bodyOf(ctx, externalIdBody);
        const account = await accounts.get(params.id ?? '');
        if (account === undefined) throw noSuch('account');
        return accountJson(await vouchedAccounts.nameExternally(account, externalId, actor));
      },
    },
  ];
}

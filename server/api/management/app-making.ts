import { z } from 'zod';
import { requireActive } from '../../accounts/account.ts';
import type { WantedApp } from '../../credentials/apps.ts';
import { isLiveClient } from '../../credentials/client.ts';
import { noSuch } from '../../ground/errors.ts';
import { nothingToDo } from '../../management/nothing-to-do.ts';
import { managerFrom } from '../../management/reason.ts';
import { appJson } from './apps.ts';
import { bodyOf, type ManagementCall, type ManagementEndpoint, reasonBody } from './endpoint.ts';
import type { ManagementDependencies } from './routes.ts';
import { secretJson } from './services.ts';

const editBody = reasonBody.extend({
  name: z.string().optional(),
  redirect_uris: z.array(z.string()).optional(),
  post_logout_redirect_uris: z.array(z.string()).optional(),
  scopes: z.array(z.string()).optional(),
  requires_pkce: z.boolean().optional(),
});
const newBody = editBody.required({ name: true, redirect_uris: true, scopes: true }).extend({
  account_id: z.string().optional(),
  confidential: z.boolean().default(true),
});

/** `POST /apps` and `/apps/ID/edit`: apps registered and changed for the accounts that they are of. */
export function appMakingEndpoints(parts: ManagementDependencies): ManagementEndpoint[] {
  return [
    { method: 'POST', path: '/apps', answer: (call) => register(parts, call) },
    { method: 'POST', path: '/apps/:clientId/edit', answer: (call) => edit(parts, call) },
  ];
}

/** The value of its secret is in this answer and nowhere else. */
async function register(
  { accounts, apps, appList, clock }: ManagementDependencies,
  { ctx, actor, caller }: ManagementCall,
): Promise<object> {
  const {
    reason,
    account_id: id,
    confidential,
    name,
    redirect_uris,
    scopes,
    ...rest
  } = await bodyOf(ctx, newBody);
  const manager = managerFrom(actor, reason);
  const account = id === undefined ? caller.account : await accounts.get(id);
  if (account === undefined) throw noSuch('account');
  requireActive(account);
  const wanted = { name, scopes, redirectUris: redirect_uris, ...changesIn(rest) };
  const { client, secret } = await apps.create({ ...wanted, account, confidential }, manager);
  const shown = appJson(await appList.describe(client.id));
  return secret === undefined ? shown : { ...shown, ...secretJson(secret, clock()) };
}

/** What is not named stays. */
async function edit(
  { apps, appList, scopes }: ManagementDependencies,
  { ctx, actor, params }: ManagementCall,
): Promise<object> {
  const { reason, ...body } = await bodyOf(ctx, editBody);
  const app = await appList.get(params.clientId ?? '');
  const manager = managerFrom(actor, reason);
  const changes = changesIn(body);
  if (!isLiveClient(app)) throw nothingToDo('This app is deleted already.');
  if (Object.keys(changes).length === 0) throw nothingToDo('Nothing is named that is to change.');
  // What is no longer declared goes, as from the form of its developer.
  const before = { name: app.name, redirectUris: app.redirectUris, scopes: scopes.declared(app.scopes) };
  const { id, accountId } = app;
  await apps.update({ accountId, id, ...before, ...changes }, manager);
  return appJson(await appList.describe(id));
}

function changesIn(body: Omit<z.infer<typeof editBody>, 'reason'>): Partial<WantedApp> {
  const { name, redirect_uris, post_logout_redirect_uris, scopes, requires_pkce } = body;
  return {
    ...(name === undefined ? {} : { name }),
    ...(redirect_uris === undefined ? {} : { redirectUris: redirect_uris }),
    ...(post_logout_redirect_uris === undefined ? {} : { postLogoutRedirectUris: post_logout_redirect_uris }),
    ...(scopes === undefined ? {} : { scopes }),
    ...(requires_pkce === undefined ? {} : { withoutPkce: !requires_pkce }),
  };
}

import Router from '@koa/router';
import type { Context } from 'koa';
import { coversAsAdmin, MANAGE } from '../../credentials/scopes.ts';
import type { Domain } from '../../domain.ts';
import { MANAGEMENT_PATH } from '../../ground/api-address.ts';
import { Problem } from '../../ground/errors.ts';
import { msSince } from '../../ground/time.ts';
import { nothingHere } from '../../http/error-response.ts';
import { startedMsOf } from '../../http/request.ts';
import type { Authenticate } from '../authenticate.ts';
import type { ApiCall, Endpoint } from '../responder.ts';
import { accountMakingEndpoints } from './account-making.ts';
import { accountThingEndpoints } from './account-things.ts';
import { accountEndpoints } from './accounts.ts';
import { activityEndpoints } from './activity.ts';
import { appMakingEndpoints } from './app-making.ts';
import { appEndpoints } from './apps.ts';
import { credentialEndpoints } from './credentials.ts';
import { actorOfCall, type ManagementEndpoint, underOwnNames } from './endpoint.ts';
import { importedKeyEndpoints } from './imported-keys.ts';
import { invitationEndpoints } from './invitations.ts';
import { mailEndpoints } from './mail.ts';
import { metadataEndpoints } from './metadata.ts';
import { overviewEndpoints } from './overview.ts';
import { portalLinkEndpoints } from './portal-links.ts';
import { reviewEndpoints } from './reviews.ts';
import { scopeEndpoints, serviceEndpoints } from './services.ts';
import { settingsEndpoints } from './settings.ts';
import { tokenMakingEndpoints } from './token-making.ts';
import { workflowEndpoints } from './workflows.ts';

export type ManagementDependencies = Domain & { authenticate: Authenticate };

/**
 * /api/1.1/admin/…: what the pages for admins do, over HTTP, by the same acts of the domain. For services with the scope
 * `admin`, or a narrow one; whoever else asks is answered as if nothing were there.
 */
export function createManagement(parts: ManagementDependencies) {
  const endpoints: ManagementEndpoint[] = [
    ...overviewEndpoints(parts),
    ...accountEndpoints(parts),
    ...mailEndpoints(parts),
    ...accountMakingEndpoints(parts),
    ...importedKeyEndpoints(parts),
    ...metadataEndpoints(parts),
    ...credentialEndpoints(parts),
    ...tokenMakingEndpoints(parts),
    ...accountThingEndpoints(parts),
    ...appEndpoints(parts),
    ...appMakingEndpoints(parts),
    ...invitationEndpoints(parts),
    ...activityEndpoints(parts),
    ...portalLinkEndpoints(parts),
    ...reviewEndpoints(parts),
    ...serviceEndpoints(parts),
    ...scopeEndpoints(parts),
    ...workflowEndpoints(parts),
    ...settingsEndpoints(parts),
  ];
  const router = new Router({ strict: true, sensitive: true });
  for (const { method, path } of endpoints)
    router.register(`${MANAGEMENT_PATH}${path}`, [method], () => undefined);

  /**
   * What answers there, with what stands in its path. Throws Problem 404, also for whom these scopes do not let in: who may
   * not manage learns nothing of what is here. Throws Problem 405.
   */
  function find(ctx: Context, scopes: readonly string[]) {
    // HEAD is GET without the body (RFC 9110 section 9.3.2).
    const method = ctx.method === 'HEAD' ? 'GET' : ctx.method;
    const layers = router.match(ctx.path, method).path;
    const allowed = layers.flatMap((layer) => {
      const endpoint = endpoints[router.stack.indexOf(layer)];
      return endpoint !== undefined && coversAsAdmin(scopes, endpoint.needs ?? MANAGE)
        ? [{ layer, endpoint }]
        : [];
    });
    if (allowed.length === 0) throw nothingHere(ctx);
    const found = allowed.find(({ endpoint }) => endpoint.method === method);
    if (found === undefined)
      throw wrongMethod(
        ctx,
        allowed.map(({ endpoint }) => endpoint.method),
      );
    const { layer, endpoint } = found;
    return { endpoint, params: layer.params(ctx.path, layer.captures(ctx.path)) as Record<string, string> };
  }

  const answer: Endpoint = async (call: ApiCall) => {
    const { ctx, caller, entry } = call;
    if (caller === undefined) throw parts.authenticate.noCredential(ctx);
    if (caller.actsFor !== 'app') throw nothingHere(ctx);
    const { endpoint, params } = find(ctx, caller.scopes);
    const actor = actorOfCall(ctx, caller);
    const response = await underOwnNames(() => endpoint.answer({ ...call, caller, params, actor }));
    if (entry !== undefined) {
      entry.ms = msSince(startedMsOf(ctx));
      await parts.recorder.record(entry);
    }
    return { status: 'success', response };
  };

  return {
    answer,

    /** Whether it is one of these addresses, or would be. */
    isAt: (path: string): boolean => path.startsWith(`${MANAGEMENT_PATH}/`),
  };
}

function wrongMethod(ctx: Context, methods: readonly string[]): Problem {
  return new Problem({
    status: 405,
    code: 'METHOD_NOT_ALLOWED',
    message: `${ctx.path} is not called with ${ctx.method}.`,
    hint: `Call it with ${methods.join(' or ')}.`,
    headers: { Allow: methods.flatMap((one) => (one === 'GET' ? ['GET', 'HEAD'] : [one])).join(', ') },
  });
}

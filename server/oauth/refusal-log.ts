import type { errors, KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { Logger } from 'pino';
import { requestIdOf } from '../http/request.ts';

/**
 * Why a sign-in or a token was refused is asked about later: one line each, without any value that was sent.
 */
export function logRefusals(provider: Provider, log: Logger): void {
  const events = [
    'authorization.error',
    'grant.error',
    'introspection.error',
    'revocation.error',
    'userinfo.error',
    'end_session.error',
  ] as const;
  for (const event of events) {
    provider.on(event as 'grant.error', (ctx: KoaContextWithOIDC, error: errors.OIDCProviderError) => {
      log.info(
        {
          requestId: requestIdOf(ctx),
          event,
          error: error.error,
          reason: error.error_detail ?? error.error_description,
          clientId: ctx.oidc?.client?.clientId,
        },
        'refused',
      );
    });
  }
  provider.on('server_error', (ctx, error) => {
    log.error({ requestId: requestIdOf(ctx), err: error }, 'unexpected');
  });
}

import Provider, { type errors, type KoaContextWithOIDC } from 'oidc-provider';
import type { Logger } from 'pino';
import type { Collection, Store } from '../../adapters/port.ts';
import type { Artifact } from '../access/artifact.ts';
import type { ClientAuthentication } from '../access/client-authentication.ts';
import type { KnownDevices } from '../access/known-devices.ts';
import type { SubjectToken, TokenExchange } from '../access/token-exchange.ts';
import type { SignInRecord } from '../activity/sign-ins.ts';
import type { Effects } from '../effects/effects.ts';
import { withoutSecrets } from '../ground/without-secrets.ts';
import { requestIdOf } from '../http/request.ts';
import { amendAnswer } from './answers.ts';
import { createSessions } from './browser-sessions.ts';
import { type ConfigurationParts, configurationOf } from './configuration.ts';
import { createDeviceNotes } from './device-cookie.ts';
import { createInteractions } from './interactions.ts';
import { loadSigningKeys } from './keys.ts';
import { createLogoutRequests } from './logout-request.ts';
import { overrideModels } from './overrides.ts';
import { codeFor, reasonFor } from './refusals.ts';
import { heedRequestObject } from './request-object.ts';
import { registerTokenExchange } from './token-exchange.ts';

type Parts = Omit<ConfigurationParts, 'artifacts' | 'jwks'> & {
  store: Store;
  rows: { artifacts: Collection<Artifact> };
  clients: ClientAuthentication;
  effects: Effects;
  knownDevices: KnownDevices;
  signIns: SignInRecord;
  log: Logger;
  tokenExchange: TokenExchange;
  /** Where an identity provider is set. */
  readSubjectToken: ((token: string, nonce: string | undefined) => Promise<SubjectToken>) | undefined;
};

/**
 * oidc-provider with the settings of this product, its keys and storage, and what our own pages do by way of it.
 * Nothing outside server/oauth imports the package.
 */
export async function openEngine(parts: Parts) {
  const { settings, store, clock, log, clients, effects } = parts;
  const { artifacts } = parts.rows;
  const jwks = await loadSigningKeys({ store, secret: settings.secret, clock });
  const engine = new Provider(settings.url, configurationOf({ ...parts, artifacts, jwks }));
  // Behind a proxy TLS ends before us: canonicalHost writes X-Forwarded-Proto from the public URL.
  engine.proxy = true;
  overrideModels(engine, clients);
  const { readSubjectToken } = parts;
  if (readSubjectToken !== undefined) registerTokenExchange(engine, { ...parts, readSubjectToken });
  const appScopes = parts.scopes.forApps.map(({ name }) => name);
  engine.use(async (ctx, next) => {
    await next();
    amendAnswer(ctx as KoaContextWithOIDC, appScopes);
  });
  engine.use(heedRequestObject);
  engine.use(createLogoutRequests(engine));
  logRefusals(engine, log);
  const noteDevice = createDeviceNotes(parts);
  const sessions = createSessions({ engine, artifacts, clock, noteDevice });
  const interactions = createInteractions({
    ...{ engine, sessions, noteDevice, artifacts, clients, effects, clock },
  });
  return { engine, sessions, interactions };
}

/** Puts the reason into an answer for a program; a page has it from `renderError`. */
function sayWhy(ctx: KoaContextWithOIDC, error: errors.OIDCProviderError): void {
  const body = ctx.body as { error?: string; error_description?: string } | undefined;
  if (typeof body?.error !== 'string') return;
  const { code, status } = codeFor(ctx, error) ?? { code: body.error, status: ctx.status };
  body.error = code;
  ctx.status = status;
  const reason = reasonFor(ctx, error);
  if (reason === undefined) return;
  body.error_description = reason;
  // Some clients show the challenge and not the body (RFC 6749 section 5.2 has it beside a 401).
  const challenge = ctx.response.headers['www-authenticate'];
  if (challenge !== undefined)
    ctx.set(
      'WWW-Authenticate',
      String(challenge).replace(DESCRIPTION, (_, begin) => begin + quotable(reason)),
    );
}

const DESCRIPTION = /(error_description=")[^"]*/;

/** What may stand between quotes in a header. */
function quotable(reason: string): string {
  return reason.replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, '?');
}

/** Why a sign-in or a token was refused is asked about later: one line each, without any value that was sent. */
function logRefusals(provider: Provider, log: Logger): void {
  for (const endpoint of [
    'authorization',
    'grant',
    'introspection',
    'revocation',
    'userinfo',
    'end_session',
  ]) {
    const event = `${endpoint}.error`;
    provider.on(event as 'grant.error', (ctx: KoaContextWithOIDC, error: errors.OIDCProviderError) => {
      const requestId = requestIdOf(ctx);
      const reason = withoutSecrets(error.error_detail ?? error.error_description ?? '');
      const clientId = ctx.oidc?.client?.clientId;
      log.info({ requestId, event, error: error.error, reason, clientId }, 'refused');
      sayWhy(ctx, error);
    });
  }
  provider.on('server_error', (ctx, error) => {
    log.error({ requestId: requestIdOf(ctx), err: error }, 'unexpected');
  });
}

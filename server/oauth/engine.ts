import Provider from 'oidc-provider';
import type { Logger } from 'pino';
import { RETRY_SECONDS } from '../http/error-response.ts';
import { type CheckSecret, compareSecretsAsHashes } from './client-secrets.ts';
import { type ConfigurationParts, configurationOf } from './configuration.ts';
import { hidePersonalClient } from './introspection.ts';
import { overrideModels } from './overrides.ts';
import { logRefusals } from './refusal-log.ts';

export type Engine = ReturnType<typeof createEngine>;

/** oidc-provider, with the settings of this product. Nothing outside server/oauth imports the package. */
export function createEngine(parts: ConfigurationParts & { checkSecret: CheckSecret; log: Logger }) {
  const provider = new Provider(parts.settings.url, configurationOf(parts));
  overrideModels(provider);
  compareSecretsAsHashes(provider, parts.checkSecret);
  provider.use(hidePersonalClient);
  provider.use(async (ctx, next) => {
    await next();
    if (ctx.status === 503) ctx.set('Retry-After', String(RETRY_SECONDS));
  });
  logRefusals(provider, parts.log);
  return provider;
}

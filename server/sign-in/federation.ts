import type { Clock } from '../ground/clock.ts';
import type { Settings } from '../ground/settings.ts';
import { createIdentityProvider } from './identity-provider.ts';
import { callbackUrl } from './paths.ts';
import { createSubjectTokens } from './subject-tokens.ts';

/** The identity provider that is set, if one is: how people sign in with it, and how its ID tokens are read. */
export function openFederation({ settings, clock }: { settings: Settings; clock: Clock }) {
  const { google: registration, url } = settings;
  if (registration === undefined) return { provider: undefined, readSubjectToken: undefined };
  const provider = createIdentityProvider({ registration, redirectUri: callbackUrl(url) });
  return { provider, readSubjectToken: createSubjectTokens({ provider, registration, clock }) };
}

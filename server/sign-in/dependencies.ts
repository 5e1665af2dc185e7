import type { Site } from '../../views/layout.ts';
import type { Domain } from '../domain.ts';
import type { Sessions } from '../oauth/browser-sessions.ts';
import type { Interactions } from '../oauth/interactions.ts';
import type { OneTimeForms } from '../pages/one-time-forms.ts';
import type { PortalSessions } from '../pages/portal-session.ts';
import type { SignedIn } from '../pages/signed-in.ts';
import type { IdentityProvider } from './identity-provider.ts';

/** What the sign-in pages stand on. */
export type SignInDependencies = Domain & {
  site: Site;
  sessions: Sessions;
  interactions: Interactions;
  signedIn: SignedIn;
  forms: OneTimeForms;
  portalSessions: PortalSessions;
};

/** The same for its steps, which show how else one may sign in. */
export type StepDependencies = SignInDependencies & { provider: IdentityProvider | undefined };

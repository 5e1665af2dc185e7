import type { Logger } from 'pino';
import type { Collection } from '../../adapters/port.ts';
import type { Site } from '../../views/layout.ts';
import type { Resets } from '../access/resets.ts';
import type { Accounts } from '../accounts/accounts.ts';
import type { AuthorizationRequest, PendingLink } from '../accounts/authorization-requests.ts';
import type { Identities } from '../accounts/identities.ts';
import type { Invitations } from '../accounts/invitations.ts';
import type { SignUps } from '../accounts/sign-ups.ts';
import type { Scopes } from '../credentials/scopes.ts';
import type { Clock } from '../ground/clock.ts';
import type { Settings } from '../ground/settings.ts';
import type { Sessions } from '../oauth/browser-sessions.ts';
import type { Interactions } from '../oauth/interactions.ts';
import type { SignedIn } from '../pages/signed-in.ts';
import type { SignInMethods } from './methods.ts';

/** What the sign-in pages stand on. */
export type SignInDependencies = {
  settings: Settings;
  site: Site;
  log: Logger;
  clock: Clock;
  rows: { authorizationRequests: Collection<AuthorizationRequest>; pendingLinks: Collection<PendingLink> };
  accounts: Accounts;
  identities: Identities;
  signUps: SignUps;
  resets: Resets;
  invitations: Invitations;
  sessions: Sessions;
  interactions: Interactions;
  signedIn: SignedIn;
  scopes: Pick<Scopes, 'describe'>;
};

/** The same for its steps, which show how else one may sign in. */
export type StepDependencies = SignInDependencies & { methods: SignInMethods };

import type { Logger } from 'pino';
import type { Collection } from '../../adapters/port.ts';
import type { Site } from '../../views/layout.ts';
import type { Accounts } from '../accounts/accounts.ts';
import type { Identities } from '../accounts/identities.ts';
import type { Invitations } from '../accounts/invitations.ts';
import type { Resets } from '../accounts/resets.ts';
import type { SignUps } from '../accounts/sign-ups.ts';
import type { SignedIn } from '../accounts/signed-in.ts';
import type { Clock } from '../clock.ts';
import type { Interactions } from '../oauth/interactions.ts';
import type { Scopes } from '../oauth/scopes.ts';
import type { Sessions } from '../oauth/sessions.ts';
import type { Settings } from '../settings.ts';
import type { DepartureRow, WaitingLink } from './federated-sign-ins.ts';

/** What the sign-in pages stand on. */
export type SignInParts = {
  settings: Settings;
  site: Site;
  log: Logger;
  clock: Clock;
  rows: { departures: Collection<DepartureRow>; waitingLinks: Collection<WaitingLink> };
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

import type { Site } from '../../views/layout.ts';
import type { Accounts } from '../accounts/accounts.ts';
import type { Identities } from '../accounts/identities.ts';
import type { SignedIn } from '../accounts/signed-in.ts';
import type { Activity } from '../activity/activity.ts';
import type { Clock } from '../clock.ts';
import type { Apps } from '../credentials/apps.ts';
import type { Services } from '../credentials/services.ts';
import type { Tokens } from '../credentials/tokens.ts';
import type { Grants } from '../oauth/grants.ts';
import type { Scopes } from '../oauth/scopes.ts';
import type { SessionList, Sessions } from '../oauth/sessions.ts';
import type { Settings } from '../settings.ts';
import type { Declarations } from '../workflows/load.ts';

/** What the pages of a signed-in person stand on. */
export type PortalParts = {
  site: Site;
  settings: Pick<Settings, 'url' | 'tokens'>;
  clock: Clock;
  signedIn: SignedIn;
  accounts: Accounts;
  identities: Identities;
  sessionList: SessionList;
  sessions: Pick<Sessions, 'start'>;
  tokens: Tokens;
  services: Services;
  apps: Apps;
  grants: Grants;
  scopes: Scopes;
  activity: Activity;
  declarations: Declarations;
};

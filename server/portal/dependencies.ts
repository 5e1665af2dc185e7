import type { Site } from '../../views/layout.ts';
import type { Grants } from '../access/grants.ts';
import type { SessionList } from '../access/session-list.ts';
import type { Accounts } from '../accounts/accounts.ts';
import type { Identities } from '../accounts/identities.ts';
import type { Activity } from '../activity/activity.ts';
import type { Apps } from '../credentials/apps.ts';
import type { Scopes } from '../credentials/scopes.ts';
import type { Secrets } from '../credentials/secrets.ts';
import type { Services } from '../credentials/services.ts';
import type { Tokens } from '../credentials/tokens.ts';
import type { Clock } from '../ground/clock.ts';
import type { Settings } from '../ground/settings.ts';
import type { Sessions } from '../oauth/browser-sessions.ts';
import type { SignedIn } from '../pages/signed-in.ts';
import type { Declarations } from '../workflows/load.ts';

/** What the pages of a signed-in person stand on. */
export type PortalDependencies = {
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
  secrets: Secrets;
  apps: Apps;
  grants: Grants;
  scopes: Scopes;
  activity: Activity;
  declarations: Declarations;
};

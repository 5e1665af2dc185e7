import type { Collection } from '../../adapters/port.ts';
import type { Accounts } from '../accounts/accounts.ts';
import type { Effects } from '../effects/effects.ts';
import type { Clock } from '../ground/clock.ts';
import type { Settings } from '../ground/settings.ts';
import type { Client } from './client.ts';
import type { Credential } from './credential.ts';
import type { Scopes } from './scopes.ts';

/** What personal access tokens stand on. */
export type CredentialDependencies = {
  credentials: Collection<Credential>;
  /** The accounts that credentials and clients belong to. */
  accounts: Pick<Accounts, 'get'>;
  effects: Effects;
  scopes: Scopes;
  clock: Clock;
  settings: Pick<Settings, 'appName' | 'url' | 'tokens' | 'register'>;
};

/** What clients and their secrets stand on. */
export type ClientDependencies = CredentialDependencies & { clients: Collection<Client> };

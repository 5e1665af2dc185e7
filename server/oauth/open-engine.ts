import type { Logger } from 'pino';
import type { Collection, Store } from '../../adapters/port.ts';
import type { Site } from '../../views/layout.ts';
import type { Artifact } from '../access/artifact.ts';
import type { Bearers } from '../access/bearers.ts';
import type { ClientAuthentication } from '../access/client-authentication.ts';
import type { Grants } from '../access/grants.ts';
import type { Accounts } from '../accounts/accounts.ts';
import type { Scopes } from '../credentials/scopes.ts';
import type { Tokens } from '../credentials/tokens.ts';
import type { Effects } from '../effects/effects.ts';
import type { Clock } from '../ground/clock.ts';
import type { Settings } from '../ground/settings.ts';
import { createStorage } from './artifact-storage.ts';
import { createSessions } from './browser-sessions.ts';
import { createEngine } from './engine.ts';
import { createInteractions } from './interactions.ts';
import { loadSigningKeys } from './keys.ts';
import { createSessionStorage } from './session-storage.ts';

type EngineDependencies = {
  settings: Settings;
  site: Site;
  store: Store;
  rows: { artifacts: Collection<Artifact> };
  accounts: Pick<Accounts, 'getActive'>;
  clients: ClientAuthentication;
  bearers: Bearers;
  grants: Grants;
  tokens: Pick<Tokens, 'findByValue' | 'revoke'>;
  scopes: Scopes;
  effects: Effects;
  clock: Clock;
  log: Logger;
};

/** The engine with its keys and storage, and what our own pages do by way of it. */
export async function openEngine(parts: EngineDependencies) {
  const { settings, site, store, clock, log, rows, scopes, effects, clients, accounts, bearers } = parts;
  const { artifacts } = rows;
  const jwks = await loadSigningKeys({ store, secret: settings.secret, clock });
  const findAccount = accounts.getActive;
  const findClient = clients.getLive;
  const storage = createStorage({
    artifacts,
    sessions: createSessionStorage({ artifacts, clock, findAccount }),
    bearers,
    grants: parts.grants,
    clock,
    findClient,
    revokePersonalAccessToken: async (value, actor) => {
      const token = await parts.tokens.findByValue(value);
      if (token === undefined) return;
      await parts.tokens.revoke({ accountId: token.accountId, id: token.id }, actor);
    },
  });
  const engine = createEngine({
    settings,
    site,
    log,
    storage,
    jwks,
    scopes,
    findAccount,
    checkSecret: clients.checkSecret,
    describe: bearers.describe,
  });
  // Behind a proxy TLS ends before us: canonicalHost writes X-Forwarded-Proto from the public URL.
  engine.proxy = true;
  const sessions = createSessions({ engine, artifacts, clock });
  const interactions = createInteractions({
    engine,
    sessions,
    artifacts,
    effects,
    findClient,
    clock,
  });
  return { engine, sessions, interactions };
}

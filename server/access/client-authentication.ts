import type { Collection } from '../../adapters/port.ts';
import type { Accounts } from '../accounts/accounts.ts';
import { type Client, isLiveClient, type LiveClient } from '../credentials/client.ts';
import type { Credential } from '../credentials/credential.ts';
import { stateOf } from '../credentials/credential.ts';
import type { DeadUse, Use } from '../credentials/dead-use.ts';
import { checkFormat } from '../credentials/secret-format.ts';
import type { Clock } from '../ground/clock.ts';
import { hashOf } from '../ground/opaque.ts';
import type { LastUsed } from './last-used.ts';

/** Why a value is no secret of a client. Only who holds the secret itself is told that it has ended. */
export type SecretRefusal = 'damaged' | 'expired' | 'revoked' | 'paused' | 'unknown';

export type ClientAuthentication = ReturnType<typeof createClientAuthentication>;

/** Finds the client of a `client_id`, whoever's it is, and checks its secret (RFC 6749 section 2.3.1). */
export function createClientAuthentication(parts: {
  clients: Collection<Client>;
  credentials: Collection<Credential>;
  accounts: Pick<Accounts, 'getActive'>;
  lastUsed: LastUsed;
  deadUse: DeadUse;
  clock: Clock;
}) {
  const { clients, credentials, accounts, lastUsed, deadUse, clock } = parts;

  return {
    /** The client of this id, deleted ones too. */
    get: (id: string): Promise<Client | undefined> => clients.get(id),

    /** The client of this id, unless it was deleted or nothing of its owner's account works. */
    async getLive(id: string): Promise<LiveClient | undefined> {
      const client = await clients.get(id);
      if (!isLiveClient(client)) return undefined;
      return (await accounts.getActive(client.accountId)) === undefined ? undefined : client;
    },

    /**
     * The id of the live secret of this client that the value is, which is noted as used; undefined for a
     * wrong one. A damaged value costs no read, and nothing secret is compared: the row is found by its
     * SHA-256.
     */
    async checkSecret(clientId: string, value: string, from?: string): Promise<string | undefined> {
      if (checkFormat(value) !== 'ours') return undefined;
      const [client, secret] = await Promise.all([
        clients.get(clientId),
        credentials.find('hash', hashOf(value)),
      ]);
      if (!isLiveClient(client) || client.pausedAt !== undefined) return undefined;
      if (secret?.kind !== 'client_secret' || secret.clientId !== client.id) return undefined;
      if (stateOf(secret, clock()) !== 'live') return undefined;
      lastUsed.noteCredential(secret, from);
      return secret.id;
    },

    /** Why `checkSecret` had no answer for this value, which came in this use. */
    async whyRefused(clientId: string, value: string, use: Use): Promise<SecretRefusal> {
      const format = checkFormat(value);
      if (format !== 'ours') return format === 'damaged' ? 'damaged' : 'unknown';
      const secret = await credentials.find('hash', hashOf(value));
      if (secret?.kind !== 'client_secret' || secret.clientId !== clientId) return 'unknown';
      const state = stateOf(secret, clock());
      // The owner is told of one that has ended.
      await deadUse.tell(secret, use);
      if (state !== 'live') return state;
      return (await clients.get(clientId))?.pausedAt === undefined ? 'unknown' : 'paused';
    },
  };
}

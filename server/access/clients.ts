import type { Collection } from '../../adapters/port.ts';
import type { Client } from '../credentials/client.ts';
import type { Credential } from '../credentials/credential.ts';
import { stateOf } from '../credentials/credential.ts';
import { checkFormat } from '../credentials/secret-format.ts';
import type { Clock } from '../ground/clock.ts';
import { hashOf } from '../ground/opaque.ts';
import type { LastUsed } from './last-used.ts';

/** What the token endpoint and the resource side ask about clients, whoever's they are. */
export function createClients(parts: {
  clients: Collection<Client>;
  credentials: Collection<Credential>;
  lastUsed: LastUsed;
  clock: Clock;
}) {
  const { clients, credentials, lastUsed, clock } = parts;

  return {
    /** The client of this id, revoked ones too: whoever asks looks at `revokedAt`. */
    get: (id: string): Promise<Client | undefined> => clients.get(id),

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
      if (client === undefined || client.revokedAt !== undefined) return undefined;
      if (secret?.kind !== 'client_secret' || secret.clientId !== client.id) return undefined;
      if (stateOf(secret, clock()) !== 'live') return undefined;
      lastUsed.noteCredential(secret, from);
      return secret.id;
    },
  };
}

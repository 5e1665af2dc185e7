import type { Client as EngineClient, Provider } from 'oidc-provider';
import type { Client } from '../credentials/client.ts';
import { PERSONAL_CLIENT_ID } from './artifact-storage.ts';
import { metadataOf } from './client-metadata.ts';

/** As `Client.find` of oidc-provider asks for the metadata of a client. */
type Asked = { adapter: { find(id: string): Promise<ReturnType<typeof metadataOf> | undefined> } };

/** Some kilobyte each. Beyond it all are forgotten, and made again as they are asked for. */
const REMEMBERED_MAX = 1000;

/**
 * Remembers the engine's client of a row for as long as the row is the same object, which it is where the store has
 * a cache of rows. The engine on its own would put the metadata together and hash it at every request, only to come
 * upon the client that it made before.
 */
export function rememberClients(
  provider: Provider,
  findClient: (id: string) => Promise<Client | undefined>,
): void {
  const { find } = provider.Client;
  const made = new Map<string, { row: Client; client: EngineClient }>();

  async function make(row: Client): Promise<EngineClient | undefined> {
    const asked: Asked = { adapter: { find: async () => metadataOf(row) } };
    const client = await find.call(asked as never, row.id);
    if (client === undefined) return undefined;
    if (made.size >= REMEMBERED_MAX) made.clear();
    made.set(row.id, { row, client });
    return client;
  }

  provider.Client.find = async (id: unknown) => {
    // It is in the settings, and in no row.
    if (id === PERSONAL_CLIENT_ID) return find.call(provider.Client, id);
    if (typeof id !== 'string' || id === '') return undefined;
    const row = await findClient(id);
    if (row === undefined) return undefined;
    const known = made.get(id);
    return known?.row === row ? known.client : make(row);
  };
}

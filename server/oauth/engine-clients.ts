import type { Client as EngineClient, Provider } from 'oidc-provider';
import type { Client } from '../credentials/client.ts';
import { metadataOf } from './client-metadata.ts';
import { PERSONAL_CLIENT_ID } from './storage.ts';

/** As `Client.find` of oidc-provider asks for the metadata of a client. */
type Asked = { adapter: { find(id: string): Promise<ReturnType<typeof metadataOf> | undefined> } };

/**
 * The engine's client of a row is made once, for as long as the row stays the same one. The engine on its own would
 * put the metadata together and hash it at every request, only to come upon the client that it made before.
 */
export function rememberClients(
  provider: Provider,
  findClient: (id: string) => Promise<Client | undefined>,
): void {
  const { find } = provider.Client;
  const made = new WeakMap<Client, EngineClient>();

  async function make(row: Client): Promise<EngineClient | undefined> {
    const asked: Asked = { adapter: { find: async () => metadataOf(row) } };
    const client = await find.call(asked as never, row.id);
    if (client !== undefined) made.set(row, client);
    return client;
  }

  provider.Client.find = async (id: unknown) => {
    // It is in the settings, and in no row.
    if (id === PERSONAL_CLIENT_ID) return find.call(provider.Client, id);
    if (typeof id !== 'string' || id === '') return undefined;
    const row = await findClient(id);
    return row && (made.get(row) ?? make(row));
  };
}

import type { Collection } from '../../adapters/port.ts';
import type { Client } from './client.ts';
import type { Credential } from './credential.ts';
import type { Scopes } from './scopes.ts';

/** How many live services, apps and personal access tokens hold a scope that nothing declares any more. */
export type GoneScope = { name: string; services: number; apps: number; tokens: number };

const PAGE_ROWS = 500;
/** So many rows of each kind are looked at: enough to find what somebody renamed, whatever the size of the store. */
const PAGES_MAX = 20;

/** The ids of tokens begin so, and stand behind those of secrets, which have no scopes. */
const TOKENS_FROM = 'tok_';

/** The scopes of workflows that were renamed or taken out of the configuration, and who still holds them. */
export async function findGoneScopes(parts: {
  clients: Collection<Client>;
  credentials: Collection<Credential>;
  scopes: Pick<Scopes, 'gone'>;
}): Promise<GoneScope[]> {
  const { clients, credentials, scopes } = parts;
  const found = new Map<string, GoneScope>();

  function count(names: readonly string[], holder: 'services' | 'apps' | 'tokens'): void {
    for (const name of scopes.gone(names)) {
      const entry = found.get(name) ?? { name, services: 0, apps: 0, tokens: 0 };
      entry[holder] += 1;
      found.set(name, entry);
    }
  }

  await eachLive(clients, '', (row) => count(row.scopes, row.kind === 'app' ? 'apps' : 'services'));
  await eachLive(credentials, TOKENS_FROM, (row) => count(row.scopes, 'tokens'));
  return [...found.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
}

/** In a sentence: `wf:old (2 apps, 1 token)`. */
export function goneScopesInWords(gone: readonly GoneScope[]): string {
  const holders = ({ services, apps, tokens }: GoneScope) =>
    Object.entries({ service: services, app: apps, token: tokens })
      .filter(([, count]) => count > 0)
      .map(([word, count]) => `${count} ${word}${count === 1 ? '' : 's'}`)
      .join(', ');
  return gone.map((scope) => `${scope.name} (${holders(scope)})`).join(', ');
}

/** What has ended is read as well: to look for a page of what has not, an engine may go through all that has. */
async function eachLive<R extends { id: string; revokedAt?: number | undefined }>(
  collection: Collection<R>,
  from: string,
  visit: (row: R) => void,
): Promise<void> {
  let after = { id: from } as R;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const rows = await collection.list({ limit: PAGE_ROWS, after });
    rows.filter(({ revokedAt }) => revokedAt === undefined).forEach(visit);
    after = rows.at(-1) ?? after;
    if (rows.length < PAGE_ROWS) return;
  }
}

import type { Collection, Where } from '../../adapters/port.ts';
import type { Client } from './client.ts';
import type { Credential } from './credential.ts';
import type { Scopes } from './scopes.ts';

/** How many live services, apps and personal access tokens hold a scope that nothing declares any more. */
export type GoneScope = { name: string; services: number; apps: number; tokens: number };

const PAGE_ROWS = 500;
/** So many rows of each kind are looked at: enough to find what somebody renamed, whatever the size of the store. */
const PAGES_MAX = 20;

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

  await eachLive(clients, [], (row) => count(row.scopes, row.kind === 'app' ? 'apps' : 'services'));
  const isToken = [['kind', '=', 'personal_access_token']] as const;
  await eachLive(credentials, isToken, (row) => count(row.scopes, 'tokens'));
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

async function eachLive<R extends { id: string; revokedAt?: number | undefined }>(
  collection: Collection<R>,
  where: Where<R>,
  visit: (row: R) => void,
): Promise<void> {
  let after: R | undefined;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const live = [...where, ['revokedAt', 'absent']] as Where<R>;
    const rows = await collection.list({ where: live, limit: PAGE_ROWS, ...(after && { after }) });
    rows.forEach(visit);
    after = rows.at(-1);
    if (rows.length < PAGE_ROWS) return;
  }
}

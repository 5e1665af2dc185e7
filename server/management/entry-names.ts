import type { Collection } from '../../adapters/port.ts';
import type { Account } from '../accounts/account.ts';
import type { Client } from '../credentials/client.ts';

/** The accounts, services and apps that entries name, by their ids; those that are gone are not among them. */
export type EntryNames = {
  accounts: ReadonlyMap<string, Account>;
  clients: ReadonlyMap<string, Client>;
};

/** Finds by their ids who and what the entries of a page are about. */
export function createEntryNaming(rows: { accounts: Collection<Account>; clients: Collection<Client> }) {
  return async (ids: Iterable<string | undefined>): Promise<EntryNames> => {
    const all = [...new Set(ids)].filter((id) => id !== undefined);
    const clientIds = all.filter((id) => /^(svc|app)_/.test(id));
    const accountIds = all.filter((id) => id.startsWith('acc_'));
    const [accounts, clients] = await Promise.all([
      Promise.all(accountIds.map((id) => rows.accounts.get(id))),
      Promise.all(clientIds.map((id) => rows.clients.get(id))),
    ]);
    return { accounts: byId(accounts), clients: byId(clients) };
  };
}

function byId<R extends { id: string }>(rows: readonly (R | undefined)[]): ReadonlyMap<string, R> {
  return new Map(rows.flatMap((row) => (row === undefined ? [] : [[row.id, row] as const])));
}

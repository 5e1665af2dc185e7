import type { Collection } from '../../adapters/port.ts';
import type { Account } from '../accounts/account.ts';
import type { Client } from '../credentials/client.ts';
import type { Credential } from '../credentials/credential.ts';

/** The accounts, services, apps, tokens and secrets that entries name, by their ids; those that are gone are not among them. */
export type EntryNames = {
  accounts: ReadonlyMap<string, Account>;
  clients: ReadonlyMap<string, Client>;
  credentials: ReadonlyMap<string, Credential>;
};

/** Finds by their ids who and what the entries of a page are about. */
export function createEntryNaming(rows: {
  accounts: Collection<Account>;
  clients: Collection<Client>;
  credentials: Collection<Credential>;
}) {
  return async (ids: Iterable<string | undefined>): Promise<EntryNames> => {
    const all = [...new Set(ids)].filter((id) => id !== undefined);
    const found = async <R extends { id: string }>(collection: Collection<R>, kinds: RegExp) =>
      byId(await Promise.all(all.filter((id) => kinds.test(id)).map((id) => collection.get(id))));
    const [accounts, clients, credentials] = await Promise.all([
      found(rows.accounts, /^acc_/),
      found(rows.clients, /^(svc|app)_/),
      found(rows.credentials, /^(tok|sec)_/),
    ]);
    return { accounts, clients, credentials };
  };
}

function byId<R extends { id: string }>(rows: readonly (R | undefined)[]): ReadonlyMap<string, R> {
  return new Map(rows.flatMap((row) => (row === undefined ? [] : [[row.id, row] as const])));
}

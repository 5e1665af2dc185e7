import { z } from 'zod';
import {
  type Collection,
  type Declaration,
  declare,
  type Store,
  type Write,
  writeOf,
} from '../../adapters/port.ts';

const purseSchema = z.strictObject({
  id: z.string(),
  version: z.number(),
  cents: z.number(),
  /** The same number once more: a row that was changed by half would show it. */
  twin: z.number(),
  /** Which transfers went in or out, in their order. */
  transfers: z.array(z.string()),
  /** Of all in its collection one purse has it. */
  seat: z.string().optional(),
});

export type Purse = z.infer<typeof purseSchema>;

/** Money in rows of two collections, with a version that each change sees and moves on. */
const declarations = ['purses', 'vaults'].map((name) =>
  declare<Purse>({ name, schema: purseSchema, unique: ['seat'], committed: true }),
);

/** A transfer leaves a row that says so: it is there if all of the transfer happened. */
const notes = declare<{ id: string }>({
  name: 'transfer_notes',
  schema: z.strictObject({ id: z.string() }),
  committed: true,
});

/** What each purse has at first. */
export const CENTS = 1000;

export type Transfer = {
  from: Purse;
  /** A purse, or the id of a new one. */
  to: Purse | string;
  /** Then all that `from` has is moved, and it goes. */
  isEmptied?: boolean;
  seats?: readonly [string | undefined, string | undefined];
  /** A purse that is only read, and must not change meanwhile. */
  sees?: Purse | undefined;
};

export type Ledger = Awaited<ReturnType<typeof openLedger>>;

/** Money that is moved by commits, as one process sees it. */
export async function openLedger(store: Store) {
  const tables = await Promise.all(declarations.map((one) => store.collection(one)));
  const noteRows = await store.collection(notes);
  const placeOf = (id: string) => Number(id.startsWith('v'));
  const tableOf = (id: string) => tables[placeOf(id)] as Collection<Purse>;

  return {
    get: (id: string): Promise<Purse | undefined> => tableOf(id).get(id),
    /** In the collection of this purse, the one that has the seat. */
    find: (id: string, seat: string): Promise<Purse | undefined> => tableOf(id).find('seat', seat),
    noted: async (): Promise<string[]> => (await noteRows.list({ limit: 10_000 })).map(({ id }) => id),

    async all(): Promise<Purse[]> {
      return (await Promise.all(tables.map((table) => table.list({ limit: 10_000 })))).flat();
    },

    async empty(): Promise<void> {
      await Promise.all([...tables, noteRows].map((table) => table.removeMany([], 10_000)));
    },

    async fill(ids: readonly string[]): Promise<void> {
      for (const id of ids)
        await tableOf(id).insert({ id, version: 0, cents: CENTS, twin: CENTS, transfers: [] });
    },

    /** Writes its name into a purse by a single write, as a transfer would. */
    async touch(name: string, { id, version, transfers }: Purse): Promise<boolean> {
      const change = { add: { version: 1 }, set: { transfers: [...transfers, name] } };
      return (await tableOf(id).update(id, change, [['version', '=', version]])) !== undefined;
    },

    transfer: (name: string, wanted: Transfer): Promise<boolean> =>
      store.commit(writesOf(name, wanted, (id) => declarations[placeOf(id)] as Declaration<Purse>)),
  };
}

function writesOf(
  name: string,
  { from, to, isEmptied = false, seats = [undefined, undefined], sees }: Transfer,
  declarationOf: (id: string) => Declaration<Purse>,
): Write[] {
  const cents = isEmptied ? from.cents : 1 + (from.version % 7);
  const guardOf = ({ version }: Purse) => [['version', '=', version]] as const;

  function change(purse: Purse, by: number, seat: string | undefined): Write<Purse> {
    const set = { twin: purse.twin + by, transfers: [...purse.transfers, name], seat };
    const whole = { set, add: { cents: by, version: 1 } };
    return { declaration: declarationOf(purse.id), id: purse.id, guard: guardOf(purse), change: whole };
  }

  const out: Write<Purse> = isEmptied
    ? { declaration: declarationOf(from.id), id: from.id, remove: true, guard: guardOf(from) }
    : change(from, -cents, seats[0]);
  const fresh = { version: 0, cents, twin: cents, transfers: [name], seat: seats[1] };
  const into: Write<Purse> =
    typeof to === 'string'
      ? { declaration: declarationOf(to), insert: { id: to, ...fresh } }
      : change(to, cents, seats[1]);
  const note: Write<{ id: string }> = { declaration: notes, insert: { id: name } };
  const held: Write<Purse>[] =
    sees === undefined
      ? []
      : [{ declaration: declarationOf(sees.id), id: sees.id, change: {}, guard: guardOf(sees) }];
  return [writeOf(note), writeOf(into), writeOf(out), ...held.map((one) => writeOf(one))];
}

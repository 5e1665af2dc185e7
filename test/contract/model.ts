import { holds } from '../../adapters/holds.ts';
import { type Change, type Listing, type Order, Taken, type Where } from '../../adapters/port.ts';
import type { Item } from './items.ts';

/**
 * The port in the plainest way: a map in memory. The property tests hold each engine against it. A clash of
 * unique fields is answered with every field in use, because the port does not say which of several is named.
 */
export type Model = ReturnType<typeof createModel>;

export class Clash extends Error {
  readonly fields: readonly string[];
  constructor(fields: readonly string[]) {
    super(fields.join(', '));
    this.fields = fields;
  }
  /** Whether an engine's error is this clash. */
  isThatOf(error: unknown): boolean {
    return error instanceof Taken && this.fields.includes(error.field);
  }
}

const UNIQUE = ['label', 'code'] as const;

export function createModel() {
  const rows = new Map<string, Item>();

  /** As JSON leaves it: a copy without `undefined`, and with 0 for -0. */
  const copy = (row: Item): Item => JSON.parse(JSON.stringify(row)) as Item;
  const all = () => [...rows.values()];
  const matching = (where: Where<Item>) => all().filter((row) => holds(where, row));

  function clashing(row: Item, self?: string): string[] {
    const others = all().filter(({ id }) => id !== self);
    return UNIQUE.filter(
      (field) => row[field] !== undefined && others.some((other) => other[field] === row[field]),
    );
  }

  function keep(row: Item): void {
    const clash = clashing(row, row.id);
    if (clash.length > 0) throw new Clash(clash);
    rows.set(row.id, copy(row));
  }

  return {
    insert(row: Item): void {
      if (rows.has(row.id)) throw new Clash(['id', ...clashing(row)]);
      keep(row);
    },
    insertMany(added: readonly Item[]): number {
      const before = rows.size;
      for (const row of added) if (!rows.has(row.id)) keep(row);
      return rows.size - before;
    },
    put: keep,
    get(id: string): Item | undefined {
      const row = rows.get(id);
      return row && copy(row);
    },
    find(field: 'label' | 'code', value: string | number): Item | undefined {
      return all().find((row) => row[field] === value);
    },
    list: (listing: Listing<Item>): Item[] => listed(all(), listing).map(copy),
    count: (where: Where<Item>): number => matching(where).length,
    update(id: string, change: Change<Item>, guard: Where<Item> = []): Item | undefined {
      const row = matching(guard).find((one) => one.id === id);
      if (row === undefined) return undefined;
      keep(changed(row, change));
      return copy(rows.get(id) as Item);
    },
    updateMany(where: Where<Item>, change: Change<Item>): number {
      const found = matching(where);
      for (const row of found) keep(changed(row, change));
      return found.length;
    },
    remove(id: string, guard: Where<Item> = []): boolean {
      return matching(guard).some((row) => row.id === id) && rows.delete(id);
    },
    removeMany(where: Where<Item>, limit: number): number {
      const found = matching(where).slice(0, limit);
      for (const row of found) rows.delete(row.id);
      return found.length;
    },
  };
}

function changed(row: Item, { set = {}, unset = [], add = {} }: Change<Item>): Item {
  const next: Record<string, unknown> = { ...row, ...set };
  for (const field of unset) delete next[field];
  for (const [field, by] of Object.entries(add))
    next[field] = ((next[field] as number | undefined) ?? 0) + by;
  return next as Item;
}

/** Of these rows, those that a listing asks for. */
export function listed<R extends { id: string }>(
  rows: readonly R[],
  { where = [], order = [], limit, after, skip = 0 }: Listing<R>,
): R[] {
  const given: readonly Order<R>[] = [order].flat();
  const orders = [...given, { by: 'id' as const, descending: given.at(-1)?.descending ?? false }];
  const inOrder = (a: R, b: R) =>
    orders
      .map(({ by, descending }) => (descending === true ? -1 : 1) * compare(a[by], b[by]))
      .find((difference) => difference !== 0) ?? 0;
  return rows
    .filter((row) => holds(where, row) && (after === undefined || inOrder(row, after) > 0))
    .sort(inOrder)
    .slice(skip, skip + limit);
}

function compare(left: unknown, right: unknown): number {
  if (left === undefined || right === undefined)
    return Number(left !== undefined) - Number(right !== undefined);
  if (typeof left !== typeof right)
    return Number(typeof left === 'string') - Number(typeof right === 'string');
  // Text by code point, which UTF-8 bytes keep and JavaScript's own order of UTF-16 units does not.
  if (typeof left === 'string') return Buffer.compare(Buffer.from(left), Buffer.from(right as string));
  return Number(left) - Number(right);
}

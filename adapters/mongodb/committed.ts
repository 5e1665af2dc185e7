import type { Checks } from '../checks.ts';
import { type Collection, type Declaration, Taken, Unavailable, type Where } from '../port.ts';
import type { Document, Documents } from './documents.ts';
import { allOf, conditionFilter, type Filter } from './queries.ts';
import { COMMIT, nextOf, SEEN } from './reservations.ts';
import { BUSY, whileBusy } from './settle.ts';

/** Runs one command and answers with the port's errors; `written` tells which row's values may be taken. */
export type Ask<R> = <T>(command: () => Promise<T>, written?: Partial<R>) => Promise<T>;

type Parts<R extends { id: string }> = {
  declaration: Declaration<R>;
  documents: Documents;
  ask: Ask<R>;
  /** Ends the commit that has reserved a row, if it can be ended. */
  meet: (document: Document) => Promise<void>;
};

/** Longer than the time after which a commit that was cut short is given back. */
const PATIENCE_MS = 5000;

/** `ask` that tries again where what is taken is so by a commit that is under way, and may yet be given back. */
export function askUnlessReserved<R extends { id: string }>({
  declaration,
  documents,
  ask,
  meet,
}: Parts<R>): Ask<R> {
  const { name, unique = [] } = declaration;
  const reserved = { [COMMIT]: { $exists: true } };
  const find = (filter: Filter) => ask(() => documents.findOne(filter, { projection: { [COMMIT]: 1 } }));

  return (command, written = {}) => {
    const values = unique.flatMap((field) => {
      const value: unknown = written[field];
      return value === undefined ? [] : [field, nextOf(field)].map((one) => ({ [one]: { $eq: value } }));
    });
    const places = { $or: [{ _id: written.id ?? '' }, ...values] };
    return patiently(name, async () => {
      try {
        return await ask(command, written);
      } catch (error) {
        if (!(error instanceof Taken)) throw error;
        const by = await find({ $and: [places, reserved] });
        // Where nobody has it now, it was given back in between.
        if (by === null && (await find(places)) !== null) throw error;
        if (by !== null) await meet(by);
        return BUSY;
      }
    });
  };
}

/**
 * The changes of a collection whose rows may be reserved by a commit (commit.ts). `rows` leaves reserved rows alone; who
 * meets one here helps that commit to its end or waits for it, and then writes to what is there.
 */
export function changesUnlessReserved<R extends { id: string }>(
  rows: Pick<Collection<R>, 'update' | 'remove'>,
  { declaration, documents, ask, meet, checks }: Parts<R> & { checks: Checks<R> },
): Pick<Collection<R>, 'update' | 'updateMany' | 'remove' | 'removeMany'> {
  const filterOf = (where: Where<R>) => allOf([...checks.checkWhere(where).map(conditionFilter), SEEN]);

  async function idsOf(where: Where<R>, limit?: number): Promise<string[]> {
    const options = { projection: { _id: 1 }, ...(limit !== undefined && { limit }) };
    const found = await ask(() => documents.find(filterOf(where), options).toArray());
    return found.map(({ _id }) => _id);
  }

  /** Whether the row was passed over because it was reserved. */
  async function wasReserved(id: string, guard: Where<R>): Promise<boolean> {
    const filter = { _id: id, ...filterOf(guard) };
    const there = await ask(() => documents.findOne(filter, { projection: { [COMMIT]: 1 } }));
    if (there !== null) await meet(there);
    return there !== null;
  }

  const update: Collection<R>['update'] = (id, change, guard = []) =>
    patiently(declaration.name, async () => {
      const changed = await rows.update(id, change, guard);
      return changed ?? ((await wasReserved(id, guard)) ? BUSY : undefined);
    });

  const remove: Collection<R>['remove'] = (id, guard = []) =>
    patiently(declaration.name, async () => {
      const isRemoved = await rows.remove(id, guard);
      return isRemoved || !(await wasReserved(id, guard)) ? isRemoved : BUSY;
    });

  return {
    update,
    remove,

    // Row by row: a command for many would pass over those that are reserved just then.
    async updateMany(where, change) {
      let changed = 0;
      for (const id of await idsOf(where)) if ((await update(id, change, where)) !== undefined) changed += 1;
      return changed;
    },

    async removeMany(where, limit) {
      let removed = 0;
      if (checks.checkLimit(limit) === 0) return removed;
      for (const id of await idsOf(where, limit)) if (await remove(id, where)) removed += 1;
      return removed;
    },
  };
}

async function patiently<T>(name: string, attempt: () => Promise<T | typeof BUSY>): Promise<T> {
  const result = await whileBusy(performance.now() + PATIENCE_MS, attempt);
  if (result === BUSY) throw new Unavailable(`${name}: others write to the same row all the time`);
  return result as T;
}

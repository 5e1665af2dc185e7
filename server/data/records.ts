import type { Asker } from '../../adapters/port.ts';
import type { Clock } from '../ground/clock.ts';
import { fieldsOf, meets, type Privacy } from './privacy.ts';
import type { SeenRecord, StoredRecord } from './record.ts';
import {
  type Constraint,
  constrainableAmong,
  countRecords,
  listRecords,
  type Wanted,
} from './record-lists.ts';
import { writesOf } from './record-writes.ts';
import type { Resolved } from './resolve.ts';
import type { OpenType } from './rows.ts';
import type { DataType } from './type.ts';

/** The records of one type as one caller sees them. */
export type Records = ReturnType<typeof createRecords>;

/**
 * Reads under the rules of the type, and holds changes to them. What the rules hide is as if it were not there: in lists,
 * counts, orders and the words of a refusal. Constraints and orders on a field that the caller may not constrain are
 * refused by its name.
 */
export function createRecords(
  { type, rows }: OpenType,
  privacy: Privacy,
  {
    clock,
    rules,
    asker,
  }: {
    clock: Clock;
    /** Those of the type for this caller, also where it passes them. */
    rules: Privacy;
    /** Who asks, among all for whom the store looks through records. */
    asker: Asker;
  },
) {
  return { type, ...readsOf(type, privacy, { rows, rules, asker }), ...writesOf(type, privacy, clock) };
}

function readsOf(
  type: DataType,
  privacy: Privacy,
  { rows, rules, asker }: { rows: OpenType['rows']; rules: Privacy; asker: Asker },
) {
  const rights = { type, privacy };
  // What the store keeps beside them is nobody's business, nor is its order: that tells what was put in when.
  const shown = fieldsOf(type);
  const seen = (row: StoredRecord): SeenRecord => {
    const maySee = privacy.maySeeIn(row);
    const fields = shown.filter((field) => Object.hasOwn(row, field) && maySee(field));
    return Object.fromEntries(fields.map((field) => [field, row[field]])) as SeenRecord;
  };

  return {
    /** One page. Each record as it is stored: what the caller may see of it, `seen` tells. */
    list: (wanted: Wanted): Promise<StoredRecord[]> => listRecords(rows, rights, wanted, asker),

    /** How many there are. */
    count: (constraints: readonly Constraint[]): Promise<number> =>
      countRecords(rows, rights, constraints, asker),

    /** Undefined where there is none, or none for this caller. */
    async get(id: string): Promise<StoredRecord | undefined> {
      const row = await rows.get(id);
      return row !== undefined && meets(row, privacy.there) ? row : undefined;
    },

    /** Whether it is there for this caller. */
    isThere: (row: StoredRecord): boolean => meets(row, privacy.there),

    /** The record with the fields that this caller may see. */
    seen,

    /** Whether this caller may see the field of the record, also where it is absent. */
    maySee: (row: StoredRecord, field: string): boolean => privacy.maySeeIn(row)(field),

    /** Whether the caller passes the rules. */
    passes: privacy !== rules,

    /** How many of these the rules would have hidden, where the caller passes them. */
    hiddenAmong: (some: readonly StoredRecord[]): number =>
      some.filter((row) => !meets(row, rules.there)).length,

    /** Whether lists may be narrowed down and sorted by this field: in all records that they have, in some of them, or not at all. */
    constrains: (field: string): 'all' | 'some' | 'none' => extentOf(constrainableAmong(privacy, field)),
  };
}

function extentOf(where: Resolved): 'all' | 'some' | 'none' {
  if (where === false) return 'none';
  return where === true ? 'all' : 'some';
}

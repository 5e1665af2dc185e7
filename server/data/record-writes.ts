import type { Change, Where } from '../../adapters/port.ts';
import type { Clock } from '../ground/clock.ts';
import { newId } from '../ground/opaque.ts';
import { fits } from './field-tests.ts';
import { mayBeAbsent } from './may-be-absent.ts';
import type { Privacy } from './privacy.ts';
import type { StoredRecord } from './record.ts';
import { notAllowed, notChangeable, notMakable } from './rule-refusals.ts';
import { type DataType, kindsOf } from './type.ts';

/** What a caller may write of a type: each held to the rules for the record as it is and as it would be. */
export function writesOf(type: DataType, privacy: Privacy, clock: Clock) {
  const named = ({ id }: StoredRecord) => ({ type: type.name, id });

  return {
    /** Whether the caller may change the field, as far as the record as it is goes. */
    mayChange: (row: StoredRecord, field: string): boolean => privacy.mayChange(row, field),

    /** A new record of these fields, which fit the type. Throws 403 where no rule lets the caller make it. */
    made(
      fields: Readonly<Record<string, unknown>>,
      own: { id?: string; createdAt?: number; createdBy: string | undefined },
    ): StoredRecord {
      const now = own.createdAt ?? clock();
      const row = {
        ...written(type, fields),
        id: newId('obj_'),
        ...own,
        createdAt: now,
        modifiedAt: now,
      };
      if (!privacy.mayCreate(row)) throw notMakable({ type: type.name }, privacy.mayEverCreate);
      return row;
    },

    /**
     * The change that makes these of the record's fields (undefined: none), and the guard under which it may be written.
     * Throws 403 where the rules do not allow it, for the record as it is or as it would be.
     */
    changed(
      row: StoredRecord,
      fields: Readonly<Record<string, unknown>>,
    ): { change: Change<StoredRecord>; guard: Where<StoredRecord> } {
      const version = (row.version ?? 0) + 1;
      const set = { ...written(type, fields), modifiedAt: clock(), version };
      const next: StoredRecord = { ...row, ...set };
      for (const field of Object.keys(fields)) {
        if (!privacy.mayChange(row, field) || !privacy.mayChange(next, field))
          throw notChangeable(named(row), field);
      }
      // A change of nothing is one too: it would show in the time of the last one.
      const mayChangeSome = Object.keys(type.fields).some((field) => privacy.mayChange(row, field));
      if (!mayChangeSome) throw notAllowed(named(row), 'change');
      return { change: { set }, guard: asSeen(row) };
    },

    /** The guard that holds while nobody has changed the record since it was read. */
    asSeen,

    /** The guard under which the record may be removed. Throws 403 where no rule lets the caller do it. */
    removed(row: StoredRecord): { guard: Where<StoredRecord> } {
      if (!privacy.mayRemove(row)) throw notAllowed(named(row), 'delete');
      // What the row still carries of an earlier change would go down with it.
      return { guard: [...asSeen(row), ['pendingId', 'absent']] };
    },
  };
}

/**
 * The fields as they will be stored, for rules to be held to: in a text, halves of surrogate pairs become U+FFFD. They come
 * from where owner's code runs or from a caller, and were checked there: what is no field of the type, or cannot be
 * in it, is a mistake of ours.
 */
function written(type: DataType, fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const kinds = kindsOf(type);
  for (const [field, value] of Object.entries(fields)) {
    const schema = Object.hasOwn(type.fields, field) ? type.fields[field] : undefined;
    const isFit =
      value === undefined
        ? schema !== undefined && mayBeAbsent(schema)
        : schema !== undefined && fits(kinds.get(field) ?? 'other', value);
    if (!isFit) throw new TypeError(`${type.name}: ${field} cannot hold that`);
  }
  return Object.fromEntries(Object.entries(fields).map(([field, value]) => [field, wellFormed(value)]));
}

function wellFormed(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name.toWellFormed(), wellFormed(one)]),
  );
}

function asSeen({ version }: StoredRecord): Where<StoredRecord> {
  return [version === undefined ? ['version', 'absent'] : ['version', '=', version]];
}

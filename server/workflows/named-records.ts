import type { Bearer } from '../access/bearer.ts';
import type { DataAccess } from '../data/access.ts';
import type { Records } from '../data/records.ts';
import type { OpenType } from '../data/rows.ts';
import { NamedRecord, takesRecords } from './parameter-types.ts';
import { invalid } from './parameters.ts';
import { createPassedRules, type PassedRules } from './passed-rules.ts';
import type { FoundRecord } from './run-protocol.ts';
import type { Workflow } from './workflow.ts';

/** A record that a call named, as its caller sees it. */
export type KnownRecord = FoundRecord & { type: string };

/** The parameters with the records in the place of their ids. */
export type NamedRecords = {
  parameters: Record<string, unknown>;
  known: readonly KnownRecord[];
  passed: PassedRules;
};

/** Each is read from the store. */
const RECORDS_MAX = 100;

/**
 * Looks up the records that a call names, under the rules for who makes it; `passes`: past them. Throws Problem 400 where
 * there is none, or none for this caller, in the same words.
 */
export async function findNamedRecords(
  parts: { types: ReadonlyMap<string, OpenType>; dataAccess: DataAccess },
  call: {
    workflow: Workflow;
    parameters: Record<string, unknown>;
    caller: Bearer | undefined;
    passes: boolean;
  },
): Promise<NamedRecords> {
  const { workflow, parameters, caller, passes } = call;
  const names = takesRecords(workflow);
  const known = new Map<string, KnownRecord>();
  const records = new Map<string, Promise<Records>>();
  const passed = createPassedRules();
  let left = RECORDS_MAX;

  function recordsOf(type: string): Promise<Records> {
    const opened = parts.types.get(type);
    if (opened === undefined) throw new TypeError(`there is no data type ${type}`);
    const found = records.get(type) ?? parts.dataAccess.recordsFor(opened, caller, { verb: 'read', passes });
    records.set(type, found);
    return found;
  }

  async function found(parameter: string, { type: { name: type }, id }: NamedRecord): Promise<object> {
    const key = `${type} ${id}`;
    const before = known.get(key);
    if (before !== undefined) return before.record;
    left -= 1;
    if (left < 0) throw tooMany(workflow, parameter);
    const ofType = await recordsOf(type);
    const row = await ofType.get(id);
    if (row === undefined) throw noSuch(workflow, parameter, type);
    passed.note(ofType, [row]);
    const record = ofType.seen(row);
    known.set(key, { type, record, version: row.version });
    return record;
  }

  /** The value with each record in its place; one after the other, for most calls name one. */
  async function filled(parameter: string, value: unknown): Promise<unknown> {
    if (value instanceof NamedRecord) return found(parameter, value);
    if (Array.isArray(value)) {
      const parts: unknown[] = [];
      for (const part of value) parts.push(await filled(parameter, part));
      return parts;
    }
    if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype)
      return value;
    const entries: [string, unknown][] = [];
    for (const [name, part] of Object.entries(value)) entries.push([name, await filled(parameter, part)]);
    return Object.fromEntries(entries);
  }

  if (names.length === 0) return { parameters, known: [], passed };
  const all = { ...parameters };
  for (const name of names) all[name] = await filled(name, parameters[name]);
  return { parameters: all, known: [...known.values()], passed };
}

function noSuch(workflow: Workflow, parameter: string, type: string) {
  const hint = `Send the id of one of type ${type} that is there and that the caller of this call may see.`;
  return invalid(workflow, parameter, `there is no such ${type}`, hint);
}

function tooMany(workflow: Workflow, parameter: string) {
  const hint = `Send at most ${RECORDS_MAX} of them, in several calls.`;
  return invalid(workflow, parameter, `more than ${RECORDS_MAX} records are named`, hint);
}

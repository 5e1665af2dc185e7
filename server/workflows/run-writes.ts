import { type Write, writeOf } from '../../adapters/port.ts';
import type { Bearer } from '../access/bearer.ts';
import type { Accounts } from '../accounts/accounts.ts';
import type { Verb } from '../data/access.ts';
import type { StoredRecord } from '../data/record.ts';
import type { Records } from '../data/records.ts';
import type { OpenType } from '../data/rows.ts';
import { notAllowed } from '../data/rule-refusals.ts';
import { Problem } from '../ground/errors.ts';
import type { PassedRules } from './passed-rules.ts';
import type { StagedWrite } from './run-protocol.ts';
import type { Workflow } from './workflow.ts';

/** Who runs what, and how the records of a type are found under the rules for them, or around them. */
type Planning = {
  accounts: Pick<Accounts, 'get'>;
  workflow: Workflow;
  caller: Bearer | undefined;
  isAdmin: boolean;
  passed: PassedRules;
  openedType: (name: string) => OpenType;
  recordsFor: (type: string, verb: Verb, unrestricted: boolean) => Promise<Records>;
};

/** `told`: the owner, where they read of what is done past the rules because of who calls. */
type Planned = { write: Write; told?: string | undefined };

type StagedWriteOf<W extends StagedWrite['what']> = StagedWrite & { what: W };

/**
 * What a run staged as a write of the store; undefined where the record is not any more as the run saw it. Throws Problem
 * where the rules do not allow it.
 */
export async function plannedWrite(write: StagedWrite, planning: Planning): Promise<Planned | undefined> {
  if (write.what === 'create') return plannedCreate(write, planning);
  return write.what === 'unchanged' ? plannedCheck(write, planning) : plannedChange(write, planning);
}

async function plannedCreate(write: StagedWriteOf<'create'>, planning: Planning): Promise<Planned> {
  const { caller, passed, openedType } = planning;
  const { type, id, createdAt, for: owner, fields } = write;
  const { records, underRules, isTold } = await rulesFor(write, planning);
  if (owner !== caller?.account.id) await requireOwner(write, planning);
  const insert = records.made(fields, { id, createdAt, createdBy: owner });
  if (underRules !== undefined) passed.note(underRules, []);
  const { declaration } = openedType(type);
  return { write: writeOf({ declaration, insert }), told: isTold ? owner : undefined };
}

/**
 * Throws where a run may make no record for another account than the caller's, which `create` has seen to in its process, or
 * where there is no such account.
 */
async function requireOwner(
  { type, unrestricted, for: owner }: StagedWriteOf<'create'>,
  { workflow, isAdmin, accounts }: Planning,
): Promise<void> {
  if (!unrestricted && !isAdmin)
    throw new TypeError(`workflow ${workflow.name}: a ${type} for another account`);
  if (owner !== undefined && (await accounts.get(owner)) === undefined) throw noSuchOwner(workflow);
}

/** A record that the run has read and leaves as it is. */
async function plannedCheck(
  { type, unrestricted, id, version }: StagedWriteOf<'unchanged'>,
  { openedType, recordsFor }: Planning,
): Promise<Planned | undefined> {
  const records = await recordsFor(type, 'read', unrestricted);
  const row = await records.get(id);
  if (row === undefined || row.version !== version) return undefined;
  const { declaration } = openedType(type);
  return { write: writeOf({ declaration, change: {}, id, guard: records.asSeen(row) }) };
}

async function plannedChange(
  write: StagedWriteOf<'change' | 'delete'>,
  planning: Planning,
): Promise<Planned | undefined> {
  const { passed, openedType } = planning;
  const { records, underRules, isTold } = await rulesFor(write, planning);
  const { id } = write;
  const row = await writableRow(write, records, planning);
  if (row === undefined) return undefined;
  if (underRules !== undefined) passed.note(underRules, [row]);
  const told = isTold ? row.createdBy : undefined;
  const { declaration } = openedType(write.type);
  if (write.what === 'delete') {
    const { guard } = records.removed(row);
    return { write: writeOf({ declaration, remove: true, id, guard }), told };
  }
  const fields = Object.entries(write.fields).map(([field, value]) => [field, value ?? undefined] as const);
  const ruled = fields.filter(([field]) => write.underRules.includes(field));
  // A run may change some fields around the rules: the others are held to them as if they alone were changed.
  if (write.unrestricted) underRules?.changed(row, Object.fromEntries(ruled));
  const { change, guard } = records.changed(row, Object.fromEntries(fields));
  return { write: writeOf({ declaration, change, id, guard }), told };
}

/**
 * The record, as long as it is as the run saw it. Throws Problem where it is there for this caller to read, but not to
 * write: who passes the rules may do so for one of them only.
 */
async function writableRow(
  { type, unrestricted, id, version, what }: StagedWriteOf<'change' | 'delete'>,
  records: Records,
  { recordsFor }: Planning,
): Promise<StoredRecord | undefined> {
  const writable = await records.get(id);
  const row = writable ?? (await (await recordsFor(type, 'read', unrestricted)).get(id));
  if (row === undefined || row.version !== version) return undefined;
  if (writable === undefined) throw notAllowed({ type, id }, what);
  return writable;
}

/** The records for this write, and those under the rules where it is held to them, if only in part. */
async function rulesFor(
  write: StagedWriteOf<'create' | 'change' | 'delete'>,
  { isAdmin, recordsFor }: Planning,
): Promise<{ records: Records; underRules: Records | undefined; isTold: boolean }> {
  const records = await recordsFor(write.type, 'write', write.unrestricted);
  const isRuled = !write.unrestricted || (write.what === 'change' && write.underRules.length > 0);
  const underRules = isRuled ? await recordsFor(write.type, 'write', false) : undefined;
  return { records, underRules, isTold: isAdmin || underRules?.passes === true };
}

function noSuchOwner({ name }: Workflow): Problem {
  return new Problem({
    status: 400,
    code: 'NOT_RUN',
    message: `Workflow ${name} was to store something for an account that is not there.`,
    hint: 'Nothing was stored or sent. Name an account of this site by its id.',
  });
}

import { z } from 'zod';
import type { Test } from '../data/expressions.ts';
import { requireFit, requireOrder } from '../data/field-tests.ts';
import type { Fields, SeenRecord } from '../data/record.ts';
import { type DataType, kindsOf } from '../data/type.ts';
import type { Clock } from '../ground/clock.ts';
import { Problem } from '../ground/errors.ts';
import { isObject } from '../ground/is-object.ts';
import { WORKFLOW_ASKED_CHARACTERS_MAX, WORKFLOW_FOUND_MAX } from '../ground/limits.ts';
import { newId } from '../ground/opaque.ts';
import type { Ask, AskedCondition, FoundRecord, StagedWrite } from './run-protocol.ts';
import type { Workflow } from './workflow.ts';

type FindWanted = {
  where?: readonly AskedCondition[];
  order?: { by: string; descending?: boolean } | readonly { by: string; descending?: boolean }[];
  limit?: number;
};

/** What a run has staged so far, by type and id; and the records as it knows them, under the rules and around them. */
export type Staging = {
  writes: Map<string, StagedWrite>;
  known: Record<'ruled' | 'unrestricted', Map<string, FoundRecord>>;
  /** `record`: as it will be, to whoever may see as much as the one who writes. */
  stage(write: StagedWrite, record: SeenRecord | undefined, isUnrestricted: boolean): void;
};

/** Whose records of which type, under the rules or around them. */
export type Whose = {
  workflow: Workflow;
  type: DataType;
  unrestricted: boolean;
  accountId: string | undefined;
  /** Whether new records may be another account's. */
  isAdmin: boolean;
  clock: Clock;
  ask: Ask;
};

/** Tells a record from all others of a run. */
export function keyOf(type: string, id: string): string {
  return `${type} ${id}`;
}

function knownTo({ known }: Staging, { unrestricted }: Whose): Map<string, FoundRecord> {
  return known[unrestricted ? 'unrestricted' : 'ruled'];
}

/**
 * What a run has worked on is the record as it saw it first: where it sees it changed later, its write of it must fail and
 * the run begin again.
 */
function note(staging: Staging, whose: Whose, key: string, found: FoundRecord): void {
  const { ruled, unrestricted } = staging.known;
  const first = ruled.get(key) ?? unrestricted.get(key);
  knownTo(staging, whose).set(key, first === undefined ? found : { ...found, version: first.version });
}

/** A wrong field or test is the mistake of the workflow, whoever calls it and whatever the rules are. */
function requireAskable(
  type: DataType,
  where: readonly AskedCondition[],
  order: readonly { by: string }[] = [],
): void {
  // The server reads all of it, and answers nobody else meanwhile.
  if (JSON.stringify(where).length > WORKFLOW_ASKED_CHARACTERS_MAX) {
    throw new TypeError(`data.${type.name}: where has more than ${WORKFLOW_ASKED_CHARACTERS_MAX} characters`);
  }
  const kinds = kindsOf(type);
  for (const [field, test, value] of where) requireFit(kinds, { field, test: test as Test, value });
  for (const { by } of order) requireOrder(kinds, by);
}

/** A list that is cut in silence would be taken for the whole. */
function requireLimit(type: DataType, limit: number): void {
  if (Number.isInteger(limit) && limit >= 0 && limit <= WORKFLOW_FOUND_MAX) return;
  throw new TypeError(
    `data.${type.name}.find: limit: wanted a whole number from 0 to ${WORKFLOW_FOUND_MAX}; ` +
      `for more, ask again behind the last one that came: order: { by: 'id' }, where: [['id', '>', last.id]]`,
  );
}

async function getRecord(staging: Staging, whose: Whose, id: string): Promise<SeenRecord | undefined> {
  const { type, unrestricted, ask } = whose;
  const key = keyOf(type.name, id);
  const known = knownTo(staging, whose);
  const before = staging.writes.get(key);
  if (before !== undefined && known.has(key)) return known.get(key)?.record;
  const [found] = (await ask({
    type: type.name,
    unrestricted,
    what: 'get',
    id: String(id),
  })) as FoundRecord[];
  // Meanwhile the run may have gone on.
  const own = staging.writes.get(key);
  if (found === undefined || own?.what === 'delete') return undefined;
  const seen = own?.what === 'change' ? asStaged(found, own, unrestricted) : found;
  note(staging, whose, key, seen);
  return seen.record;
}

/** A record as a staged change will leave it: of fields that are hidden from the caller, none more is shown for it. */
function asStaged(
  { record, version }: FoundRecord,
  { fields, underRules }: Extract<StagedWrite, { what: 'change' }>,
  unrestricted: boolean,
): FoundRecord {
  const shown = Object.entries(fields)
    .filter(([field]) => unrestricted || underRules.includes(field) || Object.hasOwn(record, field))
    .map(([field, value]) => [field, value ?? undefined] as const);
  const changed = Object.fromEntries(shown);
  return { record: without({ ...record, ...changed }, changed), version };
}

/** `get`, `find` and `count` of a run: what is stored, and by its id what the run made of it. */
export function readsOf(staging: Staging, whose: Whose) {
  const { type, unrestricted, ask } = whose;
  const asked = { type: type.name, unrestricted };
  return {
    get: (id: string) => getRecord(staging, whose, id),

    async find({ where = [], order = [], limit = WORKFLOW_FOUND_MAX }: FindWanted = {}) {
      const by = [order].flat().map((one) => ({ by: one.by, descending: one.descending === true }));
      requireAskable(type, where, by);
      requireLimit(type, limit);
      const wanted = { where, order: by, limit };
      const found = (await ask({ ...asked, what: 'find', ...wanted })) as FoundRecord[];
      for (const one of found) {
        const key = keyOf(type.name, one.record.id);
        // What this run staged of it stays as it staged it.
        if (!staging.writes.has(key)) note(staging, whose, key, one);
      }
      return found.map(({ record }) => record);
    },

    async count({ where = [] }: Pick<FindWanted, 'where'> = {}) {
      requireAskable(type, where);
      return ask({ ...asked, what: 'count', where });
    },
  };
}

/** `create`, `change`, `delete` and `expectUnchanged` of a run, each staged. */
export function writesOf(staging: Staging, whose: Whose) {
  const { writes, stage } = staging;
  const known = knownTo(staging, whose);
  const { workflow, type, unrestricted, clock, accountId, isAdmin } = whose;
  const asked = { type: type.name, unrestricted };

  /** Sees to it that the record that is to be changed or removed is known; answers its id. */
  async function look(wanted: string | { id: string }): Promise<string> {
    const id = typeof wanted === 'string' ? wanted : wanted.id;
    if (!known.has(keyOf(type.name, id))) await getRecord(staging, whose, id);
    return id;
  }

  /** The same record as this run sees it now, also where others of its changes came in between. */
  function current(id: string): FoundRecord & { key: string } {
    const key = keyOf(type.name, id);
    const found = known.get(key);
    if (found === undefined) throw noSuchRecord(type, id);
    return { ...found, key };
  }

  return {
    create(given: unknown, { for: owner = accountId }: { for?: string } = {}) {
      if (owner !== accountId && !unrestricted) requireAdmin(workflow, type, owner, isAdmin);
      const fields = checkedFields(type, given);
      const [id, createdAt] = [newId('obj_'), clock()];
      const record = { id, createdAt, createdBy: owner, modifiedAt: createdAt, ...fields };
      stage({ ...asked, what: 'create', id, createdAt, for: owner, fields }, record, unrestricted);
      return record;
    },

    async change(wanted: string | { id: string }, given: unknown) {
      const { record, version, key } = current(await look(wanted));
      const fields = checkedChange(type, given);
      const before = writes.get(key);
      const next = without({ ...record, ...fields }, fields);
      if (before?.what === 'create') {
        stage({ ...before, fields: without({ ...before.fields, ...fields }, fields) }, next, unrestricted);
        return next;
      }
      const earlier = before?.what === 'change' ? before : undefined;
      // JSON knows no undefined: what is taken away travels as null, which no field of a type can hold.
      const sent = Object.fromEntries(Object.entries(fields).map(([field, value]) => [field, value ?? null]));
      const others = (earlier?.underRules ?? []).filter((field) => !Object.hasOwn(sent, field));
      const change = {
        ...asked,
        unrestricted: unrestricted || earlier?.unrestricted === true,
        what: 'change' as const,
        id: record.id,
        version,
        fields: { ...earlier?.fields, ...sent },
        underRules: unrestricted ? others : [...others, ...Object.keys(sent)],
      };
      stage(change, next, unrestricted);
      return next;
    },

    async expectUnchanged(wanted: string | { id: string }): Promise<void> {
      const { record, version, key } = current(await look(wanted));
      // What the run writes itself is held to what it saw anyway.
      if (!writes.has(key))
        stage({ ...asked, what: 'unchanged', id: record.id, version }, record, unrestricted);
    },

    async delete(wanted: string | { id: string }): Promise<void> {
      const { record, version, key } = current(await look(wanted));
      const isNew = writes.get(key)?.what === 'create';
      if (isNew) writes.delete(key);
      else stage({ ...asked, what: 'delete', id: record.id, version }, undefined, unrestricted);
      for (const seen of Object.values(staging.known)) seen.delete(key);
    },
  };
}

/** The fields of a new record as its type makes them. */
function checkedFields(type: DataType, given: unknown): Record<string, unknown> {
  // Without what every object has: one without the field `constructor` would seem to have it.
  const own = isObject(given) ? Object.assign(Object.create(null), given) : given;
  const parsed = schemaOf(type.fields).safeParse(own);
  if (parsed.success) return parsed.data as Record<string, unknown>;
  throw new TypeError(`data.${type.name}.create: ${z.prettifyError(parsed.error)}`);
}

/** The fields of a change; undefined takes an optional one away. */
function checkedChange(type: DataType, given: unknown): Record<string, unknown> {
  const checked: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(Object(given))) {
    const schema = Object.hasOwn(type.fields, field) ? type.fields[field] : undefined;
    if (schema === undefined) throw new TypeError(`data.${type.name}.change: there is no field ${field}`);
    const parsed = schema.safeParse(value);
    if (!parsed.success)
      throw new TypeError(`data.${type.name}.change: ${field}: ${z.prettifyError(parsed.error)}`);
    checked[field] = parsed.data;
  }
  return checked;
}

function schemaOf(fields: Fields): z.ZodType {
  return z.strictObject(fields);
}

/** Without those of these fields that are taken away. */
function without<T extends object>(record: T, fields: Readonly<Record<string, unknown>>): T {
  return Object.fromEntries(
    Object.entries(record).filter(([field, value]) => value !== undefined || !Object.hasOwn(fields, field)),
  ) as T;
}

function requireAdmin(workflow: Workflow, type: DataType, owner: unknown, isAdmin: boolean): void {
  if (!isAdmin) throw ownRecordsOnly(workflow);
  if (typeof owner !== 'string') throw new TypeError(`data.${type.name}.create: for is no account id`);
}

function ownRecordsOnly({ name }: Workflow): Problem {
  return new Problem({
    status: 403,
    code: 'FORBIDDEN',
    message: `Workflow ${name} may store nothing for another account in this call.`,
    hint: `Only a service that an admin made with the scope admin:wf:${name}, or admin, may have it do that.`,
  });
}

function noSuchRecord({ name }: DataType, id: string): Problem {
  return new Problem({
    status: 404,
    code: 'NOT_FOUND',
    message: `There is no ${name} ${String(id).slice(0, 80)}.`,
    hint: 'Nothing was stored or sent. Look whether the id is right, and whether this caller may see it.',
  });
}

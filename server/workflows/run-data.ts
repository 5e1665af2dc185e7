import type { Taken, Write } from '../../adapters/port.ts';
import type { Bearer } from '../access/bearer.ts';
import type { Accounts } from '../accounts/accounts.ts';
import type { DataAccess, Verb } from '../data/access.ts';
import { characterBudget } from '../data/character-budget.ts';
import type { StoredRecord } from '../data/record.ts';
import type { Constraint } from '../data/record-lists.ts';
import type { Records } from '../data/records.ts';
import type { OpenType } from '../data/rows.ts';
import { Problem } from '../ground/errors.ts';
import { WORKFLOW_FOUND_CHARACTERS_MAX } from '../ground/limits.ts';
import type { PassedRules } from './passed-rules.ts';
import type { Ask, Asked, FoundRecord, Staged } from './run-protocol.ts';
import { plannedWrite } from './run-writes.ts';
import type { Workflow } from './workflow.ts';

/**
 * Reads and writes of one run, under the rules for who calls it; around them where the run says so or is called as an
 * admin.
 */
export function createRunData(
  parts: {
    types: ReadonlyMap<string, OpenType>;
    dataAccess: DataAccess;
    accounts: Pick<Accounts, 'get'>;
  },
  run: {
    workflow: Workflow;
    caller: Bearer | undefined;
    isAdmin: boolean;
    passed: PassedRules;
    /** Aborted when the run was given up: nobody waits for what it asked. */
    signal?: AbortSignal | undefined;
  },
) {
  const { types, dataAccess } = parts;
  const { workflow, caller, isAdmin, passed, signal } = run;

  function openedType(name: string): OpenType {
    const opened = types.get(name);
    // A process asks for the types of its own workflow only.
    if (opened === undefined || !Object.hasOwn(workflow.types, name))
      throw new TypeError(`workflow ${workflow.name} has no data type ${name}`);
    return opened;
  }

  function recordsOf(type: string, verb: Verb, unrestricted: boolean): Promise<Records> {
    return dataAccess.recordsFor(openedType(type), caller, { verb, passes: unrestricted || isAdmin, signal });
  }

  const ask: Ask = async (asked) => {
    const records = await recordsOf(asked.type, 'read', asked.unrestricted);
    const note = (rows: readonly StoredRecord[]) => {
      if (!asked.unrestricted) passed.note(records, rows);
    };
    return answerTo(asked, records, note);
  };

  return {
    ask,

    /**
     * What the run staged as writes of the store, and the owners who read of them; undefined where a record is not any more
     * as the run saw it. Throws Problem where the rules do not allow it.
     */
    async planned({
      writes,
    }: Staged): Promise<{ writes: Write[]; told: (string | undefined)[] } | undefined> {
      // The rules are looked up once for all writes, and not for each of a thousand.
      const recordsFor = remembered(recordsOf);
      const planning = { ...parts, ...run, openedType, recordsFor };
      const planned = await Promise.all(writes.map((write) => plannedWrite(write, planning)));
      const all = planned.filter((one) => one !== undefined);
      if (all.length < planned.length) return undefined;
      return {
        writes: all.map(({ write }) => write),
        told: all.map(({ told }) => told),
      };
    },
  };
}

/** The same, with what was answered before for the same arguments. */
function remembered<A extends (string | boolean)[], T>(make: (...args: A) => T): (...args: A) => T {
  const known = new Map<string, T>();
  return (...args) => {
    const key = args.join(' ');
    const value = known.get(key) ?? make(...args);
    known.set(key, value);
    return value;
  };
}

async function answerTo(
  asked: Asked,
  records: Records,
  note: (rows: readonly StoredRecord[]) => void,
): Promise<FoundRecord[] | number> {
  const toSeen = (row: Awaited<ReturnType<Records['list']>>[number]): FoundRecord => ({
    record: records.seen(row),
    version: row.version,
  });
  if (asked.what === 'get') {
    const row = await records.get(asked.id);
    note(row === undefined ? [] : [row]);
    return row === undefined ? [] : [toSeen(row)];
  }
  const constraints = asked.where.map(([field, test, value]) => ({ field, test, value }) as Constraint);
  if (asked.what === 'count') {
    note([]);
    return records.count(constraints);
  }
  const { takes, isUsedUp } = characterBudget(WORKFLOW_FOUND_CHARACTERS_MAX);
  const rows = await records.list({
    constraints,
    order: asked.order,
    skip: 0,
    limit: asked.limit,
    takes: (row) => takes(records.seen(row)),
  });
  // A list that ends too early in silence would be taken for the whole.
  if (isUsedUp()) {
    throw new TypeError(
      `data.${asked.type}.find: these records have more than ${WORKFLOW_FOUND_CHARACTERS_MAX} characters; ask for fewer with limit`,
    );
  }
  note(rows);
  return rows.map(toSeen);
}

/** What a caller is told where a unique field of a declared type is in use. */
export function takenProblem(workflow: Workflow, { field }: Taken): Problem {
  return new Problem({
    status: 409,
    code: 'CONFLICT',
    message: `Workflow ${workflow.name} was to store a ${field} that another record has.`,
    hint: 'Nothing was stored or sent. Send another value.',
  });
}

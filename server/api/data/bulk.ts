import type { Context } from 'koa';
import { Taken, writeOf } from '../../../adapters/port.ts';
import type { StoredRecord } from '../../data/record.ts';
import type { Records } from '../../data/records.ts';
import type { OpenType } from '../../data/rows.ts';
import type { Domain } from '../../domain.ts';
import { beforeChanges, Problem } from '../../ground/errors.ts';
import { givingWay } from '../../ground/give-way.ts';
import { BULK_BYTES_MAX, BULK_LINES_MAX } from '../../ground/limits.ts';
import { shortName } from '../../ground/without-secrets.ts';
import { readBody } from '../../http/body.ts';
import { SEND_UTF8, utf8Of } from '../../http/utf8.ts';
import { sentInJson } from '../request-body.ts';
import { Reply } from '../responder.ts';
import { changedMeanwhile, entryOf, recordEntry, sentBy, valueTaken, type WriteCall } from './data-call.ts';
import { type SentFields, wholeRecord } from './fields.ts';

/** Records in one commit, and characters of them. Others are served between two of them. */
const COMMIT_RECORDS_MAX = 100;
const COMMIT_CHARACTERS_MAX = 1024 * 1024;

type Parts = Pick<Domain, 'dataAccess' | 'effects' | 'recorder'>;

/** What came of one line. */
type Outcome = { status: 'success'; id: string } | { status: 'error'; message: string; hint: string };

/** A line that is good so far. */
type Line = { index: number; fields: SentFields };

/** The same as a record that the rules let its caller make. */
type Made = Line & { row: StoredRecord };

/** Who calls, and what the rules are for them. */
type Judged = { call: WriteCall; records: Records };

/** Makes many records, each by itself: what cannot be taken is told in its line, and the others are stored. */
export function createBulk({ dataAccess, effects, recorder }: Parts) {
  return async function bulk(made: WriteCall): Promise<Reply> {
    const lines = await readLines(made.ctx);
    const { opened } = made;
    let judged = await judgedNow(dataAccess, made);
    const outcomes: Outcome[] = [];
    let isOnRecord = false;
    const entry = () => entryOf(judged.call, { status: 200, records: judged.records, touched: [] });
    const fail = (lines: readonly { index: number }[], problem: Problem) => {
      for (const { index } of lines) outcomes[index] = failure(problem);
    };

    async function commit(rows: readonly Made[]): Promise<void> {
      const writes = rows.map(({ row }) => writeOf({ declaration: opened.declaration, insert: row }));
      // With the first of them, so that nothing is stored by a call that is nowhere.
      const call = isOnRecord ? undefined : entry();
      if (!(await effects.commit(writes, { call }))) throw changedMeanwhile(made);
      isOnRecord = true;
      for (const { index, row } of rows) outcomes[index] = { status: 'success', id: row.id };
    }

    /** The records of those who may still make them: who was cut off, or lost a right, makes no more. */
    async function allowed(good: readonly Line[]): Promise<Made[]> {
      try {
        judged = await judgedNow(dataAccess, made, { ...judged, isOnRecord });
      } catch (error) {
        if (!(error instanceof Problem && isOnRecord)) throw error;
        fail(good, error);
        return [];
      }
      return good.flatMap((line) => {
        const row = orProblem(() => rowOf(line, judged));
        if (!(row instanceof Problem)) return [{ ...line, row }];
        fail([line], row);
        return [];
      });
    }

    /** Where one of them has what another record has, the others are stored without it. */
    async function store(good: readonly Line[]): Promise<void> {
      const rows = good.length === 0 ? [] : await allowed(good);
      if (rows.length === 0) return;
      try {
        await commit(rows);
      } catch (error) {
        if (!(error instanceof Taken || error instanceof Problem)) throw error;
        const problem = error instanceof Taken ? valueTaken(opened.type, error.field) : error;
        if (rows.length === 1) return fail(rows, problem);
        const { taken, parts } = await apart(rows, opened, error);
        fail(taken, problem);
        for (const part of parts) await store(part);
      }
    }

    const giveWay = givingWay();
    for (const chunk of chunksOf(lines)) {
      const good: Line[] = [];
      for (const [index, line] of chunk) {
        const read = () => wholeRecord(opened.type, sentInJson(line, 'line'), sentBy(made));
        const fields = orProblem(isOnRecord ? read : () => beforeChanges(read));
        if (fields instanceof Problem) fail([{ index }], fields);
        else good.push({ index, fields });
        await giveWay();
      }
      await store(good);
    }
    if (!isOnRecord) await recordEntry(recorder, entry());
    const text = outcomes.map((outcome) => `${JSON.stringify(outcome)}\n`).join('');
    return new Reply(200, { type: 'text/plain; charset=utf-8', text });
  };
}

/** The same as `before` but where that was a while ago: the rules are those for the caller as they are by now. */
async function judgedNow(
  dataAccess: Parts['dataAccess'],
  made: WriteCall,
  before?: Judged & { isOnRecord: boolean },
): Promise<Judged> {
  const caller = await made.callerNow();
  if (before !== undefined && before.call.caller === caller) return before;
  // A call that is on record as one under the rules stays under them.
  const isHeld = before?.isOnRecord === true && !before.records.passes;
  const ruled = isHeld ? { ...caller, account: { ...caller.account, admin: false } } : caller;
  const { opened, verb } = made;
  return { call: { ...made, caller }, records: await dataAccess.recordsFor(opened, ruled, { verb }) };
}

/**
 * Which of these a stored record is in the way of (`taken`), and the others in parts: the first row with each value, and
 * the rest, which is tried by itself.
 */
async function apart(rows: readonly Made[], { rows: stored }: OpenType, error: Taken | Problem) {
  const half = Math.ceil(rows.length / 2);
  const halves = { taken: [], parts: [rows.slice(0, half), rows.slice(half)] };
  if (!(error instanceof Taken)) return halves;
  const { field } = error;
  const firsts = new Map<unknown, Made>();
  const [taken, again]: [Made[], Made[]] = [[], []];
  for (const made of rows) {
    const value = made.row[field];
    const isFirst = value === undefined || !firsts.has(value);
    if (isFirst && value !== undefined && (await stored.find(field, value)) !== undefined) taken.push(made);
    else if (isFirst) firsts.set(value ?? made, made);
    else again.push(made);
  }
  // Where that tells nothing, another call is about to store one.
  return taken.length + again.length === 0 ? halves : { taken, parts: [[...firsts.values()], again] };
}

/** The record that a line is. Throws Problem where no rule lets the caller make it. */
function rowOf({ fields }: Line, { call, records }: Judged): StoredRecord {
  return records.made(fields, { createdBy: call.caller.account.id });
}

function orProblem<T>(make: () => T): T | Problem {
  try {
    return make();
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
}

function failure({ message, hint }: Problem): Outcome {
  return { status: 'error', message, hint };
}

async function readLines(ctx: Context): Promise<string[]> {
  const [type = ''] = ctx.get('content-type').toLowerCase().split(';');
  const bytes = await readBody(ctx, BULK_BYTES_MAX);
  if (type.trim() !== 'text/plain') throw wrongType(type.trim());
  const text = utf8Of(bytes);
  if (text === undefined) throw invalid('The body is not valid UTF-8.', SEND_UTF8);
  const lines = text.split(/\r?\n/, BULK_LINES_MAX + 2);
  // The end of the last line begins no other one.
  if (lines.at(-1) === '') lines.pop();
  if (lines.length > BULK_LINES_MAX)
    throw invalid(
      `There are more than ${BULK_LINES_MAX} lines.`,
      `Send at most ${BULK_LINES_MAX} at a time.`,
    );
  if (lines.length > 0) return lines;
  throw new Problem({ status: 400, code: 'MISSING_DATA', message: 'The request has no body.', hint: HOW });
}

const HOW = 'Send a JSON object on each line, with the header "Content-Type: text/plain".';

function* chunksOf(lines: readonly string[]): Generator<[index: number, line: string][]> {
  let chunk: [number, string][] = [];
  let characters = 0;
  for (const [index, line] of lines.entries()) {
    const isFull = chunk.length === COMMIT_RECORDS_MAX || characters + line.length > COMMIT_CHARACTERS_MAX;
    if (isFull && chunk.length > 0) {
      yield chunk;
      [chunk, characters] = [[], 0];
    }
    chunk.push([index, line]);
    characters += line.length;
  }
  yield chunk;
}

function wrongType(type: string): Problem {
  const message =
    type === '' ? 'The body has no Content-Type.' : `Many records are not read from ${shortName(type)}.`;
  return new Problem({ status: 415, code: 'UNSUPPORTED_MEDIA_TYPE', message, hint: HOW });
}

function invalid(message: string, hint: string): Problem {
  return new Problem({ status: 400, code: 'INVALID_DATA', message, hint });
}

import type { Context } from 'koa';
import { Taken, writeOf } from '../../../adapters/port.ts';
import type { StoredRecord } from '../../data/record.ts';
import type { Records } from '../../data/records.ts';
import type { OpenType } from '../../data/rows.ts';
import type { Domain } from '../../domain.ts';
import { BearerProblem, beforeChanges, Problem } from '../../ground/errors.ts';
import { givingWay } from '../../ground/give-way.ts';
import { BULK_BYTES_MAX, BULK_LINES_MAX } from '../../ground/limits.ts';
import { shortName } from '../../ground/without-secrets.ts';
import { readBody } from '../../http/body.ts';
import { requestIdOf } from '../../http/request.ts';
import { SEND_UTF8, utf8Of } from '../../http/utf8.ts';
import { sentInJson } from '../request-body.ts';
import { Reply } from '../responder.ts';
import { changedMeanwhile, entryOf, recordEntry, valueTaken, type WriteCall } from './data-call.ts';
import { wholeRecord } from './fields.ts';

/** Records in one commit, and characters of them. Others are served between two of them. */
const COMMIT_RECORDS_MAX = 100;
const COMMIT_CHARACTERS_MAX = 1024 * 1024;

type Parts = Pick<Domain, 'dataAccess' | 'effects' | 'recorder'>;

/** What came of one line. */
type Outcome = { status: 'success'; id: string } | { status: 'error'; message: string; hint: string };

/** A line that is good so far. */
type Made = { index: number; row: StoredRecord };

/** Makes many records, each by itself: what cannot be taken is told in its line, and the others are stored. */
export function createBulk({ dataAccess, effects, recorder }: Parts) {
  return async function bulk(made: WriteCall): Promise<Reply> {
    const lines = await readLines(made.ctx);
    const call = { ...made, caller: await made.callerNow() };
    const { opened, caller, verb } = call;
    const records = await dataAccess.recordsFor(opened, caller, { verb });
    const outcomes: Outcome[] = [];
    let isOnRecord = false;

    async function commit(rows: readonly Made[]): Promise<void> {
      const writes = rows.map(({ row }) => writeOf({ declaration: opened.declaration, insert: row }));
      // With the first of them, so that nothing is stored by a call that is nowhere.
      const entry = isOnRecord ? undefined : entryOf(call, { status: 200, records, touched: [] });
      if (!(await effects.commit(writes, { call: entry }))) throw changedMeanwhile(call);
      isOnRecord = true;
      for (const { index, row } of rows) outcomes[index] = { status: 'success', id: row.id };
    }

    /** Where one of them has what another record has, the others are stored without it. */
    async function store(rows: readonly Made[]): Promise<void> {
      if (rows.length === 0) return;
      try {
        await call.callerNow();
        await commit(rows);
      } catch (error) {
        if (!(error instanceof Taken || error instanceof Problem)) throw error;
        if (error instanceof BearerProblem && !isOnRecord) throw error;
        const problem = error instanceof Taken ? valueTaken(opened.type, error.field) : error;
        if (rows.length === 1 || error instanceof BearerProblem) {
          for (const { index } of rows) outcomes[index] = failure(problem);
          return;
        }
        const { taken, parts } = await apart(rows, opened, error);
        for (const { index } of taken) outcomes[index] = failure(problem);
        for (const part of parts) await store(part);
      }
    }

    const giveWay = givingWay();
    for (const chunk of chunksOf(lines)) {
      const rows: Made[] = [];
      for (const [index, line] of chunk) {
        const row = isOnRecord
          ? madeOf(line, call, records)
          : beforeChanges(() => madeOf(line, call, records));
        if (row instanceof Problem) outcomes[index] = failure(row);
        else rows.push({ index, row });
        await giveWay();
      }
      await store(rows);
    }
    if (!isOnRecord) await recordEntry(recorder, entryOf(call, { status: 200, records, touched: [] }));
    const text = outcomes.map((outcome) => `${JSON.stringify(outcome)}\n`).join('');
    return new Reply(200, { type: 'text/plain; charset=utf-8', text });
  };
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

/** The record that a line is, or what is wrong with it. */
function madeOf(line: string, { ctx, opened, caller }: WriteCall, records: Records): StoredRecord | Problem {
  try {
    const fields = wholeRecord(opened.type, sentInJson(line, 'line'), requestIdOf(ctx));
    return records.made(fields, { createdBy: caller.account.id });
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

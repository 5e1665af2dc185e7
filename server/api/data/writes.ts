import { isDeepStrictEqual } from 'node:util';
import { Taken, writeOf } from '../../../adapters/port.ts';
import { covers, dataScope } from '../../credentials/scopes.ts';
import type { StoredRecord } from '../../data/record.ts';
import type { Records } from '../../data/records.ts';
import { pauseBeforeAttempt } from '../../data/retry-pause.ts';
import type { SentBy } from '../../data/timed-check.ts';
import type { Domain } from '../../domain.ts';
import { beforeChanges } from '../../ground/errors.ts';
import { inTurn } from '../../ground/in-turn.ts';
import { RECORD_ATTEMPTS_MAX } from '../../ground/limits.ts';
import type { Sent } from '../request-body.ts';
import { jsonReply, Reply } from '../responder.ts';
import {
  changedMeanwhile,
  effectsOf,
  entryOf,
  noSuchRecord,
  recordEntry,
  sentBy,
  valueTaken,
  type WriteCall,
} from './data-call.ts';
import { readRecord, type SentFields, sentFields, wholeRecord, withoutSame } from './fields.ts';
import { recordJson } from './names.ts';

/** So many changes of one record wait for each other in a process. */
const WRITES_WAITING_MAX = 200;

const PUT_IS_WHOLE =
  ' PUT replaces the whole record: to change the fields that you send and no others, send PATCH.';

type Parts = Pick<Domain, 'dataAccess' | 'effects' | 'recorder' | 'accounts' | 'clock'>;

/** What changes one record: a single guarded write with the call's entry inside. */
export function createWrites(parts: Parts) {
  const { effects } = parts;

  return {
    async create(made: WriteCall): Promise<Reply> {
      const { call, sent, by } = await received(made);
      const { caller, opened } = call;
      const fields = beforeChanges(() => wholeRecord(opened.type, sent, by));
      const records = await recordsOf(parts, call);
      const row = records.made(fields, { createdBy: caller.account.id });
      const caused = await effectsOf(call, parts, { status: 201, records, touched: [] });
      try {
        await effects.insert(opened.rows, row, caused);
      } catch (error) {
        throw error instanceof Taken ? valueTaken(opened.type, error.field) : error;
      }
      return jsonReply(201, { status: 'success', id: row.id });
    },

    /** Changes the fields that are sent; null takes one away. */
    async change(made: WriteCall): Promise<Reply> {
      const { call, sent, by } = await received(made);
      const { type } = call.opened;
      return changed(parts, call, sent, (_row, _records, news) => sentFields(type, news, by));
    },

    /**
     * Puts a record in the place of this one. What is not sent is emptied or has its default, as far as the caller may
     * change it: what they may not touch is not theirs to empty.
     */
    async replace(made: WriteCall): Promise<Reply> {
      const { call, sent, by } = await received(made);
      const { type } = call.opened;
      return changed(parts, call, sent, (row, records, news) => {
        const others = (name: string) => !sent.values.has(name) && records.mayChange(row, name);
        return sentFields(type, news, by, others, PUT_IS_WHOLE);
      });
    },

    async remove(call: WriteCall): Promise<Reply> {
      const { declaration } = call.opened;
      await attempted(parts, call, async (row, records) => {
        const { guard } = records.removed(row);
        const write = writeOf({ declaration, remove: true, id: row.id, guard });
        const of = { status: 204, records, touched: [row] };
        return effects.commit([write], await effectsOf(call, parts, of));
      });
      return new Reply(204);
    },
  };
}

/** What was sent, by a caller who may still send it. */
async function received(made: WriteCall): Promise<{ call: WriteCall; sent: Sent; by: SentBy }> {
  const sent = await readRecord(made.ctx);
  const call = { ...made, caller: await made.callerNow() };
  return { call, sent, by: sentBy(call) };
}

function recordsOf({ dataAccess }: Parts, { opened, caller, verb }: WriteCall): Promise<Records> {
  return dataAccess.recordsFor(opened, caller, { verb });
}

/** Tries with the record as it is then, until nobody else was quicker. */
async function attempted(
  parts: Parts,
  call: WriteCall,
  attempt: (row: StoredRecord, records: Records) => Promise<boolean>,
): Promise<void> {
  const attemptNow = async (): Promise<boolean> => {
    // Who had to wait may be cut off by now.
    const records = await recordsOf(parts, { ...call, caller: await call.callerNow() });
    const row = await records.get(call.id);
    if (row === undefined) throw noSuchRecord(call);
    return attempt(row, records);
  };
  if (await attemptNow()) return;
  // Those who met others go one after the other. Who may not change the record never met any, and holds up nobody here.
  const line = { lengthMax: WRITES_WAITING_MAX, full: () => changedMeanwhile(call) };
  await inTurn(
    call.opened.rows,
    call.id,
    async () => {
      for (let attempts = 2; attempts <= RECORD_ATTEMPTS_MAX; attempts += 1) {
        if (attempts > 2) await pauseBeforeAttempt(attempts);
        if (await attemptNow()) return;
      }
      throw changedMeanwhile(call);
    },
    line,
  );
}

/** Changes what `fieldsFor` makes of the part of what was sent that the record does not show already. */
async function changed(
  parts: Parts,
  call: WriteCall,
  sent: Sent,
  fieldsFor: (row: StoredRecord, records: Records, news: Sent) => SentFields,
): Promise<Reply> {
  const { opened, caller, id } = call;
  const { rows, type } = opened;
  // What a token may not read it cannot find out by sending a guess either.
  const mayRead = covers(caller.scopes, dataScope(type.name, 'read'));
  await attempted(parts, call, async (row, records) => {
    const shown = mayRead ? recordJson(records.seen(row)) : {};
    const isShown = (name: string, value: unknown) =>
      Object.hasOwn(shown, name) && isDeepStrictEqual(value, shown[name]);
    const news = withoutSame(sent, isShown);
    const fields = differing(
      beforeChanges(() => fieldsFor(row, records, news)),
      row,
      records,
    );
    const of = { status: 204, records, touched: [row] };
    const { change, guard } = records.changed(row, fields);
    if (Object.keys(fields).length === 0) {
      await recordEntry(parts.recorder, entryOf(call, of));
      return true;
    }
    const caused = await effectsOf(call, parts, of);
    const found = await parts.effects.update(rows, id, change, guard, caused).catch((error: unknown) => {
      throw error instanceof Taken ? valueTaken(type, error.field) : error;
    });
    return found !== undefined;
  });
  return new Reply(204);
}

/** Without what stays as it is, as far as the caller knows: elsewhere, that nothing changed would tell what is in it. */
function differing(fields: SentFields, row: StoredRecord, records: Records): SentFields {
  return Object.fromEntries(
    Object.entries(fields).filter(
      ([name, value]) =>
        !(records.mayChange(row, name) && records.maySee(row, name) && isDeepStrictEqual(value, row[name])),
    ),
  );
}

import type { Logger } from 'pino';
import { z } from 'zod';
import { type Collection, type Declaration, declare, type Store } from '../../adapters/port.ts';
import { type Call, callSchema } from '../activity/call.ts';
import type { Recorder } from '../activity/recorder.ts';
import { type Effects, type EffectsOfChange, pendingEffects } from '../effects/effects.ts';
import type { Clock } from '../ground/clock.ts';
import { Problem } from '../ground/errors.ts';
import { MAILS_WAITING_MAX } from '../ground/limits.ts';
import { newId } from '../ground/opaque.ts';
import { messageDeclaration } from '../mail/message.ts';
import type { DataType } from './workflow.ts';

/** A row of a declared data type: its own fields stand beside these. */
export type DataRow = { id: string; createdAt: number; createdBy?: string | undefined };

/**
 * All that one run of a workflow changes, on its way to where it belongs: the rows, and with
 * `pendingEffects` the mails. The activity entry travels along, so a change can never be without one.
 */
const runSchema = z.strictObject({
  id: z.string(),
  committedAt: z.number(),
  rows: z.array(z.strictObject({ type: z.string(), row: z.looseObject({ id: z.string() }) })),
  call: callSchema.optional(),
  ...pendingEffects,
});

export type Run = z.infer<typeof runSchema>;

/** Runs on their way; empty but for the moment between a run and its end. */
export const runDeclaration = declare<Run>({
  name: 'runs',
  schema: runSchema,
  indexes: [['committedAt'], ['pendingAt']],
});

/** A run that is older was left behind by a process that died, or by a store that went away. */
const SWEEP_AGE_SECONDS = 10;
const SWEEP_ROWS = 100;

/** What a run staged. */
export type Staged = {
  rows: readonly { type: string; row: DataRow }[];
  mail: NonNullable<EffectsOfChange['mail']>;
};

export type Runs = Awaited<ReturnType<typeof openRuns>>;

/**
 * Carries out what workflows staged, all of a run or none of it, without a transaction: the whole run is
 * first written as one row, which is the moment it happens, and then spread over its collections. A
 * process that dies in between leaves the row, and a sweep goes on; each part has its id by then, so
 * nothing is doubled.
 */
export async function openRuns(parts: {
  store: Store;
  types: ReadonlyMap<string, DataType>;
  effects: Effects;
  recorder: Recorder;
  clock: Clock;
  log: Logger;
}) {
  const { store, types, effects, recorder, clock, log } = parts;
  const runs = await store.collection(runDeclaration);
  const outbox = await store.collection(messageDeclaration);
  const collections = new Map<string, Collection<DataRow>>();
  for (const type of types.values())
    collections.set(type.name, await store.collection(rowDeclarationOf(type)));
  effects.watch(runs);
  effects.alsoSweep(sweep);

  async function sweep(): Promise<void> {
    const where = [['committedAt', '<=', clock() - SWEEP_AGE_SECONDS] as const];
    let after: Run | undefined;
    do {
      const page = { where, order: { by: 'committedAt' as const }, limit: SWEEP_ROWS };
      const left = await runs.list({ ...page, ...(after === undefined ? {} : { after }) });
      for (const run of left) await spread(run).catch((error: unknown) => noteUnspread(run, error));
      after = left.length < SWEEP_ROWS ? undefined : left.at(-1);
    } while (after !== undefined);
  }

  /** One run that cannot be spread must not hold up the others, nor be reported as not done. */
  function noteUnspread(run: Run, error: unknown): void {
    log.error({ run: run.id, err: error }, 'a run is kept whole and waits for the next sweep');
  }

  /** Puts the parts of a run where they belong, then removes it. Safe to repeat and to race. */
  async function spread(run: Run): Promise<void> {
    const kept = [...Map.groupBy(run.rows, ({ type }) => type)].map(async ([type, ofType]) => {
      const collection = collections.get(type);
      if (collection === undefined) return false;
      await collection.insertMany(ofType.map(({ row }) => row as unknown as DataRow));
      return true;
    });
    const [whole] = await Promise.all([
      Promise.all(kept).then((all) => all.every(Boolean)),
      run.call === undefined ? undefined : recorder.keep(run.call, 'disk'),
    ]);
    // A type that was taken out of config/ meanwhile may come back: its rows wait.
    if (!whole) return log.warn({ run: run.id }, 'a run waits for a data type that is no longer declared');
    // The guard leaves a run whose mails are still in it.
    await runs.remove(run.id, [['pendingAt', 'absent']]);
  }

  async function requireRoomFor(mail: Staged['mail']): Promise<void> {
    const [first] = mail;
    if (first === undefined) return;
    const waiting = await outbox.count([
      ['queue', '=', first.queue ?? 'anyone'],
      ['dueAt', 'present'],
    ]);
    if (waiting + mail.length > MAILS_WAITING_MAX) throw tooMuchMail();
  }

  return {
    /**
     * Makes it happen. When this has returned, the run is done for good, whatever becomes of the store after.
     * Throws Problem 429, with nothing done, while too many mails of the same caller wait to be sent.
     */
    async commit(staged: Staged, call: Call | undefined): Promise<void> {
      await requireRoomFor(staged.mail);
      const rows = staged.rows.map(({ type, row }) => ({ type, row: { ...row } }));
      const run: Run = { id: newId('run_'), committedAt: clock(), rows, call };
      if (staged.mail.length === 0) await runs.insert(run);
      else await effects.insert(runs, run, { mail: staged.mail });
      await spread(run).catch((error: unknown) => noteUnspread(run, error));
    },
  };
}

function tooMuchMail(): Problem {
  return new Problem({
    status: 429,
    code: 'TOO_MANY_MAILS',
    message: `${MAILS_WAITING_MAX} mails that workflows sent for this account are waiting to go out.`,
    hint: 'Nothing was stored or sent. Try again in a minute; if it stays, the mail server does not take them.',
    headers: { 'Retry-After': '60' },
  });
}

/**
 * The collection of a declared type. Its fields are checked against the type when a row is staged, and
 * not again when it is spread: a run that has happened must not fail because config/ changed meanwhile.
 */
export function rowDeclarationOf(type: DataType): Declaration<DataRow> {
  const own = { id: z.string(), createdAt: z.number(), createdBy: z.string().optional() };
  const declared = Object.fromEntries(
    Object.keys(type.fields).map((field) => [field, z.unknown().optional()]),
  );
  return {
    name: `data_${type.name}`,
    schema: z.strictObject({ ...declared, ...own }) as unknown as Declaration<DataRow>['schema'],
    indexes: [['createdBy', 'createdAt']],
  };
}

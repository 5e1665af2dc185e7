import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { z } from 'zod';
import {
  type Change,
  type Collection,
  type Condition,
  type Declaration,
  type Store,
  Taken,
  Unavailable,
  type Where,
  type Write,
  writeOf,
} from '../../adapters/port.ts';
import { type AuditEntry, auditSchema, withActorKey } from '../activity/audit.ts';
import { type Call, callSchema } from '../activity/call.ts';
import { createAuditIds } from '../activity/entry-ids.ts';
import type { Recorder } from '../activity/recorder.ts';
import { begunBefore, type Clock } from '../ground/clock.ts';
import { newId } from '../ground/opaque.ts';
import { type Message, messageSchema } from '../mail/message.ts';

const pendingSchema = z.object({
  audit: z.array(auditSchema),
  mail: z.array(messageSchema),
  call: callSchema.optional(),
  /** A row that takes the place of the changed one. */
  successor: z.looseObject({ id: z.string() }).optional(),
});

/**
 * What a change brings with it. It is written inside the changed row, in the same single-document write, and
 * delivered to where it belongs right after. If the process dies in between, the next sweep delivers it: nothing
 * is lost and, because all ids are fixed at the change, nothing is doubled. This needs no transaction over
 * several documents, so it is the same on every engine.
 */
export const pendingEffects = {
  pending: pendingSchema.optional(),
  /** When `pending` was written; the three are present together or not at all. The declaration indexes it. */
  pendingAt: z.number().optional(),
  /** Names this one `pending`: two changes of a row may fall into the same second. */
  pendingId: z.string().optional(),
};

/** A row that may carry effects. */
export type Carrier = { id: string } & z.infer<z.ZodObject<typeof pendingEffects>>;

const PENDING_FIELDS = ['pending', 'pendingAt', 'pendingId'] as const;

/** A sweep leaves alone what was written just now: the process that wrote it is about to deliver it itself. */
const SWEEP_AGE_SECONDS = 10;
const SWEEP_ROWS = 100;
/** Changes with effects that may come before ours at one row before we say that the store is too busy. */
const ATTEMPTS_MAX = 100;

/** Ids and times of entries and mails are filled in here, but for one that has them. */
export type EffectsOfChange = {
  /** One with a `count` is added to the entry of its id where there is one. */
  audit?: readonly (Omit<AuditEntry, 'id' | 'at'> & { id?: string })[];
  mail?: readonly (Omit<Message, 'id' | 'createdAt' | 'dueAt' | 'attempts'> & {
    id?: string;
    dueAt?: number;
  })[];
  call?: Call | undefined;
  /** A row of the same collection that takes the place of the changed one: it is there whenever the change is. */
  successor?: { id: string } | undefined;
  /** Of an update that may be done over and over, so that it is bounded like what is made. */
  repeatable?: boolean;
};

type Parts = {
  /** Every collection whose rows may carry effects, as `openCollections` finds them. */
  carriers: readonly Collection<Carrier>[];
  /** The one among them whose rows are nothing but their effects, and go with them. */
  runs: { declaration: Declaration<Carrier>; rows: Collection<Carrier> };
  audit: Collection<AuditEntry>;
  outbox: Collection<Message>;
  store: Pick<Store, 'commit'>;
  recorder: Pick<Recorder, 'record'>;
  clock: Clock;
  log: Pick<Logger, 'error'>;
  /** Called after mail was put in the outbox, so that it is sent at once and not at the next look. */
  mailWaiting: () => void;
};

export type Effects = ReturnType<typeof createEffects>;

/** Changes together with what they bring, and the sweep behind those that were cut short. */
export function createEffects(parts: Parts) {
  const { carriers, clock, log } = parts;
  const removals = createRemovals(log);
  const delivering = { ...parts, forget: removals.forget };
  const pendingOf = createPending(clock);

  /** Effects in rows that no sweep looks at would be lost with the process, so that is refused at the first one. */
  function requireSwept<R extends Carrier>(collection: Collection<R>): Collection<Carrier> {
    const swept = carriers.find((one) => Object.is(one, collection));
    if (swept !== undefined) return swept;
    throw new TypeError('effects in a collection that no sweep looks at: open it through openCollections');
  }

  /** For a change that is done: it is not taken back by what fails now, and a sweep tries again. */
  async function deliverOrLeave(collection: Collection<Carrier>, row: Carrier): Promise<void> {
    await deliver(delivering, collection, row).catch((error: unknown) => tellLeft(log, row.pendingId, error));
  }

  return {
    /** Inserts a row together with its effects. Throws `Taken` like the collection. */
    async insert<R extends Carrier>(
      collection: Collection<R>,
      row: R,
      effects: EffectsOfChange,
    ): Promise<void> {
      const swept = requireSwept(collection);
      const carrier = { ...row, ...pendingOf(effects) };
      await collection.insert(carrier);
      await deliverOrLeave(swept, carrier);
    },

    /**
     * Like `Collection.update`, together with the effects of the change; no effect where nothing was changed.
     * The row that is answered does not carry them.
     */
    async update<R extends Carrier>(
      collection: Collection<R>,
      id: string,
      change: Change<R>,
      guard: Where<R>,
      effects: EffectsOfChange,
    ): Promise<R | undefined> {
      const swept = requireSwept(collection);
      // `Carrier` promises that R has these fields; the compiler cannot see through `keyof R`.
      const whole = { ...change, set: { ...change.set, ...pendingOf(effects) } } as Change<R>;
      const thisRow = ['id', '=', id] as unknown as Condition<R>;
      // Each attempt either changes the row, finds it refused, or first delivers what an earlier change left.
      for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
        const changed = await collection.update(id, whole, [...guard, ['pendingId', 'absent']]);
        if (changed !== undefined) {
          await deliverOrLeave(swept, changed);
          return withoutPending(changed);
        }
        // Only a guard that does not hold is a refusal: the effects in our way may be gone by now.
        const [row] = await collection.list({ where: [thisRow, ...guard], limit: 1 });
        if (row === undefined) return undefined;
        await deliver(delivering, swept, row);
      }
      throw new Unavailable(`${ATTEMPTS_MAX} other changes of one row came first`);
    },

    /**
     * Does all of these writes together with what they bring, or nothing; false where `Store.commit` is, and the same may be
     * tried again on what is there then. Throws `Taken`.
     */
    async commit(writes: readonly Write[], effects: EffectsOfChange): Promise<boolean> {
      const run: Carrier = { id: newId('run_'), ...pendingOf(effects) };
      const { declaration } = parts.runs;
      if (!(await parts.store.commit([...writes, writeOf({ declaration, insert: run })]))) return false;
      await deliverOrLeave(requireSwept(parts.runs.rows), run);
      return true;
    },

    /** Waits until the rows of runs whose effects are delivered are gone. */
    settled: removals.settled,

    /** Delivers what a process that died left in its rows. One row that cannot be delivered holds up no other. */
    async sweep(): Promise<void> {
      for (const collection of carriers) {
        for await (const row of leftBehind(collection, clock())) await deliverOrLeave(collection, row);
      }
    },
  };
}

/** Removals that nobody waits for. */
function createRemovals(log: Parts['log']) {
  const underWay = new Set<Promise<unknown>>();
  return {
    forget(removal: Promise<unknown>, pendingId: string): void {
      const ended = removal
        .catch((error: unknown) => tellLeft(log, pendingId, error))
        .finally(() => underWay.delete(ended));
      underWay.add(ended);
    },

    async settled(): Promise<void> {
      await Promise.all(underWay);
    },
  };
}

function tellLeft(log: Parts['log'], pendingId: string | undefined, error: unknown): void {
  log.error({ pendingId, err: error }, 'effects wait in their row for the next sweep');
}

/** Gives effects their ids and times, in the form in which a row carries them. */
function createPending(clock: Clock) {
  const nextId = createAuditIds();

  return ({ audit = [], mail = [], call, successor }: EffectsOfChange): Required<Omit<Carrier, 'id'>> => {
    const at = clock();
    const due = { createdAt: at, dueAt: at, attempts: 0 };
    return {
      pending: {
        audit: audit.map((entry) => ({ id: nextId(at), ...entry, at })),
        mail: mail.map((message) => ({ queue: 'own', id: randomId(), ...due, ...message })),
        call,
        successor: successor && { ...successor },
      },
      pendingAt: at,
      pendingId: randomId(),
    };
  };
}

/**
 * `forget`: whoever waits for a run does not wait for the end of its row, which is nothing but its effects. A single caller is
 * answered a fifth sooner.
 */
type Delivering = Omit<Parts, 'carriers'> & Pick<ReturnType<typeof createRemovals>, 'forget'>;

/** Puts a row's effects where they belong and takes them out of the row. Safe to repeat and to race. */
async function deliver(
  parts: Delivering,
  collection: Collection<Carrier>,
  { id, pending, pendingId }: Carrier,
): Promise<void> {
  if (pending === undefined || pendingId === undefined) return;
  const { audit, mail, call, successor } = pending;
  // Side by side, so that they share a commit.
  await Promise.all([
    insertAudit(parts.audit, audit, pendingId),
    parts.outbox.insertMany(mail),
    // The row that has it on disk may be removed below.
    call && parts.recorder.record(call, 'disk'),
    successor && insertSuccessor(collection, successor),
  ]);
  if (mail.length > 0) parts.mailWaiting();
  // The guard leaves alone the effects of a later change.
  const same = [['pendingId', '=', pendingId]] as const;
  if (collection === parts.runs.rows) parts.forget(collection.remove(id, same), pendingId);
  else await collection.update(id, { unset: PENDING_FIELDS }, same);
}

/** What is counted is never lost, and is counted twice only if a repeat of it comes behind another one. */
async function insertAudit(
  collection: Collection<AuditEntry>,
  carried: readonly AuditEntry[],
  pendingId: string,
): Promise<unknown> {
  const entries = carried.map(withActorKey);
  const counted = entries.filter(({ count }) => count !== undefined);
  if (counted.length === 0) return collection.insertMany(entries);
  const add = async (entry: AuditEntry) => {
    const isNew = (await collection.insertMany([{ ...entry, countedLast: pendingId }])) === 1;
    const change = { add: { count: entry.count ?? 1 }, set: { countedLast: pendingId } };
    if (!isNew) await collection.update(entry.id, change, [['countedLast', '!=', pendingId]]);
  };
  const single = entries.filter(({ count }) => count === undefined);
  return Promise.all([collection.insertMany(single), ...counted.map(add)]);
}

/** It takes over what its predecessor held; where somebody else was quicker to take that, it goes without. */
async function insertSuccessor(collection: Collection<Carrier>, successor: Carrier): Promise<void> {
  try {
    await collection.insert(successor);
  } catch (error) {
    if (!(error instanceof Taken)) throw error;
    // One that is there was delivered before: of all its fields that are taken, the store names any.
    if ((await collection.get(successor.id)) !== undefined) return;
    await insertSuccessor(collection, { ...successor, [error.field]: undefined });
  }
}

/** The rows whose effects should have been delivered by now. */
async function* leftBehind(collection: Collection<Carrier>, now: number): AsyncGenerator<Carrier> {
  for (const due of begunBefore(SWEEP_AGE_SECONDS, now)) yield* pagesOf(collection, [['pendingAt', ...due]]);
}

/** The oldest first. */
async function* pagesOf(collection: Collection<Carrier>, where: Where<Carrier>): AsyncGenerator<Carrier> {
  let after: Carrier | undefined;
  do {
    const page = { where, order: { by: 'pendingAt' }, limit: SWEEP_ROWS } as const;
    const rows: Carrier[] = await collection.list(after === undefined ? page : { ...page, after });
    yield* rows;
    after = rows.length < SWEEP_ROWS ? undefined : rows.at(-1);
  } while (after !== undefined);
}

function randomId(): string {
  return randomBytes(16).toString('base64url');
}

function withoutPending<R extends Carrier>(row: R): R {
  const bare = { ...row };
  for (const field of PENDING_FIELDS) delete bare[field];
  return bare;
}

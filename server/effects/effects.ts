import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import {
  type Change,
  type Collection,
  type Condition,
  type ScalarField,
  Unavailable,
  type Where,
} from '../../adapters/port.ts';
import { type AuditEntry, auditSchema } from '../activity/audit.ts';
import type { Clock } from '../ground/clock.ts';
import { type Message, messageSchema } from '../mail/message.ts';

/**
 * What a change brings with it: its audit entries and its mails. They are written inside the changed row, in
 * the same single-document write, and moved on to the audit and the outbox right after. If the process dies
 * in between, the next sweep moves them: nothing is lost and, because their ids are fixed at the change,
 * nothing is doubled. This needs no transaction over several documents, so it is the same on every engine.
 */
export const pendingEffects = {
  pending: z.object({ audit: z.array(auditSchema), mail: z.array(messageSchema) }).optional(),
  /** When `pending` was written; the three are present together or not at all. */
  pendingAt: z.number().optional(),
  /** Names this one `pending`: two changes of a row may fall into the same second. */
  pendingId: z.string().optional(),
};

type Pending = { audit: AuditEntry[]; mail: Message[] };
type PendingFields = { pending: Pending; pendingAt: number; pendingId: string };
type Causing = { id: string } & { [F in keyof PendingFields]?: PendingFields[F] | undefined };

/**
 * A sweep leaves alone what was written just now: the process that wrote it is about to move it on itself.
 */
const SWEEP_AGE_SECONDS = 10;
const SWEEP_ROWS = 100;
/** Changes with effects that may come before ours at one row before we say that the store is too busy. */
const TURNS_MAX = 100;

const PENDING_FIELDS = ['pending', 'pendingAt', 'pendingId'] as const;

/** Ids and times are filled in here. */
export type EffectsOfChange = {
  audit?: readonly Omit<AuditEntry, 'id' | 'at'>[];
  mail?: readonly Omit<Message, 'id' | 'createdAt' | 'dueAt' | 'attempts'>[];
};

export type Effects = ReturnType<typeof createEffects>;

/** Changes together with what they bring, and the sweep behind those that were cut short. */
export function createEffects(parts: {
  audit: Collection<AuditEntry>;
  outbox: Collection<Message>;
  clock: Clock;
  /** Called after mail was put in the outbox, so that it is sent at once and not at the next look. */
  mailWaiting: () => void;
}) {
  const { audit, outbox, clock, mailWaiting } = parts;
  const sweeps: (() => Promise<void>)[] = [];
  let count = 0;

  /** Audit ids of one process ascend, so that entries of one second are listed in their order. */
  function nextId(at: number): string {
    count += 1;
    return `${at.toString(36).padStart(7, '0')}${count.toString(36).padStart(6, '0')}${randomId()}`;
  }

  function pendingOf(effects: EffectsOfChange): PendingFields {
    const at = clock();
    return {
      pending: {
        audit: (effects.audit ?? []).map((entry) => ({ ...entry, id: nextId(at), at })),
        mail: (effects.mail ?? []).map((mail) => ({
          queue: 'own',
          ...mail,
          id: randomId(),
          createdAt: at,
          dueAt: at,
          attempts: 0,
        })),
      },
      pendingAt: at,
      pendingId: randomId(),
    };
  }

  /** Moves a row's effects to where they belong and takes them out of the row. Safe to repeat and to race. */
  async function settle<R extends Causing>(collection: Collection<R>, row: R): Promise<void> {
    const { pending, pendingId } = row;
    if (pending === undefined || pendingId === undefined) return;
    await Promise.all([audit.insertMany(pending.audit), outbox.insertMany(pending.mail)]);
    if (pending.mail.length > 0) mailWaiting();
    // The guard keeps the effects of a later change.
    await collection.update(row.id, changeOf<R>({ unset: PENDING_FIELDS }), [
      conditionOf<R>(['pendingId', '=', pendingId]),
    ]);
  }

  /**
   * Settles a change that is done and whose effects are safe in its row: if the store goes away just now, the
   * caller is still told that the change is done, and a sweep moves its effects later.
   */
  async function settleIfPossible<R extends Causing>(collection: Collection<R>, row: R): Promise<void> {
    await settle(collection, row).catch((error) => {
      if (!(error instanceof Unavailable)) throw error;
    });
  }

  async function sweepCollection<R extends Causing>(collection: Collection<R>): Promise<void> {
    const where = [conditionOf<R>(['pendingAt', '<=', clock() - SWEEP_AGE_SECONDS])];
    const order = { by: 'pendingAt' as ScalarField<R> };
    let after: R | undefined;
    for (;;) {
      const listing = { where, order, limit: SWEEP_ROWS, ...(after === undefined ? {} : { after }) };
      const rows = await collection.list(listing);
      for (const row of rows) await settle(collection, row);
      after = rows.at(-1);
      if (rows.length < SWEEP_ROWS) return;
    }
  }

  return {
    /**
     * A collection whose rows may carry effects: the sweep looks after it. Its declaration indexes
     * `pendingAt`.
     */
    watch<R extends Causing>(collection: Collection<R>): void {
      sweeps.push(() => sweepCollection(collection));
    },

    /** Adds work of another kind that a process which died may have left half done. */
    alsoSweep(work: () => Promise<void>): void {
      sweeps.push(work);
    },

    /** Inserts a row together with its effects. Throws `Taken` like the collection. */
    async insert<R extends Causing>(
      collection: Collection<R>,
      row: R,
      effects: EffectsOfChange,
    ): Promise<void> {
      const causing = { ...row, ...pendingOf(effects) };
      await collection.insert(causing);
      await settleIfPossible(collection, causing);
    },

    /**
     * Like `Collection.update`, together with the effects of the change; no effect where nothing was changed.
     * The row that is answered does not carry them.
     */
    async update<R extends Causing>(
      collection: Collection<R>,
      id: string,
      change: Change<R>,
      guard: Where<R>,
      effects: EffectsOfChange,
    ): Promise<R | undefined> {
      const whole = changeOf<R>({ ...change, set: { ...change.set, ...pendingOf(effects) } });
      const free = conditionOf<R>(['pendingId', 'absent']);
      const held = [conditionOf<R>(['id', '=', id]), ...guard];
      // Each turn either changes the row, finds it refused, or first helps an earlier change to settle.
      for (let turn = 0; turn < TURNS_MAX; turn += 1) {
        const changed = await collection.update(id, whole, [...guard, free]);
        if (changed !== undefined) {
          await settleIfPossible(collection, changed);
          return withoutPending(changed);
        }
        // Only a guard that does not hold is a refusal: the effects in our way may be gone by now.
        const [row] = await collection.list({ where: held, limit: 1 });
        if (row === undefined) return undefined;
        await settle(collection, row);
      }
      throw new Unavailable(`${TURNS_MAX} other changes of one row came first`);
    },

    /** Moves on what a process that died left in its rows. Run by jobs/. */
    async sweep(): Promise<void> {
      for (const sweepOne of sweeps) await sweepOne();
    },
  };
}

function randomId(): string {
  return randomBytes(16).toString('base64url');
}

function withoutPending<R extends Causing>(row: R): R {
  const bare = { ...row };
  for (const field of PENDING_FIELDS) delete bare[field];
  return bare;
}

/** `Causing` promises that R has the pending fields; the compiler cannot see through `keyof R`. */
function changeOf<R extends Causing>(change: object): Change<R> {
  return change as Change<R>;
}

function conditionOf<R extends Causing>(condition: readonly unknown[]): Condition<R> {
  return condition as unknown as Condition<R>;
}

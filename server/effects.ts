import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { type Change, type Collection, type Condition, Taken, type Where } from '../adapters/port.ts';
import { type AuditEntry, auditSchema } from './activity/audit.ts';
import type { Clock } from './clock.ts';
import { type Message, messageSchema } from './mail/message.ts';

/**
 * What a change brings with it: its audit entries and its mails. They are written inside the changed row, in the
 * same single-document write, and moved on to the audit and the outbox right after. If the process dies in
 * between, the next sweep moves them: nothing is lost and, because their ids are fixed at the change, nothing
 * is doubled. This needs no transaction over several documents, so it is the same on every engine.
 */
export const pendingEffects = {
  pending: z.object({ audit: z.array(auditSchema), mail: z.array(messageSchema) }).optional(),
  /** When `pending` was written; present exactly while it is. */
  pendingAt: z.number().optional(),
};

type Causing = { id: string; pending?: Pending | undefined; pendingAt?: number | undefined };
type Pending = { audit: AuditEntry[]; mail: Message[] };

/** Ids and times are filled in here. */
export type EffectsOfChange = {
  audit?: readonly Omit<AuditEntry, 'id' | 'at'>[];
  mail?: readonly Omit<Message, 'id' | 'createdAt' | 'dueAt' | 'attempts'>[];
};

export type Effects = ReturnType<typeof createEffects>;

export function createEffects(parts: {
  audit: Collection<AuditEntry>;
  outbox: Collection<Message>;
  clock: Clock;
  /** Called after mail was put in the outbox, so that it is sent at once and not at the next look. */
  mailWaiting: () => void;
}) {
  const { audit, outbox, clock, mailWaiting } = parts;
  const sweeps: (() => Promise<void>)[] = [];

  function pendingOf(effects: EffectsOfChange): Pending {
    const at = clock();
    const newId = () => randomBytes(16).toString('base64url');
    return {
      audit: (effects.audit ?? []).map((entry) => ({ ...entry, id: newId(), at })),
      mail: (effects.mail ?? []).map((mail) => ({ ...mail, id: newId(), createdAt: at, dueAt: at, attempts: 0 })),
    };
  }

  /** Moves a row's effects to where they belong and takes them out of the row. Safe to repeat and to race. */
  async function settle<R extends Causing>(collection: Collection<R>, row: R): Promise<void> {
    if (row.pending === undefined || row.pendingAt === undefined) return;
    await Promise.all([audit.insertMany(row.pending.audit), outbox.insertMany(row.pending.mail)]);
    // The guard keeps the effects of a later change; the casts say that R has the two fields, which Causing promises.
    const taken = { unset: ['pending', 'pendingAt'] } as unknown as Change<R>;
    await collection.update(row.id, taken, [['pendingAt', '=', row.pendingAt] as unknown as Condition<R>]);
    if (row.pending.mail.length > 0) mailWaiting();
  }

  return {
    /** A collection whose rows may carry effects: the sweep looks after it. Its declaration indexes `pendingAt`. */
    watch<R extends Causing>(collection: Collection<R>): void {
      const before = (at: number) => [['pendingAt', '<=', at] as unknown as Condition<R>];
      sweeps.push(async () => {
        for (const row of await collection.list({ where: before(clock() - 10), limit: 100 })) {
          await settle(collection, row);
        }
      });
    },

    /** Inserts a row together with its effects. Throws `Taken` like the collection. */
    async insert<R extends Causing>(collection: Collection<R>, row: R, effects: EffectsOfChange): Promise<void> {
      const causing = { ...row, pending: pendingOf(effects), pendingAt: clock() };
      await collection.insert(causing);
      await settle(collection, causing);
    },

    /** Like `Collection.update`, together with the effects of the change; no effect where nothing was changed. */
    async update<R extends Causing>(
      collection: Collection<R>,
      id: string,
      change: Change<R>,
      guard: Where<R>,
      effects: EffectsOfChange,
    ): Promise<R | undefined> {
      const pending = { pending: pendingOf(effects), pendingAt: clock() };
      const whole = { ...change, set: { ...change.set, ...pending } } as Change<R>;
      const free = ['pendingAt', 'absent'] as unknown as Condition<R>;
      // Each turn either changes the row, finds it refused, or first helps an earlier change to settle.
      for (let turn = 0; turn < 20; turn += 1) {
        const changed = await collection.update(id, whole, [...guard, free]);
        if (changed !== undefined) {
          await settle(collection, changed);
          return changed;
        }
        const row = await collection.get(id);
        if (row?.pendingAt === undefined) return undefined;
        await settle(collection, row);
      }
      throw new Taken('effects', 'pendingAt');
    },

    /** Moves on what a process that died left in its rows. Run by jobs/. */
    async sweep(): Promise<void> {
      for (const sweepOne of sweeps) await sweepOne();
    },
  };
}

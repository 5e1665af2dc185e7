import { z } from 'zod';
import { type Collection, declare, type Write } from '../../adapters/port.ts';
import type { Call } from '../activity/call.ts';
import type { Recorder } from '../activity/recorder.ts';
import { type Effects, type EffectsOfChange, pendingEffects } from '../effects/effects.ts';
import { Problem } from '../ground/errors.ts';
import { MAILS_WAITING_MAX } from '../ground/limits.ts';
import type { Message } from '../mail/message.ts';

const runSchema = z.strictObject({ id: z.string(), ...pendingEffects });

export type Run = z.infer<typeof runSchema>;

/**
 * Runs on their way: each row is nothing but what its run brings, and goes when that is delivered.
 */
export const runDeclaration = declare<Run>({
  name: 'workflow_runs',
  schema: runSchema,
  indexes: [['pendingAt']],
  committed: true,
});

/** What a run does. */
export type RunWrites = {
  writes: readonly Write[];
  mail: NonNullable<EffectsOfChange['mail']>;
  /** What the accounts that it touched as an admin read of it. */
  audit?: EffectsOfChange['audit'] | undefined;
};

export type Runs = ReturnType<typeof createRuns>;

/** Carries out what workflows staged, all of a run or none of it, together with the call's activity entry. */
export function createRuns(parts: {
  outbox: Collection<Message>;
  effects: Effects;
  recorder: Pick<Recorder, 'record'>;
}) {
  const { outbox, effects, recorder } = parts;

  /** Mails of runs that this process let in and has not written yet, by their queue. */
  const underWay = new Map<string, number>();

  /** Writes where there is room for the mails, behind those that were let in before: runs at once keep to it too. */
  async function writeWithin<T>(mail: RunWrites['mail'], write: () => Promise<T>): Promise<T> {
    const [first] = mail;
    if (first === undefined) return write();
    const { queue = 'anyone' } = first;
    const ahead = (underWay.get(queue) ?? 0) + mail.length;
    underWay.set(queue, ahead);
    try {
      await requireRoom(queue, ahead);
      return await write();
    } finally {
      const left = (underWay.get(queue) ?? 0) - mail.length;
      if (left > 0) underWay.set(queue, left);
      else underWay.delete(queue);
    }
  }

  async function requireRoom(queue: string, wanted: number): Promise<void> {
    const waiting = await outbox.count([
      ['queue', '=', queue],
      ['dueAt', 'present'],
      // What a mailbox does not take must not keep its owner from calling: the sender gives it up soon, or has a
      // bound of its own for it.
      ['refusedAt', 'absent'],
    ]);
    if (waiting + wanted > MAILS_WAITING_MAX) throw tooMuchMail();
  }

  return {
    /**
     * Makes it happen and records the call. When this has answered true, both are done for good, whatever becomes of
     * the store after; when it answers false, because somebody else was quicker to change what the run changes, or throws, neither is.
     * Throws Problem 429 while too many mails of the same caller wait to be sent, and `Taken`.
     */
    async commit({ writes, mail, audit = [] }: RunWrites, call: Call | undefined): Promise<boolean> {
      if (writes.length + mail.length > 0) {
        return writeWithin(mail, () => effects.commit(writes, { mail, audit, call }));
      }
      if (call !== undefined) await recorder.record(call);
      return true;
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

import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { z } from 'zod';
import { type Collection, declare } from '../../adapters/port.ts';
import { type Clock, isWithin } from '../ground/clock.ts';
import { Problem } from '../ground/errors.ts';
import { hashOf } from '../ground/opaque.ts';
import { HOUR_SECONDS } from '../ground/time.ts';

/** A form that was sent: each page has an id of its own in it, so that a second post of it is known as one. */
const sentFormSchema = z.strictObject({
  /** SHA-256 of the form's id, where it is sent to, and who sends it. */
  id: z.string(),
  sentAt: z.number(),
  /** Where the first post went on to; absent as long as it is under way, and where it was cut off. */
  location: z.string().optional(),
  /** Whose account it made or changed, where nobody was signed in who sent it. */
  accountId: z.string().optional(),
  /** Present where it failed in a way that leaves open what was done. */
  failedAt: z.number().optional(),
  expiresAt: z.number(),
});

export type SentForm = z.infer<typeof sentFormSchema>;

export const sentFormDeclaration = declare<SentForm>({
  name: 'sent_forms',
  schema: sentFormSchema,
  indexes: [['expiresAt']],
  expires: { expiresAt: 0 },
});

/** Somebody who goes back to a form and sends it again does so while the tab is still in use. */
const KNOWN_SECONDS = HOUR_SECONDS;
/** Longer than any form takes: what is not done by then was cut off with its process. */
const UNDER_WAY_SECONDS = 60;
/** How long a second post waits for the first before it says so, and how often it looks. */
const WAIT_MS_MAX = 20_000;
const LOOK_MS = 100;

/** What came of a form: where to go on, and for whom where nobody is signed in. */
export type Outcome = { location: string; accountId?: string };

/** One post of a form. `who` is an account, or a secret that only one person has, such as that of a mailed link. */
export type Post = { who: string; path: string; formId: string };

export type OneTimeForms = ReturnType<typeof createOneTimeForms>;

/**
 * Forms that do what they do once, however often they are sent: a double click, a reload, a way back in the browser.
 * One guarded row decides which post is the first, over all processes. A forged or foreign id is worth nothing: the
 * row's name has the account and the path in it.
 */
export function createOneTimeForms(parts: {
  sentForms: Collection<SentForm>;
  clock: Clock;
  log: Pick<Logger, 'warn'>;
}) {
  const { sentForms, clock } = parts;

  return {
    /**
     * What came of this form, if it was sent before: waits for a post that is under way. Undefined where it was not, or
     * was refused. Throws Problem 409 where nobody knows.
     */
    find: async (post: Post): Promise<Outcome | undefined> => settled(parts, idOf(post)),

    /**
     * Does `act` if this is the first post of the form; a second one gets the outcome of the first, also while that is
     * under way. A form that was refused may be sent again. Without an id each post is the first.
     */
    async once(post: Post, act: () => Promise<Outcome>): Promise<Outcome & { again: boolean }> {
      if (post.formId === '') return { ...(await act()), again: false };
      const id = idOf(post);
      for (;;) {
        const sentAt = clock();
        const row = { id, sentAt, expiresAt: sentAt + KNOWN_SECONDS };
        if ((await sentForms.insertMany([row])) === 1)
          return { ...(await doFirst(parts, id, act)), again: false };
        const outcome = await settled(parts, id);
        if (outcome !== undefined) return { ...outcome, again: true };
      }
    },
  };
}

type Parts = Parameters<typeof createOneTimeForms>[0];

async function doFirst({ sentForms, clock, log }: Parts, id: string, act: () => Promise<Outcome>) {
  const note = (work: Promise<unknown>) =>
    work.catch((error: unknown) => log.warn({ err: error }, 'the outcome of a form was not noted'));
  try {
    const outcome = await act();
    await note(sentForms.update(id, { set: outcome }));
    return outcome;
  } catch (error) {
    // A refusal changed nothing; after anything else nobody knows, so it is not done a second time.
    const isRefusal = error instanceof Problem;
    await note(isRefusal ? sentForms.remove(id) : sentForms.update(id, { set: { failedAt: clock() } }));
    throw error;
  }
}

async function settled({ sentForms, clock }: Parts, id: string): Promise<Outcome | undefined> {
  for (let waited = 0; ; waited += LOOK_MS) {
    const row = await sentForms.get(id);
    if (row === undefined) return undefined;
    const { location, accountId } = row;
    if (location !== undefined) return { location, ...(accountId === undefined ? {} : { accountId }) };
    const isOver = row.failedAt !== undefined || !isWithin(UNDER_WAY_SECONDS, row.sentAt, clock());
    if (isOver || waited >= WAIT_MS_MAX) throw uncertain(isOver);
    await delay(LOOK_MS);
  }
}

function idOf({ who, path, formId }: Post): string {
  return hashOf(JSON.stringify([formId, path, who]));
}

function uncertain(isOver: boolean): Problem {
  return new Problem({
    status: 409,
    code: 'SENT_BEFORE',
    message: isOver
      ? 'This form was sent before and was cut off, so it may have been done or not.'
      : 'This form was sent before and is still being worked on.',
    hint: 'Look at the list whether it is done before you fill in the form anew. What is there and was never shown to you can be revoked.',
  });
}

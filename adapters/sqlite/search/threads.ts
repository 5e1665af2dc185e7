import { TooSlow, Unavailable } from '../../port.ts';
import type { Sql } from '../queries.ts';
import { createThread, type Thread } from '../thread.ts';
import { createSearchTurns } from './search-turns.ts';

/** A row that a search gives: of a list its document, of a count how many there are. */
export type FoundRow = { doc?: string; rows?: number };

/** Takes a row, or answers that it wants no more. */
export type Take = (row: FoundRow) => boolean;

/** What a thread is to look for, and for how long; `ended` is 1 as soon as nobody waits for it. */
export type Search = Sql & { file: string; msMax: number; ended: Int32Array };

/** A search begins, goes on, or is over before its end. */
export type Question = Search | 'more' | 'enough';

export type Answer = { rows: FoundRow[]; isLast: boolean } | { isOutOfTime: true } | { failed: string };

/** So that a single slow search does not keep all others waiting. Each of them takes a core. */
const THREADS_MAX = 2;

/** Of a statement in the log, which has no values in it. */
const SHOWN_LENGTH_MAX = 500;

/** Threads in which long searches go on, each with a connection of its own that sees what was committed before. */
export function createSearchThreads(file: string, { msMax, idleMs }: { msMax: number; idleMs: number }) {
  const script = new URL('./worker.ts', import.meta.url);
  const threads = Array.from({ length: THREADS_MAX }, () =>
    createThread<Question, Answer>(script, { idleMs }),
  );
  const free = [...threads];
  const inTurn = createSearchTurns({ atOnceMax: THREADS_MAX, waitMsMax: msMax });

  async function search(
    thread: Thread<Question, Answer>,
    { text, values }: Sql,
    { take, signal }: { take: Take; signal: AbortSignal | undefined },
  ): Promise<void> {
    signal?.throwIfAborted();
    // No message reaches a thread in the middle of a statement.
    const ended = new Int32Array(new SharedArrayBuffer(4));
    const end = () => Atomics.store(ended, 0, 1);
    signal?.addEventListener('abort', end);
    try {
      await searchUntil(thread, { file, text, values, msMax, ended }, take);
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener('abort', end);
    }
  }

  async function searchUntil(thread: Thread<Question, Answer>, asked: Search, take: Take): Promise<void> {
    for (let question: Question = asked; ; question = 'more') {
      const answer = await thread.ask(question);
      if ('isOutOfTime' in answer) throw tooSlow(asked);
      if ('failed' in answer) throw new Unavailable(`a search has failed: ${answer.failed}`);
      const isEnough = !answer.rows.every(take);
      if (answer.isLast) return;
      if (isEnough) return void (await thread.ask('enough'));
    }
  }

  return {
    /** Gives each row to `take`, until it answers no. Throws `TooSlow`, and `TooBusy` where too many others search. */
    search: (
      sql: Sql,
      { whose, signal }: { whose: string; signal: AbortSignal | undefined },
      take: Take,
    ): Promise<void> =>
      inTurn({ whose, signal }, async () => {
        const thread = free.pop() as Thread<Question, Answer>;
        try {
          await search(thread, sql, { take, signal });
        } finally {
          free.push(thread);
        }
      }),

    /** Ends them, with what is under way. */
    async end(): Promise<void> {
      await Promise.all(threads.map((thread) => thread.end()));
    },
  };
}

function tooSlow({ text, msMax }: Search): TooSlow {
  return new TooSlow(`a search took longer than ${msMax} ms: ${text.slice(0, SHOWN_LENGTH_MAX)}`);
}

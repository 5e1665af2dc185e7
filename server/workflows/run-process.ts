import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Problem } from '../ground/errors.ts';
import { doOurs } from './late-failures.ts';
import { errorFrom, type FromProcess, failureOf, type RunOutcome, type RunTask } from './process/messages.ts';
import type { RunResult } from './run-here.ts';
import { startRunProgram } from './run-program.ts';
import type { Ask, Asked } from './run-protocol.ts';

/** A process that has not loaded the owner's files by then is given up. */
const LOAD_MS_MAX = 10_000;
/** A process that does not answer within this is held up by what an earlier run left behind. */
const ANSWER_MS_MAX = 3000;
/** Beyond the time limit of a run: so long its code may still do something about the signal that it gets. */
const GRACE_MS = 200;

/** Its process did not begin it: nothing was done yet. */
export class NotBegun extends Error {}

export type RunProcess = ReturnType<typeof startRunProcess>;

/**
 * Starts a process in which workflows run, one run at a time: whatever the owner's code does, ending the process ends it.
 */
export function startRunProcess({ folder, log }: { folder: string; log: Pick<Logger, 'error'> }) {
  const { send, end: endProgram, gone } = startRunProgram(folder, { hear, lose });
  const ready = Promise.withResolvers<void>();
  // Where nobody waits any more.
  ready.promise.catch(() => undefined);
  const loading = timerOf(LOAD_MS_MAX, () => end(new NotBegun('its process does not load the files')));
  let underWay: UnderWay | undefined;
  let there = () => {};
  let last = 0;
  let isReady = false;
  let isEnded = false;

  function kill(): void {
    isEnded = true;
    loading.clear();
    endProgram();
  }

  function end(error: Error): void {
    kill();
    ready.reject(error);
    underWay?.reject(error);
  }

  /** It is of no use any more, by itself. */
  function lose(why: string): void {
    const when = isReady ? 'for what a run had left behind' : 'before it had loaded the files';
    if (!isEnded && underWay === undefined) log.error(`a process of the workflows ended ${when}: ${why}`);
    underWay?.isLost(why);
    // What it started goes on without it.
    end(new NotBegun(why));
  }

  function hear(message: FromProcess): void {
    if ('ready' in message) {
      loading.clear();
      isReady = true;
      ready.resolve();
    } else if ('unready' in message) end(errorFrom(message.unready));
    else if ('begun' in message) underWay?.begins();
    else if ('over' in message) {
      underWay?.isOver(message.over);
      if (message.isSpent) end(new Error('something of its run goes on in it'));
    } else if ('ask' in message) {
      const ask = underWay?.number === message.run ? underWay.ask : undefined;
      doOurs(() => answerTo(ask, message.asked))
        .then((answer) => send({ answerTo: message.ask, ...answer }))
        .catch((error: unknown) => lose(`it cannot be answered: ${error}`));
    } else if ('isThere' in message) there();
    else log.error({ ...message.late, err: errorFrom(message.failed) }, message.message);
  }

  return {
    /** Rejects where it does not load the owner's files. */
    ready: ready.promise,
    /** It has ended, and what it started with it. */
    gone,
    isEnded: (): boolean => isEnded,
    end,

    /** Throws `NotBegun`, Problem 504 at the time limit, and what the run throws. */
    async run(task: RunTask, ask: Ask, tooSlow: () => Problem): Promise<RunResult> {
      if (isEnded) throw new NotBegun('its process has ended');
      last += 1;
      underWay = createUnderWay({ number: last, task, ask, tooSlow, kill, end });
      try {
        send({ run: last, task });
        return await underWay.result;
      } finally {
        underWay.stopTimer();
        underWay = undefined;
      }
    },

    /** Whether it answers: between two runs too it may be in a loop. */
    async isThere(): Promise<boolean> {
      const answered = new Promise<true>((resolve) => {
        there = () => resolve(true);
      });
      send({ isThere: true });
      return Promise.race([answered, delay(ANSWER_MS_MAX, false, { ref: false })]);
    },
  };
}

type UnderWay = ReturnType<typeof createUnderWay>;

/** The run that a process is in. */
function createUnderWay(parts: {
  number: number;
  task: RunTask;
  ask: Ask;
  tooSlow: () => Problem;
  /** Ends its process; when that has gone, `isLost`. */
  kill: () => void;
  /** Ends its process, and fails it with this. */
  end: (error: Error) => void;
}) {
  const { number, task, ask, tooSlow, kill, end } = parts;
  const { promise: result, resolve, reject } = Promise.withResolvers<RunResult>();
  // It may begin in the last moment: whether it did is known when its process has gone.
  let timer = timerOf(ANSWER_MS_MAX, kill);
  let hasBegun = false;
  return {
    number,
    ask,
    result,
    reject,
    begins(): void {
      hasBegun = true;
      timer.clear();
      timer = timerOf(task.timeLimitMs + GRACE_MS, () => end(tooSlow()));
    },
    isOver(outcome: RunOutcome): void {
      if ('result' in outcome) resolve(outcome.result);
      else reject(errorFrom(outcome.failed));
    },
    /** Its process ended by itself. */
    isLost(why: string): void {
      const error = new Error(`workflow ${task.workflow}: its process ended: ${why}`);
      reject(hasBegun ? error : new NotBegun(why));
    },
    stopTimer: () => timer.clear(),
  };
}

type Timer = { clear(): void };

/**
 * What has been said by then is heard first: where the server itself was held up, or the computer slept, its timers are due
 * before it reads what came meanwhile, and a run that had begun would be done twice.
 */
function timerOf(ms: number, over: () => void): Timer {
  let afterReading: NodeJS.Immediate | undefined;
  const timer = setTimeout(() => {
    afterReading = setImmediate(over);
  }, ms);
  return {
    clear() {
      clearTimeout(timer);
      clearImmediate(afterReading);
    },
  };
}

async function answerTo(
  ask: Ask | undefined,
  asked: Asked,
): Promise<{ found: Awaited<ReturnType<Ask>> } | { failed: ReturnType<typeof failureOf> }> {
  try {
    if (ask === undefined) throw new TypeError('the run is over; await what it starts');
    return { found: await ask(asked) };
  } catch (error) {
    return { failed: failureOf(error) };
  }
}

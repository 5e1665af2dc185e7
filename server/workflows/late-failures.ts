import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { readableError } from './process/messages.ts';

/** What is at work that is not the server's own: code of the owner's, or a process in which that runs. */
type Work = {
  /** Told of what fails and nobody handles. */
  fails(error: unknown, tell: TellLate): void;
  /** Fails it at once, where that can be. */
  end?: ((error: Error) => void) | undefined;
};

/** Puts into the log what failed when its run was over. */
type TellLate = (late: { requestId: string; workflow: string; err: Error }, message: string) => void;

/** An interval that throws each time must not fill the log. */
const LOGGED_MAX = 10;

/** Node hands it on to all that a run starts: promises, timers, listeners. */
const works = new AsyncLocalStorage<Work | undefined>();

/** Whose call it is. What a built-in workflow (`isOurs`) starts is the server's own work, for others too. */
type Whose = { workflow: string; requestId: string; isOurs: boolean };

/**
 * Does a run of a workflow within `limit`. What the run started and does not await (a promise, a timer, a listener)
 * may fail too: until the run is over that fails the run. Where it is given up, `signal` is aborted.
 */
export async function doRun<T>(
  whose: Whose,
  limit: { ms: number; error: () => Error },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const end = (error: Error) => {
    reject(error);
    controller.abort(error);
  };
  const owned = workOf(whose, end);
  return works.run(whose.isOurs ? undefined : owned, async () => {
    const timer = setTimeout(() => end(limit.error()), limit.ms);
    try {
      const running = work(controller.signal);
      // The late failure of a run that was given up is nobody's any more.
      running.catch(() => undefined);
      const result = await Promise.race([running, ended]);
      clearTimeout(timer);
      // What fails at once is told of when this turn of the event loop ends, or at its next timers: where a run
      // leaves none, which is the rule, it is answered a millisecond earlier.
      await Promise.race([nextTurn().then(() => (areTimersSet() ? sleep(1) : undefined)), ended]);
      return result;
    } finally {
      clearTimeout(timer);
      owned.end = undefined;
    }
  });
}

function areTimersSet(): boolean {
  return process.getActiveResourcesInfo().includes('Timeout');
}

/**
 * Loads a file of the owner's, or tries what it declares: what that starts and does not await fails for itself, before any
 * run.
 */
export function doLoad<T>(file: string, load: () => T): T {
  return works.run(workOf({ workflow: file, requestId: 'start' }), load);
}

/** Does something synchronous by the owner's code, such as a check by a schema. What that throws can be read. */
export function doCheck<T>(whose: Whose, check: () => T): T {
  try {
    return works.run(whose.isOurs ? undefined : workOf(whose), check);
  } catch (error) {
    throw readableError(error);
  }
}

/** Starts what may be broken from outside: what fails in it, now or later, and nobody handles goes to `fails`. */
export function doApart<T>(fails: (error: unknown) => void, start: () => T): T {
  return works.run({ fails }, start);
}

/** Does the server's own work, whoever asks for it. */
export function doOurs<T>(work: () => T): T {
  return works.run(undefined, work);
}

/**
 * Installed once in each process, that of the server and those of the workflows: an exception or a rejection that nobody
 * handles, and that a run of a workflow caused, fails that run or, when it is over, is logged; the server goes on. All
 * others go to `crash`, as nobody knows in which state they leave the process.
 */
export function catchLateFailures(tell: TellLate, crash: (error: unknown) => void): void {
  // Node raises unhandled rejections as uncaught exceptions too, in the context of the promise.
  process.on('uncaughtException', (error: unknown) => {
    const work = works.getStore();
    if (work === undefined) crash(error);
    else work.fails(error, tell);
  });
}

/** What of the owner's is at work just now; undefined where nothing is. */
export function workNow(): Pick<Work, 'end'> | undefined {
  return works.getStore();
}

/** Code of the owner's. `end` fails it; it is taken away when that is over. */
function workOf(
  { workflow, requestId }: Pick<Whose, 'workflow' | 'requestId'>,
  end?: (error: Error) => void,
): Work {
  let failures = 0;
  return {
    end,
    fails(error, tell) {
      failures += 1;
      if (this.end !== undefined && failures === 1) {
        // Never the error itself: a refusal that `run` did not await is a mistake of the workflow, not an answer.
        const cause = readableError(error);
        this.end(new Error(`workflow ${workflow}: something that run does not await failed`, { cause }));
      } else if (failures <= LOGGED_MAX) {
        const late = { requestId, workflow, err: readableError(error) };
        tell(late, 'something that a run of a workflow started failed');
      }
    },
  };
}

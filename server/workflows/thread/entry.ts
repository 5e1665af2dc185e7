import { MessageChannel, parentPort, threadId, workerData } from 'node:worker_threads';
import { catchLateFailures, doRun } from '../late-failures.ts';
import { type Declarations, loadDeclarations } from '../load-declarations.ts';
import { runHere } from '../run-here.ts';
import type { Ask, Asked } from '../run-protocol.ts';
import { boundAllocations } from './allocations.ts';
import { closePrototype, guardProcess, watchStarted } from './guards.ts';
import {
  errorFrom,
  type FromThread,
  failureOf,
  type Greeting,
  type NumberedTask,
  type RunOutcome,
  type ToThread,
} from './messages.ts';

/** What a thread is started with. */
export type ThreadData = { folder: string };

/** Questions of one thread that the server answers at a time: more of them would only fill its memory. */
const ASKED_MAX = 16;

const { port1: server, port2: port } = new MessageChannel();

// Before any file of the owner is read: what one starts and does not await may fail while it loads.
catchLateFailures(
  ({ err, ...late }, message) => say({ late, failed: failureOf(err), message }),
  (error) => {
    const late = { requestId: 'none', workflow: 'none' };
    say({ late, failed: failureOf(error), message: 'a thread of the workflows failed' });
    process.exit(1);
  },
);

boundAllocations();
const { limitCalls } = guardProcess();
const started = watchStarted((program) => say({ program }));

const askOf = createAsking();

/**
 * The task of a thread: one run of a workflow. It is there when the owner's files are loaded, as the server itself loaded
 * them; where they do not load any more the run fails, and the next one is for a new thread, which reads them again.
 */
export const runInThread: Promise<(task: NumberedTask) => Promise<RunOutcome>> = loadDeclarations(
  (workerData as ThreadData).folder,
).then(
  (declarations) => {
    closePrototype();
    started.areLoaded();
    return async (task) => {
      limitCalls(task.timeLimitMs);
      const outcome = await ran(declarations, task);
      if (!started.isLeftBehind()) return outcome;
      await started.endPrograms();
      say({ spent: task.number, outcome });
      return new Promise(() => {});
    };
  },
  (error: Error) => async () => {
    setImmediate(() => process.exit(1));
    const message = `the owner's files do not load any more, as they did at the start: ${error.message}`;
    return { failed: failureOf(new Error(message)) };
  },
);

void runInThread.then(() => {
  const greeting: Greeting = { threadId, port };
  parentPort?.postMessage(greeting, [port]);
});

/** What it answers can be handed to another thread. */
async function ran({ workflows }: Declarations, task: NumberedTask): Promise<RunOutcome> {
  const { number, workflow: name, call, timeLimitMs, at } = task;
  say({ begun: number });
  const over = new Error(`workflow ${name}: its time is over`);
  try {
    const workflow = workflows.get(name);
    if (workflow === undefined) throw new TypeError(`workflow ${name} is not there any more`);
    const whose = { workflow: name, requestId: call.request.id, isOurs: false };
    const result = await doRun(whose, { ms: timeLimitMs, error: () => over }, (signal) =>
      runHere(workflow, call, { clock: () => at, ask: askOf(number), signal }),
    );
    return { result };
  } catch (error) {
    // What it goes on with nobody knows: the server ends the thread, in a moment.
    if (error === over) {
      void started.endPrograms();
      return new Promise(() => {});
    }
    return { failed: failureOf(error, `workflow ${name}: `) };
  }
}

/** Asks the server, which answers under the rules for who calls. */
function createAsking(): (run: number) => Ask {
  const asked = new Map<number, (answer: ToThread) => void>();
  const waiting: (() => void)[] = [];
  let last = 0;
  server.on('message', (answer: ToThread) => {
    asked.get(answer.answerTo)?.(answer);
    asked.delete(answer.answerTo);
    waiting.shift()?.();
  });
  // No reason for the thread to stay.
  server.unref();

  return (run) => async (wanted: Asked) => {
    if (asked.size >= ASKED_MAX) await new Promise<void>((resolve) => waiting.push(resolve));
    const { promise, resolve } = Promise.withResolvers<ToThread>();
    last += 1;
    asked.set(last, resolve);
    say({ ask: last, run, asked: wanted });
    const answer = await promise;
    if ('failed' in answer) throw errorFrom(answer.failed);
    return answer.found;
  };
}

function say(message: FromThread): void {
  server.postMessage(message);
}

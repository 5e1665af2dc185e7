import { type MessagePort, workerData } from 'node:worker_threads';
import { doRun } from '../late-failures.ts';
import { loadDeclarations } from '../load.ts';
import { runHere } from '../run-here.ts';
import type { Ask } from '../stage.ts';
import {
  errorFrom,
  type FromThread,
  failureOf,
  type RunOutcome,
  type RunTask,
  type ToThread,
} from './messages.ts';

/** What a thread is started with. */
export type ThreadData = { folder: string };

/** Loaded once for each thread, as the server itself loaded it. */
const declarations = loadDeclarations((workerData as ThreadData).folder);

/** The task of a thread: one run of a workflow. What it answers can be handed to another thread, or it has failed. */
export async function runInThread({ port, task }: { port: MessagePort; task: RunTask }): Promise<RunOutcome> {
  const { workflow: name, call, timeLimitMs, at } = task;
  try {
    const workflow = (await declarations).workflows.get(name);
    if (workflow === undefined) throw new TypeError(`workflow ${name} is not there any more`);
    const ask = asking(port);
    say(port, { begun: true });
    const whose = { workflow: name, requestId: call.request.id, isOurs: false };
    const limit = { ms: timeLimitMs, error: () => new Error(`workflow ${name}: its time is over`) };
    const result = await doRun(whose, limit, (signal) =>
      runHere(workflow, call, { clock: () => at, ask, signal }),
    );
    return { result: structuredClone(result) };
  } catch (error) {
    return { failed: failureOf(error) };
  } finally {
    port.close();
  }
}

/** Asks the server, which answers under the rules for who calls. */
function asking(port: MessagePort): Ask {
  const waiting = new Map<number, (answer: ToThread) => void>();
  let last = 0;
  port.on('message', (answer: ToThread) => {
    waiting.get(answer.answerTo)?.(answer);
    waiting.delete(answer.answerTo);
  });
  return async (asked) => {
    last += 1;
    const { promise, resolve } = Promise.withResolvers<ToThread>();
    waiting.set(last, resolve);
    say(port, { ask: last, asked });
    const answer = await promise;
    if ('failed' in answer) throw errorFrom(answer.failed);
    return answer.found;
  };
}

function say(port: MessagePort, message: FromThread): void {
  port.postMessage(message);
}

import { catchLateFailures, doRun } from '../late-failures.ts';
import { type Declarations, loadDeclarations } from '../load-declarations.ts';
import { runHere } from '../run-here.ts';
import type { Ask, Asked } from '../run-protocol.ts';
import { beEndedFirst, closeBuiltIns, closeChannel, keepPrograms, watchStarted } from './guards.ts';
import {
  errorFrom,
  type FromProcess,
  failureOf,
  type RunOutcome,
  type RunTask,
  type ToProcess,
} from './messages.ts';
import { watchThisProcess } from './watched.ts';

/** Questions that the server answers at a time: more of them would only fill its memory. */
const ASKED_MAX = 16;

const [folder = ''] = process.argv.slice(2);
const send = process.send?.bind(process);
const say = (message: FromProcess, said = () => {}): void => void send?.(message, said);

beEndedFirst();
const watch = watchThisProcess(process.ppid);

// Before any file of the owner is read: what one starts and does not await may fail while it loads.
catchLateFailures(
  ({ err, ...late }, message) => say({ late, failed: failureOf(err), message }),
  (error) => {
    const late = { requestId: 'none', workflow: 'none' };
    const message = 'a process of the workflows failed';
    say({ late, failed: failureOf(error), message }, () => process.exit(1));
  },
);
closeChannel();
keepPrograms();
const started = watchStarted();
const { askOf, hearAnswer } = createAsking();

/** The owner's files are loaded, or known not to load: the server itself loaded them at its start. */
export const loaded: Promise<void> = loadDeclarations(folder).then(
  (declarations) => {
    const builtIns = closeBuiltIns();
    const isSpent = () => started.isLeftBehind() || watch.isFull() || builtIns.putBack();
    started.areLoaded();
    watch.areLoaded();
    process.on('message', (message: ToProcess) => {
      if ('run' in message) void run(declarations, message, isSpent);
      else if ('answerTo' in message) hearAnswer(message);
      else say({ isThere: true });
    });
    say({ ready: true });
  },
  (error: Error) => {
    const message = `the owner's files do not load any more, as they did at the start: ${error.message}`;
    say({ unready: failureOf(new Error(message)) }, () => process.exit(1));
  },
);

/** `isSpentNow`: whether the process must not be used again. */
async function run(
  declarations: Declarations,
  { run: number, task }: Extract<ToProcess, { run: number }>,
  isSpentNow: () => boolean,
): Promise<void> {
  watch.runBegins();
  say({ begun: true });
  const outcome = await outcomeOf(declarations, number, task);
  watch.runEnds();
  const isSpent = isSpentNow();
  try {
    say({ over: outcome, isSpent });
  } catch (error) {
    // What it wants stored is nothing that can be handed on.
    say({ over: { failed: failureOf(error, `workflow ${task.workflow}: `) }, isSpent });
  }
}

async function outcomeOf({ workflows }: Declarations, number: number, task: RunTask): Promise<RunOutcome> {
  const { workflow: name, call, timeLimitMs, at } = task;
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
    // What it goes on with nobody knows: the server ends this process, in a moment.
    if (error === over) return new Promise(() => {});
    return { failed: failureOf(error, `workflow ${name}: `) };
  }
}

type Answer = Extract<ToProcess, { answerTo: number }>;

/** Asks the server, which answers under the rules for who calls. */
function createAsking(): { askOf(run: number): Ask; hearAnswer(answer: Answer): void } {
  const asked = new Map<number, (answer: Answer) => void>();
  const waiting: (() => void)[] = [];
  let last = 0;

  return {
    askOf: (run) => async (wanted: Asked) => {
      while (asked.size >= ASKED_MAX) await new Promise<void>((resolve) => waiting.push(resolve));
      const { promise, resolve } = Promise.withResolvers<Answer>();
      last += 1;
      try {
        say({ ask: last, run, asked: wanted });
      } catch (error) {
        // Nobody can be asked by a function, say: who waits takes the place.
        waiting.shift()?.();
        throw error;
      }
      asked.set(last, resolve);
      const answer = await promise;
      if ('failed' in answer) throw errorFrom(answer.failed);
      return answer.found;
    },
    hearAnswer(answer) {
      asked.get(answer.answerTo)?.(answer);
      asked.delete(answer.answerTo);
      waiting.shift()?.();
    },
  };
}

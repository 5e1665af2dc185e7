import { Taken } from '../../adapters/port.ts';
import { fromWorkflow } from '../../views/mail/from-workflow.ts';
import { type Bearer, externalIdOf, metadataOf } from '../access/bearer.ts';
import type { Accounts } from '../accounts/accounts.ts';
import type { Call } from '../activity/call.ts';
import { coversAsAdmin, workflowScope } from '../credentials/scopes.ts';
import type { DataAccess } from '../data/access.ts';
import { pauseBeforeAttempt } from '../data/retry-pause.ts';
import type { OpenType } from '../data/rows.ts';
import { checkInTime, type SentBy } from '../data/timed-check.ts';
import { touchEntries } from '../data/touched-owners.ts';
import type { Clock } from '../ground/clock.ts';
import { asUndone, beforeChanges, Problem } from '../ground/errors.ts';
import { WORKFLOW_ATTEMPTS_MAX, WORKFLOW_SECONDS_MAX } from '../ground/limits.ts';
import type { Settings } from '../ground/settings.ts';
import { msSince } from '../ground/time.ts';
import { ISSUE_TOKEN } from './issue-token.ts';
import { doCheck, doRun } from './late-failures.ts';
import { findNamedRecords, type NamedRecords } from './named-records.ts';
import { type Arguments, checkParameters } from './parameters.ts';
import type { PassedRules } from './passed-rules.ts';
import { unfitForProcess } from './process/fit.ts';
import type { RunTask } from './process/messages.ts';
import type { Processes } from './processes.ts';
import { createRecordTurns, type Turn, type WorkedRecords, workedOn } from './record-turns.ts';
import { createRunData, takenProblem } from './run-data.ts';
import { type RunCall, type RunResult, runHere } from './run-here.ts';
import type { Ask, Staged } from './run-protocol.ts';
import type { Runs, RunWrites } from './runs.ts';
import type { Workflow, WorkflowCaller, WorkflowMail } from './workflow.ts';

type RunnerParts = {
  runs: Runs;
  accounts: Pick<Accounts, 'get'>;
  types: ReadonlyMap<string, OpenType>;
  dataAccess: DataAccess;
  processes: Pick<Processes, 'run'>;
  /** Whether this workflow is the owner's, which runs in a process of its own. */
  isOwners: (workflow: Workflow) => boolean;
  clock: Clock;
  settings: Pick<Settings, 'appName' | 'url'>;
  timeLimitMs?: number;
};

/** A call of a workflow, by who may make it. */
type RunnerCall = {
  parameters: Record<string, unknown>;
  /** The same with the records that they name, as they were just found. */
  named: NamedRecords;
  caller: Bearer | undefined;
  /** Judges the caller again where the call has taken a while. Throws Problem. */
  callerNow?: () => Promise<Bearer | undefined>;
  request: RunCall['request'];
  /** Aborted where a stop of the server ends what has not begun to be stored. */
  stopped?: AbortSignal;
};

/** What is recorded of it. */
type RunRecord = { entry: Call; startedMs: number };

/**
 * Runs workflows: those of the owner in a process of their own, built-in ones here. Then the check of the answer and, all at
 * once, what the run staged and its entry; where somebody else was quicker to change what it changes, the run begins again.
 */
export function createRunner(parts: RunnerParts) {
  const { timeLimitMs = WORKFLOW_SECONDS_MAX * 1000 } = parts;
  const turns = createRecordTurns();

  function named(
    workflow: Workflow,
    parameters: Record<string, unknown>,
    caller: Bearer | undefined,
  ): Promise<NamedRecords> {
    const passes = isCalledAsAdmin(caller, workflow);
    return findNamedRecords(parts, { workflow, parameters, caller, passes });
  }

  /** All attempts of a call together have this, and the waits between them. */
  const limitMsOf = ({ limits: { seconds } }: Workflow) =>
    seconds === undefined ? timeLimitMs : Math.min(timeLimitMs, seconds * 1000);

  return {
    /**
     * Answers the body to send; the activity entry of this call is recorded by then. When this throws,
     * nothing was stored or recorded and no mail goes out.
     */
    async run(workflow: Workflow, call: RunnerCall, record: RunRecord | undefined): Promise<string> {
      const limitMs = limitMsOf(workflow);
      const startedMs = performance.now();
      const leftMs = () => Math.ceil(limitMs - msSince(startedMs));
      const { caller, named: known, request, stopped, callerNow = async () => caller } = call;
      const whose = caller?.account.id ?? request.from;
      const { areHeld } = turns;
      const run = { workflow, limitMs, leftMs, callerNow, request, stopped, record, areHeld };
      let met = await attempted(parts, run, { caller, named: known, turn: undefined });
      for (let attempts = 2; typeof met !== 'string' && attempts <= WORKFLOW_ATTEMPTS_MAX; attempts += 1) {
        // Who met nobody at a record that is there has no turn to wait for.
        if (attempts > 2 || met.size === 0) await pauseBeforeAttempt(attempts);
        const turn = await turns.begin(met, { whose, waitMsMax: leftMs() });
        if (turn === undefined) break;
        try {
          if (leftMs() <= 0) break;
          turn.holds = attempts > 2 || known.known.length > 0;
          // Another attempt begins with the caller and the records as they are by then.
          const callerThen = await callerNow();
          const found = await named(workflow, call.parameters, callerThen);
          met = await attempted(parts, run, { caller: callerThen, named: found, turn });
        } finally {
          turns.end(turn);
        }
      }
      if (typeof met === 'string') return met;
      throw conflict(workflow);
    },

    /** The records that these parameters name. Throws Problem 400 where one is not there for this caller. */
    named,

    /** The parameters of a call, checked by the workflow's schemas. Throws Problem with the first mistake. */
    check: (workflow: Workflow, sent: Arguments, by: SentBy): Record<string, unknown> =>
      beforeChanges(() => doCheck(ranAs(workflow, by.requestId), () => checkedInTime(workflow, sent, by))),
  };
}

/** Aborts the signal where this fails: nobody waits for what it asked. */
async function unlessGivenUp<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  try {
    return await work(controller.signal);
  } catch (error) {
    controller.abort(error);
    throw error;
  }
}

/** What the work answers; where the signal is aborted before, its reason at once. */
function unlessStopped<T>(stopped: AbortSignal | undefined, work: Promise<T>): Promise<T> {
  if (stopped === undefined) return work;
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () => reject(stopped.reason);
  stopped.addEventListener('abort', stop, { once: true });
  return Promise.race([work, promise]).finally(() => stopped.removeEventListener('abort', stop));
}

function checkedInTime(workflow: Workflow, sent: Arguments, by: SentBy): Record<string, unknown> {
  const { name, parameters } = workflow;
  const schemas = () => Object.values(parameters).map(({ schema }) => schema);
  const declared = { what: `workflow ${name}`, of: parameters, schemas };
  return checkInTime(declared, by, () => checkParameters(workflow, sent));
}

/** What all attempts of a call have in common. */
type Run = Required<Pick<RunnerCall, 'callerNow' | 'request'>> & {
  workflow: Workflow;
  limitMs: number;
  /** How much of it is left. */
  leftMs: () => number;
  stopped: AbortSignal | undefined;
  areHeld: (records: WorkedRecords, own: Turn | undefined) => boolean;
  record: RunRecord | undefined;
};

/** One of them: with who calls and the records as they are by then. */
type Attempt = Pick<RunnerCall, 'caller' | 'named'> & { turn: Turn | undefined };

/** An attempt whose run has ended well: what it staged, and by whom and under which rules that is written. */
type Ended = Omit<Attempt, 'named'> & {
  staged: Staged;
  data: Pick<ReturnType<typeof createRunData>, 'planned'>;
  passed: PassedRules;
};

/** Answers the body to send, or the records that others were quicker to change, or are about to. */
async function attempted(
  parts: RunnerParts,
  run: Run,
  { caller, named, turn }: Attempt,
): Promise<string | WorkedRecords> {
  const { workflow, callerNow, request } = run;
  const { passed, ...found } = named;
  const dataFor = (who: Bearer | undefined, signal?: AbortSignal) => {
    const isAdmin = isCalledAsAdmin(who, workflow);
    return createRunData(parts, { workflow, caller: who, isAdmin, passed, signal });
  };
  const given = { ...found, caller: caller && seenByWorkflow(caller, workflow), request };
  const { body, staged } = await unlessGivenUp((signal) => {
    const data = dataFor(caller, signal);
    const ask: Ask = (asked) => {
      if (turn !== undefined) turn.holds = true;
      return data.ask(asked);
    };
    return resultOf(parts, given, ask, run);
  });
  // Nothing happens in the name of who was cut off while it ran.
  const isStaged = staged.writes.length + staged.mail.length > 0;
  const writer = isStaged ? await callerNow() : caller;
  const ended = { staged, data: dataFor(writer), passed, caller: writer, turn };
  const isDone = await carriedOut(parts, run, ended);
  return isDone ? body : workedOn(staged);
}

function resultOf(
  { processes, isOwners, clock }: RunnerParts,
  call: RunCall,
  ask: Ask,
  { workflow, limitMs, leftMs, stopped }: Run,
): Promise<RunResult> {
  const error = () => tooSlow(workflow, limitMs);
  const task: RunTask = { workflow: workflow.name, call, timeLimitMs: leftMs(), at: clock() };
  if (isOwners(workflow)) {
    beforeChanges(() => requireFit(task));
    // Also of those who had waited for a turn until a stop ended the run before them.
    stopped?.throwIfAborted();
    // What it wanted stored and sent was staged in its process.
    return unlessStopped(stopped, processes.run(task, ask, error)).catch((thrown) =>
      Promise.reject(asUndone(thrown)),
    );
  }
  const limit = { ms: task.timeLimitMs, error };
  return doRun(ranAs(workflow, call.request.id), limit, (signal) =>
    runHere(workflow, call, { clock, ask, signal }),
  );
}

/** Does what a run staged, with the entry of its call; answers false where somebody else changed what it changes. */
async function carriedOut(
  parts: Pick<RunnerParts, 'runs' | 'accounts' | 'clock' | 'settings'>,
  { workflow, request, record, areHeld }: Run,
  { staged, data, passed, caller, turn }: Ended,
): Promise<boolean> {
  const planned = await data.planned(staged);
  if (planned === undefined) return false;
  const audit = await touchesOf(parts, planned.told, { by: workflow.name, caller, request });
  if (areHeld(workedOn(staged), turn)) return false;
  // A copy: another attempt may pass over nothing.
  const entry = record && { ...record.entry, ...passed.marks(), ms: msSince(record.startedMs) };
  const from = { settings: parts.settings, accountId: caller?.account.id };
  const mail = staged.mail.map((wanted) => mailOf(workflow, wanted, from));
  return committed(parts.runs, workflow, { writes: planned.writes, mail, audit }, entry);
}

async function committed(
  runs: Runs,
  workflow: Workflow,
  writes: RunWrites,
  call: Call | undefined,
): Promise<boolean> {
  try {
    return await runs.commit(writes, call);
  } catch (error) {
    throw error instanceof Taken ? takenProblem(workflow, error) : error;
  }
}

/** What those whose records a run touched past the rules read of it: without a caller there is nobody who passes them. */
async function touchesOf(
  parts: Parameters<typeof touchEntries>[0],
  told: Parameters<typeof touchEntries>[1],
  { caller, ...made }: { by: string; caller: Bearer | undefined; request: RunCall['request'] },
) {
  return caller === undefined ? [] : touchEntries(parts, told, { ...made, caller });
}

/** The mail that a workflow asked for, in the queue of who calls. */
function mailOf(
  workflow: Workflow,
  { to, subject, text, html }: WorkflowMail,
  { settings, accountId }: { settings: Pick<Settings, 'appName' | 'url'>; accountId: string | undefined },
): RunWrites['mail'][number] {
  const written = { subject, text, workflow: workflow.name };
  const content = html === undefined ? fromWorkflow(settings, written) : { subject, text, html };
  return { to, queue: accountId ?? 'anyone', ...content };
}

/** What the schemas made of the parameters must be in the process of the run what it is here. */
function requireFit({ workflow, call }: RunTask): void {
  const unfit = unfitForProcess(call.parameters);
  if (unfit === undefined) return;
  throw new TypeError(
    `workflow ${workflow}: what a schema makes of its parameters cannot be handed to the process of the run: ${unfit}`,
  );
}

function ranAs({ name }: Workflow, requestId: string) {
  return { workflow: name, requestId, isOurs: name === ISSUE_TOKEN.name };
}

function tooSlow({ name }: Workflow, limitMs: number): Problem {
  return new Problem({
    status: 504,
    code: 'TIMEOUT',
    message: `Workflow ${name} took longer than ${limitMs / 1000} ${limitMs === 1000 ? 'second' : 'seconds'} and was stopped.`,
    hint: 'Nothing was stored or sent. Try again; if it stays, tell whoever runs this server.',
  });
}

function seenByWorkflow(caller: Bearer, workflow: Workflow): WorkflowCaller {
  const { account, client, actsFor } = caller;
  return {
    accountId: account.id,
    email: account.email,
    externalId: externalIdOf(caller),
    ...(client === undefined ? {} : { client: { id: client.id, name: client.name, reason: client.reason } }),
    actsFor,
    admin: isCalledAsAdmin(caller, workflow),
    metadata: metadataOf(caller),
  };
}

/** Who is no admin any more gives nobody a way past privacy rules either. */
function isCalledAsAdmin(caller: Bearer | undefined, { name }: Workflow): boolean {
  return caller?.account.admin === true && coversAsAdmin(caller.scopes, workflowScope(name));
}

function conflict({ name }: Workflow): Problem {
  return new Problem({
    status: 409,
    code: 'CONFLICT',
    message: `Others changed again and again what workflow ${name} works on.`,
    hint: 'Nothing was stored or sent. Try again in a moment.',
  });
}

import { z } from 'zod';
import type { Clock } from '../ground/clock.ts';
import { WORKFLOW_ANSWER_CHARACTERS_MAX } from '../ground/limits.ts';
import type { KnownRecord } from './named-records.ts';
import type { Ask, Staged } from './run-protocol.ts';
import { createStage } from './stage.ts';
import type { Workflow, WorkflowCaller } from './workflow.ts';

/** What `run` is handed of a call; all of it can be handed from one process to another. */
export type RunCall = {
  parameters: Record<string, unknown>;
  /** The records among them. */
  known: readonly KnownRecord[];
  caller: WorkflowCaller | undefined;
  request: { id: string; from: string };
};

/** The body that answers the call, and what the run staged. */
export type RunResult = { body: string; staged: Staged };

/** Runs a workflow in this process and checks its answer. Throws what `run` throws. */
export async function runHere(
  workflow: Workflow,
  call: RunCall,
  parts: { clock: Clock; ask: Ask; signal: AbortSignal },
): Promise<RunResult> {
  const { clock, ask, signal } = parts;
  const { known, ...given } = call;
  const { caller } = given;
  const stage = createStage(workflow, {
    accountId: caller?.accountId,
    isAdmin: caller?.admin === true,
    clock,
    ask,
    given: known,
  });
  try {
    const handed = { ...given, data: stage.data, mail: stage.mail, http: httpUntil(signal), signal };
    const answer = await workflow.run(handed as never);
    const staged = stage.close();
    return { body: bodyOf(workflow, answer), staged };
  } finally {
    stage.close();
  }
}

function bodyOf(workflow: Workflow, answer: unknown): string {
  const body = JSON.stringify({ status: 'success', response: checkedAnswer(workflow, answer) });
  if (body.length <= WORKFLOW_ANSWER_CHARACTERS_MAX) return body;
  throw new TypeError(
    `workflow ${workflow.name}: its answer has more than ${WORKFLOW_ANSWER_CHARACTERS_MAX} characters`,
  );
}

/** The answer as declared: what `returns` does not name is left out, and anything else is the workflow's mistake. */
function checkedAnswer(workflow: Workflow, answer: unknown): unknown {
  const parsed = workflow.returns.safeParse(answer);
  if (parsed.success) return parsed.data;
  const what = z.prettifyError(parsed.error);
  throw new TypeError(`workflow ${workflow.name}: its answer is not what returns says: ${what}`);
}

/** The same as the `fetch` of all, but that it ends with the run. */
function httpUntil(signal: AbortSignal): { fetch: typeof fetch } {
  return {
    fetch: (input, init = {}) => {
      const own = init.signal ?? (input instanceof Request ? input.signal : undefined);
      return fetch(input, { ...init, signal: own === undefined ? signal : AbortSignal.any([signal, own]) });
    },
  };
}

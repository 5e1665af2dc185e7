import { z } from 'zod';
import type { Clock } from '../ground/clock.ts';
import type { Ask, Staged } from './stage.ts';
import { createStage } from './stage.ts';
import type { Workflow, WorkflowCaller } from './workflow.ts';

/** What `run` is handed of a call; all of it can be handed from one thread to another. */
export type RunCall = {
  parameters: Record<string, unknown>;
  caller: WorkflowCaller | undefined;
  request: { id: string; from: string };
};

/** The body that answers the call, and what the run staged. */
export type RunResult = { body: string; staged: Staged };

/** Runs a workflow in this thread and checks its answer. Throws what `run` throws. */
export async function runHere(
  workflow: Workflow,
  call: RunCall,
  parts: { clock: Clock; ask: Ask; signal: AbortSignal },
): Promise<RunResult> {
  const { clock, ask, signal } = parts;
  const { caller } = call;
  const stage = createStage(workflow, {
    accountId: caller?.accountId,
    isAdmin: caller?.admin === true,
    clock,
    ask,
  });
  try {
    const answer = await workflow.run({ ...call, data: stage.data, mail: stage.mail, signal } as never);
    const staged = stage.close();
    return { body: JSON.stringify({ status: 'success', response: checkedAnswer(workflow, answer) }), staged };
  } finally {
    stage.close();
  }
}

/** The answer as declared: what `returns` does not name is left out, and anything else is the workflow's mistake. */
function checkedAnswer(workflow: Workflow, answer: unknown): unknown {
  const parsed = workflow.returns.safeParse(answer);
  if (parsed.success) return parsed.data;
  const what = z.prettifyError(parsed.error);
  throw new TypeError(`workflow ${workflow.name}: its answer is not what returns says: ${what}`);
}

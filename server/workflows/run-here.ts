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

/** What a run answered, not checked yet, and what it staged. */
export type RunResult = { answer: unknown; staged: Staged };

/** Runs a workflow in this thread. Throws what `run` throws. */
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
    return { answer, staged: stage.close() };
  } finally {
    stage.close();
  }
}

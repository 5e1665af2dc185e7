import assert from 'node:assert/strict';
import type { RunTask } from '../../server/workflows/process/messages.ts';
import type { RunResult } from '../../server/workflows/run-here.ts';
import type { Ask } from '../../server/workflows/run-protocol.ts';

/** What does runs: a process, or the pool of them. */
type Runs = { run(task: RunTask, ask: Ask, tooSlow: () => never): Promise<RunResult> };

/**
 * Has the workflow called by nobody, and answers what it returned. It must be in time; who does not expect questions gives
 * none.
 */
export async function runOf(
  runs: Runs,
  workflow: string,
  parameters: Record<string, unknown> = {},
  ask: Ask = async () => assert.fail('it asks'),
): Promise<Record<string, unknown>> {
  const call = { parameters, known: [], caller: undefined, request: { id: 'r', from: '::1' } };
  const task = { workflow, timeLimitMs: 30_000, at: 0, call };
  const { body } = await runs.run(task, ask, () => assert.fail('it takes too long'));
  return JSON.parse(body).response;
}

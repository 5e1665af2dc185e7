import { z } from 'zod';
import type { Bearer } from '../access/bearer.ts';
import type { Call } from '../activity/call.ts';
import { isAdmin } from '../credentials/scopes.ts';
import type { Clock } from '../ground/clock.ts';
import { Problem } from '../ground/errors.ts';
import { WORKFLOW_SECONDS_MAX } from '../ground/limits.ts';
import type { Settings } from '../ground/settings.ts';
import type { Runs, Staged } from './runs.ts';
import { createStage } from './stage.ts';
import type { Workflow, WorkflowCaller } from './workflow.ts';

/** Runs workflows: time limit, check of the answer, and then, all at once, what the run staged and its entry. */
export function createRunner(parts: {
  runs: Runs;
  clock: Clock;
  settings: Pick<Settings, 'appName' | 'url'>;
  timeLimitMs?: number;
}) {
  const { runs, clock, settings, timeLimitMs = WORKFLOW_SECONDS_MAX * 1000 } = parts;

  return {
    /**
     * Answers the body to send; `entry`, the activity entry of this call, is recorded by then. When this throws,
     * nothing was stored or recorded and no mail goes out.
     */
    async run(
      workflow: Workflow,
      call: {
        parameters: Record<string, unknown>;
        caller: Bearer | undefined;
        request: { id: string; from: string };
      },
      entry: Call | undefined,
    ): Promise<string> {
      const { caller, parameters, request } = call;
      const stage = createStage(workflow, { accountId: caller?.account.id, clock, settings });
      const { data, mail } = stage;
      let answer: unknown;
      let staged: Staged;
      try {
        answer = await withinTime(workflow.name, timeLimitMs, (signal) =>
          workflow.run({ parameters, caller: caller && seenByWorkflow(caller), data, mail, signal, request }),
        );
      } finally {
        staged = stage.close();
      }
      const body = JSON.stringify({ status: 'success', response: checkedAnswer(workflow, answer) });
      await runs.commit(staged, entry);
      return body;
    },
  };
}

/** The answer as declared: what `returns` does not name is left out, and anything else is our mistake. */
function checkedAnswer(workflow: Workflow, answer: unknown): unknown {
  const parsed = workflow.returns.safeParse(answer);
  if (parsed.success) return parsed.data;
  const what = z.prettifyError(parsed.error);
  throw new TypeError(`workflow ${workflow.name}: its answer is not what returns says: ${what}`);
}

async function withinTime(
  name: string,
  limitMs: number,
  run: (signal: AbortSignal) => unknown,
): Promise<unknown> {
  const over = new Problem({
    status: 504,
    code: 'TIMEOUT',
    message: `Workflow ${name} took longer than ${limitMs / 1000} seconds and was stopped.`,
    hint: 'Nothing was stored or sent. Try again; if it stays, tell whoever runs this server.',
  });
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const timeUp = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(over);
      controller.abort(over);
    }, limitMs);
  });
  const running = (async () => run(controller.signal))();
  try {
    return await Promise.race([running, timeUp]);
  } finally {
    clearTimeout(timer);
    // The late failure of a run that was given up is nobody's any more.
    running.catch(() => undefined);
  }
}

function seenByWorkflow(caller: Bearer): WorkflowCaller {
  const { account, client, actsFor, scopes } = caller;
  return {
    accountId: account.id,
    email: account.email,
    ...(client === undefined ? {} : { client: { id: client.id, name: client.name } }),
    actsFor,
    admin: isAdmin(scopes),
  };
}

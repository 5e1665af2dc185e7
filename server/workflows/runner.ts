import { z } from 'zod';
import { type Bearer, externalIdOf, metadataOf } from '../access/bearer.ts';
import type { Accounts } from '../accounts/accounts.ts';
import type { Call } from '../activity/call.ts';
import { coversAsAdmin, workflowScope } from '../credentials/scopes.ts';
import type { Clock } from '../ground/clock.ts';
import { Problem } from '../ground/errors.ts';
import { WORKFLOW_SECONDS_MAX } from '../ground/limits.ts';
import type { Settings } from '../ground/settings.ts';
import { msSince } from '../ground/time.ts';
import { ISSUE_TOKEN } from './issue-token.ts';
import { doCheck, doRun } from './late-failures.ts';
import { type Arguments, checkParameters } from './parameters.ts';
import type { Runs, Staged } from './runs.ts';
import { createStage } from './stage.ts';
import { touchEntries, touchedBy } from './touched.ts';
import type { Workflow, WorkflowCaller } from './workflow.ts';

/** Runs workflows: time limit, check of the answer, and then, all at once, what the run staged and its entry. */
export function createRunner(parts: {
  runs: Runs;
  accounts: Pick<Accounts, 'get'>;
  clock: Clock;
  settings: Pick<Settings, 'appName' | 'url'>;
  timeLimitMs?: number;
}) {
  const { runs, accounts, clock, settings, timeLimitMs = WORKFLOW_SECONDS_MAX * 1000 } = parts;

  /** For those whose data a run touches as an admin. Throws Problem where one of them is not there. */
  async function touches(
    workflow: Workflow,
    { caller, request }: { caller: Bearer | undefined; request: { id: string; from: string } },
    { rows }: Staged,
  ) {
    const touched = touchedBy(rows, caller?.account.id);
    if (caller === undefined || touched.length === 0) return [];
    const found = await Promise.all(touched.map((id) => accounts.get(id)));
    if (found.includes(undefined)) throw noSuchOwner(workflow);
    return touchEntries(touched, { workflow, caller, request }, clock());
  }

  return {
    /**
     * Answers the body to send; the activity entry of this call is recorded by then. When this throws,
     * nothing was stored or recorded and no mail goes out.
     */
    async run(
      workflow: Workflow,
      call: {
        parameters: Record<string, unknown>;
        caller: Bearer | undefined;
        request: { id: string; from: string };
      },
      record: { entry: Call; startedMs: number } | undefined,
    ): Promise<string> {
      const { caller, request } = call;
      const seen = caller && seenByWorkflow(caller, workflow);
      const whose = { accountId: seen?.accountId, isAdmin: seen?.admin === true };
      const stage = createStage(workflow, { ...whose, clock, settings });
      const limit = { ms: timeLimitMs, error: () => tooSlow(workflow, timeLimitMs) };
      try {
        const { body, staged } = await doRun(ranAs(workflow, request.id), limit, async (signal) => {
          const answer = await workflow.run({
            ...call,
            caller: seen,
            data: stage.data,
            mail: stage.mail,
            signal,
          });
          const staged = stage.close();
          return {
            body: JSON.stringify({ status: 'success', response: checkedAnswer(workflow, answer) }),
            staged,
          };
        });
        const audit = await touches(workflow, call, staged);
        if (record !== undefined) record.entry.ms = msSince(record.startedMs);
        await runs.commit({ ...staged, audit }, record?.entry);
        return body;
      } finally {
        stage.close();
      }
    },

    /** The parameters of a call, checked by the workflow's schemas. Throws Problem with the first mistake. */
    check: (workflow: Workflow, sent: Arguments, requestId: string): Record<string, unknown> =>
      doCheck(ranAs(workflow, requestId), () => checkParameters(workflow, sent)),
  };
}

function ranAs({ name }: Workflow, requestId: string) {
  return { workflow: name, requestId, isOurs: name === ISSUE_TOKEN.name };
}

/** The answer as declared: what `returns` does not name is left out, and anything else is our mistake. */
function checkedAnswer(workflow: Workflow, answer: unknown): unknown {
  const parsed = workflow.returns.safeParse(answer);
  if (parsed.success) return parsed.data;
  const what = z.prettifyError(parsed.error);
  throw new TypeError(`workflow ${workflow.name}: its answer is not what returns says: ${what}`);
}

function tooSlow({ name }: Workflow, limitMs: number): Problem {
  return new Problem({
    status: 504,
    code: 'TIMEOUT',
    message: `Workflow ${name} took longer than ${limitMs / 1000} seconds and was stopped.`,
    hint: 'Nothing was stored or sent. Try again; if it stays, tell whoever runs this server.',
  });
}

function seenByWorkflow(caller: Bearer, { name }: Workflow): WorkflowCaller {
  const { account, client, actsFor, scopes } = caller;
  return {
    accountId: account.id,
    email: account.email,
    externalId: externalIdOf(caller),
    ...(client === undefined ? {} : { client: { id: client.id, name: client.name, reason: client.reason } }),
    actsFor,
    // Who is no admin any more gives nobody a way past privacy rules either.
    admin: account.admin && coversAsAdmin(scopes, workflowScope(name)),
    metadata: metadataOf(caller),
  };
}

function noSuchOwner({ name }: Workflow): Problem {
  return new Problem({
    status: 400,
    code: 'NOT_RUN',
    message: `Workflow ${name} was to store something for an account that is not there.`,
    hint: 'Nothing was stored or sent. Name an account of this site by its id.',
  });
}

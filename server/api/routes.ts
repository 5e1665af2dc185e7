import type { Context, Next } from 'koa';
import type { Logger } from 'pino';
import type { Bearer, Bearers } from '../access/bearers.ts';
import type { Accounts } from '../accounts/accounts.ts';
import type { Recorder } from '../activity/recorder.ts';
import { ADMIN_SCOPE, covers, workflowScope } from '../credentials/scopes.ts';
import type { Tokens } from '../credentials/tokens.ts';
import { ME_PATH, WORKFLOWS_PATH } from '../ground/api-address.ts';
import type { Clock } from '../ground/clock.ts';
import { Problem } from '../ground/errors.ts';
import type { Settings } from '../ground/settings.ts';
import { addressOf, requestIdOf } from '../http/request.ts';
import { createIssueToken, ISSUE_TOKEN } from '../workflows/issue-token.ts';
import type { Declarations } from '../workflows/load.ts';
import { createRunner } from '../workflows/runner.ts';
import type { Runs } from '../workflows/runs.ts';
import type { Workflow } from '../workflows/workflow.ts';
import { createAuthenticate, requireScopes } from './authenticate.ts';
import { describeCaller } from './me.ts';
import { nearMissOf } from './near-miss.ts';
import { readParameters } from './parameters.ts';
import { type Answer, type Asked, createAnswering } from './responder.ts';

/** A body that took longer to come was held back, or went over a bad line; most come with their headers. */
const HELD_MS = 1000;

/** Everything below /api: who may call what, and what it answers. Other requests are handed on. */
export function createApi(parts: {
  settings: Pick<Settings, 'appName' | 'url' | 'tokens'>;
  declarations: Declarations;
  bearers: Bearers;
  accounts: Pick<Accounts, 'checkPassword'>;
  tokens: Pick<Tokens, 'mint' | 'scopesFor'>;
  recorder: Recorder;
  runs: Runs;
  clock: Clock;
  log: Logger;
}) {
  const { settings, declarations, runs, clock } = parts;
  const authenticate = createAuthenticate(parts);
  const answered = createAnswering({ ...parts, authenticate });
  const runner = createRunner({ runs, clock, settings });
  const workflows = new Map([...declarations.workflows, [ISSUE_TOKEN.name, createIssueToken(parts)]]);

  function answerMe({ ctx, caller }: Asked): Answer {
    if (caller === undefined) throw authenticate.noCredential(ctx);
    requireMethod(ctx, 'GET', ME_PATH);
    return { body: { status: 'success', response: describeCaller(caller, clock()) } };
  }

  async function answerWorkflow({ ctx, caller, entry }: Asked): Promise<Answer> {
    // The raw path, so that each workflow has one address and no encoded spelling of it.
    const workflow = workflows.get(ctx.path.slice(WORKFLOWS_PATH.length));
    if (caller === undefined && workflow?.callers !== 'anyone') throw authenticate.noCredential(ctx);
    if (workflow === undefined)
      throw noSuchWorkflow(ctx.path.slice(WORKFLOWS_PATH.length), callableBy(caller));
    requireMethod(ctx, workflow.method, workflow.name);
    if (caller !== undefined) requireRights(caller, workflow);
    const startedMs = performance.now();
    const parameters = await readParameters(ctx, workflow);
    const isHeld = performance.now() - startedMs > HELD_MS;
    const judged = isHeld ? await judgedAgain(ctx, workflow) : caller;
    const request = { id: requestIdOf(ctx), from: addressOf(ctx) };
    return runner.run(workflow, { parameters, caller: judged, request }, entry);
  }

  /** The caller as of now: what was judged before a body that was slow to come may be revoked since. */
  async function judgedAgain(ctx: Context, workflow: Workflow): Promise<Bearer | undefined> {
    const caller = await authenticate.callerOf(ctx);
    if (caller !== undefined) requireRights(caller, workflow);
    return caller;
  }

  function requireRights(caller: Bearer, workflow: Workflow): void {
    if (workflow.callers === 'anyone') return;
    const scope = workflow.callers === 'admin' ? ADMIN_SCOPE : workflowScope(workflow.name);
    requireScopes(caller, [scope], settings.url);
    if (workflow.callers === 'admin' && !caller.account.admin) throw noLongerAdmin();
  }

  function callableBy(caller: Bearer | undefined): string[] {
    const held = caller?.scopes ?? [];
    return [...workflows.values()]
      .filter(({ name, callers }) => callers === 'anyone' || covers(held, workflowScope(name)))
      .map(({ name }) => name);
  }

  const me = answered(answerMe);
  const workflow = answered(answerWorkflow);
  const elsewhere = answered(nothingHere);

  // Two addresses and all the rest: a router would take as long for it as the search for the token.
  return (ctx: Context, next: Next): Promise<unknown> => {
    const { path } = ctx;
    if (path === ME_PATH) return me(ctx);
    if (isWorkflow(path)) return workflow(ctx);
    return path.startsWith('/api/') || path === '/api' ? elsewhere(ctx) : next();
  };
}

/** A name and nothing behind it. */
function isWorkflow(path: string): boolean {
  const { length } = WORKFLOWS_PATH;
  return path.startsWith(WORKFLOWS_PATH) && path.length > length && !path.includes('/', length);
}

/** HEAD is GET without the body (RFC 9110 section 9.3.2). */
function requireMethod(ctx: Context, wanted: 'GET' | 'POST', what: string): void {
  if (ctx.method === wanted || (ctx.method === 'HEAD' && wanted === 'GET')) return;
  throw new Problem({
    status: 405,
    code: 'METHOD_NOT_ALLOWED',
    message: `${what} is not called with ${ctx.method}.`,
    hint: `Call it with ${wanted}.`,
    headers: { Allow: wanted === 'GET' ? 'GET, HEAD, OPTIONS' : 'POST, OPTIONS' },
  });
}

function noSuchWorkflow(name: string, callable: readonly string[]): Problem {
  const near = nearMissOf(name, callable);
  const list = callable.slice(0, 10).join(', ');
  return new Problem({
    status: 404,
    code: 'NOT_FOUND',
    message: 'There is no workflow of that name.',
    hint:
      near !== undefined
        ? `Did you mean ${near}?`
        : `This token may call: ${list === '' ? 'no workflow, its scopes name none' : list}.`,
  });
}

function noLongerAdmin(): Problem {
  return new Problem({
    status: 403,
    code: 'FORBIDDEN',
    message: 'The account behind this token is no admin any more.',
    hint: 'Have an admin make a service of their own.',
  });
}

function nothingHere(): never {
  throw new Problem({
    status: 404,
    code: 'NOT_FOUND',
    message: 'There is nothing at this address of the API.',
    hint: `Workflows are at ${WORKFLOWS_PATH}NAME; ${ME_PATH} says who a token is. No slash at the end.`,
  });
}

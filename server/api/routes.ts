import Router from '@koa/router';
import type { Context } from 'koa';
import type { Logger } from 'pino';
import type { Store } from '../../adapters/port.ts';
import type { Accounts } from '../accounts/accounts.ts';
import type { Recorder } from '../activity/recorder.ts';
import { ME_PATH, WORKFLOWS_PATH } from '../api-address.ts';
import type { Clock } from '../clock.ts';
import type { Tokens } from '../credentials/tokens.ts';
import type { Effects } from '../effects.ts';
import { Problem } from '../errors.ts';
import { addressOf, requestIdOf } from '../http/request.ts';
import type { Bearer, Bearers } from '../oauth/bearer.ts';
import type { Settings } from '../settings.ts';
import { type Answer, type Asked, createAnswering } from './answering.ts';
import { createAuthenticate, requireScopes } from './authenticate.ts';
import { createIssueToken, ISSUE_TOKEN } from './issue-token.ts';
import type { Declarations } from './load.ts';
import { describeCaller } from './me.ts';
import { nearMissOf } from './near-miss.ts';
import { readParameters } from './parameters.ts';
import { createRunner } from './runner.ts';
import { openRuns } from './runs.ts';
import type { Workflow } from './workflow.ts';

/** Everything below /api: who may call what, and what it answers. */
export async function createApiRoutes(parts: {
  settings: Pick<Settings, 'appName' | 'url' | 'tokens'>;
  declarations: Declarations;
  bearers: Bearers;
  accounts: Pick<Accounts, 'checkPassword'>;
  tokens: Pick<Tokens, 'mint' | 'scopesFor'>;
  recorder: Recorder;
  store: Store;
  effects: Effects;
  clock: Clock;
  log: Logger;
}): Promise<Router> {
  const { settings, declarations, clock } = parts;
  const authenticate = createAuthenticate(parts);
  const answered = createAnswering({ ...parts, authenticate });
  const runs = await openRuns({ ...parts, types: declarations.types });
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
    const parameters = await readParameters(ctx, workflow);
    const request = { id: requestIdOf(ctx), from: addressOf(ctx) };
    return runner.run(workflow, { parameters, caller, request }, entry);
  }

  function requireRights(caller: Bearer, workflow: Workflow): void {
    if (workflow.callers === 'anyone') return;
    const scope = workflow.callers === 'admin' ? 'admin' : `wf:${workflow.name}`;
    requireScopes(caller, [scope], settings.url);
    if (workflow.callers === 'admin' && !caller.account.admin) throw noLongerAdmin();
  }

  function callableBy(caller: Bearer | undefined): string[] {
    const isAdmin = caller?.scopes.has('admin') === true;
    return [...workflows.values()]
      .filter(({ name, callers }) => callers === 'anyone' || isAdmin || caller?.scopes.has(`wf:${name}`))
      .map(({ name }) => name);
  }

  const router = new Router({ strict: true, sensitive: true });
  router.all(ME_PATH, answered(answerMe));
  router.all(`${WORKFLOWS_PATH}:name`, answered(answerWorkflow));
  router.all(/^\/api(?:\/|$)/, answered(nothingHere));
  return router;
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

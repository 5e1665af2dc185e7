import Router from '@koa/router';
import type { Context } from 'koa';
import type { Logger } from 'pino';
import { type Store, Unavailable } from '../../adapters/port.ts';
import type { Accounts } from '../accounts/accounts.ts';
import type { Call } from '../activity/call.ts';
import type { Called, Recorder } from '../activity/recorder.ts';
import type { Clock } from '../clock.ts';
import type { Tokens } from '../credentials/tokens.ts';
import type { Effects } from '../effects.ts';
import { Problem } from '../errors.ts';
import { problemFrom } from '../http/error-response.ts';
import { addressOf, requestIdOf } from '../http/request.ts';
import type { Bearer, Bearers } from '../oauth/bearer.ts';
import type { Settings } from '../settings.ts';
import { attributionOf, createAuthenticate, RefusedCaller, requireScopes } from './authenticate.ts';
import { createIssueToken, ISSUE_TOKEN } from './issue-token.ts';
import type { Declarations } from './load.ts';
import { describeCaller } from './me.ts';
import { nearMissOf } from './near-miss.ts';
import { readParameters } from './parameters.ts';
import { createRunner } from './run.ts';
import { openRuns } from './runs.ts';
import type { Workflow } from './workflow.ts';

const ME = '/api/1.1/me';
const WORKFLOWS = '/api/1.1/wf/';

/** One request: its caller, if it has one, and the activity entry for the case that all goes well. */
type Asked = { ctx: Context; caller: Bearer | undefined; entry: Call | undefined };
/** `kept`: the entry was kept together with a change. */
type Answer = { body: string | object; kept?: boolean };

/** Everything below /api. Each route authenticates, answers, and leaves an entry in the activity of its caller. */
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
  const { settings, declarations, recorder, clock, log } = parts;
  const authenticate = createAuthenticate(parts);
  const runs = await openRuns({ ...parts, types: declarations.types });
  const runner = createRunner({ runs, clock, settings });
  const workflows = new Map([...declarations.workflows, [ISSUE_TOKEN.name, createIssueToken(parts)]]);

  function answered(answer: (asked: Asked) => Answer | Promise<Answer>) {
    return async (ctx: Context): Promise<void> => {
      allowAnyOrigin(ctx);
      if (ctx.method === 'OPTIONS') return answerPreflight(ctx);
      let caller: Bearer | undefined;
      let entry: Call | undefined;
      let given: Answer;
      try {
        caller = await authenticate.callerOf(ctx);
        entry = caller && recorder.entry(attributionOf(caller), calledBy(ctx, 200, 'success'));
        given = await answer({ ctx, caller, entry });
      } catch (error) {
        await keepRefusal(ctx, caller, error);
        throw error;
      }
      if (entry !== undefined && given.kept !== true) await recorder.keep(entry);
      ctx.set('Cache-Control', 'no-store');
      ctx.type = 'application/json; charset=utf-8';
      ctx.body = given.body;
    };
  }

  /** Keeps the entry of a call that was refused or failed. A refusal whose entry cannot be kept is a 503 instead. */
  async function keepRefusal(ctx: Context, caller: Bearer | undefined, error: unknown): Promise<void> {
    const refused = error instanceof RefusedCaller ? error.attribution : undefined;
    const whose = caller === undefined ? refused : attributionOf(caller);
    // With the store away there is nowhere to keep it, and the caller has waited long enough.
    if (whose === undefined || error instanceof Unavailable) return;
    const { status, code } = problemFrom(error);
    try {
      await recorder.keep(recorder.entry(whose, calledBy(ctx, status, code)));
    } catch (unkept) {
      if (status < 500) throw unkept;
      log.warn(
        { requestId: requestIdOf(ctx), err: unkept },
        'the activity entry of a failed call was not kept',
      );
    }
  }

  function answerMe({ ctx, caller }: Asked): Answer {
    if (caller === undefined) throw authenticate.noCredential(ctx);
    requireMethod(ctx, 'GET', 'It');
    return { body: { status: 'success', response: describeCaller(caller, clock()) } };
  }

  async function answerWorkflow({ ctx, caller, entry }: Asked): Promise<Answer> {
    // The raw path, so that each workflow has one address and no encoded spelling of it.
    const workflow = workflows.get(ctx.path.slice(WORKFLOWS.length));
    if (caller === undefined && workflow?.callers !== 'anyone') throw authenticate.noCredential(ctx);
    if (workflow === undefined) throw noSuchWorkflow(ctx.path.slice(WORKFLOWS.length), callableBy(caller));
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
  router.all(ME, answered(answerMe));
  router.all(`${WORKFLOWS}:name`, answered(answerWorkflow));
  router.all(/^\/api(?:\/|$)/, answered(nothingHere));
  return router;
}

/** Credentials travel in a header that no browser adds by itself, so a page of any origin may call. */
function allowAnyOrigin(ctx: Context): void {
  ctx.set('Access-Control-Allow-Origin', '*');
  ctx.set('Access-Control-Expose-Headers', 'WWW-Authenticate, Retry-After, X-Request-Id');
}

/** The same for every path: a preflight carries no token, so it must not tell what there is. */
function answerPreflight(ctx: Context): void {
  ctx.set('Access-Control-Allow-Methods', 'GET, POST');
  ctx.set('Access-Control-Allow-Headers', 'Authorization, Content-Type');
  ctx.set('Access-Control-Max-Age', '600');
  ctx.status = 204;
}

function calledBy(ctx: Context, status: number, result: string): Called {
  const { method, path } = ctx;
  return { method, path, status, result, from: addressOf(ctx), requestId: requestIdOf(ctx) };
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
    hint: `Workflows are at ${WORKFLOWS}NAME, and ${ME} says who a token is. Paths are in lower case and end without a slash.`,
  });
}

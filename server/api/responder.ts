import type { Context } from 'koa';
import { Unavailable } from '../../adapters/port.ts';
import type { Bearer } from '../access/bearer.ts';
import type { Call } from '../activity/call.ts';
import type { Called } from '../activity/recorder.ts';
import { explainCommand } from '../data/shown-explanation.ts';
import type { Domain } from '../domain.ts';
import { MANAGEMENT_PATH } from '../ground/api-address.ts';
import { Problem } from '../ground/errors.ts';
import { msSince } from '../ground/time.ts';
import { withoutSecrets } from '../ground/without-secrets.ts';
import { answerPreflight, isPreflight } from '../http/cors.ts';
import { problemFrom } from '../http/error-response.ts';
import { addressOf, noteExplain, requestIdOf, startedMsOf } from '../http/request.ts';
import { type Authenticate, attributionOf, RefusedCaller } from './authenticate.ts';

/** Those that we do not have too: only so a page can read that answer. */
const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE';

/** One call: who makes it, and its entry in the activity for the case that all goes well. */
export type ApiCall = { ctx: Context; caller: Bearer | undefined; entry: Call | undefined };

/** An answer that is no 200 with JSON: what was made, that something is gone, lines of text. */
export class Reply {
  readonly status: number;
  readonly content: { type: string; text: string } | undefined;

  constructor(status: number, content?: Reply['content']) {
    this.status = status;
    this.content = content;
  }
}

/** Does what is called for and answers the body to send, or throws. The entry is recorded when it answers. */
export type Endpoint = (call: ApiCall) => Promise<string | object | Reply>;

/**
 * The frame of each call of the API: finds the caller, lets the endpoint do and record it, records a refusal, answers.
 * There is an entry in the activity of the caller before anything is sent, whether the call was done, refused or
 * failed; calls with a credential that is dead are counted by the minute (activity/refusals.ts).
 *
 * Which comes first, a change or its entry? Neither: a run that changes something is written as one row that
 * holds both (workflows/runs.ts). For all others, issue_token too, the entry is written last, and without it there is
 * no answer but 503.
 */
export function createResponder(
  parts: Pick<Domain, 'recorder' | 'refusals' | 'deadUse' | 'honey' | 'log'> & { authenticate: Authenticate },
) {
  const { authenticate, recorder, refusals, deadUse, honey, log } = parts;

  /** A refusal whose entry cannot be recorded is a 503 instead. */
  async function recordRefusal(ctx: Context, caller: Bearer | undefined, error: unknown): Promise<void> {
    // One that was good when its call began, and is cut off since, is no dead one that came.
    const refused = caller === undefined && error instanceof RefusedCaller ? error.attribution : undefined;
    const whose = caller === undefined ? refused : attributionOf(caller);
    // With the store away there is nowhere to record it, and the caller has waited long enough.
    if (whose === undefined || error instanceof Unavailable) return;
    const { status, code } = problemFrom(error);
    const called = { ...calledBy(ctx, status, code), ms: msSince(startedMsOf(ctx)) };
    try {
      if (refused === undefined) return await recorder.record(recorder.entry(whose, called));
      const { credential, honey: bait } = error as RefusedCaller;
      const use = { from: called.from, what: `${called.method} ${withoutSecrets(called.path)}` };
      // Whoever uses it waits no longer than with one that is not there.
      if (bait !== undefined) return honey.used(bait, use, () => refusals.record(refused, called));
      await refusals.record(refused, called);
      if (credential !== undefined) await deadUse.tell(credential, use);
    } catch (unrecorded) {
      if (status < 500) throw unrecorded;
      log.warn({ requestId: requestIdOf(ctx), err: unrecorded }, 'a failed call has no activity entry');
    }
  }

  return async function respond(ctx: Context, endpoint: Endpoint): Promise<void> {
    allowAnyOrigin(ctx);
    // The same for every path: a preflight carries no token, so it must not tell what there is.
    if (isPreflight(ctx)) return answerPreflight(ctx, METHODS);
    let caller: Bearer | undefined;
    let answer: string | object | Reply;
    try {
      caller = await authenticate.callerOf(ctx);
      const entry = caller && recorder.entry(attributionOf(caller), calledBy(ctx, 200, 'success'));
      answer = await endpoint({ ctx, caller, entry });
    } catch (error) {
      if (error instanceof Problem && error.refusedBy !== undefined)
        noteExplain(ctx, explainCommand(error.refusedBy, caller));
      await recordRefusal(ctx, caller, error);
      throw error;
    }
    ctx.set('Cache-Control', 'no-store');
    if (answer instanceof Reply) return send(ctx, answer);
    ctx.set('Content-Type', JSON_TYPE);
    ctx.body = typeof answer === 'string' ? answer : JSON.stringify(answer);
  };
}

const JSON_TYPE = 'application/json; charset=utf-8';

/** An answer of JSON with another status than 200. */
export function jsonReply(status: number, value: object): Reply {
  return new Reply(status, { type: JSON_TYPE, text: JSON.stringify(value) });
}

function send(ctx: Context, { status, content }: Reply): void {
  ctx.status = status;
  if (content === undefined) return;
  ctx.set('Content-Type', content.type);
  ctx.body = content.text;
}

function calledBy(ctx: Context, status: number, result: string): Called {
  const { method, path } = ctx;
  return { method, path, status, result, from: addressOf(ctx), requestId: requestIdOf(ctx) };
}

/**
 * Credentials travel in a header that no browser adds by itself, so a page of any origin may call. None has a credential
 * that manages everybody's accounts: whoever opens the page could read it there.
 */
function allowAnyOrigin(ctx: Context): void {
  // Only a browser's page has an origin, and only its browser reads these.
  if (ctx.req.headers.origin === undefined || ctx.path.startsWith(`${MANAGEMENT_PATH}/`)) return;
  ctx.set('Access-Control-Allow-Origin', '*');
  ctx.set('Access-Control-Expose-Headers', 'WWW-Authenticate, Retry-After, X-Request-Id');
}

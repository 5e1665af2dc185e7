import type { Context } from 'koa';
import type { Bearer } from '../access/bearer.ts';
import type { Domain } from '../domain.ts';
import { DATA_PATH, ME_PATH, WORKFLOWS_PATH } from '../ground/api-address.ts';
import { msSince } from '../ground/time.ts';
import { isPreflight } from '../http/cors.ts';
import { nothingHere } from '../http/error-response.ts';
import { addressOf, requestIdOf, startedMsOf } from '../http/request.ts';
import { untilStopped } from '../http/waited.ts';
import { countCall, keepWithinBounds } from '../workflows/bounds.ts';
import { uploadsOf } from '../workflows/parameter-types.ts';
import { createRunner } from '../workflows/runner.ts';
import type { Workflow } from '../workflows/workflow.ts';
import { readArguments } from './arguments.ts';
import { asOfNow } from './as-of-now.ts';
import { createAuthenticate } from './authenticate.ts';
import { createBodyRoom } from './body-room.ts';
import { createDataApi } from './data/routes.ts';
import { createManagement } from './management/routes.ts';
import { describeCaller } from './me.ts';
import { allowOf, wrongMethod } from './methods.ts';
import { createOwnToken } from './own-token.ts';
import type { BodyWanted } from './request-body.ts';
import { type ApiCall, createResponder } from './responder.ts';

/** Everything below /api: who may call what, and what it answers. */
export function createApi(parts: Domain) {
  const { catalogue, recorder, clock, limiter, settings } = parts;
  const authenticate = createAuthenticate(parts);
  const respond = createResponder({ ...parts, authenticate });
  const runner = createRunner(parts);
  const data = createDataApi({ ...parts, authenticate });
  const ownToken = createOwnToken({ ...parts, authenticate });
  const management = createManagement({ ...parts, authenticate });
  const rooms = createBodyRoom();

  async function answerMe({ ctx, caller, entry }: ApiCall): Promise<object> {
    requireMethod(ctx, 'GET', ME_PATH);
    if (caller === undefined) throw authenticate.noCredential(ctx);
    const response = describeCaller(caller, clock());
    if (entry !== undefined) {
      entry.ms = msSince(startedMsOf(ctx));
      await recorder.record(entry);
    }
    return { status: 'success', response };
  }

  async function answerWorkflow({ ctx, caller, entry }: ApiCall): Promise<string> {
    // The raw path, so that each workflow has one address and no encoded spelling of it.
    const name = ctx.path.slice(WORKFLOWS_PATH.length);
    const workflow = catalogue.get(name);
    if (caller === undefined && workflow?.callers !== 'anyone') {
      // No workflow has another method, so this tells nobody which there are.
      if (!METHODS.includes(ctx.method)) requireMethod(ctx, 'POST', 'A workflow');
      throw authenticate.noCredential(ctx);
    }
    if (workflow === undefined) throw catalogue.noSuchWorkflow(name, caller);
    if (caller !== undefined) catalogue.requireRights(caller, workflow);
    requireMethod(ctx, workflow.method, workflow.name);
    const uploads = uploadsOf(workflow);
    if (uploads === undefined) return answerCall({ ctx, caller, entry }, workflow, undefined);
    const room = rooms.open(senderOf(ctx, caller));
    try {
      return await answerCall({ ctx, caller, entry }, workflow, { ...uploads, room });
    } finally {
      room.close();
    }
  }

  async function answerCall(
    { ctx, caller, entry }: ApiCall,
    workflow: Workflow,
    files: BodyWanted['files'],
  ): Promise<string> {
    const callerNow = asOfNow(caller, () => judged(ctx, workflow));
    const sent = await readArguments(ctx, workflow, files);
    const by = { requestId: requestIdOf(ctx), sender: senderOf(ctx, caller) };
    const parameters = runner.check(workflow, sent, by);
    const sender = await callerNow();
    const named = await runner.named(workflow, parameters, sender);
    if (sender?.narrowing?.bounds !== undefined) {
      await keepWithinBounds(sender, workflow, sent, { limiter, url: settings.url });
    }
    const request = { id: requestIdOf(ctx), from: addressOf(ctx) };
    await countCall(workflow, { caller: sender, from: request.from }, limiter);
    const made = { parameters, named, caller: sender, callerNow, request, stopped: untilStopped(ctx) };
    return runner.run(workflow, made, entry && { entry, startedMs: startedMsOf(ctx) });
  }

  async function judged(ctx: Context, workflow: Workflow): Promise<Bearer | undefined> {
    const caller = await authenticate.callerOf(ctx);
    if (caller !== undefined) catalogue.requireRights(caller, workflow);
    return caller;
  }

  return (ctx: Context): Promise<unknown> => {
    const { path } = ctx;
    if (ctx.method === 'OPTIONS' && !isPreflight(ctx)) {
      const isThere = path === ME_PATH || isWorkflow(path) || [ownToken, data].some((one) => one.isAt(path));
      return isThere
        ? answerOptions(ctx, { others: [ownToken, data], catalogue })
        : respond(ctx, answerNothingHere);
    }
    if (path === ME_PATH) return respond(ctx, answerMe);
    if (isWorkflow(path)) return respond(ctx, answerWorkflow);
    const other = [data, ownToken, management].find((one) => one.isAt(path));
    return respond(ctx, other?.answer ?? answerNothingHere);
  };
}

function senderOf(ctx: Context, caller: Bearer | undefined): string {
  return caller?.account.id ?? addressOf(ctx);
}

/**
 * What an address is called with (RFC 9110 section 9.3.7). No token is looked at, so an admin's workflow answers
 * like one that is not there; the others stand in the metadata anyway.
 */
function answerOptions(
  ctx: Context,
  parts: {
    others: readonly { isAt(path: string): boolean; allow(path: string): string }[];
    catalogue: Domain['catalogue'];
  },
): Promise<void> {
  const { others, catalogue } = parts;
  ctx.status = 204;
  const other = others.find((one) => one.isAt(ctx.path));
  if (other !== undefined) {
    ctx.set('Allow', other.allow(ctx.path));
    return Promise.resolve();
  }
  const workflow = ctx.path === ME_PATH ? undefined : catalogue.get(ctx.path.slice(WORKFLOWS_PATH.length));
  const isSaid = workflow !== undefined && workflow.callers !== 'admin';
  const method = ctx.path === ME_PATH ? 'GET' : isSaid ? workflow.method : undefined;
  ctx.set('Allow', method === undefined ? allowOf(['GET', 'POST']) : allowOf([method]));
  return Promise.resolve();
}

const METHODS = ['GET', 'HEAD', 'POST'];

/** A name and nothing behind it. */
function isWorkflow(path: string): boolean {
  const { length } = WORKFLOWS_PATH;
  return path.startsWith(WORKFLOWS_PATH) && path.length > length && !path.includes('/', length);
}

/** HEAD is GET without the body (RFC 9110 section 9.3.2). */
function requireMethod(ctx: Context, wanted: 'GET' | 'POST', what: string): void {
  if (ctx.method === wanted || (ctx.method === 'HEAD' && wanted === 'GET')) return;
  throw wrongMethod(ctx, what, [wanted]);
}

async function answerNothingHere({ ctx }: ApiCall): Promise<never> {
  const hint = `Workflows are at ${WORKFLOWS_PATH}NAME, data at ${DATA_PATH}TYPE; ${ME_PATH} says who a token is. No slash at the end.`;
  throw nothingHere(ctx, hint);
}

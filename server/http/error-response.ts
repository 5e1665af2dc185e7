import type { Context, Next } from 'koa';
import type { Logger } from 'pino';
import { Unavailable } from '../../adapters/port.ts';
import { linkDamaged } from '../accounts/mailed-links.ts';
import { isUndone, Problem } from '../ground/errors.ts';
import { withoutSecrets } from '../ground/without-secrets.ts';
import type { ErrorForm } from './error-forms.ts';
import { nearAddress } from './near-address.ts';
import { requestIdOf } from './request.ts';

/** Seconds after which a caller should try again while the store is away. */
export const RETRY_SECONDS = 5;

/**
 * The beginning of a group of routes: what is thrown in it, and an address that none of it answers, is shown to the
 * caller in the form of this group.
 */
export function answerErrorsAs(form: ErrorForm, log: Logger) {
  return async (ctx: Context, next: Next): Promise<void> => {
    try {
      await next();
      if (ctx.status === 404 && ctx.body == null) throw nothingHere(ctx);
    } catch (error) {
      const problem = problemFrom(error, ctx.method);
      if (problem.status >= 500 && !(error instanceof Problem)) {
        log.error({ requestId: requestIdOf(ctx), err: error }, 'unexpected');
      }
      ctx.set(problem.headers);
      await form(ctx, problem);
    }
  };
}

/**
 * What a caller may be shown of whatever was thrown; what is no Problem becomes 503, a bare 4xx or 500. A change that was
 * cut short may have been done or not, and is not to be called undone.
 */
export function problemFrom(error: unknown, method = 'POST'): Problem {
  if (error instanceof Problem) return error;
  const look = lookFirst(method, isUndone(error));
  if (error instanceof Unavailable) {
    return new Problem({
      status: 503,
      code: 'UNAVAILABLE',
      message: 'The database does not answer at the moment.',
      hint: `${look}Try again in ${RETRY_SECONDS} seconds.`,
      headers: { 'Retry-After': String(RETRY_SECONDS) },
    });
  }
  const { status, expose } = (error ?? {}) as { status?: unknown; expose?: unknown };
  if (expose === true && typeof status === 'number' && status >= 400 && status < 500) {
    return new Problem({
      status,
      code: 'INVALID_REQUEST',
      message: 'The request cannot be read.',
      hint: 'Check the address and the headers of the request.',
    });
  }
  return new Problem({
    status: 500,
    code: 'INTERNAL',
    message: 'Something went wrong here; it was not your request.',
    hint: `${look}Try again. If it stays, give the request id to whoever runs this server.`,
  });
}

/** How a hint begins where a request was cut short. */
export function lookFirst(method: string, hasDoneNothing = false): string {
  if (['GET', 'HEAD', 'OPTIONS'].includes(method)) return '';
  return hasDoneNothing
    ? 'Nothing was stored or sent. '
    : 'It is not certain whether this was done: look before you send it again. ';
}

const HINT = 'Check the address: paths are in lower case, without a slash at the end.';

/** A link that was mailed or printed, whose path did not come as it was written. */
const WRITTEN_LINK = /^\/+(?:verify-email|reset-password|invitation|(sign-up))\W.*(?:token|invitation)/i;

/** What is asked for is not there; the hint names what is near. */
export function nothingHere(ctx: Context, hint = HINT): Problem {
  const link = ctx.method === 'GET' ? WRITTEN_LINK.exec(ctx.url) : null;
  if (link !== null) return linkDamaged(link[1] === undefined ? 'the mail' : 'the console');
  const near = nearAddress(ctx.path);
  return new Problem({
    status: 404,
    code: 'NOT_FOUND',
    message: `There is nothing at ${ctx.method} ${withoutSecrets(ctx.path).slice(0, 200)}.`,
    hint:
      near === undefined
        ? hint
        : `Did you mean ${near}? Paths are in lower case, without a slash at the end.`,
    // Its body, if it has one, is not read, and must not be taken for the next request.
    headers: ctx.method === 'GET' ? {} : { Connection: 'close' },
  });
}

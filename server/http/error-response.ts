import type { Context, Next } from 'koa';
import type { Logger } from 'pino';
import { Unavailable } from '../../adapters/port.ts';
import type { Site } from '../../views/layout.ts';
import { problemPage } from '../../views/problem.ts';
import { resourceMetadataUrl } from '../ground/api-address.ts';
import { BearerProblem, Problem, SignInNeeded } from '../ground/errors.ts';
import { seeOther, sendPage, setSecurityHeaders } from './page.ts';
import { requestIdOf } from './request.ts';

/** Seconds after which a caller should try again while the store is away. */
export const RETRY_SECONDS = 5;

const TITLES: Record<number, string> = {
  400: 'That did not work',
  401: 'Sign in first',
  403: 'Not allowed',
  404: 'There is nothing here',
  405: 'That is not how this page works',
  413: 'Too large',
  415: 'Not understood',
  429: 'Too many tries',
  503: 'Back in a moment',
};

/**
 * Outermost: turns what was thrown into what a caller is shown, by one table. Below /api/ the envelope,
 * elsewhere a page. The engine writes its own endpoints' errors (RFC 6749 section 5.2) before they get here.
 * The headers of every answer are set here too, so that no error is without them.
 */
export function respondToErrors(parts: { site: Site; url: string; log: Logger; production: boolean }) {
  return async (ctx: Context, next: Next): Promise<void> => {
    setSecurityHeaders(ctx, parts.production);
    try {
      await next();
      if (ctx.status === 404 && ctx.body == null) throw nothingHere(ctx);
    } catch (error) {
      const problem = problemFrom(error);
      if (problem.status >= 500 && !(error instanceof Problem)) {
        parts.log.error({ requestId: requestIdOf(ctx), err: error }, 'unexpected');
      }
      respond(ctx, problem, parts);
    }
  };
}

/** What a caller may be shown of whatever was thrown; what is no Problem becomes 503, a bare 4xx or 500. */
export function problemFrom(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof Unavailable) {
    return new Problem({
      status: 503,
      code: 'UNAVAILABLE',
      message: 'The database does not answer at the moment.',
      hint: `Nothing was changed that was not confirmed. Try again in ${RETRY_SECONDS} seconds.`,
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
    hint: 'Try again. If it stays, give the request id to whoever runs this server.',
  });
}

function nothingHere(ctx: Context): Problem {
  return new Problem({
    status: 404,
    code: 'NOT_FOUND',
    message: `There is nothing at ${ctx.method} ${ctx.path.slice(0, 200)}.`,
    hint: 'Check the address: paths are in lower case, without a slash at the end.',
  });
}

function respond(ctx: Context, problem: Problem, parts: { site: Site; url: string }): void {
  ctx.set(problem.headers);
  if (ctx.path.startsWith('/api/') || ctx.path === '/api') {
    if (problem instanceof BearerProblem) ctx.set('WWW-Authenticate', challenge(problem, parts.url));
    ctx.set('Cache-Control', 'no-store');
    ctx.status = problem.status;
    ctx.body = envelopeOf(problem, requestIdOf(ctx));
    return;
  }
  if (problem instanceof SignInNeeded) {
    seeOther(ctx, problem.location);
    return;
  }
  sendPage(
    ctx,
    problemPage(parts.site, {
      status: problem.status,
      title: TITLES[problem.status] ?? 'Something went wrong',
      message: problem.message,
      hint: problem.hint,
      requestId: requestIdOf(ctx),
    }),
    problem.status,
  );
}

/** The one error shape of the API (design section 7). */
export function envelopeOf(problem: Problem, requestId: string) {
  return {
    statusCode: problem.status,
    body: {
      status: problem.code,
      message: problem.message,
      ...(problem.parameter === undefined ? {} : { parameter: problem.parameter }),
      hint: problem.hint,
      requestId,
    },
  };
}

/** RFC 6750 section 3 and RFC 9728 section 5.1. Quotes and non-ASCII may not stand in a quoted string. */
function challenge(problem: BearerProblem, url: string): string {
  const quoted = (text: string) => `"${text.replace(/["\\]/g, "'").replace(/[^\x20-\x7e]/g, '')}"`;
  const parts = [`realm=${quoted(url)}`];
  if (problem.challengeError !== undefined) {
    parts.push(`error=${quoted(problem.challengeError)}`, `error_description=${quoted(problem.message)}`);
  }
  if (problem.scope !== undefined) parts.push(`scope=${quoted(problem.scope)}`);
  parts.push(`resource_metadata=${quoted(resourceMetadataUrl(url))}`);
  return `Bearer ${parts.join(', ')}`;
}

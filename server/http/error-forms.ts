import type { Context } from 'koa';
import { consoleSectionAt, type Site, type Viewer } from '../../views/layout.ts';
import { problemPage } from '../../views/problem.ts';
import { resourceMetadataUrl } from '../ground/api-address.ts';
import {
  BearerProblem,
  PROTOCOL_CODES,
  type Problem,
  type ProblemCode,
  SignInNeeded,
} from '../ground/errors.ts';
import { nearAddress } from './near-address.ts';
import { seeOther, sendPage } from './page.ts';
import { requestIdOf } from './request.ts';

/** Writes a refusal in the way that the callers of one group of routes understand. Its own headers are set already. */
export type ErrorForm = (ctx: Context, problem: Problem) => void | Promise<void>;

/** Who sits in front of this browser, where that can be said. */
export type ViewerOf = (ctx: Context) => Promise<Viewer | undefined>;

const TITLES: Record<number, string> = {
  400: 'That did not work',
  401: 'Sign in first',
  403: 'Not allowed',
  404: 'There is nothing here',
  405: 'That is not how this page works',
  409: 'That did not work',
  413: 'Too large',
  414: 'Too large',
  415: 'Not understood',
  421: 'Another name',
  429: 'Too many tries',
  503: 'Back in a moment',
};

const nobody: ViewerOf = async () => undefined;

/** A page for who sits in front of a browser; who has to sign in first is sent there. */
export function asPage(site: Site, viewerOf: ViewerOf = nobody): ErrorForm {
  return async (ctx, problem) => {
    if (problem instanceof SignInNeeded) return seeOther(ctx, problem.location);
    const { status, message, hint } = problem;
    const title = TITLES[status] ?? 'Something went wrong';
    // What fails here may be what would be asked for the viewer.
    const viewer = status < 500 ? await viewerOf(ctx).catch(() => undefined) : undefined;
    // Nobody but an admin learns that there is a console.
    const section = viewer?.admin === true ? consoleSectionAt(ctx.path) : undefined;
    const ofSection = section && { label: `Go to “${section.label}”`, url: section.path };
    const next = nextAfter(problem, ctx.path) ?? ofSection;
    const props = { status, title, message, hint, requestId: requestIdOf(ctx), viewer, next };
    sendPage(ctx, problemPage(site, { ...props, current: section?.path }), status);
  };
}

const SIGN_IN = { label: 'Go to the sign-in page', url: '/sign-in' };

/** Where the hint of a refusal points, as a link. */
const NEXT: Partial<Record<ProblemCode, { label: string; url: string }>> = {
  ACCOUNT_SUSPENDED: SIGN_IN,
  COOKIES_OFF: SIGN_IN,
  EMAIL_NOT_VERIFIED: SIGN_IN,
  FEDERATED_SIGN_IN_FAILED: SIGN_IN,
  ISSUER_REFUSED: SIGN_IN,
  ISSUER_UNAVAILABLE: SIGN_IN,
  OTHER_WAY_FIRST: SIGN_IN,
  SIGN_IN_TOO_OLD: SIGN_IN,
  UNTRUSTED_ANSWER: SIGN_IN,
  CHANGED_MEANWHILE: { label: 'Sign in again', url: '/sign-in?fresh=1' },
  NOT_FRESH: { label: 'Sign in again', url: '/sign-in?fresh=1' },
  IDENTITY_TAKEN: { label: 'Go to your account', url: '/account' },
  LAST_WAY_TO_SIGN_IN: { label: 'Go to your account', url: '/account' },
  OTHER_ACCOUNT: { label: 'Go to your account', url: '/account' },
};

/** Where to go on from a page below these. */
const LISTS: Record<string, string> = {
  tokens: 'your tokens',
  services: 'your services',
  apps: 'your connected apps',
  developer: 'your own apps',
  activity: 'your activity',
  account: 'your account',
};

function nextAfter({ code, returnTo }: Problem, path: string): { label: string; url: string } | undefined {
  const [, first = '', second] = path.split('/');
  if (code === 'LINK_DEAD' || code === 'LINK_DAMAGED') {
    if (first === 'reset-password') return { label: 'Ask for another link', url: '/reset-password' };
    if (first === 'review') return { label: 'Go to your reviews', url: '/account/reviews' };
    if (first === 'verify-email') return { label: 'Sign up once more', url: '/sign-up' };
    if (first === 'sign-up' || first === 'invitation') return SIGN_IN;
  }
  const list = second !== undefined && Object.hasOwn(LISTS, first) ? LISTS[first] : undefined;
  const next = NEXT[code] ?? (list === undefined ? undefined : { label: `Go to ${list}`, url: `/${first}` });
  if (returnTo === undefined || !next?.url.startsWith('/sign-in')) return next;
  const query = new URLSearchParams({ return_to: returnTo });
  return { ...next, url: `${next.url}${next.url.includes('?') ? '&' : '?'}${query}` };
}

/** The one error shape of the API (design section 7), with the challenge that a refused bearer token is owed. */
export function asEnvelope(url: string): ErrorForm {
  return (ctx, problem) => {
    if (problem instanceof BearerProblem) ctx.set('WWW-Authenticate', challenge(problem, url));
    ctx.set('Cache-Control', 'no-store');
    ctx.status = problem.status;
    const { status: statusCode, code: status, message, parameter, hint } = problem;
    ctx.body = { statusCode, body: { status, message, parameter, hint, requestId: requestIdOf(ctx) } };
  };
}

/** RFC 6749 section 5.2, for the engine's endpoints that programs call; the engine writes its own errors itself. */
export function asOAuthError(ctx: Context, problem: Problem): void {
  ctx.set('Cache-Control', 'no-store');
  ctx.status = problem.status;
  ctx.body = {
    error: oauthCodeOf(problem),
    error_description: printable(`${problem.message} ${problem.hint}`),
  };
}

/**
 * For what no group of routes has taken: an address of the API, of the provider, of metadata or of health, or near one
 * of theirs, is asked for by a program, all else by a person.
 */
export function asItsAddressWants(parts: { url: string; site: Site; viewerOf: ViewerOf }): ErrorForm {
  const [page, envelope] = [asPage(parts.site, parts.viewerOf), asEnvelope(parts.url)];
  return (ctx, problem) => formFor(ctx)(ctx, problem);

  function formFor(ctx: Context): ErrorForm {
    const own = callsAt(ctx.path);
    if (own !== undefined) return own;
    // Every browser says that it wants HTML when somebody opens an address, and no program does.
    if (ctx.get('accept').includes('text/html')) return page;
    // Its pages about workflows have addresses that are nearly those at which workflows are called.
    if (ctx.path.startsWith('/admin/')) return page;
    return programAt(nearAddress(ctx.path) ?? '') ?? programAt(ctx.path) ?? page;
  }

  function callsAt(path: string): ErrorForm | undefined {
    if (/^\/api(\/|$)/.test(path)) return envelope;
    return /^\/oauth(\/|$)/.test(path) ? asOAuthError : undefined;
  }

  function programAt(path: string): ErrorForm | undefined {
    if (/^\/(healthz|readyz)$/.test(path)) return envelope;
    return /^\/\.well-known(\/|$)/.test(path) ? asOAuthError : callsAt(path);
  }
}

/** The words of RFC 6749 are few: all else is the fault of the request, or ours (section 4.1.2.1). */
function oauthCodeOf({ code, status }: Problem): string {
  if (status === 503) return 'temporarily_unavailable';
  if (status >= 500) return 'server_error';
  return PROTOCOL_CODES.find((word) => word === code) ?? 'invalid_request';
}

/** RFC 6750 section 3 and RFC 9728 section 5.1. */
function challenge(problem: BearerProblem, url: string): string {
  const quoted = (text: string) => `"${printable(text)}"`;
  const parts = [`realm=${quoted(url)}`];
  if (problem.challengeError !== undefined) {
    parts.push(`error=${quoted(problem.challengeError)}`, `error_description=${quoted(problem.message)}`);
  }
  if (problem.scope !== undefined) parts.push(`scope=${quoted(problem.scope)}`);
  parts.push(`resource_metadata=${quoted(resourceMetadataUrl(url))}`);
  return `Bearer ${parts.join(', ')}`;
}

/** Without what RFC 6749 and 6750 forbid in their texts: quotes, backslashes and all beyond ASCII. */
export function printable(text: string): string {
  return text.replace(/["\\]/g, "'").replace(/[^\x20-\x7e]/g, '');
}

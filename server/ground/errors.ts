/** Words of RFC 6749 section 5.2 and RFC 6750 section 3.1, which keep their spelling. */
export const PROTOCOL_CODES = ['invalid_request', 'invalid_token', 'insufficient_scope'] as const;

/** What the API answers beside them. The table in docs/calling-the-api.md explains each of both lists. */
export const API_CODES = [
  'ADDRESS_REFUSED',
  'CALLER_GONE',
  'CALLS_USED_UP',
  'CONFLICT',
  'FORBIDDEN',
  'INCOMPLETE_BODY',
  'INTERNAL',
  'INVALID_DATA',
  'INVALID_REQUEST',
  'METHOD_NOT_ALLOWED',
  'MISSING_DATA',
  'NOT_FOUND',
  'NOT_RUN',
  'ORIGIN_REFUSED',
  'OUT_OF_BOUNDS',
  'TIMEOUT',
  'TOO_BUSY',
  'TOO_LARGE',
  'TOO_MANY_CALLS',
  'TOO_MANY_MAILS',
  'UNAUTHORIZED',
  'UNAVAILABLE',
  'UNSUPPORTED_ENCODING',
  'UNSUPPORTED_MEDIA_TYPE',
  // of issue_token only
  'CHANGED_MEANWHILE',
  'INVALID_NAME',
  'TOO_MANY_ATTEMPTS',
  'TOO_MANY_TOKENS',
  // of a token about itself
  'INVALID_OVERLAP',
  'NOT_LIVE',
  'ROTATED_ALREADY',
] as const;

/** What the management API answers beside them all, as do the pages that do the same. docs/managing.md explains them. */
export const MANAGEMENT_CODES = [
  'ACCOUNT_SUSPENDED',
  'ADMINS_ONLY',
  'EMAIL_TAKEN',
  'HAS_OWN_SIGN_IN',
  'INVALID_ACTS_FOR',
  'INVALID_BOUND',
  'INVALID_CURSOR',
  'INVALID_EMAIL',
  'INVALID_EXPIRY',
  'INVALID_IDLE_DAYS',
  'INVALID_IP_RANGE',
  'INVALID_NOTE',
  'INVALID_ORIGIN',
  'INVALID_REASON',
  'INVALID_REDIRECT_URI',
  'INVALID_RETURN_URL',
  'KEY_TAKEN',
  'LAST_ADMIN',
  'LAST_WAY_TO_SIGN_IN',
  'LINK_DEAD',
  'NAME_TAKEN',
  'NOTHING_TO_DO',
  'OTHER_EXTERNAL_ID',
  'OWN_ACCOUNT',
  'OWN_SECRET',
  'OWN_SERVICE',
  'PKCE_NEEDED',
  'SIGN_UP_CLOSED',
  'TOO_MANY_APPS',
  'TOO_MANY_SECRETS',
  'TOO_MANY_SERVICES',
  'WEAK_PASSWORD',
  // of RFC 6749 too
  'invalid_scope',
] as const;

/** What only pages and the command line answer. */
type PageCode =
  | 'COOKIES_OFF'
  | 'EMAIL_NOT_VERIFIED'
  | 'FEDERATED_SIGN_IN_FAILED'
  | 'FOREIGN_ORIGIN'
  | 'IDENTITY_TAKEN'
  | 'INVALID_SUBJECT_TOKEN'
  | 'ISSUER_REFUSED'
  | 'ISSUER_UNAVAILABLE'
  | 'LINK_DAMAGED'
  | 'NOT_FRESH'
  | 'NO_PASSWORD'
  | 'NO_SUCH_ACCOUNT'
  | 'NO_SUCH_APP'
  | 'NO_SUCH_SERVICE'
  | 'NO_SUCH_TOKEN'
  | 'OTHER_ACCOUNT'
  | 'OTHER_VIEWER'
  | 'OTHER_WAY_FIRST'
  | 'PUBLIC_CLIENT'
  | 'SENT_BEFORE'
  | 'SIGN_IN_NEEDED'
  | 'SIGN_IN_TOO_OLD'
  | 'UNTRUSTED_ANSWER'
  | 'WRONG_CREDENTIALS';

type ProtocolCode = (typeof PROTOCOL_CODES)[number];

/** The stable machine word of a refusal. */
export type ProblemCode =
  | ProtocolCode
  | (typeof API_CODES)[number]
  | (typeof MANAGEMENT_CODES)[number]
  | PageCode;

/**
 * What a caller may be shown. Anything else that is thrown is our bug: it is logged whole and shown as 500
 * without a word of it. http/error-forms.ts is the only place that writes a Problem to the wire.
 */
export type ProblemDetails = {
  /** HTTP status. */
  status: number;
  code: ProblemCode;
  /** What is wrong, for people. Never echoes a secret. */
  message: string;
  /** What the reader should do next. */
  hint: string;
  /** The parameter at fault, when there is one. */
  parameter?: string;
  headers?: Record<string, string>;
  /** The data type whose rules refuse it, and the record: for the log of whoever runs the server. */
  refusedBy?: { type: string; id?: string };
  cause?: unknown;
};

/** The base of all refusals: the compiler asks each for a status, a code, a message and a hint. */
export class Problem extends Error {
  readonly status: number;
  readonly code: ProblemCode;
  readonly hint: string;
  readonly parameter: string | undefined;
  readonly headers: Record<string, string>;
  readonly refusedBy: ProblemDetails['refusedBy'];
  /** What else is wrong with the same form; see `checkAll`. */
  others: readonly Problem[] = [];
  /** A path of this site that the person was on the way to, for the link of the page that says this. */
  returnTo: string | undefined;

  constructor(details: ProblemDetails) {
    super(details.message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'Problem';
    this.status = details.status;
    this.code = details.code;
    this.hint = details.hint;
    this.parameter = details.parameter;
    this.headers = details.headers ?? {};
    this.refusedBy = details.refusedBy;
  }
}

/** Makes each of these checks, and throws what all of them find wrong as one Problem: the first, with the others in it. */
export function checkAll<T extends object>(checks: { [K in keyof T]: () => T[K] }): T {
  const found: Partial<T> = {};
  const problems: Problem[] = [];
  for (const name in checks) {
    try {
      found[name] = checks[name]();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      problems.push(error, ...error.others);
    }
  }
  const [first, ...others] = problems;
  if (first === undefined) return found as T;
  first.others = others;
  throw first;
}

/** Refuses one named part of what was sent; `what` goes on from its name. No word of its value is said. */
export function invalidField(name: string, what: string, hint: string): Problem {
  const parameter = name.slice(0, 80);
  return new Problem({
    status: 400,
    code: 'INVALID_DATA',
    message: `${JSON.stringify(parameter)} ${what}.`,
    hint,
    parameter,
  });
}

/** The same for what is not there and for what belongs to another account. */
export function noSuch(what: string): Problem {
  return new Problem({
    status: 404,
    code: 'NOT_FOUND',
    message: `There is no such ${what}.`,
    hint: 'Look whether it is written right, and in the list: it may have been removed.',
  });
}

/** A refused bearer token (RFC 6750 section 3); the mapper makes the `WWW-Authenticate` challenge of it. */
export class BearerProblem extends Problem {
  /** RFC 6750 error word; undefined when no credential was sent (section 3.1: then no error is named). */
  readonly challengeError: ProtocolCode | undefined;
  /** Every scope that the call needs, for `insufficient_scope`. */
  readonly scope: string | undefined;

  constructor(details: ProblemDetails & { challengeError?: ProtocolCode | undefined; scope?: string }) {
    super(details);
    this.name = 'BearerProblem';
    this.challengeError = details.challengeError;
    this.scope = details.scope;
  }
}

/** The page needs somebody signed in (or signed in freshly); a browser is sent to `location` with 303. */
export class SignInNeeded extends Problem {
  readonly location: string;

  constructor(location: string) {
    super({
      status: 401,
      code: 'SIGN_IN_NEEDED',
      message: 'Sign in to see this page.',
      hint: `Open ${location} in a browser.`,
    });
    this.name = 'SignInNeeded';
    this.location = location;
  }
}

const undone = new WeakSet<object>();

/** Notes of what was thrown that nothing had been done by then, not even in part, and answers it. */
export function asUndone(error: unknown): unknown {
  if (typeof error === 'object' && error !== null) undone.add(error);
  return error;
}

/** Makes a check before anything is stored or sent, and notes that of what it throws. */
export function beforeChanges<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw asUndone(error);
  }
}

/** Whether nothing had been done when this was thrown. */
export function isUndone(error: unknown): boolean {
  return typeof error === 'object' && error !== null && undone.has(error);
}

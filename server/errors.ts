/**
 * What a caller may be shown. Anything else that is thrown is our bug: it is logged whole and shown as 500
 * without a word of it. http/error-response.ts is the only place that writes a Problem to the wire.
 */
export type ProblemDetails = {
  /** HTTP status. */
  status: number;
  /** Stable machine word: `MISSING_DATA` on the API, `invalid_token` and the like where an RFC names it. */
  code: string;
  /** What is wrong, for people. Never echoes a secret. */
  message: string;
  /** What the reader should do next. */
  hint: string;
  /** The parameter at fault, when there is one. */
  parameter?: string;
  headers?: Record<string, string>;
  cause?: unknown;
};

/** The base of all refusals: the compiler asks each for a status, a code, a message and a hint. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly hint: string;
  readonly parameter: string | undefined;
  readonly headers: Record<string, string>;

  constructor(details: ProblemDetails) {
    super(details.message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'Problem';
    this.status = details.status;
    this.code = details.code;
    this.hint = details.hint;
    this.parameter = details.parameter;
    this.headers = details.headers ?? {};
  }
}

/**
 * A refused bearer token (RFC 6750 section 3). The mapper adds the `WWW-Authenticate` challenge from these.
 */
export class BearerProblem extends Problem {
  /**
   * RFC 6750 error word; undefined when no credential was sent at all (section 3.1: then no error is named).
   */
  readonly challengeError: 'invalid_request' | 'invalid_token' | 'insufficient_scope' | undefined;
  /** Every scope that the call needs, for `insufficient_scope`. */
  readonly scope: string | undefined;

  constructor(
    details: ProblemDetails & { challengeError?: BearerProblem['challengeError']; scope?: string },
  ) {
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
      code: 'sign_in_needed',
      message: 'Sign in to see this page.',
      hint: `Open ${location} in a browser.`,
    });
    this.name = 'SignInNeeded';
    this.location = location;
  }
}

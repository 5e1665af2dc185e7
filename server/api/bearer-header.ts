import type { IncomingMessage } from 'node:http';
import { BearerProblem } from '../ground/errors.ts';
import { decoded, holdsSecret } from '../ground/without-secrets.ts';

/** RFC 6750 section 2.1: what may stand behind `Bearer`. */
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;

/** What an imported key may be. */
const ONE_WORD = /^[\x21-\x7e]+$/;

/** Headers that people take for the right one. Node gives names in lower case. */
const WRONG_HEADERS = (
  'authorisation authentication x-authorization x-authorisation x-auth-token x-access-token x-api-key ' +
  'x-api-token api-key apikey api-token access-token auth-token token bearer private-token'
).split(' ');

/** Query parameters that people put a token into. */
const WRONG_QUERY =
  /^(access[-_]?token|api[-_]?(key|token)|auth([-_]?token)?|authori[sz]ation|bearer|token|key|pat)$/i;

const BEGINS_WITH_SECRET = /^\s*(bearer\s+)?["']?lk_(pat|cs)_/i;

const HOW = 'Send it as a header: "Authorization: Bearer YOUR_TOKEN".';

/**
 * The bearer token of a request, only ever from the Authorization header (RFC 6750 section 2.1). Undefined
 * when there is no such header. Throws 401 `invalid_request` when it cannot be read, or when a token came in
 * the address, where logs and histories keep it. What it gives is one word; `isTokenForm` says more. No message repeats anything of what was sent.
 */
export function readBearerToken(req: IncomingMessage, query: string): string | undefined {
  if (query !== '' && holdsToken(new URLSearchParams(query))) {
    throw malformed(
      'A token came in the query of the address, where it is not read.',
      `Addresses end up in logs: revoke that token and make a new one. ${HOW}`,
    );
  }
  const header = req.headers.authorization;
  if (header === undefined) return undefined;
  if ((req.headersDistinct.authorization?.length ?? 0) > 1) {
    throw malformed('The Authorization header came more than once.', 'Send it once, with one token.');
  }
  const [, scheme = '', rest = ''] = /^(\S*)[ \t]*(.*)$/s.exec(header) ?? [];
  if (scheme.toLowerCase() !== 'bearer') throw wrongScheme(scheme, rest);
  if (!ONE_WORD.test(rest)) throw wrongToken(rest);
  return rest;
}

/** Whether a token of RFC 6750 can look so: imported keys may look like anything. */
export function isTokenForm(value: string): boolean {
  return TOKEN.test(value);
}

/** The answer to a request without any credential: 401 without an error word (RFC 6750 section 3.1). */
export function noCredential(req: IncomingMessage, query: string, url: string): BearerProblem {
  return new BearerProblem({
    status: 401,
    code: 'UNAUTHORIZED',
    message: 'This call needs a token.',
    hint: `${mislaid(req, query)} Tokens are made at ${url}/tokens.`,
  });
}

/** Where a token seems to have been put instead of the Authorization header. */
function mislaid(req: IncomingMessage, query: string): string {
  const header = WRONG_HEADERS.find((name) => req.headers[name] !== undefined);
  if (header !== undefined) {
    return `There is a header called ${header}, but the token is read from Authorization only. ${HOW}`;
  }
  const parameter = [...new URLSearchParams(query).keys()].find((name) => WRONG_QUERY.test(name));
  if (parameter !== undefined) {
    return `There is a query parameter ${parameter}, but a token is never read from the address. ${HOW}`;
  }
  return HOW;
}

/** RFC 6750 section 2.3's own parameter, or a secret of ours under any name. */
function holdsToken(query: URLSearchParams): boolean {
  return [...query].some(
    ([name, value]) =>
      name === 'access_token' || holdsSecret(name) || BEGINS_WITH_SECRET.test(decoded(value)),
  );
}

function wrongScheme(scheme: string, rest: string): BearerProblem {
  const word = scheme.toLowerCase();
  if (word === '') return malformed('The Authorization header is empty.', HOW);
  if (/^(["'`]bearer|bearer\W)/.test(word)) {
    return malformed(
      'The word Bearer must be followed by one space and the token.',
      `There is something else behind it (a colon, a quote, an equals sign or an escaped space). ${HOW}`,
    );
  }
  if (word === 'basic') {
    return malformed(
      'Basic authentication is not read here.',
      `A service exchanges its client id and secret for a token at /oauth/token first. ${HOW}`,
    );
  }
  if (rest === '') return malformed('The word Bearer is missing in front of the token.', HOW);
  return malformed('The Authorization header does not begin with the word Bearer.', HOW);
}

/** What is wrong with something that no token can be, most telling sign first. */
export function wrongToken(rest: string): BearerProblem {
  if (rest === '') {
    return malformed(
      'There is no token behind the word Bearer.',
      'The variable that should hold the token is probably empty.',
    );
  }
  if (/^["'`]?bearer\b/i.test(rest)) {
    return malformed(
      'The word Bearer is there twice.',
      `One of the two is added by your client already. ${HOW}`,
    );
  }
  if (/\\[nrt]|%0[ad]/i.test(rest)) {
    return malformed(
      'There is a line end in the token.',
      'It was pasted or read with the end of its line: trim the value. In a shell: $(tr -d "\\n" < FILE).',
    );
  }
  if (/^["'`<{$[(]|["'`>})\]]$/.test(rest)) {
    return malformed(
      'There are quotes, brackets or a dollar sign around the token.',
      'Send the bare value. If it is the name of a variable, it was not replaced by its value.',
    );
  }
  if (/\s/.test(rest)) {
    return malformed('There is a space inside the token.', 'A token is one word: copy it again, whole.');
  }
  return malformed(
    'There is a character in the token that no token has.',
    'Copy it again from where it was shown; chats and editors change or add invisible characters.',
  );
}

function malformed(message: string, hint: string): BearerProblem {
  const code = 'invalid_request';
  return new BearerProblem({ status: 401, code, message, hint, challengeError: code });
}

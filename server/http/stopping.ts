import { Problem } from '../ground/errors.ts';
import { lookFirst, RETRY_SECONDS } from './error-response.ts';

/** What an answer emits when the server is being stopped and waits for it no longer. */
export const STOPPING = Symbol('stopping');

/** Why a request of this method has no answer of what it asked for; `hasDoneNothing` by then. */
export function serverStops(method: string, hasDoneNothing = false): Problem {
  return new Problem({
    status: 503,
    code: 'UNAVAILABLE',
    message: 'The server is being stopped.',
    hint: `${lookFirst(method, hasDoneNothing)}Try again in ${RETRY_SECONDS} seconds.`,
    headers: { 'Retry-After': String(RETRY_SECONDS) },
  });
}

import { isAdmin, missingScopes } from '../credentials/scopes.ts';
import { BearerProblem } from '../ground/errors.ts';
import type { Bearer } from './bearer.ts';

/** Throws 403 naming every scope of `needed` that the caller lacks. */
export function requireScopes(caller: Bearer, needed: readonly string[], url: string): void {
  const missing = missingScopes(caller.scopes, needed);
  if (missing.length === 0) return;
  const list = missing.join(' ');
  throw new BearerProblem({
    status: 403,
    code: 'insufficient_scope',
    message: `The token lacks the scope ${list}.`,
    hint: isAdmin(missing)
      ? 'Only a service that an admin made with that scope, or with the scope admin, may do this.'
      : caller.client === undefined
        ? `Make a token with that scope at ${url}/tokens.`
        : `Ask for that scope when you get the token; ${caller.client.name} must be allowed to have it.`,
    challengeError: 'insufficient_scope',
    scope: list,
  });
}

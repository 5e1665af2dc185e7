import { Problem } from '../errors.ts';
import type { Scope } from '../oauth/scopes.ts';

/**
 * The scopes that somebody chose, each once and in the order of the catalogue. Only exact names from
 * `allowed` pass, so nobody gives away what is not theirs (better-auth's CVE-2025-61928 was the lack of
 * this). Throws Problem.
 */
export function scopesFrom(given: readonly string[], allowed: readonly Scope[]): string[] {
  const names = new Set(allowed.map((scope) => scope.name));
  const foreign = given.find((name) => !names.has(name));
  if (foreign !== undefined) {
    throw new Problem({
      status: 400,
      code: 'invalid_scope',
      message: `The scope ${JSON.stringify(foreign.slice(0, 80))} is not there, or not yours to give.`,
      hint: `Choose among: ${[...names].join(', ')}.`,
      parameter: 'scopes',
    });
  }
  return [...names].filter((name) => given.includes(name));
}

/** Refuses an empty choice: a credential that may do nothing is a mistake. */
export function someScopesFrom(given: readonly string[], allowed: readonly Scope[]): string[] {
  const chosen = scopesFrom(given, allowed);
  if (chosen.length > 0) return chosen;
  throw new Problem({
    status: 400,
    code: 'invalid_scope',
    message: 'No scope is chosen.',
    hint: 'Choose at least one thing that it may do.',
    parameter: 'scopes',
  });
}

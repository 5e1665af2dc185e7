import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Bearer } from '../../server/access/bearer.ts';
import { requireScopes } from '../../server/access/required-scopes.ts';
import { BearerProblem } from '../../server/ground/errors.ts';

describe('requireScopes', () => {
  const holder = (...scopes: string[]) => ({ scopes }) as unknown as Bearer;
  const missingOf = (caller: Bearer, needed: string[]) => {
    try {
      requireScopes(caller, needed, 'http://localhost:3000');
    } catch (error) {
      assert.ok(error instanceof BearerProblem);
      assert.deepEqual([error.status, error.challengeError], [403, 'insufficient_scope']);
      return error.scope;
    }
    return undefined;
  };

  const cases: [held: string[], needed: string[], missing: string | undefined][] = [
    [[], ['wf:a', 'wf:b'], 'wf:a wf:b'],
    [['wf:a'], ['wf:a', 'wf:b', 'profile'], 'wf:b profile'],
    [['wf:a', 'wf:b'], ['wf:a', 'wf:b'], undefined],
    [['wf:aa', 'WF:A', 'wf:'], ['wf:a'], 'wf:a'],
    [['admin'], ['wf:a'], undefined],
    [['wf:admin', 'administrator'], ['admin'], 'admin'],
  ];
  for (const [held, needed, missing] of cases) {
    test(`${held.join(' ') || 'nothing'} for ${needed.join(' ')}`, () => {
      assert.equal(missingOf(holder(...held), needed), missing);
    });
  }
});

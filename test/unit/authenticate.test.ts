import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Call } from '../../server/activity/call.ts';
import { createRecorder } from '../../server/activity/recorder.ts';
import { requireScopes } from '../../server/api/authenticate.ts';
import { newSecret } from '../../server/credentials/format.ts';
import { BearerProblem } from '../../server/errors.ts';
import type { Bearer } from '../../server/oauth/bearer.ts';

describe('requireScopes', () => {
  const holder = (...scopes: string[]) => ({ scopes: new Set(scopes) }) as unknown as Bearer;
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

describe('recorder', () => {
  const whose = { accountId: 'acc_1', tokenId: 'tok_1', tokenKind: 'personal_access_token', tokenName: 'T' };
  const called = (path: string) => ({
    method: 'GET',
    path,
    status: 200,
    result: 'success',
    from: '127.0.0.1',
    requestId: 'r',
  });
  const recorderAt = (clock: () => number) => 
    createRecorder({ calls: undefined as never, callBatches: undefined as never, clock });

  test('ids ascend within a second and over the seconds, and differ between processes', () => {
    let now = 1_800_000_000;
    const one = recorderAt(() => now);
    const ids: string[] = [];
    for (let turn = 0; turn < 200; turn += 1) {
      if (turn % 50 === 0) now += 1;
      ids.push(one.entry(whose, called('/api/1.1/me')).id);
    }
    assert.deepEqual(ids, [...new Set(ids)].sort());
    const other = recorderAt(() => 1_800_000_001).entry(whose, called('/api/1.1/me'));
    assert.ok(!ids.includes(other.id));
  });

  const paths: [path: string, kept: string | RegExp][] = [
    ['/api/1.1/wf/create_transaction', '/api/1.1/wf/create_transaction'],
    [`/api/1.1/wf/${newSecret('lk_pat_')}`, '/api/1.1/wf/(removed)'],
    [`/api/${newSecret('lk_cs_').slice(0, 20)}/x`, '/api/(removed)/x'],
    [`/api/1.1/wf/${'Ab3-_'.repeat(9)}`, '/api/1.1/wf/(removed)'],
    [`/api/${'x/'.repeat(5000)}`, /^.{120}$/],
    [`/api/${'x/'.repeat(50)}${newSecret('lk_pat_')}`, /^[^_]*$/],
  ];
  for (const [path, kept] of paths) {
    test(`${path.slice(0, 20)}… is kept without what may be a token`, () => {
      const entry: Call = recorderAt(() => 1).entry(whose, called(path));
      if (typeof kept === 'string') assert.equal(entry.path, kept);
      else assert.match(entry.path, kept);
    });
  }
});

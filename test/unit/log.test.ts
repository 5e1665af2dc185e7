import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLog } from '../../server/ground/log.ts';

function logged(fields: object): Record<string, unknown> {
  const lines: string[] = [];
  createLog({ write: (line) => lines.push(line) }).info(fields, 'said');
  assert.equal(lines.length, 1);
  return JSON.parse(lines[0] ?? '') as Record<string, unknown>;
}

describe('the log', () => {
  it('hides what stands under the name of a secret, however deep, and leaves out what is deeper', () => {
    const { time: _time, ...said } = logged({
      path: '/tokens',
      authorization: 'Bearer lk_pat_x',
      nested: { password: 'hunter2', deeper: { cookie: 'a=b', kept: 1 } },
      list: ['first', { token: 'lk_pat_y' }],
      deep: { a: { b: { c: { d: { secret: 'x' } } } } },
    });
    assert.deepEqual(said, {
      level: 30,
      msg: 'said',
      path: '/tokens',
      authorization: '[hidden]',
      nested: { password: '[hidden]', deeper: { cookie: '[hidden]', kept: 1 } },
      list: ['first', { token: '[hidden]' }],
      deep: { a: { b: { c: { d: '[left out]' } } } },
    });
  });

  it('tells of an error its code, which is the system’s name for it, and hides what else it carries', () => {
    const error = Object.assign(new Error('no luck'), { code: 'ECONNREFUSED', token: 'lk_pat_x' });
    const { err } = logged({ err: error }) as { err: Record<string, unknown> };
    assert.deepEqual(
      [err.type, err.message, err.code, err.token],
      ['Error', 'no luck', 'ECONNREFUSED', '[hidden]'],
    );
    assert.match(String(err.stack), /log\.test\.ts/);
  });

  it('changes nothing of what it was given', () => {
    const fields = { nested: { password: 'hunter2' } };
    logged(fields);
    assert.deepEqual(fields, { nested: { password: 'hunter2' } });
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { doCheck } from '../../server/workflows/late-failures.ts';
import { unfitForProcess } from '../../server/workflows/process/fit.ts';
import { failureOf } from '../../server/workflows/process/messages.ts';

const unreadable = () => {
  throw new Error('not to be read');
};
/** What may be thrown and answers to nothing. */
const THROWN: Record<string, object> = {
  message: Object.defineProperty(new Error('x'), 'message', { get: unreadable }),
  stack: Object.defineProperty(new Error('x'), 'stack', { get: unreadable }),
  cause: Object.defineProperty(new Error('x'), 'cause', { get: unreadable }),
  'all of it': new Proxy({}, { get: unreadable, getPrototypeOf: unreadable }),
};

for (const [what, error] of Object.entries(THROWN)) {
  test(`an error of which one cannot read ${what} is told as that`, () => {
    assert.deepEqual(failureOf(error, 'workflow w: '), {
      name: 'Error',
      message: 'workflow w: thrown: something that cannot be read',
      stack: undefined,
    });
    const whose = { workflow: 'w', requestId: 'r', isOurs: false };
    const check = () => {
      throw error;
    };
    // Of a schema, on the thread of the server.
    assert.throws(() => doCheck(whose, check), { message: 'thrown: something that cannot be read' });
  });
}

test('what is a part of itself arrives, and what in it does not is named', () => {
  const round: { list: unknown[]; itself?: unknown; last?: unknown } = { list: [1] };
  round.itself = { within: [round] };
  assert.equal(unfitForProcess(round), undefined);
  round.last = () => undefined;
  assert.equal(unfitForProcess(round), 'last: a function');
});

test('a list that is long is looked at in no time, and one that is longer is not handed on', () => {
  const sparse: unknown[] = [];
  sparse[3e7] = 1;
  const full = ','.repeat(999_900).split(',');
  const startedMs = performance.now();
  assert.equal(unfitForProcess({ list: sparse }), 'list: more than 1000000 values');
  assert.equal(unfitForProcess({ full }), undefined);
  assert.equal(unfitForProcess({ lists: [full, full.slice()] }), 'lists.1: more than 1000000 values');
  assert.ok(performance.now() - startedMs < 1000);
  assert.equal(unfitForProcess({ list: [[1], { a: [2, () => 3] }] }), 'list.1.a.1: a function');
  const [text, bytes] = ['x'.repeat(4e7), new Uint8Array(4e7)];
  assert.equal(unfitForProcess({ text }), undefined);
  for (const other of [text, bytes, bytes.buffer])
    assert.equal(unfitForProcess({ text, other }), 'other: more than 67108864 characters and bytes');
});

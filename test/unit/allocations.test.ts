import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { boundAllocations } from '../../server/workflows/thread/allocations.ts';

const MEGABYTE = 1024 * 1024;

describe('what a run allocates at once', () => {
  before(boundAllocations);

  test('what is within it works as ever', () => {
    assert.equal(Buffer.alloc(4, 'ab').toString(), 'abab');
    assert.equal(Buffer.alloc(3).fill('6162', 1, 'hex').toString('hex'), '006162');
    assert.equal(Buffer.allocUnsafe(5).length, 5);
    assert.deepEqual([...new Uint16Array(3).fill(7, 1)], [0, 7, 7]);
    const shared = new SharedArrayBuffer(2, { maxByteLength: 4 });
    shared.grow(4);
    assert.ok(shared instanceof SharedArrayBuffer);
    assert.equal(new Int32Array(shared).length, 1);
    assert.equal(structuredClone(shared).byteLength, 4);
    assert.throws(() => Buffer.alloc(-1), /ERR_OUT_OF_RANGE|must be >= 0/);
  });

  const tooMuch: Record<string, () => unknown> = {
    'a buffer': () => Buffer.alloc(300 * MEGABYTE, 1),
    'a buffer that is not filled': () => Buffer.allocUnsafe(300 * MEGABYTE),
    'a buffer without a pool': () => Buffer.allocUnsafeSlow(300 * MEGABYTE),
    'a buffer that is filled later': () => Buffer.from(new ArrayBuffer(300 * MEGABYTE)).fill(1),
    'a list of bytes': () => new Uint8Array(300 * MEGABYTE).fill(1),
    'a list of numbers': () => new Float64Array(40 * MEGABYTE).fill(1),
    'shared memory': () => new SharedArrayBuffer(300 * MEGABYTE),
    'shared memory that grows': () => new SharedArrayBuffer(1, { maxByteLength: 300 * MEGABYTE }),
    'shared memory, a little at a time': () =>
      Array.from({ length: 300 }, () => new SharedArrayBuffer(MEGABYTE)),
  };
  for (const [what, allocate] of Object.entries(tooMuch)) {
    test(`${what}: is refused beyond the limit`, () => {
      assert.throws(allocate, /^RangeError: more than the 256 MB that a run may hold/);
    });
  }
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { artifactIdOf, ledByMoment } from '../../server/access/artifact.ts';
import { hashOf } from '../../server/ground/opaque.ts';

const RANDOM = 'x'.repeat(43);

describe('row ids of tokens', () => {
  it('follow the moment in the value, and hold the rest as a hash only', () => {
    const value = ledByMoment(RANDOM);
    const id = artifactIdOf(value);
    assert.equal(id, `${value.slice(0, 9)}${hashOf(value)}`);
    assert.ok(!id.includes(RANDOM.slice(0, 10)));
  });

  it('ascend with time', async () => {
    const first = artifactIdOf(ledByMoment(RANDOM));
    await new Promise((done) => setTimeout(done, 3));
    assert.ok(first < artifactIdOf(ledByMoment(`${RANDOM.slice(1)}y`)));
  });

  it('are hashes alone for every value that is not led by a moment, so that none of a secret is kept', () => {
    for (const value of ['', RANDOM, `${RANDOM}${RANDOM}`, `UPPERCASE${RANDOM}`, `12345678 ${RANDOM}`]) {
      assert.equal(artifactIdOf(value), hashOf(value));
    }
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  duration,
  isoDate,
  isoTime,
  timeInProse,
  timeToTheMinute,
  timeToTheSecond,
  waitInMinutes,
} from '../../server/ground/time.ts';

const AT = Date.UTC(2026, 1, 3, 4, 5, 6) / 1000;

describe('a time', () => {
  it('is written in UTC, for machines and for people', () => {
    assert.equal(isoTime(AT), '2026-02-03T04:05:06.000Z');
    assert.equal(isoDate(AT), '2026-02-03');
    assert.equal(timeToTheSecond(AT), '2026-02-03 04:05:06 UTC');
    assert.equal(timeToTheMinute(AT), '2026-02-03 04:05 UTC');
    assert.equal(timeInProse(AT), '3 February 2026 at 04:05 UTC');
  });
});

describe('a length of time', () => {
  it('is given in the largest unit that measures it whole', () => {
    const words = [5, 60, 90, 1800, 3600, 86_400, 30 * 86_400].map(duration);
    const expected = ['5 seconds', '1 minute', '90 seconds', '30 minutes', '1 hour', '1 day', '30 days'];
    assert.deepEqual(words, expected);
  });

  it('is rounded up where it is a wait', () => {
    assert.deepEqual([1, 60, 61, 3600].map(waitInMinutes), [
      'a minute',
      'a minute',
      '2 minutes',
      '60 minutes',
    ]);
  });
});

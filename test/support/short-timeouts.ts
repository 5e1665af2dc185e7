import type { TestContext } from 'node:test';

/**
 * Has every `AbortSignal.timeout` of this test run out after a tenth of its time; answers the times that were asked for, in
 * milliseconds.
 */
export function shortenTimeouts(t: TestContext): number[] {
  const { timeout } = AbortSignal;
  const asked: number[] = [];
  t.mock.method(AbortSignal, 'timeout', (ms: number) => {
    asked.push(ms);
    return timeout(ms / 10);
  });
  return asked;
}

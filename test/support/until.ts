import { setTimeout as delay } from 'node:timers/promises';

const LOOK_AGAIN_MS = 20;

/**
 * What `look` answers as soon as that is not undefined and not false. Fails by the name of what was awaited when
 * it takes too long.
 */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  withinMs = 30_000,
): Promise<T> {
  const end = performance.now() + withinMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    if (performance.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`);
    await delay(LOOK_AGAIN_MS);
  }
}

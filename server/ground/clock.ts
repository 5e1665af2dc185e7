/** Now, in epoch seconds. Everything of ours asks one of these for the time, so that tests can move it. */
export type Clock = () => number;

/** The machine's own time. */
export const systemClock: Clock = () => Math.floor(Date.now() / 1000);

/**
 * Whether something happened at most so many seconds ago. Both sides are looked at: what lies further ahead than clocks
 * are apart was written by one that has been set back since, and nobody knows how long ago.
 */
export function isWithin(seconds: number, at: number, now: number, apart = CLOCKS_APART_SECONDS): boolean {
  return now - at <= seconds && at - now <= apart;
}

/**
 * Conditions on the time at which something was begun, each for a look of its own: so long ago that whoever began it has
 * died over it, or so far ahead that a clock wrote it which has been set back since.
 */
export function begunBefore(seconds: number, now: number) {
  return [
    ['<=', now - seconds],
    ['>', now + CLOCKS_APART_SECONDS],
  ] as const;
}

/** How long a row outlives its `expiresAt`: of servers whose clocks differ, none removes what another still takes. */
export const CLOCKS_APART_SECONDS = 60;

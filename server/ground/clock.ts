/** Now, in epoch seconds. Everything of ours asks one of these for the time, so that tests can move it. */
export type Clock = () => number;

/** The machine's own time. */
export const systemClock: Clock = () => Math.floor(Date.now() / 1000);

/** How long a row outlives its `expiresAt`: of servers whose clocks differ, none removes what another still takes. */
export const CLOCKS_APART_SECONDS = 60;

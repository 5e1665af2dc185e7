import { setTimeout as delay } from 'node:timers/promises';

/** Longest pause, for each attempt so far. */
const PAUSE_MS_MAX = 20;

/** Waits before something is tried again because others were quicker to change a record; not before the first attempt. */
export async function pauseBeforeAttempt(attempt: number): Promise<void> {
  if (attempt > 1) await delay(Math.random() * PAUSE_MS_MAX * (attempt - 1));
}

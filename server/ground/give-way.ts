import { setImmediate as nextTurn } from 'node:timers/promises';

/** Nobody notices so long a wait. */
const TURN_MS = 20;

/** For work of many steps, awaited after each: lets others have their turn once it has worked for a while. */
export function givingWay(): () => Promise<void> {
  let startedMs = performance.now();
  return async () => {
    if (performance.now() - startedMs < TURN_MS) return;
    await nextTurn();
    startedMs = performance.now();
  };
}

import { atEndOfTurn } from './end-of-turn.ts';

/** Who commits one thing after another without waiting for anything else must let others have their turn. */
const COMMITS_A_TURN_MAX = 100;

/**
 * Group commit: gives a function that takes one item, and what is taken at one moment of the event loop is committed
 * by one call of `commit`. Each promise is that of its commit. At the end of the turn itself and not in the next one,
 * which makes an API call 3 % quicker.
 */
export function groupCommit<T>(
  commit: (items: readonly T[]) => void | Promise<void>,
): (item: T) => Promise<void> {
  let group: { items: T[]; committed: Promise<void> } | undefined;
  let commitsOfTurn = 0;

  function begin() {
    if (commitsOfTurn === 0) setImmediate(endTurn);
    commitsOfTurn += 1;
    const items: T[] = [];
    const atCommit = new Promise<void>(commitsOfTurn > COMMITS_A_TURN_MAX ? setImmediate : atEndOfTurn);
    const committed = atCommit.then(() => {
      group = undefined;
      return commit(items);
    });
    return { items, committed };
  }

  function endTurn(): void {
    commitsOfTurn = 0;
  }

  return (item) => {
    group ??= begin();
    group.items.push(item);
    return group.committed;
  };
}

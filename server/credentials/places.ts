import { randomInt } from 'node:crypto';
import { Taken, Unavailable } from '../../adapters/port.ts';
import type { Problem } from '../ground/errors.ts';
import { inTurn } from '../ground/in-turn.ts';

/** A row that counts against a limit holds one of as many places while it is live. The declaration makes it unique. */
export type Placed = { place?: string | undefined };

/** Each turn but the last means that somebody else got a place, so nobody comes near. */
const TURNS_MAX = 500;

/**
 * Inserts a row at a free place of its owner, so that the limit is a part of the write: of requests at the same
 * moment, in whichever processes, as many get in as there are places, and a process that dies leaves no count wrong.
 */
export function insertAtPlace<Made>(collection: object, wanted: Wanted<Made>): Promise<Made> {
  return inTurn(collection, wanted.owner, () => insertAtAny(wanted));
}

type Wanted<Made> = {
  /** Whose places they are, and for what. */
  owner: string;
  max: number;
  /** The rows that count at this moment. */
  listLive: () => Promise<readonly Placed[]>;
  /** Throws `Taken` for a place that is in use. */
  insert: (place: string) => Promise<Made>;
  /** Takes the place from a row that does not count any more, if it has one such. */
  release?: (place: string) => Promise<unknown>;
  /** What is thrown where no place is free. */
  full: () => Problem;
};

async function insertAtAny<Made>(wanted: Wanted<Made>): Promise<Made> {
  const { owner, max, listLive, insert, release, full } = wanted;
  for (let turn = 0; turn < TURNS_MAX; turn += 1) {
    const place = freePlace(owner, max, await listLive());
    if (place === undefined) throw full();
    try {
      return await insert(place);
    } catch (error) {
      // Ids are random: where one is said to be taken, another value was, and has been given up since.
      const isInTheWay = error instanceof Taken && (error.field === 'place' || error.field === 'id');
      if (!isInTheWay) throw error;
    }
    await release?.(place);
  }
  throw new Unavailable(`${TURNS_MAX} others came first for a place`);
}

/** Any of the free ones: many who look at once mostly choose different ones. */
function freePlace(owner: string, max: number, live: readonly Placed[]): string | undefined {
  if (live.length >= max) return undefined;
  const taken = new Set(live.map(({ place }) => place));
  // Rows of before there were places have none, and each leaves one place fewer to the others.
  const places = max - live.filter(({ place }) => place === undefined).length;
  const free = Array.from({ length: places }, (_, number) => `${owner}\n${number + 1}`).filter(
    (place) => !taken.has(place),
  );
  return free.length === 0 ? undefined : free[randomInt(free.length)];
}

import { Problem } from '../ground/errors.ts';

/** What all bodies with files that are under way may have in memory, as they came; what is made of them comes to it. */
const BYTES_MAX = 80_000_000;
/** Of one caller: one of the largest, so that one who sends slowly does not keep all others out. */
const BYTES_OF_ONE_MAX = 40_000_000;

/** What one call takes of the room. */
export type Room = {
  /** Throws Problem 503 where there is no room left. */
  take(bytes: number): void;
  /** Gives it all back. */
  close(): void;
};

/** Bounds the memory of bodies that are larger than others: by all callers together, and by each of them. */
export function createBodyRoom() {
  const takenBy = new Map<string, number>();
  let taken = 0;

  return {
    /** Room for one call of this caller. */
    open(whose: string): Room {
      let own = 0;

      function add(bytes: number): void {
        own += bytes;
        taken += bytes;
        const left = (takenBy.get(whose) ?? 0) + bytes;
        if (left > 0) takenBy.set(whose, left);
        else takenBy.delete(whose);
      }

      return {
        take(bytes) {
          const isTooMuch = taken + bytes > BYTES_MAX || (takenBy.get(whose) ?? 0) + bytes > BYTES_OF_ONE_MAX;
          if (isTooMuch) throw noRoom();
          add(bytes);
        },
        close: () => add(-own),
      };
    },
  };
}

function noRoom(): Problem {
  return new Problem({
    status: 503,
    code: 'TOO_BUSY',
    message: 'Too many files are being sent just now.',
    hint: 'Nothing was stored or sent. Send one after the other, and try again in a few seconds.',
    headers: { 'Retry-After': '5' },
  });
}

import { RECORD_TURN_SECONDS_MAX } from '../ground/limits.ts';
import type { Staged } from './run-protocol.ts';
import { keyOf } from './staged-records.ts';

/** The records that a run works on, by their keys: those that it writes, and those that it only wants unchanged. */
export type WorkedRecords = ReadonlyMap<string, 'read' | 'written'>;

/** So many runs have a turn or wait for one. */
const TURNS_MAX = 200;

/** The turn of one run, or its place among those who wait for one. */
export type Turn = {
  readonly records: WorkedRecords;
  /** Who calls: of those who wait, each has their next turn before another has a second one. */
  readonly whose: string;
  /** How many of the same caller stand before it; less than all who wait where it has begun. */
  rank: number;
  /**
   * Whether the run has seen what it works on, or is about to: until its turn is over no other run of this process is to be
   * quicker than it.
   */
  holds: boolean;
  /** Absent once it has begun. */
  begin?: (() => void) | undefined;
  timer?: NodeJS.Timeout;
};

/**
 * Turns of runs that met others at the same records, within this process: each begins when nobody before it works on one of
 * its records. All that a run wants it gets at once, so that no two wait for each other. Of other processes they know
 * nothing: the store settles who is quicker.
 */
export function createRecordTurns({
  turnMsMax = 1000 * RECORD_TURN_SECONDS_MAX,
}: {
  turnMsMax?: number;
} = {}) {
  const turns: Turn[] = [];

  function end(turn: Turn): void {
    const at = turns.indexOf(turn);
    if (at === -1) return;
    clearTimeout(turn.timer);
    turns.splice(at, 1);
    arrange();
  }

  /** Puts those who wait in order, and begins the turns of all who meet nobody before them. */
  function arrange(): void {
    const counts = new Map<string, number>();
    for (const turn of turns) {
      const before = counts.get(turn.whose) ?? 0;
      turn.rank = turn.begin === undefined ? -1 : before;
      counts.set(turn.whose, before + 1);
    }
    turns.sort((a, b) => a.rank - b.rank);
    const before = new Map<string, 'read' | 'written'>();
    for (const turn of turns) {
      const { begin, records } = turn;
      if (begin !== undefined && !meet(records, before)) {
        turn.begin = undefined;
        turn.timer = setTimeout(() => end(turn), turnMsMax);
        begin();
      }
      for (const [key, how] of records) if (how === 'written' || !before.has(key)) before.set(key, how);
    }
  }

  return {
    end,

    /** Waits for a turn with these records; undefined where it did not come in time, or too many wait. */
    async begin(records: WorkedRecords, by: { whose: string; waitMsMax: number }): Promise<Turn | undefined> {
      if (turns.length >= TURNS_MAX) return undefined;
      const { promise, resolve } = Promise.withResolvers<boolean>();
      const giveUp = setTimeout(() => resolve(false), by.waitMsMax);
      const turn: Turn = { records, whose: by.whose, rank: 0, holds: false, begin: () => resolve(true) };
      turns.push(turn);
      arrange();
      const hasBegun = await promise;
      clearTimeout(giveUp);
      if (hasBegun) return turn;
      end(turn);
      return undefined;
    },

    /** Whether a run would begin again if another one, with this turn or with none, wrote these now. */
    areHeld: (records: WorkedRecords, own: Turn | undefined): boolean =>
      turns.some((turn) => turn !== own && turn.holds && meet(records, turn.records)),
  };
}

/** What a run staged of records that were there before. */
export function workedOn({ writes }: Staged): WorkedRecords {
  const there = writes.filter(({ what }) => what !== 'create');
  return new Map(
    there.map(({ type, id, what }) => [keyOf(type, id), what === 'unchanged' ? 'read' : 'written']),
  );
}

/** Whether one of them works on what the other one writes. */
function meet(some: WorkedRecords, others: WorkedRecords): boolean {
  return [...some].some(([key, how]) => {
    const other = others.get(key);
    return other !== undefined && (how === 'written' || other === 'written');
  });
}

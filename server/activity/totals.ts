import { z } from 'zod';
import { type Collection, declare } from '../../adapters/port.ts';
import type { Clock } from '../ground/clock.ts';
import { LATENCY_BOUNDS_MS } from '../ground/limits.ts';
import { DAY_SECONDS, HOUR_SECONDS } from '../ground/time.ts';
import type { Call } from './call.ts';
import { type Outcome, outcomeOf } from './call-counts.ts';
import { createCountRows } from './count-rows.ts';
import { momentOf } from './entry-ids.ts';

const WHAT = ['success', 'refused', 'failed', 'signed_in', 'sign_in_refused'] as const;

type What = (typeof WHAT)[number];

/** How often one thing happened in one hour or day, whoever did it. */
const totalSchema = z.strictObject({
  id: z.string(),
  series: z.enum(['hour', 'day']),
  /** When the hour or day (UTC) begins, epoch seconds. */
  startsAt: z.number(),
  /** What came of a call, or of a sign-in. */
  what: z.enum(WHAT),
  /** Of calls that were not refused: the largest of LATENCY_BOUNDS_MS that they took longer than, or 0. */
  overMs: z.number().optional(),
  count: z.number(),
});

export type Total = z.infer<typeof totalSchema>;

export const totalDeclaration = declare<Total>({
  name: 'totals',
  schema: totalSchema,
  indexes: [['series', 'startsAt'], ['startsAt']],
  durability: 'process',
});

/** By which length of time it is counted. */
export type Series = Total['series'];

export const SERIES_SECONDS: Record<Series, number> = { hour: HOUR_SECONDS, day: DAY_SECONDS };

/** A place for each length of a call: up to each bound, and longer than the last. */
const LENGTHS = LATENCY_BOUNDS_MS.length + 1;
/** Behind them: how often it happened at an unknown length. */
const SLOTS = LENGTHS + 1;
/** More than there are in as many hours or days as anybody asks for. */
const ROWS_MAX = 10_000;

/** What there was in one hour or day. */
export type TotalsOf = {
  startsAt: number;
  signedIn: number;
  signInsRefused: number;
  lengths: number[];
} & Record<Outcome, number>;

/** Up to so many milliseconds the half of some calls took, and 95 % of them; Infinity: longer than the last bound. */
export type Latency = { medianMs: number; p95Ms: number };

export type Totals = ReturnType<typeof createTotals>;

/**
 * Counts the calls and sign-ins of everybody by the hour and by the day, so that charts of them read hundreds of rows. A
 * call is one addition in memory; what was counted is added to the rows once a minute.
 */
export function createTotals(parts: { totals: Collection<Total>; clock: Clock }) {
  const { totals, clock } = parts;
  const { hold, wake, flush } = createCountRows({ rows: totals, take });
  /** What is counted here belongs to this hour. */
  let hour = 0;
  const counts = Array.from({ length: WHAT.length * SLOTS }, () => 0);
  let isEmpty = true;

  function take(): Total[] {
    const rows = isEmpty
      ? []
      : counts.flatMap((count, index) => (count === 0 ? [] : rowsOf(hour, index, count)));
    counts.fill(0);
    isEmpty = true;
    return rows;
  }

  function count(at: number, index: number, weight: number): void {
    if (at < hour || at >= hour + HOUR_SECONDS) {
      take().forEach(hold);
      hour = startOf('hour', at);
    }
    counts[index] = (counts[index] ?? 0) + weight;
    if (!isEmpty) return;
    isEmpty = false;
    wake();
  }

  return {
    /** This call was recorded. */
    add({ at, status, ms, count: weight = 1 }: Pick<Call, 'at' | 'status' | 'ms' | 'count'>): void {
      const outcome = outcomeOf(status);
      // What is refused is answered at once, and would make the rest look fast.
      const length = outcome === 'refused' || ms === undefined ? LENGTHS : lengthOf(ms);
      count(at, WHAT.indexOf(outcome) * SLOTS + length, weight);
    },

    /** Somebody signed in, or tried to. */
    addSignIn(what: 'signed_in' | 'sign_in_refused'): void {
      count(clock(), WHAT.indexOf(what) * SLOTS + LENGTHS, 1);
    },

    /** Writes down what is counted. */
    flush,

    /** The last so many hours or days, this one among them, also those in which there was nothing. */
    async last(series: Series, periods: number): Promise<TotalsOf[]> {
      const seconds = SERIES_SECONDS[series];
      const from = startOf(series, clock()) - (periods - 1) * seconds;
      const rows = await totals.list({
        where: [
          ['series', '=', series],
          ['startsAt', '>=', from],
        ],
        order: { by: 'startsAt' },
        limit: ROWS_MAX,
      });
      const found = Array.from({ length: periods }, (_, index) => nothingAt(from + index * seconds));
      for (const row of rows) {
        const there = found[(row.startsAt - from) / seconds];
        if (there !== undefined) addRow(there, row);
      }
      return found;
    },
  };
}

/** The latency of calls by their lengths; undefined where there were none. */
export function latencyOf(lengths: readonly number[]): Latency | undefined {
  const all = lengths.reduce((sum, count) => sum + count, 0);
  if (all === 0) return undefined;
  const upTo = (share: number) => {
    let seen = 0;
    const place = lengths.findIndex((count) => {
      seen += count;
      return seen >= all * share;
    });
    return LATENCY_BOUNDS_MS[place] ?? Number.POSITIVE_INFINITY;
  };
  return { medianMs: upTo(0.5), p95Ms: upTo(0.95) };
}

/** All of them together. */
export function sumOf(totals: readonly TotalsOf[]): TotalsOf {
  const sum = nothingAt(totals[0]?.startsAt ?? 0);
  for (const { success, refused, failed, signedIn, signInsRefused, lengths } of totals) {
    sum.success += success;
    sum.refused += refused;
    sum.failed += failed;
    sum.signedIn += signedIn;
    sum.signInsRefused += signInsRefused;
    lengths.forEach((count, place) => {
      sum.lengths[place] = (sum.lengths[place] ?? 0) + count;
    });
  }
  return sum;
}

function nothingAt(startsAt: number): TotalsOf {
  const lengths = Array.from({ length: LENGTHS }, () => 0);
  return { startsAt, success: 0, refused: 0, failed: 0, signedIn: 0, signInsRefused: 0, lengths };
}

function addRow(totals: TotalsOf, { what, overMs, count }: Total): void {
  if (what === 'signed_in') totals.signedIn += count;
  else if (what === 'sign_in_refused') totals.signInsRefused += count;
  else totals[what] += count;
  if (overMs === undefined) return;
  const place = overMs === 0 ? 0 : lengthOf(overMs) + 1;
  totals.lengths[place] = (totals.lengths[place] ?? 0) + count;
}

/** The first bound that it keeps. */
function lengthOf(ms: number): number {
  const place = LATENCY_BOUNDS_MS.findIndex((bound) => ms <= bound);
  return place === -1 ? LENGTHS - 1 : place;
}

/** The rows that a place in memory is added to. */
function rowsOf(hour: number, index: number, count: number): Total[] {
  const what = WHAT[Math.floor(index / SLOTS)] as What;
  const length = index % SLOTS;
  const overMs = length === LENGTHS ? undefined : length === 0 ? 0 : LATENCY_BOUNDS_MS[length - 1];
  return (['hour', 'day'] as const).map((series) => {
    const startsAt = startOf(series, hour);
    const id = `${series} ${momentOf(startsAt)} ${what} ${overMs ?? ''}`;
    return { id, series, startsAt, what, ...(overMs === undefined ? {} : { overMs }), count };
  });
}

function startOf(series: Series, at: number): number {
  return at - (at % SERIES_SECONDS[series]);
}

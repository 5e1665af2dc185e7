import type { Where } from '../../adapters/port.ts';
import { atOfMoment, MOMENT_MAX, REQUEST_SECONDS_MAX } from '../activity/entry-ids.ts';

/** What of the entries of everybody is asked for in time: all of it must hold. Epoch seconds. */
export type TimeAsked = {
  /** The first moment, and the first that is too late. */
  from?: number | undefined;
  before?: number | undefined;
  requestId?: string | undefined;
};

type Entry = { id: string; at: number };

/** Which part of the entries in the order of time is looked at, and in which direction. */
export type TimeSpan = { from: number; before: number; descending: boolean };

/**
 * The time in which something can match; undefined where nothing can. A request id begins with its moment, and what a
 * request did stands right behind it.
 */
export function timeSpanOf({ from = 0, before = Infinity, requestId }: TimeAsked): TimeSpan | undefined {
  const at = requestId === undefined ? undefined : atOfMoment(requestId);
  if (requestId !== undefined && at === undefined) return undefined;
  const end = at === undefined ? before : Math.min(before, at + REQUEST_SECONDS_MAX);
  const span = {
    from: Math.min(Math.max(from, at ?? 0), MOMENT_MAX),
    before: end > MOMENT_MAX ? Infinity : end,
  };
  return span.from < span.before ? { ...span, descending: at === undefined } : undefined;
}

/** How a list in the order of `at` begins and ends with the span. */
export function byTime<E extends Entry>({ from, before, descending }: TimeSpan) {
  const bound = descending ? before : from;
  const start = Number.isFinite(bound) && bound > 0 ? [['at', descending ? '<' : '>=', bound]] : [];
  return {
    start: start as unknown as Where<E>,
    isBehindEnd: ({ at }: Entry) => (descending ? at < from : at >= before),
  };
}

/** Holds rows to an end that is no more than where their list begins: a cursor may be from before it. */
export function insideOf({ from, before, descending }: TimeSpan): ((entry: Entry) => boolean)[] {
  if (!descending) return [({ at }) => at >= from];
  return Number.isFinite(before) ? [({ at }) => at < before] : [];
}

import type { Context } from 'koa';
import type { Period } from '../../views/kit/period.ts';
import { PERIOD_DAYS } from '../ground/limits.ts';
import { DAY_SECONDS, isoDate, MINUTE_SECONDS, midnightOf } from '../ground/time.ts';
import { queryOne } from '../http/query.ts';

const PERIODS = ['today', 'date', ...PERIOD_DAYS.map(String)];

/** The period that an address asks for. What is none of the choices, or no time, asks for nothing. */
export function periodIn(ctx: Context): Period {
  const period = PERIODS.find((one) => one === queryOne(ctx, 'period')) ?? '';
  const end = (name: string) => {
    const value = queryOne(ctx, name);
    return period === 'date' && timeNamed(value) !== undefined ? value : '';
  };
  return { period, from: end('from'), to: end('to') };
}

/** The first moment of a period, and the first that is too late; what its last day or minute names is in it. UTC. */
export function spanOf({ period, from, to }: Period, now: number): { from?: number; before?: number } {
  const days = period === 'today' ? 1 : PERIOD_DAYS.find((one) => String(one) === period);
  const today = midnightOf(isoDate(now)) ?? now;
  if (days !== undefined) return { from: today - (days - 1) * DAY_SECONDS };
  const [first, last] = [timeNamed(from), timeNamed(to)];
  return { ...(first && { from: first.at }), ...(last && { before: last.at + last.seconds }) };
}

/** A day or a minute (UTC) as a field of a form has it: `2026-11-24`, `2026-11-24T09:00`; and how long it is. */
function timeNamed(written: string): { at: number; seconds: number } | undefined {
  const [day = '', minute] = written.split('T');
  const midnight = midnightOf(day);
  if (midnight === undefined) return undefined;
  if (minute === undefined) return { at: midnight, seconds: DAY_SECONDS };
  // Some browsers send seconds too.
  const [, hour, past] = /^([01]\d|2[0-3]):([0-5]\d)(?::[0-5]\d(?:\.\d+)?)?$/.exec(minute) ?? [];
  if (hour === undefined || past === undefined) return undefined;
  return {
    at: midnight + (Number(hour) * 60 + Number(past)) * MINUTE_SECONDS,
    seconds: MINUTE_SECONDS,
  };
}

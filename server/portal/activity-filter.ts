import type { Context } from 'koa';
import type { Asked } from '../../views/activity.ts';
import type { Filter } from '../activity/activity.ts';
import type { Outcome } from '../activity/call-counts.ts';
import { DAY_SECONDS, isoDate, midnightOf } from '../ground/time.ts';
import { queryOne } from '../http/query.ts';
import { periodIn, spanOf } from '../pages/period.ts';

/** What the address asks for. What is none of the choices, or another account's, asks for nothing. */
export function readAsked(ctx: Context, credentials: readonly { id: string }[]): Asked {
  const asked = (name: string, wanted: RegExp) => {
    const value = queryOne(ctx, name).trim();
    return wanted.test(value) ? value : '';
  };
  const credential = queryOne(ctx, 'credential');
  return {
    credential: credentials.some(({ id }) => id === credential) ? credential : '',
    // The code of a Problem, or one of the words above.
    result: asked('result', /^[A-Za-z_]{1,60}$/),
    ...periodIn(ctx),
    request: asked('request', /^[\w-]{1,80}$/),
  };
}

/** The same for the activity; what it is about is asked of the store. Days are those of UTC. */
export function filterFrom(asked: Asked, now: number): Omit<Filter, 'about'> {
  return {
    result: asked.result === '' ? undefined : asked.result,
    requestId: asked.request === '' ? undefined : asked.request,
    ...spanOf(asked, now),
  };
}

/** Longer than that a day is less than a dot wide. */
const CHART_DAYS_MAX = 400;
const CHART_DAYS_DEFAULT = 30;

/** The days of the chart: those that are asked for, as far as they fit. */
export function chartSpanFrom(asked: Asked, now: number): { from: number; before: number } {
  const { from, before } = spanOf(asked, now);
  const tomorrow = (midnightOf(isoDate(now)) ?? now) + DAY_SECONDS;
  const end = Math.min(before ?? tomorrow, tomorrow);
  return {
    from: Math.max(from ?? end - CHART_DAYS_DEFAULT * DAY_SECONDS, end - CHART_DAYS_MAX * DAY_SECONDS),
    before: end,
  };
}

/** What of the calls that are counted is asked for; undefined where they are not counted by that. */
export function outcomesFor({ result, request }: Asked): readonly Outcome[] | undefined {
  const outcomes: readonly Outcome[] = ['success', 'refused', 'failed'];
  if (request !== '') return undefined;
  if (result === '') return outcomes;
  const only = outcomes.filter((outcome) => outcome === result);
  return only.length === 0 ? undefined : only;
}

/** The address of the list, or of something else about it, that asks for this. */
export function pathTo(asked: Asked, after = '', path = '/activity'): string {
  const query = new URLSearchParams(Object.entries({ ...asked, after }).filter(([, value]) => value !== ''));
  return query.size === 0 ? path : `${path}?${query}`;
}

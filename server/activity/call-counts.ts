import { z } from 'zod';
import { type Collection, declare, type Where } from '../../adapters/port.ts';
import { countedPath } from '../ground/api-address.ts';
import type { Clock } from '../ground/clock.ts';
import { DAY_SECONDS } from '../ground/time.ts';
import type { Call, CallsAbout } from './call.ts';
import { createCountRows } from './count-rows.ts';
import { momentOf } from './entry-ids.ts';

/** How many calls there were on one day, in one series. */
const callCountSchema = z.strictObject({
  id: z.string(),
  /** Whose calls: all of an account, those of one credential or client of it, or of everybody to workflows. */
  series: z.string(),
  /** Midnight (UTC), epoch seconds. */
  day: z.number(),
  outcome: z.enum(['success', 'refused', 'failed']),
  /** Of one credential: the route, where the call succeeded, and the result. Of everybody: the path, and the result. */
  route: z.string().optional(),
  result: z.string().optional(),
  count: z.number(),
});

export type CallCount = z.infer<typeof callCountSchema>;

export const callCountDeclaration = declare<CallCount>({
  name: 'call_counts',
  schema: callCountSchema,
  indexes: [['series', 'day'], ['day']],
  durability: 'process',
});

/** Counts that are held: past this they are written early, which callers feel. About 30 MB. */
const HELD_MAX = 50_000;
/** So many rows are read at a time: a year of a credential that calls a few routes. */
const PAGE_ROWS = 2000;
/** More routes and results than a credential has on each day of a chart; what is beyond is left out. */
const PAGES_MAX = 10;
/** Of one that calls three routes, each day of a month; a list of fifty such reads them within 50 ms. */
const TOTAL_ROWS_MAX = 100;

/** Which part is asked for; without a token or client all of the account. */
export type CountsWanted = {
  accountId: string;
  about?: CallsAbout | undefined;
  /** The first day, and the first that is too late. */
  from: number;
  before: number;
};

/** What came of a call: done, refused by us, or failed at our end. */
export type Outcome = CallCount['outcome'];

/** The calls of one day by what came of them. */
export type DayCounts = { day: number } & Record<Outcome, number>;

/** What a route was called, and with which result. */
export type RouteCounts = { route: string; result: string; outcome: Outcome; count: number };

/** `isAll` is false where there are more than were counted. */
export type CallTotal = { count: number; isAll: boolean };

export type CallCounts = ReturnType<typeof createCallCounts>;

/**
 * Counts calls by the day, by account, credential, route and result, so that what pages show of a year reads hundreds of
 * rows. Each process counts in memory and adds to the rows once a minute.
 */
export function createCallCounts(parts: {
  callCounts: Collection<CallCount>;
  clock: Clock;
  /** The paths at which workflows are called. */
  workflowPaths?: ReadonlySet<string>;
}) {
  const { callCounts, clock, workflowPaths = new Set() } = parts;
  /** The calls of a minute that are counted in the same rows: one of them, and how many. */
  const calls = new Map<string, { call: Call; count: number }>();
  const { wake, flush } = createCountRows({ rows: callCounts, take });

  function take(): CallCount[] {
    const rows = [...calls.values()].flatMap(({ call, count }) => [
      ...rowsOf(call, count),
      ...(workflowPaths.has(call.path) ? [ofWorkflow(call, count)] : []),
    ]);
    calls.clear();
    return rows;
  }

  return {
    /** This call was recorded. */
    add(call: Call): void {
      const route = routeOf(call) ?? (workflowPaths.has(call.path) ? call.path : '');
      const key = `${call.tokenId}${call.result}${route}${dayOf(call.at)}`;
      const weight = call.count ?? 1;
      const known = calls.get(key);
      if (known !== undefined) {
        known.count += weight;
        return;
      }
      calls.set(key, { call, count: weight });
      wake();
      if (calls.size >= HELD_MAX) void flush();
    },

    /** Writes down what is counted. */
    flush,

    ...readsOf(callCounts, clock),
  };
}

function readsOf(callCounts: Collection<CallCount>, clock: Clock) {
  async function rowsFor(series: string, from: number, before: number): Promise<CallCount[]> {
    const where = whereFor(series, from);
    const wanted = { where, order: { by: 'day', descending: true }, limit: PAGE_ROWS } as const;
    const rows = await callCounts.list(wanted);
    for (let pages = 1; pages < PAGES_MAX && rows.length === pages * PAGE_ROWS; pages += 1) {
      const after = rows.at(-1);
      if (after !== undefined) rows.push(...(await callCounts.list({ ...wanted, after })));
    }
    return rows.filter(({ day }) => day < before);
  }

  async function total(series: string, from: number): Promise<CallTotal> {
    const where = whereFor(series, from);
    const wanted = { where, order: { by: 'day', descending: true }, limit: TOTAL_ROWS_MAX } as const;
    const rows = await callCounts.list(wanted);
    const count = rows.reduce((sum, row) => sum + row.count, 0);
    return { count, isAll: rows.length < TOTAL_ROWS_MAX };
  }

  return {
    /**
     * Each day of the span until today, also those without calls; and of one credential its routes and results, the most
     * frequent first.
     */
    async of(wanted: CountsWanted): Promise<{ days: DayCounts[]; routes: RouteCounts[] }> {
      const { about, from, before } = wanted;
      const rows = await rowsFor(seriesFor(wanted), from, before);
      const lastDay = dayOf(Math.min(before - 1, clock()));
      const routes = about === undefined ? [] : byRoute(rows);
      return { days: byDay(rows, { firstDay: dayOf(from), lastDay }), routes };
    },

    /** How often everybody called each workflow in the last so many days, by its path and the result. */
    async ofWorkflows(days: number): Promise<RouteCounts[]> {
      const today = dayOf(clock());
      return byRoute(await rowsFor(OF_WORKFLOWS, today - (days - 1) * DAY_SECONDS, today + DAY_SECONDS));
    },

    /** How many calls of it there were since then, for lists; `isAll` is false where its rows are too many for one. */
    total: (wanted: Omit<CountsWanted, 'before'>): Promise<CallTotal> =>
      total(seriesFor(wanted), wanted.from),

    /** How many of them passed over privacy rules. */
    totalAsAdmin: ({ id, accountId }: { id: string; accountId: string }, from: number): Promise<CallTotal> =>
      total(asAdminSeries(accountId, id), from),
  };
}

function seriesFor({ accountId, about }: Pick<CountsWanted, 'accountId' | 'about'>): string {
  return about === undefined ? accountId : seriesOf(accountId, idOf(about));
}

function whereFor(series: string, from: number): Where<CallCount> {
  return [
    ['series', '=', series],
    ['day', '>=', from],
  ];
}

function byDay(
  rows: readonly CallCount[],
  { firstDay, lastDay }: { firstDay: number; lastDay: number },
): DayCounts[] {
  const days = new Map<number, DayCounts>();
  for (let day = firstDay; day <= lastDay; day += DAY_SECONDS)
    days.set(day, { day, success: 0, refused: 0, failed: 0 });
  for (const { day, outcome, count } of rows) {
    const counts = days.get(day);
    if (counts !== undefined) counts[outcome] += count;
  }
  return [...days.values()];
}

function byRoute(rows: readonly CallCount[]): RouteCounts[] {
  const found = new Map<string, RouteCounts>();
  for (const { route = '', result = '', outcome, count } of rows) {
    const key = `${route} ${result}`;
    const known = found.get(key);
    if (known === undefined) found.set(key, { route, result, outcome, count });
    else known.count += count;
  }
  return [...found.values()].sort((one, other) => other.count - one.count);
}

/** The rows that such calls are counted in. */
function rowsOf(call: Call, count: number): CallCount[] {
  const { accountId, clientId, tokenId, tokenKind, status, result } = call;
  const day = dayOf(call.at);
  const outcome = outcomeOf(status);
  const route = routeOf(call);
  const moment = momentOf(day);
  const own = tokenKind === 'personal_access_token' ? [tokenId] : [];
  // Access tokens come and go with each hour: what they do is counted for their service or app.
  const about = [...own, ...(clientId === undefined ? [] : [clientId])];
  const all = { id: `${moment} ${accountId} ${outcome}`, series: accountId, day, outcome, count } as const;
  const each = about.map((id) => {
    const series = seriesOf(accountId, id);
    const row = `${moment} ${series} ${result} ${route ?? ''}`;
    return { id: row, series, day, outcome, route, result, count } as const;
  });
  if (call.privacyBypassed !== true || clientId === undefined) return [all, ...each];
  const series = asAdminSeries(accountId, clientId);
  return [all, ...each, { id: `${moment} ${series} ${outcome}`, series, day, outcome, count }];
}

/** The series of everybody's calls to workflows; no account has such an id. */
const OF_WORKFLOWS = 'workflows';

/** The row of everybody's calls to a workflow, also of those that were refused. */
function ofWorkflow({ at, path, status, result }: Call, count: number): CallCount {
  const day = dayOf(at);
  const id = `${momentOf(day)} ${OF_WORKFLOWS} ${result} ${path}`;
  return { id, series: OF_WORKFLOWS, day, outcome: outcomeOf(status), route: path, result, count };
}

/** What came of a call, by its HTTP status. */
export function outcomeOf(status: number): Outcome {
  return status < 400 ? 'success' : status < 500 ? 'refused' : 'failed';
}

/** Of what was refused the path may be anything, and as many as a caller likes. */
function routeOf({ status, method, path }: Call): string | undefined {
  return status < 400 ? `${method} ${countedPath(path)}` : undefined;
}

function seriesOf(accountId: string, id: string): string {
  return `${accountId} ${id}`;
}

/** Of what a service did past privacy rules. */
function asAdminSeries(accountId: string, clientId: string): string {
  return `${seriesOf(accountId, clientId)} admin`;
}

function idOf(about: CallsAbout): string {
  return 'tokenId' in about ? about.tokenId : about.clientId;
}

function dayOf(at: number): number {
  return at - (at % DAY_SECONDS);
}

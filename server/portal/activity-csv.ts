import { Readable } from 'node:stream';
import type { RouterContext } from '@koa/router';
import type { Entry } from '../activity/activity.ts';
import { DOWNLOADED_ENTRIES_MAX } from '../ground/limits.ts';
import { isoDate, isoTime } from '../ground/time.ts';
import { aboutOf, entryView, filtersOf, namesOf } from './activity.ts';
import { filterFrom, readAsked } from './activity-filter.ts';
import type { PortalDependencies } from './dependencies.ts';

const ENTRIES_AT_A_TIME = 500;
/** Where few entries match, a page has less than that, and each reads some thousand rows. */
const PAGES_MAX = 2 * (DOWNLOADED_ENTRIES_MAX / ENTRIES_AT_A_TIME);

const COLUMNS = ['time', 'what', 'about', 'result', 'code', 'status', 'ms', 'calls', 'from', 'request_id'];

/** GET /activity.csv: what the page lists, as a file for a spreadsheet (RFC 4180). */
export function createActivityDownload(parts: PortalDependencies) {
  const { signedIn, activity, clock } = parts;

  return async (ctx: RouterContext): Promise<void> => {
    const { account } = await signedIn.account(ctx);
    const asked = readAsked(ctx, await filtersOf(parts, account.id));
    const about = await aboutOf(parts, account.id, asked.credential);
    const filter = { accountId: account.id, about, ...filterFrom(asked, clock()) };
    const pageAfter = (after: string) => activity.list({ ...filter, after, limit: ENTRIES_AT_A_TIME });
    // As long as nothing is sent, a store that is away is a 503.
    const first = await pageAfter('');

    async function* lines() {
      yield lineOf(COLUMNS);
      let page = first;
      let left = DOWNLOADED_ENTRIES_MAX;
      for (let count = 1; ; count += 1) {
        const names = await namesOf(parts, account.id, page.entries);
        yield page.entries
          .slice(0, left)
          .map((entry) => lineOf(cellsOf(entry, names)))
          .join('');
        left -= page.entries.length;
        if (page.next === undefined || left <= 0 || count === PAGES_MAX) return;
        page = await pageAfter(page.next);
      }
    }

    ctx.set('Cache-Control', 'no-store');
    ctx.set('Content-Disposition', `attachment; filename="activity-${isoDate(clock())}.csv"`);
    ctx.type = 'text/csv; charset=utf-8';
    ctx.body = Readable.from(lines());
  };
}

function cellsOf(entry: Entry, names: ReadonlyMap<string, string>): string[] {
  const { at, what, name, result, ms, from, requestId } = entryView(entry, names);
  const call = entry.kind === 'call' ? entry.call : undefined;
  const code = call === undefined || call.status < 400 ? '' : call.result;
  const calls = call === undefined ? '' : (call.count ?? 1);
  const status = call?.status ?? '';
  return [isoTime(at), what, name, result, code, status, ms ?? '', calls, from, requestId].map(String);
}

/** A line with its cells in quotes, wherever one needs them. */
function lineOf(cells: readonly string[]): string {
  return `${cells.map((cell) => `"${defused(cell).replaceAll('"', '""')}"`).join(',')}\r\n`;
}

/**
 * Names and paths are what somebody chose: a spreadsheet must not take one for a formula
 * (https://owasp.org/www-community/attacks/CSV_Injection).
 */
function defused(cell: string): string {
  return /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
}

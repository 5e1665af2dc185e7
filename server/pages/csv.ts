import { Readable } from 'node:stream';
import type { Context } from 'koa';
import { DOWNLOADED_ENTRIES_MAX } from '../ground/limits.ts';
import { isoDate } from '../ground/time.ts';

const ENTRIES_AT_A_TIME = 500;
/** Where few entries match, a page has less than that, and each reads some thousand rows. */
const PAGES_MAX = 2 * (DOWNLOADED_ENTRIES_MAX / ENTRIES_AT_A_TIME);

/** Lines of a file, each with its cells in the order of the columns, and the cursor of what comes behind them. */
export type CsvPage = { lines: readonly string[][]; next: string | undefined };

/**
 * Sends a list as a file for a spreadsheet (RFC 4180), so many lines at most, read while they are sent. `read` answers
 * what is behind a cursor; '' is that of the first page.
 */
export async function sendCsv(
  ctx: Context,
  file: { name: string; columns: readonly string[]; now: number },
  read: (cursor: string, limit: number) => Promise<CsvPage>,
): Promise<void> {
  // As long as nothing is sent, a store that is away is a 503.
  const first = await read('', ENTRIES_AT_A_TIME);

  async function* lines() {
    yield lineOf(file.columns);
    let page = first;
    let left = DOWNLOADED_ENTRIES_MAX;
    for (let count = 1; ; count += 1) {
      yield page.lines.slice(0, left).map(lineOf).join('');
      left -= page.lines.length;
      if (page.next === undefined || left <= 0 || count === PAGES_MAX) return;
      page = await read(page.next, ENTRIES_AT_A_TIME);
    }
  }

  ctx.set('Cache-Control', 'no-store');
  ctx.set('Content-Disposition', `attachment; filename="${file.name}-${isoDate(file.now)}.csv"`);
  ctx.type = 'text/csv; charset=utf-8';
  ctx.body = Readable.from(lines());
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

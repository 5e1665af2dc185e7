import type { RouterContext } from '@koa/router';
import type { Entry } from '../activity/activity.ts';
import { isoTime } from '../ground/time.ts';
import { sendCsv } from '../pages/csv.ts';
import { aboutOf, entryView, filtersOf, namesOf } from './activity.ts';
import { filterFrom, readAsked } from './activity-filter.ts';
import type { PortalDependencies } from './dependencies.ts';

const COLUMNS = 'time what about result code status ms calls from request_id admin_use records_hidden'.split(
  ' ',
);

/** GET /activity.csv: what the page lists, as a file. */
export function createActivityDownload(parts: PortalDependencies) {
  const { signedIn, activity, clock } = parts;

  return async (ctx: RouterContext): Promise<void> => {
    const { account } = await signedIn.account(ctx);
    const asked = readAsked(ctx, await filtersOf(parts, account.id));
    const about = await aboutOf(parts, account.id, asked.credential);
    const filter = { accountId: account.id, about, ...filterFrom(asked, clock()) };
    await sendCsv(ctx, { name: 'activity', columns: COLUMNS, now: clock() }, async (after, limit) => {
      const { entries, next } = await activity.list({ ...filter, after, limit });
      const names = await namesOf(parts, account.id, entries);
      return { lines: entries.map((entry) => cellsOf(entry, names)), next };
    });
  };
}

function cellsOf(entry: Entry, names: ReadonlyMap<string, string>): string[] {
  const { at, what, name, result, ms, from, requestId, privacyBypassed, hidden } = entryView(entry, names);
  const call = entry.kind === 'call' ? entry.call : undefined;
  const code = call === undefined || call.status < 400 ? '' : call.result;
  const calls = call === undefined ? '' : (call.count ?? 1);
  const status = call?.status ?? '';
  const privacy = [privacyBypassed ? 'yes' : '', hidden ?? ''];
  return [isoTime(at), what, name, result, code, status, ms ?? '', calls, from, requestId, ...privacy].map(
    String,
  );
}

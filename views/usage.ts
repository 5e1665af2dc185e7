import { USED_DAYS } from '../server/ground/limits.ts';
import { html, type Part } from './html.ts';
import { code } from './kit/code.ts';
import { bulletList } from './kit/sections.ts';
import { dataTable } from './kit/tables.ts';
import { relativeTime } from './kit/times.ts';
import type { Viewer } from './layout.ts';

type UsedView = { what: string; count: number; lastAt: number };

/** What a credential was used for in some time. */
export type UsageView = {
  calls: number;
  isCut: boolean;
  routes: readonly UsedView[];
  addresses: readonly UsedView[];
};

/** The way to all calls, or those of one credential or client; none for who came by a link and sees one kind of page only. */
export function activityLink({ portal }: Viewer, label: string, id?: string): Part {
  const query = id === undefined ? '' : `?credential=${id}`;
  return portal === undefined && html`<a href="/activity${query}">${label}</a>`;
}

/** So many are named; the activity has the rest. */
const NAMED_MAX = 10;

/** What it was used for of late, as a page says it before it is ended. */
export function usedFor(usage: UsageView): Part {
  if (usage.calls === 0) return `No call was made with it in the last ${USED_DAYS} days.`;
  const named = usage.routes
    .slice(0, NAMED_MAX)
    .map(({ what, count }) => html`${code(what)} ${times(count)}`);
  const rest = usage.routes.length - named.length;
  return html`In the last ${USED_DAYS} days it made ${callsOf(usage)}:${bulletList(
    rest > 0 ? [...named, `and ${rest} more`] : named,
  )}`;
}

/** `12 calls`, or how many of them were looked at. */
export function callsOf({ calls, isCut }: UsageView): string {
  const many = calls.toLocaleString('en');
  if (isCut) return `${many} calls and more, of which the latest count here`;
  return calls === 1 ? '1 call' : `${many} calls`;
}

/** From where, and how often. */
export function addressesTable(usage: UsageView, now: number): Part {
  return dataTable({
    caption: 'Where it is used from',
    columns: ['Address', 'Calls', 'Last'],
    rows: usage.addresses
      .slice(0, NAMED_MAX)
      .map(({ what, count, lastAt }) => [code(what), count.toLocaleString('en'), relativeTime(lastAt, now)]),
  });
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count.toLocaleString('en')} times`;
}

import type { Collection, Condition, Where } from '../../adapters/port.ts';
import type { AuditEntry } from './audit.ts';
import { type Call, callsAbout, isAbout } from './call.ts';
import { outcomeOf } from './call-counts.ts';
import { atOfMoment, REQUEST_SECONDS_MAX } from './entry-ids.ts';
import { searchRows } from './search.ts';

/** One call made with a credential, or one change of what an account has. */
export type Entry = { kind: 'call'; call: Call } | { kind: 'change'; change: AuditEntry };

/** Which part of the activity is asked for: that of one token, or of one client with its secrets. */
export type About = { tokenId: string } | { clientId: string; secretIds: readonly string[] };

/** What of it is asked for; all of it must hold. */
export type Filter = {
  about?: About | undefined;
  /** `success`, `refused` (by us), `failed` (we did), or the code of a Problem. */
  result?: string | undefined;
  /** The first moment, and the first that is too late. Epoch seconds. */
  from?: number | undefined;
  before?: number | undefined;
  requestId?: string | undefined;
};

export type Page = {
  entries: Entry[];
  /** The cursor of the next page, if there is one. */
  next: string | undefined;
  /** So many entries do not match that the search was given up for now: the next page goes on. */
  isPartial: boolean;
};

/** Reads the calls and the changes of one account as one list, newest first; never those of others. */
export function createActivity(parts: { calls: Collection<Call>; audit: Collection<AuditEntry> }) {
  return {
    /** One page. A cursor that is not ours starts at the newest. */
    async list(wanted: Filter & { accountId: string; after?: string; limit: number }): Promise<Page> {
      const { limit } = wanted;
      const span = spanOf(wanted);
      if (span === undefined) return { entries: [], next: undefined, isPartial: false };
      const place = { ...wanted, ...span, after: readCursor(wanted.after ?? ''), count: limit + 1 };
      const [calls, changes] = await Promise.all([
        findCalls(parts.calls, place),
        findChanges(parts.audit, place),
      ]);
      const entries: Entry[] = [
        ...calls.rows.map((call) => ({ kind: 'call' as const, call })),
        ...changes.flatMap(({ rows }) => rows.map((change) => ({ kind: 'change' as const, change }))),
      ].sort((one, other) => newestFirst(placeOf(one), placeOf(other)));

      // The entries of a request are all together, and few.
      const stops =
        wanted.requestId === undefined ? [calls, ...changes].flatMap(({ stoppedAt }) => stoppedAt ?? []) : [];
      const [stop] = stops.sort(newestFirst);
      // What lies behind it in one list may have newer ones before it in the other.
      const whole =
        stop === undefined ? entries : entries.filter((entry) => newestFirst(placeOf(entry), stop) <= 0);
      const last = whole.length > limit ? whole[limit - 1] : undefined;
      const isPartial = last === undefined && stop !== undefined;
      const end = last === undefined ? stop : placeOf(last);
      return { entries: whole.slice(0, limit), next: end && cursorOf(end), isPartial };
    },
  };
}

type Place = { at: number; id: string };

type Wanted = Filter & { accountId: string; after: Place | undefined; count: number };

/** The time that is looked at; undefined where nothing can match. */
function spanOf({ from, before, requestId }: Filter): Pick<Filter, 'from' | 'before'> | undefined {
  if (requestId === undefined) return { from, before };
  const at = atOfMoment(requestId);
  if (at === undefined) return undefined;
  return { from: Math.max(at, from ?? 0), before: Math.min(at + REQUEST_SECONDS_MAX, before ?? Infinity) };
}

function findCalls(calls: Collection<Call>, wanted: Wanted) {
  const { accountId, about, result, requestId } = wanted;
  // Those that did not succeed are few, and have an index of their own: there the rest is looked at row by row.
  const byResult = result !== undefined && result !== 'success';
  const tests: ((call: Call) => boolean)[] = [];
  if (result !== undefined) tests.push((call) => hasResult(call, result));
  if (byResult && about !== undefined) tests.push(isAbout(about));
  if (requestId !== undefined) tests.push((call) => call.requestId === requestId);
  const of: Where<Call> = byResult ? [['refused', '=', true]] : callsAbout(about);
  return searchRows(calls, {
    ...orderOf(wanted),
    where: [...of, ['accountId', '=', accountId]],
    isMatch: tests.length === 0 ? undefined : (call) => tests.every((test) => test(call)),
  });
}

/** One look for each thing: for several at once no engine walks an index in the order of time. */
function findChanges(audit: Collection<AuditEntry>, wanted: Wanted) {
  const { accountId, about, result, requestId } = wanted;
  // Of all that is no call only sign-ins are ever refused, and they are about no credential.
  const byResult = result !== undefined && result !== 'success';
  if (byResult && (result !== 'refused' || about !== undefined)) return Promise.resolve([]);
  const tests: ((entry: AuditEntry) => boolean)[] = [];
  if (result === 'success') tests.push(({ refused }) => refused !== true);
  if (requestId !== undefined) tests.push(({ actor }) => actor.requestId === requestId);
  const looks: Condition<AuditEntry>[][] = byResult ? [[['refused', '=', true]]] : changesAbout(about);
  const isMatch = tests.length === 0 ? undefined : (entry: AuditEntry) => tests.every((test) => test(entry));
  return Promise.all(
    looks.map((conditions) =>
      searchRows(audit, {
        ...orderOf(wanted),
        where: [...conditions, ['accountId', '=', accountId]],
        isMatch,
      }),
    ),
  );
}

/** What a request did stands at its beginning. */
function orderOf({ requestId, after, count, from, before }: Wanted) {
  const descending = requestId === undefined;
  const isInside = descending && after !== undefined && (before === undefined || after.at < before);
  return { descending, from, before, after: isInside ? (after as Call & AuditEntry) : undefined, count };
}

/** Whether a call ended so: `success`, `refused`, `failed`, or the code of a Problem. */
export function hasResult({ status, result }: Call, wanted: string): boolean {
  return outcomeOf(status) === wanted || result === wanted;
}

function changesAbout(about: About | undefined): Condition<AuditEntry>[][] {
  if (about === undefined) return [[]];
  const ids = 'tokenId' in about ? [about.tokenId] : [about.clientId, ...about.secretIds];
  return [...new Set(ids)].map((id) => [['targetId', '=', id]]);
}

/** Where an entry stands in the order of both lists. */
function placeOf(entry: Entry): Place {
  return entry.kind === 'call' ? entry.call : entry.change;
}

function newestFirst(a: Place, b: Place): number {
  if (a.id === b.id) return 0;
  return b.at - a.at || (a.id < b.id ? 1 : -1);
}

function cursorOf({ at, id }: Place): string {
  return `${at}.${id}`;
}

/** A place in the order: `Listing.after` needs no more of a row than what the rows are ordered by. */
function readCursor(cursor: string): Place | undefined {
  const [, at, id] = /^(\d{1,11})\.([\w-]{1,80})$/.exec(cursor) ?? [];
  return at === undefined || id === undefined ? undefined : { at: Number(at), id };
}

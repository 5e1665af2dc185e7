import type { Collection, Condition } from '../../adapters/port.ts';
import type { AuditEntry } from './audit.ts';
import type { Call } from './call.ts';

/** One call made with a credential, or one change of what an account has. */
export type Entry = { kind: 'call'; call: Call } | { kind: 'change'; change: AuditEntry };

/** Which part of the activity is asked for: that of one token, or of one client with its secrets. */
export type About = { tokenId: string } | { clientId: string; secretIds: readonly string[] };

/** Reads the calls and the changes of one account as one list, newest first; never those of others. */
export function createActivity(parts: { calls: Collection<Call>; audit: Collection<AuditEntry> }) {
  const { calls, audit } = parts;

  return {
    /** One page, and the cursor of the next if there is one. A cursor that is not ours starts at the newest. */
    async list(wanted: {
      accountId: string;
      about?: About | undefined;
      after?: string;
      limit: number;
    }): Promise<{ entries: Entry[]; next: string | undefined }> {
      const { accountId, about, limit } = wanted;
      const after = readCursor(wanted.after ?? '');
      // One more than the page of each, so that it shows whether there is another page.
      const order = { by: 'at', descending: true } as const;
      const page = { order, limit: limit + 1, ...(after && { after: after as Call & AuditEntry }) };
      const isTheirs = ['accountId', '=', accountId] as const;
      const [called, changed] = await Promise.all([
        calls.list({ ...page, where: [isTheirs, ...callsAbout(about)] }),
        // One look for each thing: for several at once no engine walks an index in the order of time.
        Promise.all(
          changesAbout(about).map((condition) => audit.list({ ...page, where: [isTheirs, ...condition] })),
        ),
      ]);
      const entries: Entry[] = [
        ...called.map((call) => ({ kind: 'call' as const, call })),
        ...changed.flat().map((change) => ({ kind: 'change' as const, change })),
      ].sort(newestFirst);
      const last = entries.length > limit ? entries[limit - 1] : undefined;
      return { entries: entries.slice(0, limit), next: last && cursorOf(last) };
    },
  };
}

function callsAbout(about: About | undefined): Condition<Call>[] {
  if (about === undefined) return [];
  return 'tokenId' in about ? [['tokenId', '=', about.tokenId]] : [['clientId', '=', about.clientId]];
}

function changesAbout(about: About | undefined): Condition<AuditEntry>[][] {
  if (about === undefined) return [[]];
  const ids = 'tokenId' in about ? [about.tokenId] : [about.clientId, ...about.secretIds];
  return [...new Set(ids)].map((id) => [['targetId', '=', id]]);
}

/** Where an entry stands in the order of both lists. */
function placeOf(entry: Entry): { at: number; id: string } {
  return entry.kind === 'call' ? entry.call : entry.change;
}

function newestFirst(one: Entry, other: Entry): number {
  const [a, b] = [placeOf(one), placeOf(other)];
  return b.at - a.at || (a.id < b.id ? 1 : -1);
}

function cursorOf(entry: Entry): string {
  const { at, id } = placeOf(entry);
  return `${at}.${id}`;
}

/** A place in the order: `Listing.after` needs no more of a row than what the rows are ordered by. */
function readCursor(cursor: string): { at: number; id: string } | undefined {
  const [, at, id] = /^(\d{1,11})\.([\w-]{1,80})$/.exec(cursor) ?? [];
  return at === undefined || id === undefined ? undefined : { at: Number(at), id };
}

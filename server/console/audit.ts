import type { RouterContext } from '@koa/router';
import { type ChangesAskedView, type ChangeView, changesPage } from '../../views/console/audit.ts';
import type { NamedView } from '../../views/console/entries.ts';
import type { AuditEntry } from '../activity/audit.ts';
import { changeInWords, changesByName } from '../activity/entry-words.ts';
import type { Actor } from '../ground/actor.ts';
import { isoDate, isoTime } from '../ground/time.ts';
import { sendPage } from '../http/page.ts';
import type { PageAsked, PageOf } from '../management/by-key.ts';
import type { EntryNames } from '../management/entry-names.ts';
import { sendCsv } from '../pages/csv.ts';
import { periodIn, spanOf } from '../pages/period.ts';
import { adminOf } from './admin.ts';
import { pageAskedIn, pathWith, waysOn } from './asked.ts';
import type { ConsoleDependencies } from './dependencies.ts';
import { accountNamed, askedFor, clientNamed, isChecked, thingPath } from './entries.ts';

const PATH = '/admin/audit';
const COLUMNS = [
  ...['time', 'what', 'action', 'who', 'who_kind', 'who_id', 'account', 'account_id'],
  ...['about', 'about_id', 'times', 'reason', 'from', 'request_id'],
];

/** Who has no id. */
const ACTORS = {
  operator: 'Operator (command line)',
  system: 'This site itself',
  reporter: 'A report of a leak',
};

/** /admin/audit: what was changed, by whom, for whom, from where and why, as a page and as a file. */
export function createAuditPages(parts: ConsoleDependencies) {
  const { site, auditList, entryNames, clock } = parts;

  async function read(
    asked: ChangesAskedView,
    page: PageAsked,
  ): Promise<PageOf<AuditEntry> & { names: EntryNames }> {
    const { account, actor, action, target, address, request } = asked;
    const requestId = request === '' ? undefined : request;
    const wanted = { account, actor, action, target, address, requestId, withReason: asked.reason === 'yes' };
    const found = await auditList.list({ ...wanted, ...spanOf(asked, clock()) }, page);
    const ids = found.rows.flatMap((entry) => [entry.accountId, entry.actor.id, entry.targetId]);
    return { ...found, names: await entryNames(ids) };
  }

  return {
    async list(ctx: RouterContext): Promise<void> {
      const admin = await adminOf(parts, ctx);
      const asked = askedIn(ctx);
      const page = pageAskedIn(ctx);
      const { rows, names, next, isPartial } = await read(asked, page);
      sendPage(
        ctx,
        changesPage(site, admin, {
          changes: rows.map((entry) => changeView(entry, names)),
          asked,
          actions: changesByName(),
          today: isoDate(clock()),
          isPartial,
          csvUrl: pathWith(`${PATH}.csv`, asked),
          ...waysOn(PATH, asked, { page, next }),
        }),
      );
    },

    async download(ctx: RouterContext): Promise<void> {
      await adminOf(parts, ctx);
      const asked = askedIn(ctx);
      await sendCsv(ctx, { name: 'audit', columns: COLUMNS, now: clock() }, async (cursor, limit) => {
        const { rows, names, next } = await read(asked, { cursor, limit });
        return { lines: rows.map((entry) => cellsOf(entry, names)), next };
      });
    },
  };
}

function askedIn(ctx: RouterContext): ChangesAskedView {
  return {
    account: askedFor(ctx, 'account'),
    actor: askedFor(ctx, 'actor'),
    action: askedFor(ctx, 'action'),
    target: askedFor(ctx, 'target'),
    ...periodIn(ctx),
    address: askedFor(ctx, 'address'),
    request: askedFor(ctx, 'request'),
    reason: isChecked(ctx, 'reason') ? 'yes' : '',
  };
}

function changeView(entry: AuditEntry, names: EntryNames): ChangeView {
  const { at, accountId, actor, targetId, targetName } = entry;
  const { from = '', requestId = '', reason } = actor;
  return {
    ...{ at, what: changeInWords(entry), reason, from, requestId },
    requestUrl: requestId === '' ? undefined : pathWith(PATH, { request: requestId }),
    who: actorNamed(actor, names),
    account: accountNamed(accountId, names),
    // Of what is about the account itself the id says no more, and some things have a hash for theirs.
    target: {
      label: targetName,
      url: thingPath(targetId, names),
      id: targetId === accountId || !/^[a-z]+_/.test(targetId) ? '' : targetId,
      onlyUrl: pathWith(PATH, { target: targetId }),
    },
  };
}

function actorNamed({ kind, id }: Actor, names: EntryNames): NamedView {
  switch (kind) {
    case 'account':
      return accountNamed(id ?? '', names);
    case 'client':
      return clientNamed(id ?? '', names);
    default:
      return { label: ACTORS[kind], url: pathWith(PATH, { actor: kind }), id: '' };
  }
}

function cellsOf(entry: AuditEntry, names: EntryNames): string[] {
  const { at, action, actor, accountId, targetId, targetName, count = 1 } = entry;
  const { kind, id = '', reason = '', from = '', requestId = '' } = actor;
  const what = changeInWords({ action });
  return [
    ...[isoTime(at), what, action, actorNamed(actor, names).label, kind, id],
    ...[accountNamed(accountId, names).label, accountId, targetName, targetId, count],
    ...[reason, from, requestId],
  ].map(String);
}

import type { RouterContext } from '@koa/router';
import { type CallsAskedView, type CallView, callsPage } from '../../views/console/activity.ts';
import type { Call } from '../activity/call.ts';
import { resultOf, resultsFor } from '../activity/entry-words.ts';
import { DATA_PATH, dataAddressIn } from '../ground/api-address.ts';
import { isoDate, isoTime } from '../ground/time.ts';
import { sendPage } from '../http/page.ts';
import type { PageAsked, PageOf } from '../management/by-key.ts';
import type { EntryNames } from '../management/entry-names.ts';
import { sendCsv } from '../pages/csv.ts';
import { periodIn, spanOf } from '../pages/period.ts';
import { adminOf } from './admin.ts';
import { pageAskedIn, pathWith, waysOn } from './asked.ts';
import type { ConsoleDependencies } from './dependencies.ts';
import { accountNamed, askedFor, explainedAs, isChecked, thingPath } from './entries.ts';

const PATH = '/admin/activity';
const COLUMNS = [
  ...['time', 'account', 'account_id', 'credential', 'credential_id', 'client_id', 'method', 'path'],
  ...['result', 'code', 'status', 'ms', 'calls', 'from', 'request_id', 'admin_use', 'records_hidden'],
];

/** /admin/activity: the calls of everybody, as a page and as a file. */
export function createCallsPages(parts: ConsoleDependencies) {
  const { site, callList, entryNames, clock } = parts;

  async function read(asked: CallsAskedView, page: PageAsked): Promise<PageOf<Call> & { names: EntryNames }> {
    const { account, credential, result, address, request } = asked;
    const requestId = request === '' ? undefined : request;
    const wanted = { account, credential, result, address, requestId, adminUse: asked.admin === 'yes' };
    const found = await callList.list({ ...wanted, ...spanOf(asked, clock()) }, page);
    return { ...found, names: await entryNames(found.rows.flatMap(namedIn)) };
  }

  return {
    async list(ctx: RouterContext): Promise<void> {
      const admin = await adminOf(parts, ctx);
      const asked = askedIn(ctx);
      const page = pageAskedIn(ctx);
      const { rows, names, next, isPartial } = await read(asked, page);
      sendPage(
        ctx,
        callsPage(site, admin, {
          calls: rows.map((call) => callView(call, asked, names)),
          asked,
          results: resultsFor(asked.result),
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
      await sendCsv(ctx, { name: 'activity', columns: COLUMNS, now: clock() }, async (cursor, limit) => {
        const { rows, names, next } = await read(asked, { cursor, limit });
        return { lines: rows.map((call) => cellsOf(call, names)), next };
      });
    },
  };
}

function askedIn(ctx: RouterContext): CallsAskedView {
  const result = askedFor(ctx, 'result');
  return {
    account: askedFor(ctx, 'account'),
    credential: askedFor(ctx, 'credential'),
    result: /^[A-Za-z_]{1,60}$/.test(result) ? result : '',
    ...periodIn(ctx),
    address: askedFor(ctx, 'address'),
    request: askedFor(ctx, 'request'),
    admin: isChecked(ctx, 'admin') ? 'yes' : '',
  };
}

/** Access tokens come and go: what they do is found by their service or app. */
function credentialOf({ clientId, tokenId }: Call): string {
  return clientId ?? tokenId;
}

function namedIn(call: Call): string[] {
  return [call.accountId, credentialOf(call)];
}

function callView(call: Call, asked: CallsAskedView, names: EntryNames): CallView {
  const { at, method, path, tokenName, status, result, ms, from, requestId } = call;
  const id = credentialOf(call);
  return {
    at,
    what: `${method} ${path}`,
    name: tokenName,
    ...resultOf(call),
    // Those that went wrong in the same way are one click away.
    resultUrl: status < 400 ? undefined : pathWith(PATH, { ...asked, result }),
    ms,
    from,
    requestId,
    rulesUrl: rulesUrlOf(call),
    requestUrl: requestId === '' ? undefined : pathWith(PATH, { request: requestId }),
    privacyBypassed: call.privacyBypassed === true,
    hidden: call.hidden,
    account: accountNamed(call.accountId, names),
    credential: {
      label: tokenName,
      url: thingPath(id, names),
      id,
      onlyUrl: pathWith(PATH, { credential: id }),
    },
  };
}

/** Of a call that privacy rules refused: the page that says which rule gives what to who made it. */
function rulesUrlOf({ path, result, accountId, clientId, tokenId }: Call): string | undefined {
  if (result !== 'FORBIDDEN' || !path.startsWith(DATA_PATH)) return undefined;
  const { type, id, place } = dataAddressIn(path);
  const caller = clientId === undefined ? { who: tokenId } : explainedAs(clientId, accountId);
  return pathWith(`/admin/types/${type}`, { ...caller, record: place === 'record' ? id : '' });
}

function cellsOf(call: Call, names: EntryNames): string[] {
  const { at, accountId, tokenName, tokenId, clientId = '', method, path, status, result } = call;
  const { ms = '', count = 1, from, requestId, privacyBypassed = false, hidden = '' } = call;
  return [
    ...[isoTime(at), accountNamed(accountId, names).label, accountId, tokenName, tokenId, clientId],
    ...[method, path, resultOf(call).result, status < 400 ? '' : result, status, ms, count],
    ...[from, requestId, privacyBypassed ? 'yes' : '', hidden],
  ].map(String);
}

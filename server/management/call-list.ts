import type { Collection, Where } from '../../adapters/port.ts';
import type { Account } from '../accounts/account.ts';
import { hasResult } from '../activity/activity.ts';
import { type Call, type CallsAbout, callsAbout, isAbout } from '../activity/call.ts';
import { CALL_PREFIX, momentOf } from '../activity/entry-ids.ts';
import type { Client } from '../credentials/client.ts';
import type { Credential } from '../credentials/credential.ts';
import { type PageAsked, type PageOf, pageByKey, wholeList } from './by-key.ts';
import { namedAccount } from './named-account.ts';
import { byTime, insideOf, type TimeAsked, type TimeSpan, timeSpanOf } from './time-span.ts';

/** Which calls are asked for; all of it must hold, '' and undefined ask for nothing. */
export type CallsAsked = TimeAsked & {
  /** An id or a whole e-mail address. */
  account: string;
  /** The id of a token, service, app or secret; a secret stands for the service or app that it is of. */
  credential: string;
  /** `success`, `refused` (by us), `failed` (we did), or the code of a Problem. */
  result: string;
  /** A network address. */
  address: string;
  /** Only those that passed over privacy rules. */
  adminUse: boolean;
};

type Parts = {
  calls: Collection<Call>;
  accounts: Collection<Account>;
  credentials: Collection<Credential>;
  clients: Collection<Client>;
};

type Test = (call: Call) => boolean;

/** The calls of everybody, for admins. */
export function createCallList(parts: Parts) {
  const { calls } = parts;

  return {
    /** One page, the newest first; the calls of one request oldest first. Throws Problem 400. */
    async list(asked: CallsAsked, page: PageAsked): Promise<PageOf<Call>> {
      const { about, ownerId } = await aboutOf(parts, asked.credential);
      const named = asked.account === '' ? undefined : await namedAccount(parts.accounts, asked.account);
      const span = timeSpanOf(asked);
      if (span === undefined || (asked.account !== '' && named === undefined)) return wholeList([]);
      const accountId = named ?? ownerId;
      // Few calls did not succeed, and an index has those alone: there the rest is looked at row by row.
      const isByResult = asked.result !== '' && asked.result !== 'success';
      const among =
        accountId === undefined && !isByResult
          ? amongAll(span, about)
          : amongThose(span, { accountId, about, isByResult });
      const tests = [...testsOf(asked), ...among.tests];
      return pageByKey(calls, page, {
        ...among,
        isMatch: tests.length === 0 ? undefined : (call) => tests.every((test) => test(call)),
      });
    },
  };
}

/** What is asked about, and whose calls those are, where they are of one account alone: all but those of an app. */
async function aboutOf(
  { credentials, clients }: Parts,
  id: string,
): Promise<{ about?: CallsAbout; ownerId?: string | undefined }> {
  if (id === '') return {};
  const credential = await credentials.get(id);
  const clientId = credential?.clientId ?? id;
  const client = await clients.get(clientId);
  if (client !== undefined)
    return { about: { clientId }, ownerId: client.kind === 'service' ? client.accountId : undefined };
  // Of one that is gone nobody knows any more whose it was.
  const isClient = /^(svc|app)_/.test(id);
  return { about: isClient ? { clientId } : { tokenId: id }, ownerId: credential?.accountId };
}

/** All calls, by their ids: those begin with their moment, so that no index on times is needed. */
function amongAll(span: TimeSpan, about: CallsAbout | undefined) {
  const { from, before, descending } = span;
  const last: Where<Call> = Number.isFinite(before) ? [['id', '<', idAt(before)]] : [];
  return {
    ...byTime<Call>(span),
    where: [] as Where<Call>,
    start: descending ? last : ([['id', '>=', idAt(from)]] as const),
    order: { by: 'id', descending } as const,
    tests: [...insideOf(span), ...(about === undefined ? [] : [isAbout(about)])],
  };
}

/** Those of one account, or those that did not succeed, by the index that leads to what is asked about. */
function amongThose(
  span: TimeSpan,
  of: { accountId: string | undefined; about: CallsAbout | undefined; isByResult: boolean },
) {
  const { accountId, about, isByResult } = of;
  const lead = isByResult ? ([['refused', '=', true]] as const) : callsAbout(about);
  const owner: Where<Call> = accountId === undefined ? [] : [['accountId', '=', accountId]];
  return {
    ...byTime<Call>(span),
    where: [...lead, ...owner],
    order: { by: 'at', descending: span.descending } as const,
    tests: [...insideOf(span), ...(isByResult && about !== undefined ? [isAbout(about)] : [])],
  };
}

function testsOf({ result, address, requestId, adminUse }: CallsAsked): Test[] {
  const tests: Test[] = [];
  if (result !== '') tests.push((call) => hasResult(call, result));
  if (address !== '') tests.push(({ from }) => from === address);
  if (requestId !== undefined) tests.push((call) => call.requestId === requestId);
  if (adminUse) tests.push(({ privacyBypassed }) => privacyBypassed === true);
  return tests;
}

function idAt(at: number): string {
  return `${CALL_PREFIX}${momentOf(at)}`;
}

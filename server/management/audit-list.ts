import type { Collection, Where } from '../../adapters/port.ts';
import type { Account } from '../accounts/account.ts';
import type { AuditEntry } from '../activity/audit.ts';
import { type PageAsked, type PageOf, pageByKey, wholeList } from './by-key.ts';
import { namedAccount } from './named-account.ts';
import { byTime, insideOf, type TimeAsked, timeSpanOf } from './time-span.ts';

/** Which changes are asked for; all of it must hold, '' and undefined ask for nothing. */
export type ChangesAsked = TimeAsked & {
  /** Whom it was done to: an id or a whole e-mail address. */
  account: string;
  /** Who did it: an account in the same way, the id of a service or app, `operator`, `system` or `reporter`. */
  actor: string;
  /** As it is written down: `token.revoked`. */
  action: string;
  /** The id of the thing that was changed. */
  target: string;
  /** A network address. */
  address: string;
  /** Only what an admin, or a service that acts as one, did to somebody with a reason. */
  withReason: boolean;
};

/** The changes of everybody, for admins. */
export function createAuditList(parts: { audit: Collection<AuditEntry>; accounts: Collection<Account> }) {
  const { audit, accounts } = parts;

  return {
    /** One page, the newest first; what one request did oldest first. Throws Problem 400. */
    async list(asked: ChangesAsked, page: PageAsked): Promise<PageOf<AuditEntry>> {
      const idOf = (named: string) => (named === '' ? '' : namedAccount(accounts, named));
      const [accountId, actorKey] = await Promise.all([idOf(asked.account), idOf(asked.actor)]);
      const span = timeSpanOf(asked);
      if (span === undefined || accountId === undefined || actorKey === undefined) return wholeList([]);
      const { action, target: targetId } = asked;
      const { where, rest } = leading({ accountId, targetId, actorKey, action });

      const tests = [...rest, ...testsOf(asked), ...insideOf(span)];
      return pageByKey(audit, page, {
        ...byTime<AuditEntry>(span),
        where,
        order: { by: 'at', descending: span.descending },
        isMatch: tests.length === 0 ? undefined : (entry) => tests.every((test) => test(entry)),
      });
    },
  };
}

type Test = (entry: AuditEntry) => boolean;
type Keys = Record<'accountId' | 'targetId' | 'actorKey' | 'action', string>;

/** What an index leads to, the narrowest one first, and what is left to look at in each row. */
function leading(keys: Keys): { where: Where<AuditEntry>; rest: Test[] } {
  const given = (['targetId', 'actorKey', 'accountId', 'action'] as const).filter((key) => keys[key] !== '');
  const [first, ...others] = given;
  return {
    where: first === undefined ? [] : [[first, '=', keys[first]]],
    rest: others.map((key) => (entry) => entry[key] === keys[key]),
  };
}

function testsOf({ address, requestId, withReason }: ChangesAsked): Test[] {
  const tests: Test[] = [];
  if (address !== '') tests.push(({ actor }) => actor.from === address);
  if (requestId !== undefined) tests.push(({ actor }) => actor.requestId === requestId);
  if (withReason) tests.push(({ actor }) => actor.reason !== undefined);
  return tests;
}

import type { Collection, Where } from '../../adapters/port.ts';
import type { Account } from '../accounts/account.ts';
import { readEmail } from '../accounts/email.ts';
import { SEARCH_LENGTH_MAX } from '../ground/limits.ts';
import { normalised } from '../ground/normalised.ts';
import { type PageAsked, type PageOf, pageByKey, wholeList } from './by-key.ts';

/** Behind every text that begins with the same characters. */
const LAST = '\u{10ffff}';

/** Which accounts are asked for; all of it must hold. */
export type AccountsAsked = {
  /** The whole id, the beginning of the e-mail address, or else the whole external id; '' for all. */
  search: string;
  /** The whole external id, and nothing else. */
  externalId?: string | undefined;
  state?: 'active' | 'suspended' | 'admin' | undefined;
};

/** The accounts of everybody, for admins. */
export function createAccountList({ accounts }: { accounts: Collection<Account> }) {
  return {
    /**
     * One page: the newest first, those that are suspended by when they were, or by e-mail address where it was searched
     * for. Throws Problem 400.
     */
    async list({ search, externalId, state }: AccountsAsked, page: PageAsked): Promise<PageOf<Account>> {
      const isMatch = state === undefined ? undefined : (account: Account) => isIn(state, account);
      if (externalId !== undefined) return only(await accounts.find('externalId', externalId), isMatch);
      if (search === '') return pageByKey(accounts, page, inState(state));
      const byId = await accounts.get(search);
      if (byId !== undefined) return only(byId, isMatch);
      const start = beginningOf(search);
      if (start === undefined) return only(undefined, isMatch);
      const where: Where<Account> = [
        ['emailKey', '>=', start],
        ['emailKey', '<', `${start}${LAST}`],
      ];
      const found = await pageByKey(accounts, page, { where, order: { by: 'emailKey' }, isMatch });
      const isNone = found.rows.length === 0 && found.next === undefined && page.cursor === '';
      return isNone ? only(await accounts.find('externalId', search), isMatch) : found;
    },
  };
}

/** By an index that leads to the few; of the others most are active. */
function inState(state: AccountsAsked['state']): Parameters<typeof pageByKey<Account>>[2] {
  const order = { by: 'createdAt', descending: true } as const;
  switch (state) {
    case undefined:
      return { order };
    case 'active':
      return { order, isMatch: (account) => isIn('active', account) };
    case 'admin':
      return { where: [['admin', '=', true]], order };
    case 'suspended':
      return { where: [['suspendedAt', '>', 0]], order: { by: 'suspendedAt', descending: true } };
  }
}

function only(account: Account | undefined, isMatch: (account: Account) => boolean = () => true) {
  return wholeList(account !== undefined && isMatch(account) ? [account] : []);
}

/** As addresses are compared; undefined for what none begins with. */
function beginningOf(search: string): string | undefined {
  return readEmail(search)?.key ?? normalised(search.trim(), 'NFC', SEARCH_LENGTH_MAX)?.text.toLowerCase();
}

function isIn(state: NonNullable<AccountsAsked['state']>, account: Account): boolean {
  if (state === 'admin') return account.admin;
  return (account.suspendedAt !== undefined) === (state === 'suspended');
}

import type { Collection } from '../../adapters/port.ts';
import type { Account } from '../accounts/account.ts';
import type { Accounts } from '../accounts/accounts.ts';
import { readEmail } from '../accounts/email.ts';

/**
 * The id of the account that somebody named by its id or its whole e-mail address; undefined for an address that nobody
 * has. The id may be that of an account that is gone: what it did is still on record.
 */
export async function namedAccount(
  accounts: Pick<Collection<Account>, 'find'>,
  named: string,
): Promise<string | undefined> {
  if (!named.includes('@')) return named;
  const key = readEmail(named)?.key;
  return key === undefined ? undefined : (await accounts.find('emailKey', key))?.id;
}

/** The account itself, where it is there. */
export async function findNamed(
  accounts: Pick<Accounts, 'get' | 'findByEmail'>,
  named: string,
): Promise<Account | undefined> {
  return (await accounts.get(named)) ?? accounts.findByEmail(named);
}

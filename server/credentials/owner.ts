import { isDeepStrictEqual } from 'node:util';
import type { WrittenMail } from '../../views/mail/layout.ts';
import type { Account } from '../accounts/account.ts';
import type { Accounts } from '../accounts/accounts.ts';
import { requireUnchanged } from '../accounts/unchanged.ts';
import type { Actor } from '../ground/actor.ts';
import { Problem, type ProblemCode } from '../ground/errors.ts';

/** One thing as its owner names it. */
export type Owned = { accountId: string; id: string };

/** What a change of something that an account owns is written down as. */
export function auditEntry(
  action: string,
  target: { id: string; name: string; accountId: string },
  actor: Actor,
) {
  return { accountId: target.accountId, actor, action, targetId: target.id, targetName: target.name };
}

/** Whether a form was saved as it was shown: that is no change, to be written down and mailed. */
export function isAsBefore<R extends object>(row: R, set: Partial<R>): boolean {
  return Object.entries(set).every(([name, value]) => isDeepStrictEqual(row[name as keyof R], value));
}

/** The mail for the owner, if there still is one. */
export async function mailToOwner(accounts: Pick<Accounts, 'get'>, accountId: string, mail: WrittenMail) {
  const owner = await accounts.get(accountId);
  return owner === undefined ? [] : [{ to: owner.email, ...mail }];
}

/** After something was made: undoes it and throws Problem 409 when its owner is not as they were let in. */
export async function undoIfChanged(
  accounts: Pick<Accounts, 'get'>,
  before: Account,
  undo: () => Promise<unknown>,
): Promise<void> {
  try {
    requireUnchanged(before, await accounts.get(before.id));
  } catch (error) {
    await undo();
    throw error;
  }
}

/** An account has as many of something as it may. */
export function tooMany(code: ProblemCode, found: string, remedy: 'Revoke' | 'Delete'): Problem {
  return new Problem({
    status: 409,
    code,
    message: `You have ${found}, which is the most an account may have.`,
    hint: `${remedy} the ones you no longer use, then try again.`,
    parameter: 'name',
  });
}

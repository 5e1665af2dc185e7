import { Problem } from '../ground/errors.ts';
import { type Account, isActive } from './account.ts';

/**
 * Throws Problem 409 unless the account still stands as it was read when its owner was let in: there, not
 * suspended, and no password set since. Asked after something was made in the owner's name: a reset raises the
 * number first and lists what there is afterwards, so one of the two always sees the other.
 */
export function requireUnchanged(before: Pick<Account, 'securityVersion'>, now: Account | undefined): void {
  if (!isActive(now) || now.securityVersion !== before.securityVersion) throw changedMeanwhile();
}

export function changedMeanwhile(): Problem {
  return new Problem({
    status: 409,
    code: 'CHANGED_MEANWHILE',
    message: 'This account was changed meanwhile, so nothing was done.',
    hint: 'Sign in again, then try once more.',
  });
}

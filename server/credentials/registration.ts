import type { Account } from '../accounts/account.ts';
import type { Actor } from '../ground/actor.ts';
import { Problem } from '../ground/errors.ts';
import type { Settings } from '../ground/settings.ts';

/**
 * Throws Problem 403 where the settings keep it to admins to make such clients. The operator is above them, and an admin
 * makes one for somebody with a reason.
 */
export function requireMayRegister(
  kind: keyof Settings['register'],
  { register }: Pick<Settings, 'register'>,
  account: Account,
  actor?: Actor,
): void {
  const isMadeForThem = actor?.kind === 'operator' || actor?.reason !== undefined;
  if (register[kind] === 'anyone' || account.admin || isMadeForThem) return;
  throw new Problem({
    status: 403,
    code: 'ADMINS_ONLY',
    message: kind === 'apps' ? 'Only admins register apps here.' : 'Only admins make services here.',
    hint: 'Ask an admin of this site to make it.',
  });
}

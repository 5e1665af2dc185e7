import type { Accounts } from '../accounts/accounts.ts';
import type { Actor } from '../ground/actor.ts';
import { Problem } from '../ground/errors.ts';

/** What can be paused, by its owner or by who runs the app. */
type Pausable = { accountId: string; pausedAt?: number | undefined; pausedByAdmin?: true | undefined };

/** What a pause sets, and where it changes something. */
export function pauseOf(actor: Actor, pausedAt: number) {
  // A pause of an admin takes over that of the owner, who could end it.
  if (runsTheApp(actor)) return { set: { pausedAt, pausedByAdmin: true as const }, guard: ADMIN_PAUSE };
  return { set: { pausedAt }, guard: OWN_PAUSE };
}

const ADMIN_PAUSE = [['pausedByAdmin', 'absent']] as const;
const OWN_PAUSE = [['pausedAt', 'absent']] as const;

/** What ends a pause, and where it changes something. */
export const RESUMED = {
  change: { unset: ['pausedAt', 'pausedByAdmin'] },
  guard: [['pausedAt', 'present']],
} as const;

/** Throws Problem 403 where an admin paused it and this is none: they had a reason, and know when it is over. */
export async function requireMayResume(
  { accounts }: { accounts: Pick<Accounts, 'get'> },
  { accountId, pausedByAdmin }: Pausable,
  actor: Actor,
): Promise<void> {
  if (pausedByAdmin !== true || runsTheApp(actor)) return;
  if ((await accounts.get(accountId))?.admin === true) return;
  throw new Problem({
    status: 403,
    code: 'ADMINS_ONLY',
    message: 'An admin of this site paused it, and only an admin resumes it.',
    hint: 'Your activity says why it was paused. Ask the people who run this site, or make another one.',
  });
}

/** An admin says why, and so does what acts for admins; the operator sits at the command line. */
function runsTheApp({ kind, reason }: Actor): boolean {
  return kind === 'operator' || reason !== undefined;
}

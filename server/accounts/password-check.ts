import type { Collection } from '../../adapters/port.ts';
import { Problem } from '../ground/errors.ts';
import { type Limit, type Limiter, networkOf } from '../ground/limiter.ts';
import { DAY_SECONDS, HOUR_SECONDS, MINUTE_SECONDS } from '../ground/time.ts';
import { type Account, requireActive } from './account.ts';
import { readEmail } from './email.ts';
import type { Passwords } from './passwords.ts';

const QUARTER_HOUR = 15 * MINUTE_SECONDS;
/** Wrong passwords for one e-mail from one network: more than a person needs, hopeless for a guesser. */
const PAIR_LIMIT: Limit = { limit: 10, windowSeconds: QUARTER_HOUR };
/** For all e-mails from one network: an office shares an address, a list of stolen passwords is long. */
const ADDRESS_LIMIT: Limit = { limit: 50, windowSeconds: QUARTER_HOUR };
/**
 * For one e-mail from everywhere: NIST SP 800-63B section 5.2.2 wants at most 100 in a row. Networks from
 * which that e-mail signed in lately do not count here: strangers who guess lock no owner out at home.
 */
const EMAIL_LIMIT: Limit = { limit: 100, windowSeconds: HOUR_SECONDS };
const KNOWN_NETWORK_SECONDS = 30 * DAY_SECONDS;

type Parts = { accounts: Collection<Account>; passwords: Passwords; limiter: Limiter };

/** Somebody who wants to sign in. */
export type Attempt = { email: string; password: string; from?: string };

/**
 * The account of this e-mail and password. Throws Problem: the same for an unknown e-mail, one without a
 * password and a wrong one, after the same work; 429 past the limits; 403 when the account is suspended
 * (only said to who knows the password). `from` is the network address of the person; without it only the
 * e-mail is throttled, for callers that stand for many people and are trusted.
 *
 * A guess is counted before it is made, whether or not there is an account; a right one is no guess and is
 * taken back.
 */
export async function checkPassword(parts: Parts, attempt: Attempt): Promise<Account> {
  const { limiter } = parts;
  const email = readEmail(attempt.email)?.key ?? 'no address';
  const network = attempt.from === undefined ? undefined : networkOf(attempt.from);
  const signedIn = `signed-in:${email}:${network}`;
  const isKnown = network !== undefined && (await limiter.hasNoted(signedIn));
  const buckets: [string, Limit][] = isKnown ? [] : [[`password:${email}`, EMAIL_LIMIT]];
  if (network !== undefined) {
    buckets.unshift([`password:${network}`, ADDRESS_LIMIT], [`password:${email}:${network}`, PAIR_LIMIT]);
  }
  const account = await limiter.run(buckets, () => accountOf(parts, attempt));
  if (account === undefined) throw wrongPassword();
  for (const [bucket, limit] of buckets) await limiter.takeBack(bucket, limit);
  if (network !== undefined) await limiter.note(signedIn, KNOWN_NETWORK_SECONDS);
  requireActive(account);
  return account;
}

/** The account if the password fits. A hash of yesterday's parameters is renewed on the way. */
async function accountOf({ accounts, passwords }: Parts, attempt: Attempt): Promise<Account | undefined> {
  const key = readEmail(attempt.email)?.key;
  const account = key === undefined ? undefined : await accounts.find('emailKey', key);
  const { right, outdated } = await passwords.verify(attempt.password, account?.passwordHash);
  if (account?.passwordHash === undefined || !right) return undefined;
  const unchanged = [['passwordHash', '=', account.passwordHash]] as const;
  if (outdated) {
    const passwordHash = await passwords.hash(attempt.password);
    return accounts.update(account.id, { set: { passwordHash } }, unchanged);
  }
  // Hashing takes long enough for a reset to come in between, and after it the old password opens nothing.
  const [now] = await accounts.list({ where: [['id', '=', account.id], ...unchanged], limit: 1 });
  return now;
}

function wrongPassword(): Problem {
  return new Problem({
    status: 400,
    code: 'WRONG_CREDENTIALS',
    message: 'E-mail or password is wrong.',
    hint: 'Check both, or choose a new password. If you signed up another way, sign in that way.',
  });
}

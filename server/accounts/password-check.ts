import type { Collection } from '../../adapters/port.ts';
import type { SignInRecord } from '../activity/sign-ins.ts';
import type { Actor } from '../ground/actor.ts';
import { Problem } from '../ground/errors.ts';
import { inTurn } from '../ground/in-turn.ts';
import {
  type Bucket,
  type Limit,
  type Limiter,
  networkBuckets,
  networkOf,
  tooManyAttempts,
} from '../ground/limiter.ts';
import { DAY_SECONDS, HOUR_SECONDS, MINUTE_SECONDS } from '../ground/time.ts';
import { type Account, requireActive } from './account.ts';
import { type Asker, askerFrom } from './asker-turns.ts';
import { mailboxOf, readEmail } from './email.ts';
import type { Passwords } from './passwords.ts';

const QUARTER_HOUR = 15 * MINUTE_SECONDS;
const MONTH = 30 * DAY_SECONDS;

/** Wrong passwords for one e-mail from one place: more than a person needs, hopeless for a guesser. */
const PAIR_LIMITS: readonly Limit[] = [
  { limit: 10, windowSeconds: QUARTER_HOUR },
  { limit: 50, windowSeconds: DAY_SECONDS },
  { limit: 300, windowSeconds: MONTH },
];
/** For one e-mail from everywhere: NIST SP 800-63B section 5.2.2 wants at most 100 in a row. */
const EMAIL_LIMITS: readonly Limit[] = [
  { limit: 100, windowSeconds: HOUR_SECONDS },
  { limit: 300, windowSeconds: DAY_SECONDS },
  { limit: 1000, windowSeconds: MONTH },
];
/** For all e-mails from one network: an office shares an address, a list of stolen passwords is long. */
const NETWORK_LIMIT: Limit = { limit: 50, windowSeconds: QUARTER_HOUR };

/** Right passwords cost as much work as wrong ones: more than a person, or a test suite, signs in. */
const RIGHT_EMAIL_LIMITS: readonly Limit[] = [
  { limit: 400, windowSeconds: QUARTER_HOUR },
  { limit: 2000, windowSeconds: DAY_SECONDS },
];
/** An office behind one address signs in at nine o'clock. */
const RIGHT_NETWORK_LIMIT: Limit = { limit: 1000, windowSeconds: QUARTER_HOUR };

/** Sign-ins for one e-mail from one place at a time: a restarted back end has some of them, a flood has more. */
const AT_ONCE_MAX = 20;

/**
 * How long a place from which an e-mail signed in is known for it. Guesses made elsewhere do not count there: strangers
 * who guess lock no owner out at home.
 */
const KNOWN_PLACE_SECONDS = 30 * DAY_SECONDS;

/** What is no address counts as one that nobody has. */
const NO_ADDRESS = 'no address';

type Parts = {
  accounts: Collection<Account>;
  passwords: Passwords;
  limiter: Limiter;
  signIns: Pick<SignInRecord, 'failed'>;
};

/**
 * Somebody who wants to sign in. `from` is the network address of the person; `service` the client of a caller that
 * stands for many people and is trusted, so that all of them come from one place.
 */
export type Attempt = { email: string; password: string } & (
  | { from: string; service?: undefined }
  | { service: string; from?: undefined }
);

/**
 * The account of this e-mail and password. Throws Problem: the same for an unknown e-mail, one without a
 * password and a wrong one, after the same work; 429 past the limits; 403 when the account is suspended
 * (only said to who knows the password).
 *
 * An attempt is counted before it is made, whether or not there is an account, as a guess and as a sign-in; what
 * it then was not is taken back. Those for one e-mail from one place are made one after the other: right passwords
 * that come at the same moment would else be refused as the guesses that they are counted as so far.
 */
export function checkPassword(parts: Parts, attempt: Attempt): Promise<Account> {
  const email = readEmail(attempt.email)?.key ?? NO_ADDRESS;
  const place = attempt.from === undefined ? `service:${attempt.service}` : networkOf(attempt.from);
  const turn = `password ${mailboxOf(email)} ${place}`;
  const bound = { lengthMax: AT_ONCE_MAX, full: () => tooManyAttempts(1) };
  return inTurn(parts.accounts, turn, () => checkInTurn(parts, attempt, { email, place }), bound);
}

async function checkInTurn(
  parts: Parts,
  attempt: Attempt,
  { email, place }: { email: string; place: string },
): Promise<Account> {
  const { limiter } = parts;
  const signedIn = `signed-in:${email}:${place}`;
  const isKnown = await limiter.hasNoted(signedIn);
  const account = await limiter.run(guessBuckets(attempt, { email, place, isKnown }), (guess) =>
    limiter.run(rightBuckets(attempt, email), async (right) => {
      const found = await accountOf(parts, attempt);
      await (found === undefined ? right : guess).takeBack();
      return found;
    }),
  );
  if (account === undefined) throw wrongPassword();
  await limiter.note(signedIn, KNOWN_PLACE_SECONDS);
  requireActive(account);
  return account;
}

/** Narrowest first, so that guesses of one person fill no bucket of others once their own is full. */
function guessBuckets(
  { from }: Attempt,
  known: { email: string; place: string; isKnown: boolean },
): readonly Bucket[] {
  const mailbox = mailboxOf(known.email);
  const pair = each(`password:${mailbox}:${known.place}`, PAIR_LIMITS);
  const everywhere = known.isKnown ? [] : each(`password:${mailbox}`, EMAIL_LIMITS);
  // A known e-mail is no exception here: one that goes on when all others are refused would be known to have an account.
  const network = from === undefined ? [] : networkBuckets('password', from, NETWORK_LIMIT);
  return [...pair, ...everywhere, ...network];
}

function rightBuckets({ from }: Attempt, email: string): readonly Bucket[] {
  const network = from === undefined ? [] : networkBuckets('right-password', from, RIGHT_NETWORK_LIMIT);
  return [...each(`right-password:${email}`, RIGHT_EMAIL_LIMITS), ...network];
}

/** Nobody knows who tries at a page. */
function actorOfAttempt({ from, service }: Attempt): Actor {
  return service === undefined ? { kind: 'system', from } : { kind: 'client', id: service };
}

/** Each service has places of its own, like a network. */
function askerOf({ from, service }: Attempt, email: string): Asker {
  const asker = askerFrom(from, email);
  return service === undefined ? asker : { ...asker, network: `service:${service}` };
}

function each(name: string, limits: readonly Limit[]): Bucket[] {
  return limits.map((limit) => [name, limit]);
}

/** The account if the password fits. A hash of yesterday's parameters is renewed on the way. */
async function accountOf(
  { accounts, passwords, signIns }: Parts,
  attempt: Attempt,
): Promise<Account | undefined> {
  const key = readEmail(attempt.email)?.key;
  const account = key === undefined ? undefined : await accounts.find('emailKey', key);
  const asker = askerOf(attempt, key ?? NO_ADDRESS);
  const { right, outdated } = await passwords.verify(attempt.password, account?.passwordHash, asker);
  if (!right) signIns.failed(account, actorOfAttempt(attempt));
  if (account?.passwordHash === undefined || !right) return undefined;
  const unchanged = [['passwordHash', '=', account.passwordHash]] as const;
  if (outdated) {
    const passwordHash = await passwords.hash(attempt.password, asker);
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

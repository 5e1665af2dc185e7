import { type Collection, Taken, type Where } from '../../adapters/port.ts';
import { passwordChanged } from '../../views/mail/password-changed.ts';
import type { Effects, EffectsOfChange } from '../effects/effects.ts';
import type { Actor } from '../ground/actor.ts';
import { originOf } from '../ground/actor.ts';
import type { Clock } from '../ground/clock.ts';
import { Problem } from '../ground/errors.ts';
import { addressBucket, type Limit, type Limiter } from '../ground/limiter.ts';
import { newId } from '../ground/opaque.ts';
import type { Settings } from '../ground/settings.ts';
import { DAY_SECONDS, HOUR_SECONDS, MINUTE_SECONDS } from '../ground/time.ts';
import { ACTIVE_ONLY, type Account, type ActiveAccount, isActive, requireActive } from './account.ts';
import { readEmail, requireEmail } from './email.ts';
import type { Passwords } from './passwords.ts';
import { changedMeanwhile } from './unchanged.ts';

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
/** Each change costs a hash and a mail; nobody needs more. */
const CHANGE_LIMIT: Limit = { limit: 5, windowSeconds: HOUR_SECONDS };

export type Accounts = ReturnType<typeof createAccounts>;

/** Who people are: finds, makes and changes accounts, and checks passwords. */
export function createAccounts(parts: {
  accounts: Collection<Account>;
  effects: Effects;
  passwords: Passwords;
  limiter: Limiter;
  clock: Clock;
  settings: Pick<Settings, 'appName' | 'url'>;
}) {
  const { accounts, effects, passwords, limiter, clock, settings } = parts;

  async function findByEmail(email: string): Promise<Account | undefined> {
    const key = readEmail(email)?.key;
    return key === undefined ? undefined : accounts.find('emailKey', key);
  }

  /**
   * Counts a guess in each of its buckets before it is made, and runs it; a right one is no guess and is
   * given back. Where the account is, or whether there is one, plays no part in it.
   */
  async function counted(
    attempt: { email: string; from: string | undefined },
    guess: () => Promise<Account | undefined>,
  ): Promise<Account | undefined> {
    const who = readEmail(attempt.email)?.key ?? 'no address';
    const network = attempt.from === undefined ? undefined : addressBucket(attempt.from);
    const known = `signed-in:${who}:${network}`;
    const buckets: [string, Limit][] = [];
    if (network !== undefined) {
      buckets.push([`password:${network}`, ADDRESS_LIMIT], [`password:${who}:${network}`, PAIR_LIMIT]);
    }
    if (network === undefined || !(await limiter.knows(known))) {
      buckets.push([`password:${who}`, EMAIL_LIMIT]);
    }
    const account = await limiter.counted(buckets, guess);
    if (account === undefined) return undefined;
    for (const [bucket, limit] of buckets) await limiter.giveBack(bucket, limit);
    if (network !== undefined) await limiter.remember(known, KNOWN_NETWORK_SECONDS);
    return account;
  }

  /** The account if the password fits. A hash of yesterday's parameters is renewed on the way. */
  async function guessOnce(email: string, password: string): Promise<Account | undefined> {
    const account = await findByEmail(email);
    const { right, outdated } = await passwords.verify(password, account?.passwordHash);
    if (account?.passwordHash === undefined || !right) return undefined;
    const unchanged = [['passwordHash', '=', account.passwordHash]] as const;
    if (outdated) {
      const passwordHash = await passwords.hash(password);
      return accounts.update(account.id, { set: { passwordHash } }, unchanged);
    }
    // Hashing takes long enough for a reset to come in between, and after it the old password opens nothing.
    const [now] = await accounts.list({ where: [['id', '=', account.id], ...unchanged], limit: 1 });
    return now;
  }

  /** The guard of a write that must find the account as it was read. */
  function unchangedSince(account: Account): Where<Account> {
    const { passwordHash, securityVersion } = account;
    return [
      ...ACTIVE_ONLY,
      passwordHash === undefined ? ['passwordHash', 'absent'] : ['passwordHash', '=', passwordHash],
      securityVersion === undefined
        ? ['securityVersion', 'absent']
        : ['securityVersion', '=', securityVersion],
    ];
  }

  async function keepPassword(account: Account, passwordHash: string, actor: Actor): Promise<Account> {
    const mail = passwordChanged(settings, { changedAt: clock(), from: originOf(actor) });
    const changed = await effects.update(
      accounts,
      account.id,
      { set: { passwordHash }, add: { securityVersion: 1 } },
      unchangedSince(account),
      {
        ...change(account, 'account.password_changed', actor),
        mail: [{ to: account.email, ...mail }],
      },
    );
    if (changed !== undefined) return changed;
    const now = await accounts.get(account.id);
    if (now !== undefined) requireActive(now);
    throw changedMeanwhile();
  }

  function change(account: Pick<Account, 'id' | 'email'>, action: string, actor: Actor): EffectsOfChange {
    return {
      audit: [{ accountId: account.id, actor, action, targetId: account.id, targetName: account.email }],
    };
  }

  return {
    get: (id: string): Promise<Account | undefined> => accounts.get(id),

    /** Undefined also for one that is suspended. */
    async getActive(id: string): Promise<ActiveAccount | undefined> {
      const account = await accounts.get(id);
      return isActive(account) ? account : undefined;
    },

    /** Finds by any spelling of the address; undefined also for what is no address. */
    findByEmail,

    /**
     * Makes an account for an address that was proved. `id` is given where something refers to it already; an
     * actor of kind `account` without an id is the new account itself. Throws Problem 409 when there is one.
     */
    async create(
      wanted: { id?: string; email: string; passwordHash?: string | undefined; admin: boolean },
      actor: Actor,
    ): Promise<Account> {
      const { address, key } = requireEmail(wanted.email);
      const id = wanted.id ?? newId('acc_');
      const { passwordHash, admin } = wanted;
      const account: Account = {
        id,
        email: address,
        emailKey: key,
        passwordHash,
        admin,
        createdAt: clock(),
      };
      const by = actor.kind === 'account' && actor.id === undefined ? { ...actor, id } : actor;
      const action = admin ? 'account.created_as_admin' : 'account.created';
      try {
        await effects.insert(accounts, account, change(account, action, by));
      } catch (error) {
        throw error instanceof Taken ? emailTaken() : error;
      }
      return account;
    },

    /**
     * The account of this e-mail and password. Throws Problem: the same for an unknown e-mail, one without a
     * password and a wrong one, after the same work; 429 past the limits; 403 when the account is suspended
     * (only said to who knows the password). `from` is the network address of the person; without it only the
     * e-mail is throttled, for callers that stand for many people and are trusted.
     */
    async checkPassword(attempt: { email: string; password: string; from?: string }): Promise<Account> {
      const account = await counted({ email: attempt.email, from: attempt.from }, () =>
        guessOnce(attempt.email, attempt.password),
      );
      if (account === undefined) throw wrongPassword();
      requireActive(account);
      return account;
    },

    /**
     * Sets a password, the first or another one; sessions of before are dead with it. Tokens are the caller's
     * to end. `account` is the row that its owner was let in with: where another password was set since,
     * nothing is written. Throws Problem.
     */
    async setPassword(account: Account, password: string, actor: Actor): Promise<Account> {
      passwords.requireGood(password, account);
      const bucket = `password-change:${account.id}`;
      const passwordHash = await limiter.counted([[bucket, CHANGE_LIMIT]], () => passwords.hash(password));
      return keepPassword(account, passwordHash, actor);
    },

    /** The same for a password that was checked and hashed already. */
    keepPassword,

    /**
     * From the next request on nothing of this account works. Answers undefined if there is nothing to
     * suspend.
     */
    async suspend(id: string, actor: Actor): Promise<Account | undefined> {
      const account = await accounts.get(id);
      if (account === undefined) return undefined;
      const caused = change(account, 'account.suspended', actor);
      return effects.update(accounts, id, { set: { suspendedAt: clock() } }, ACTIVE_ONLY, caused);
    },

    /** Takes a suspension back; what the account had works again. */
    async restore(id: string, actor: Actor): Promise<Account | undefined> {
      const account = await accounts.get(id);
      if (account === undefined) return undefined;
      const guard = [['suspendedAt', 'present']] as const;
      const caused = change(account, 'account.restored', actor);
      return effects.update(accounts, id, { unset: ['suspendedAt'] }, guard, caused);
    },

    /** Oldest first. */
    list(page: { limit: number; after?: Account }): Promise<Account[]> {
      return accounts.list({ order: { by: 'createdAt' }, ...page });
    },

    /** Whether there is an admin at all, suspended ones included. */
    async anyAdmin(): Promise<boolean> {
      return (await accounts.list({ where: [['admin', '=', true]], limit: 1 })).length > 0;
    },
  };
}

function wrongPassword(): Problem {
  return new Problem({
    status: 400,
    code: 'WRONG_CREDENTIALS',
    message: 'E-mail or password is wrong.',
    hint: 'Check both, or choose a new password. If you signed up another way, sign in that way.',
  });
}

function emailTaken(): Problem {
  return new Problem({
    status: 409,
    code: 'EMAIL_TAKEN',
    message: 'There is an account with this e-mail address already.',
    hint: 'Sign in with it, or use another address.',
    parameter: 'email',
  });
}

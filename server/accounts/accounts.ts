import { type Collection, Taken, type Where } from '../../adapters/port.ts';
import { accountRestored, accountSuspended } from '../../views/mail/access.ts';
import { passwordChanged } from '../../views/mail/password.ts';
import type { SignInRecord } from '../activity/sign-ins.ts';
import type { Effects, EffectsOfChange } from '../effects/effects.ts';
import { type Actor, originOf } from '../ground/actor.ts';
import type { Clock } from '../ground/clock.ts';
import { Problem } from '../ground/errors.ts';
import type { Limit, Limiter } from '../ground/limiter.ts';
import { newId } from '../ground/opaque.ts';
import type { Settings } from '../ground/settings.ts';
import { HOUR_SECONDS } from '../ground/time.ts';
import { ACTIVE_ONLY, type Account, type ActiveAccount, isActive, requireActive } from './account.ts';
import { askerFrom } from './asker-turns.ts';
import { readEmail, requireEmail } from './email.ts';
import { type Attempt, checkPassword } from './password-check.ts';
import type { Passwords } from './passwords.ts';
import { changedMeanwhile } from './unchanged.ts';

/** Each change costs a hash and a mail; nobody needs more. */
const CHANGE_LIMIT: Limit = { limit: 5, windowSeconds: HOUR_SECONDS };

type Parts = {
  accounts: Collection<Account>;
  effects: Effects;
  passwords: Passwords;
  limiter: Limiter;
  signIns: Pick<SignInRecord, 'failed'>;
  clock: Clock;
  settings: Pick<Settings, 'appName' | 'url'>;
};

type NewAccount = {
  id?: string;
  email: string;
  /** As display-name.ts answers it. */
  name?: string | undefined;
  passwordHash?: string | undefined;
  /** What an app that signs its users in by itself knows this one by. */
  externalId?: string | undefined;
  /** The service on whose word the address counts as proved. */
  vouchedBy?: string | undefined;
  admin: boolean;
};

export type Accounts = ReturnType<typeof createAccounts>;

/** Who people are: finds, makes and changes accounts, and checks passwords. */
export function createAccounts(parts: Parts) {
  const { accounts, effects, passwords, limiter, clock } = parts;

  return {
    get: (id: string): Promise<Account | undefined> => accounts.get(id),

    /** Undefined also for one that is suspended. */
    async getActive(id: string): Promise<ActiveAccount | undefined> {
      const account = await accounts.get(id);
      return isActive(account) ? account : undefined;
    },

    /** Finds by any spelling of the address; undefined also for what is no address. */
    async findByEmail(email: string): Promise<Account | undefined> {
      const key = readEmail(email)?.key;
      return key === undefined ? undefined : accounts.find('emailKey', key);
    },

    /**
     * Makes an account for an address that was proved. `id` is given where something refers to it already. An
     * actor of kind `account` without an id is the new account itself. Throws Problem 409 when there is one.
     */
    async create(wanted: NewAccount, actor: Actor): Promise<Account> {
      const { address: email, key: emailKey } = requireEmail(wanted.email);
      const { id = newId('acc_'), name, passwordHash, externalId, vouchedBy, admin } = wanted;
      const createdAt = clock();
      const named = { name, passwordHash, externalId, vouchedBy };
      const account: Account = { id, email, emailKey, ...named, admin, createdAt };
      const action = admin ? 'account.created_as_admin' : 'account.created';
      try {
        await effects.insert(accounts, account, auditOf(account, action, actor));
      } catch (error) {
        if (!(error instanceof Taken)) throw error;
        throw error.field === 'externalId' ? externalIdTaken() : emailTaken();
      }
      return account;
    },

    /** The account of this e-mail and password; password-check.ts says what it throws. */
    checkPassword: (attempt: Attempt): Promise<Account> => checkPassword(parts, attempt),

    /**
     * Sets a password, the first or another one; sessions of before are dead with it. Tokens are the caller's
     * to end. `account` is the row that its owner was let in with: where another password was set since,
     * nothing is written. Throws Problem.
     */
    async setPassword(account: Account, password: string, actor: Actor): Promise<Account> {
      passwords.requireGood(password, account);
      const bucket = `password-change:${account.id}`;
      const asker = askerFrom(actor.from, account.emailKey);
      const passwordHash = await limiter.run([[bucket, CHANGE_LIMIT]], () => passwords.hash(password, asker));
      return setPasswordHash(parts, account, { passwordHash }, actor);
    },

    /**
     * The same for a password that was checked and hashed already. `revokeAll` notes in the same write that what acts
     * for the account has to be ended.
     */
    setPasswordHash: (account: Account, wanted: { passwordHash: string; revokeAll: boolean }, actor: Actor) =>
      setPasswordHash(parts, account, wanted, actor),

    /** Changes what the person is called; undefined takes the name away. Throws Problem 409 for one who is out. */
    setName: (account: Account, name: string | undefined, actor: Actor) =>
      setName(parts, account, name, actor),

    /** Makes an account an admin; undefined where it is one, or is suspended. The way back is in access/admins.ts. */
    promote: (account: Account, actor: Actor): Promise<Account | undefined> =>
      effects.update(
        accounts,
        account.id,
        { set: { admin: true } },
        [['admin', '=', false], ...ACTIVE_ONLY],
        auditOf(account, 'account.promoted', actor),
      ),

    /** From the next request on nothing of this account works; undefined if there is nothing to suspend. */
    suspend: (id: string, actor: Actor) => setSuspendedAt(parts, id, clock(), actor),

    /** Takes a suspension back; what the account had works again. */
    restore: (id: string, actor: Actor) => setSuspendedAt(parts, id, undefined, actor),

    /** Whether there is an admin at all, suspended ones included. */
    async anyAdmin(): Promise<boolean> {
      return (await accounts.list({ where: [['admin', '=', true]], limit: 1 })).length > 0;
    },
  };
}

async function setPasswordHash(
  { accounts, effects, clock, settings }: Parts,
  account: Account,
  { passwordHash, revokeAll = false }: { passwordHash: string; revokeAll?: boolean },
  actor: Actor,
): Promise<Account> {
  const mail = passwordChanged(settings, { changedAt: clock(), from: originOf(actor) });
  const changed = await effects.update(
    accounts,
    account.id,
    { set: { passwordHash, ...(revokeAll ? { revokeAllAt: clock() } : {}) }, add: { securityVersion: 1 } },
    unchangedSince(account),
    { ...auditOf(account, 'account.password_changed', actor), mail: [{ to: account.email, ...mail }] },
  );
  if (changed !== undefined) return changed;
  const now = await accounts.get(account.id);
  if (now !== undefined) requireActive(now);
  throw changedMeanwhile();
}

async function setName(
  { accounts, effects, clock }: Parts,
  account: Account,
  name: string | undefined,
  actor: Actor,
): Promise<Account> {
  if (name === account.name) return account;
  const change = { set: { name, updatedAt: clock() } };
  const caused = { ...auditOf(account, 'account.name_changed', actor), repeatable: true };
  const changed = await effects.update(accounts, account.id, change, ACTIVE_ONLY, caused);
  if (changed === undefined) throw changedMeanwhile();
  return changed;
}

/** The guard of a write that must find the account as it was read. */
function unchangedSince({ passwordHash, securityVersion }: Account): Where<Account> {
  return [
    ...ACTIVE_ONLY,
    passwordHash === undefined ? ['passwordHash', 'absent'] : ['passwordHash', '=', passwordHash],
    securityVersion === undefined ? ['securityVersion', 'absent'] : ['securityVersion', '=', securityVersion],
  ];
}

/** Undefined restores. Answers undefined where there is no such account, or it stands so already. */
async function setSuspendedAt(
  { accounts, effects, clock, settings }: Parts,
  id: string,
  suspendedAt: number | undefined,
  actor: Actor,
): Promise<Account | undefined> {
  const account = await accounts.get(id);
  if (account === undefined) return undefined;
  if (account.removalAt !== undefined) throw beingDeleted(account);
  const isRestored = suspendedAt === undefined;
  const written = (isRestored ? accountRestored : accountSuspended)(settings, {
    at: clock(),
    from: originOf(actor),
  });
  // Who is out cannot read the reason of an admin in their activity.
  const mail = actor.reason === undefined ? [] : [{ to: account.email, ...written }];
  const audit = auditOf(account, isRestored ? 'account.restored' : 'account.suspended', actor);
  const guard = [['suspendedAt', isRestored ? 'present' : 'absent'], NOT_BEING_DELETED] as const;
  return effects.update(accounts, id, { set: { suspendedAt } }, guard, { ...audit, mail });
}

const NOT_BEING_DELETED = ['removalAt', 'absent'] as const;

/** What is recorded of a change of this account; somebody who signs up acts as whom they become. */
export function auditOf({ id, email }: Account, action: string, actor: Actor): EffectsOfChange {
  const by = actor.kind === 'account' ? { ...actor, id: actor.id ?? id } : actor;
  return { audit: [{ accountId: id, actor: by, action, targetId: id, targetName: email }] };
}

function beingDeleted({ email }: Account): Problem {
  return new Problem({
    status: 409,
    code: 'CHANGED_MEANWHILE',
    message: `${email} is being deleted.`,
    hint: 'Make a new account for the address as soon as this one is gone.',
  });
}

function externalIdTaken(): Problem {
  return new Problem({
    status: 409,
    code: 'OTHER_EXTERNAL_ID',
    message: 'There is an account with this external_id already.',
    hint: 'Look it up by its external_id, or send another one.',
    parameter: 'external_id',
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

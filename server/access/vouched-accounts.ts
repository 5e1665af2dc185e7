import { type Collection, Taken } from '../../adapters/port.ts';
import { type Account, requireActive } from '../accounts/account.ts';
import { type Accounts, auditOf } from '../accounts/accounts.ts';
import { displayNameFrom } from '../accounts/display-name.ts';
import { type Email, isNormalised, requireEmail } from '../accounts/email.ts';
import type { Identities } from '../accounts/identities.ts';
import { type Client, isLiveClient } from '../credentials/client.ts';
import { coversAsAdmin, PORTAL_LINKS } from '../credentials/scopes.ts';
import type { Effects } from '../effects/effects.ts';
import type { Actor } from '../ground/actor.ts';
import { Problem } from '../ground/errors.ts';
import { EXTERNAL_ID_LENGTH_MAX } from '../ground/limits.ts';
import type { Settings } from '../ground/settings.ts';
import { isUnfit, VISIBLE } from '../ground/visible-text.ts';
import type { Grants } from './grants.ts';

/** A person as an app names them whose users sign in elsewhere. */
export type WantedPerson = {
  email?: string | undefined;
  /** What the app itself knows the person by. */
  externalId?: string | undefined;
  /** What a new account is called. */
  name?: string | undefined;
};

type Parts = {
  accountRows: Collection<Account>;
  accounts: Pick<Accounts, 'get' | 'findByEmail' | 'create'>;
  identities: Pick<Identities, 'list'>;
  grants: Pick<Grants, 'list'>;
  clients: Pick<Collection<Client>, 'get'>;
  effects: Effects;
  settings: Pick<Settings, 'url'>;
};

export type VouchedAccounts = ReturnType<typeof createVouchedAccounts>;

/** Accounts on the word of an app, or of whoever runs this server: found, made without a password, named by an id of theirs. */
export function createVouchedAccounts(parts: Parts) {
  return {
    /**
     * The account of a person; undefined where there is none. `ownerId`: the account of the app that vouches for them,
     * which is held to accounts that it may vouch for; the operator is not. Throws Problem.
     */
    find: (wanted: WantedPerson, actor: Actor, ownerId: string | undefined) =>
      find(parts, wanted, actor, ownerId),

    /** The same, and made where there is none; it bears the external id from then on. Throws Problem. */
    findOrMake: (wanted: WantedPerson, actor: Actor, ownerId: string | undefined) =>
      findOrMake(parts, wanted, actor, ownerId),

    /** Throws Problem where no account can be made for this person. */
    check({ email }: WantedPerson): void {
      if (email === undefined) throw emailMissing();
    },

    /** Whether the word of an app of this owner is enough to act for an account. */
    mayVouch: (account: Account, ownerId: string): Promise<boolean> => mayVouch(parts, account, ownerId),

    /**
     * Makes an account without a password, or with one of whoever runs this server, whose word is then proof of the e-mail
     * address too. Throws Problem 409 where there is one.
     */
    async make(wanted: WantedPerson & { passwordHash?: string | undefined }, actor: Actor): Promise<Account> {
      const externalId = externalIdIn(wanted);
      const taken = externalId === undefined ? undefined : await byExternalId(parts, externalId);
      if (taken !== undefined) throw otherAccount();
      return make(parts, { ...wanted, externalId }, actor);
    },

    /** Names an account for good; nothing where it is called so already. Throws Problem 409. */
    nameExternally: (account: Account, externalId: string, actor: Actor) =>
      nameExternally(parts, account, externalIdFrom(externalId), actor),
  };
}

function externalIdIn({ externalId }: WantedPerson): string | undefined {
  return externalId === undefined ? undefined : externalIdFrom(externalId);
}

function byExternalId({ accountRows }: Parts, externalId: string): Promise<Account | undefined> {
  return accountRows.find('externalId', externalId);
}

async function find(
  parts: Parts,
  wanted: WantedPerson,
  actor: Actor,
  ownerId: string | undefined,
): Promise<Account | undefined> {
  const serviceId = ownerId === undefined ? undefined : actor.id;
  const externalId = externalIdIn(wanted);
  const known = externalId === undefined ? undefined : await byExternalId(parts, externalId);
  const email = wanted.email === undefined ? undefined : emailFrom(wanted.email);
  const found = email === undefined ? undefined : await parts.accounts.findByEmail(email.address);
  if (known !== undefined) {
    // Addresses change: who it is says the external id, and the address may not belong to another account.
    if (found !== undefined && found.id !== known.id) throw otherAccount();
    // Another app may have a user 17 too. With another address beside it that is likelier than a change of the address.
    const isOther = email !== undefined && found === undefined;
    if (isOther && (await isOfAnotherApp(parts, known, serviceId))) throw otherApps();
    return vouchedFor(parts, known, ownerId);
  }
  if (email === undefined && externalId === undefined) throw nobodyNamed();
  if (found === undefined) return undefined;
  // With the same one another request was quicker than we were.
  const isNamed = externalId !== undefined && found.externalId !== undefined;
  if (isNamed && found.externalId !== externalId) throw otherAccount();
  return vouchedFor(parts, found, ownerId);
}

async function findOrMake(
  parts: Parts,
  wanted: WantedPerson,
  actor: Actor,
  ownerId: string | undefined,
  isAgain = false,
): Promise<Account> {
  const { externalId } = wanted;
  const found = await find(parts, wanted, actor, ownerId);
  if (found !== undefined)
    return externalId === undefined ? found : nameExternally(parts, found, externalId, actor);
  try {
    return await make(parts, wanted, actor);
  } catch (error) {
    // Another request for the same person was quicker.
    const isThere =
      error instanceof Problem && (error.code === 'EMAIL_TAKEN' || error.code === 'OTHER_EXTERNAL_ID');
    if (!isThere || isAgain) throw error;
    return findOrMake(parts, wanted, actor, ownerId, true);
  }
}

async function make(
  { accounts }: Parts,
  { email, name, externalId, passwordHash }: WantedPerson & { passwordHash?: string | undefined },
  actor: Actor,
): Promise<Account> {
  if (email === undefined) throw emailMissing();
  const called = name === undefined ? undefined : displayNameFrom(name);
  const { address } = emailFrom(email);
  const vouchedBy = passwordHash === undefined ? actor.id : undefined;
  return accounts.create(
    { email: address, name: called, externalId, passwordHash, vouchedBy, admin: false },
    actor,
  );
}

/** Throws Problem for an account that has a sign-in of its own, unless it let an app of the same owner in. */
async function vouchedFor(parts: Parts, account: Account, ownerId: string | undefined): Promise<Account> {
  requireActive(account);
  if (ownerId === undefined || (await mayVouch(parts, account, ownerId))) return account;
  throw new Problem({
    status: 409,
    code: 'HAS_OWN_SIGN_IN',
    message: 'This account has a sign-in of its own here, so your word is not enough to act for it.',
    hint: `Send its owner to ${parts.settings.url}/sign-in instead. Once they let an app of yours in, it works for them.`,
  });
}

/** Whether another service than this one brought it, which sends people here too. */
async function isOfAnotherApp(
  { clients }: Parts,
  { vouchedBy }: Account,
  serviceId: string | undefined,
): Promise<boolean> {
  if (serviceId === undefined || vouchedBy === undefined || vouchedBy === serviceId) return false;
  const other = await clients.get(vouchedBy);
  return isLiveClient(other) && coversAsAdmin(other.scopes, PORTAL_LINKS);
}

async function mayVouch({ identities, grants }: Parts, account: Account, ownerId: string): Promise<boolean> {
  if (account.admin) return false;
  const hasOwn = account.passwordHash !== undefined || (await identities.list(account.id)).length > 0;
  if (!hasOwn) return true;
  return (await grants.list(account.id)).some(({ client }) => client.accountId === ownerId);
}

async function nameExternally(
  { accountRows, effects }: Parts,
  account: Account,
  externalId: string,
  actor: Actor,
): Promise<Account> {
  if (account.externalId === externalId) return account;
  try {
    const guard = [['externalId', 'absent']] as const;
    const caused = auditOf(account, 'account.external_id_set', actor);
    const changed = await effects.update(accountRows, account.id, { set: { externalId } }, guard, caused);
    if (changed !== undefined) return changed;
  } catch (error) {
    if (!(error instanceof Taken)) throw error;
  }
  const now = await accountRows.get(account.id);
  if (now?.externalId === externalId) return now;
  throw otherAccount();
}

function externalIdFrom(written: string): string {
  const isFit =
    written.length <= EXTERNAL_ID_LENGTH_MAX &&
    VISIBLE.test(written) &&
    !isUnfit(written) &&
    written === written.trim();
  if (isFit) return written;
  throw new Problem({
    status: 400,
    code: 'INVALID_DATA',
    message: 'This external_id cannot be used.',
    hint: `Send the id that your app knows the person by, 1 to ${EXTERNAL_ID_LENGTH_MAX} characters on one line.`,
    parameter: 'external_id',
  });
}

/** A look-alike was verified by the app as another mailbox than the one that it is read as. */
function emailFrom(written: string): Email {
  const email = requireEmail(written);
  if (isNormalised(written.trim())) return email;
  throw new Problem({
    status: 400,
    code: 'INVALID_EMAIL',
    message: `This e-mail address would be read as ${email.address}, which may be somebody else’s.`,
    hint: 'Normalise addresses (NFKC) before your app verifies them, and send what it verified.',
    parameter: 'email',
  });
}

function nobodyNamed(): Problem {
  return new Problem({
    status: 400,
    code: 'MISSING_DATA',
    message: 'Whom is it for?',
    hint: 'Send email, or external_id, or both.',
    parameter: 'email',
  });
}

function emailMissing(): Problem {
  return new Problem({
    status: 400,
    code: 'MISSING_DATA',
    message: 'No account has this external_id yet.',
    hint: 'Send email beside it the first time, so that an account can be made.',
    parameter: 'email',
  });
}

function otherAccount(): Problem {
  return new Problem({
    status: 409,
    code: 'OTHER_EXTERNAL_ID',
    message:
      'The external_id and the email belong to two accounts, and an external_id stays with its account for ever.',
    hint: 'Send the external_id alone, or look at both accounts in the console.',
    parameter: 'external_id',
  });
}

function otherApps(): Problem {
  return new Problem({
    status: 409,
    code: 'OTHER_EXTERNAL_ID',
    message: 'Another service brought the account with this external_id, under another e-mail address.',
    hint: 'If it is the same person, send the external_id alone. Where apps share this server, each puts its name before its ids: shop:17.',
    parameter: 'external_id',
  });
}

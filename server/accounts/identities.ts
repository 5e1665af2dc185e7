import { type Collection, Taken, Unavailable, type Where } from '../../adapters/port.ts';
import { identityLinked, identityUnlinked } from '../../views/mail/identities.ts';
import type { Effects } from '../effects/effects.ts';
import { type Actor, originOf } from '../ground/actor.ts';
import type { Clock } from '../ground/clock.ts';
import { noSuch, Problem } from '../ground/errors.ts';
import { hashOf } from '../ground/opaque.ts';
import type { Settings } from '../ground/settings.ts';
import { untilNone } from '../ground/until-none.ts';
import type { Account, Identity } from './account.ts';
import type { Accounts } from './accounts.ts';
import { requireUnchanged } from './unchanged.ts';

/** Who somebody is at another provider (OpenID Connect Core section 2: `iss` and `sub`, never the e-mail). */
export type Subject = { issuer: string; subject: string };

/** More than there are providers to link; bounds the reading, since nothing is read without a bound. */
const IDENTITIES_MAX = 20;

export type Identities = ReturnType<typeof createIdentities>;

type Parts = {
  identities: Collection<Identity>;
  accounts: Pick<Accounts, 'get'>;
  effects: Effects;
  clock: Clock;
  settings: Pick<Settings, 'appName' | 'url' | 'google'>;
};

type Link = Subject & {
  account: Pick<Account, 'id' | 'email' | 'securityVersion'>;
  email: string;
  /** For the one that a new account is made with: there is nobody to warn, and no account to look at yet. */
  quiet?: boolean;
};

/** Which accounts elsewhere may sign in to which account here. */
export function createIdentities(parts: Parts) {
  const { identities, accounts, clock } = parts;

  function list(accountId: string): Promise<Identity[]> {
    return identities.list({ where: ownedBy(accountId), limit: IDENTITIES_MAX });
  }

  async function removeAll(account: Account, actor: Actor): Promise<void> {
    for await (const linked of untilNone(() => list(account.id))) {
      for (const identity of linked) await remove(parts, account, identity, actor);
    }
  }

  return {
    find: (subject: Subject): Promise<Identity | undefined> => find(parts, subject),

    list,

    /** One of this account's. Throws Problem 404. */
    async get(which: { accountId: string; id: string }): Promise<Identity> {
      return oneOf(await list(which.accountId), which.id);
    },

    /** Links an account elsewhere. Throws Problem 409 when it is linked already, to this account or another. */
    link: (wanted: Link, actor: Actor): Promise<void> => link(parts, wanted, actor),

    /**
     * Takes one way to sign in away. Throws Problem 404 when this account has no such identity, and 409 for the
     * last one of an account without a password.
     */
    async unlink(which: { accountId: string; id: string }, actor: Actor): Promise<boolean> {
      const [account, linked] = await Promise.all([accounts.get(which.accountId), list(which.accountId)]);
      const identity = oneOf(linked, which.id);
      if (account === undefined) throw noSuch('account');
      if (account.passwordHash === undefined && linked.length === 1) throw lastWay();
      return remove(parts, account, identity, actor);
    },

    /** Takes all of them away, from an account that has a password by now. */
    async unlinkAll(accountId: string, actor: Actor): Promise<void> {
      const account = await accounts.get(accountId);
      if (account?.passwordHash !== undefined) await removeAll(account, actor);
    },

    /** Takes all of them away, the last way to sign in too, from an account that is about to go. */
    async removeAll(accountId: string, actor: Actor): Promise<void> {
      const account = await accounts.get(accountId);
      if (account !== undefined) await removeAll(account, actor);
    },

    /** Takes back a link that was made a moment ago for an account that could then not be made. */
    undo: (subject: Subject, accountId: string): Promise<boolean> =>
      identities.remove(idOf(subject), ownedBy(accountId)),

    /** Notes a sign-in with it. */
    async used(subject: Subject): Promise<void> {
      const identity = await find(parts, subject);
      if (identity) await identities.update(identity.id, { set: { lastUsedAt: clock() } });
    },
  };
}

async function find({ identities }: Parts, subject: Subject): Promise<Identity | undefined> {
  for (const spelling of spellingsOf(subject.issuer)) {
    const identity = await identities.get(idUnder(spelling, subject.subject));
    if (identity !== undefined) return identity;
  }
  return undefined;
}

async function link(parts: Parts, wanted: Link, actor: Actor): Promise<void> {
  const { identities, accounts, effects, clock, settings } = parts;
  const { account, issuer, subject, email, quiet = false } = wanted;
  const provider = providerNameOf(issuer, settings.google);
  const row = { id: idOf(wanted), accountId: account.id, issuer, subject, email, createdAt: clock() };
  const mail = identityLinked(settings, { provider, email, linkedAt: row.createdAt, from: originOf(actor) });
  const caused = {
    audit: [auditOf('identity.linked', row, { ...actor, id: account.id })],
    mail: quiet ? [] : [{ to: account.email, ...mail }],
  };
  if ((await find(parts, wanted)) !== undefined) throw linkedAlready(provider);
  try {
    await effects.insert(identities, row, caused);
  } catch (error) {
    throw error instanceof Taken ? linkedAlready(provider) : error;
  }
  if (quiet) return;
  try {
    requireUnchanged(account, await accounts.get(account.id));
  } catch (error) {
    await identities.remove(row.id, ownedBy(account.id));
    throw error;
  }
}

async function remove(parts: Parts, account: Account, identity: Identity, actor: Actor): Promise<boolean> {
  const { identities, effects, clock, settings } = parts;
  const provider = providerNameOf(identity.issuer, settings.google);
  const about = { provider, email: identity.email, unlinkedAt: clock(), from: originOf(actor) };
  // First what will be told of it, then the removal: a row that is gone can carry no effects.
  await effects.update(identities, identity.id, {}, ownedBy(account.id), {
    audit: [auditOf('identity.unlinked', identity, actor)],
    mail: [{ to: account.email, ...identityUnlinked(settings, about) }],
  });
  if (await identities.remove(identity.id, [...ownedBy(account.id), ['pendingId', 'absent']])) return true;
  // What could not be delivered just now would go with the row: it stays, and a sweep delivers.
  if ((await identities.get(identity.id)) === undefined) return false;
  throw new Unavailable('an identity that was to be removed still carries its effects');
}

function ownedBy(accountId: string): Where<Identity> {
  return [['accountId', '=', accountId]];
}

function auditOf(action: string, { id, accountId, issuer, email }: Identity, actor: Actor) {
  return { accountId, actor, action, targetId: id, targetName: `${providerNameOf(issuer)}: ${email}` };
}

/** What people call a provider: as the operator says of the one that is set, else the host of its issuer, or Google. */
export function providerNameOf(issuer: string, set?: Settings['google']): string {
  if (set?.name !== undefined && isSameIssuer(set.issuer, issuer)) return set.name;
  const host = URL.parse(issuer)?.hostname ?? issuer;
  return host === 'accounts.google.com' ? 'Google' : host;
}

function oneOf(linked: readonly Identity[], id: string): Identity {
  const identity = linked.find((row) => row.id === id);
  if (identity === undefined) throw noSuch('way to sign in');
  return identity;
}

/** Whether both are spellings of one issuer. */
export function isSameIssuer(one: string, other: string): boolean {
  return spellingsOf(one)[0] === spellingsOf(other)[0];
}

/**
 * As rows are named, and then as one of an earlier day may be. Discovery takes each spelling of a URL for the other, so
 * an operator may write one today and another tomorrow: nobody may lose their account by that.
 */
function spellingsOf(issuer: string): string[] {
  const url = URL.parse(issuer);
  if (url === null) return [issuer];
  return [...new Set([url.pathname === '/' ? url.origin : url.href, url.href, issuer])];
}

function idOf({ issuer, subject }: Subject): string {
  return idUnder(spellingsOf(issuer)[0] ?? issuer, subject);
}

function idUnder(spelling: string, subject: string): string {
  return hashOf(`${spelling}\n${subject}`);
}

function linkedAlready(provider: string): Problem {
  return new Problem({
    status: 409,
    code: 'IDENTITY_TAKEN',
    message: `This account at ${provider} is linked already.`,
    hint: `Sign in with ${provider} to see to which account here, or use another one.`,
  });
}

function lastWay(): Problem {
  return new Problem({
    status: 409,
    code: 'LAST_WAY_TO_SIGN_IN',
    message: 'This is the only way to sign in to this account.',
    hint: 'Set a password first (Forgot password? on the sign-in page), then remove it.',
  });
}

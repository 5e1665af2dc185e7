import { Unavailable, type Where } from '../../adapters/port.ts';
import { tokenCreated, tokensRevoked } from '../../views/mail/tokens.ts';
import type { Account } from '../accounts/account.ts';
import type { EffectsOfChange } from '../effects/effects.ts';
import { type Actor, originOf } from '../ground/actor.ts';
import { checkAll, noSuch, Problem } from '../ground/errors.ts';
import { inTurn } from '../ground/in-turn.ts';
import { ISSUED_NAMES_MAX, LIVE_TOKENS_MAX } from '../ground/limits.ts';
import { hashOf, newId } from '../ground/opaque.ts';
import type { Settings } from '../ground/settings.ts';
import { untilNone } from '../ground/until-none.ts';
import { type Credential, checkOverlap, hasEnded, isExpiryFit } from './credential.ts';
import {
  type CredentialLimit,
  endBy,
  listStanding,
  listStandingFirst,
  type Minted,
  mintCredential,
  nameTaken,
  placeCredential,
  revokeCredential,
  type WantedCredential,
} from './credential-rows.ts';
import type { CredentialDependencies } from './dependencies.ts';
import type { ImportedKeys } from './imported-keys.ts';
import { narrowingInWords, type WantedNarrowing } from './narrowing.ts';
import { auditEntry, mailToOwner, type Owned, tooMany, undoIfChanged } from './owner.ts';
import { checkFormat } from './secret-format.ts';
import {
  editToken,
  pauseToken,
  resumeToken,
  rotateToken,
  type TokenEdit,
  type WantedRotation,
  wishesFrom,
} from './token-changes.ts';
import { narrowToken } from './token-narrowing.ts';

/** Other processes may issue a token under the same name at the same moment; nobody comes near so many. */
const ISSUE_TURNS_MAX = 100;
/** So many of one name may live on for their overlap: who signs in again and again piles up no more. */
const OVERLAPPING_MAX = 10;

const NEWEST_FIRST = { by: 'createdAt', descending: true } as const;

/** What somebody wants of a new token. */
export type WantedToken = {
  account: Account;
  name: string;
  scopes: readonly string[];
  /** Epoch seconds; undefined asks for one that never expires, where the settings allow it. */
  expiresAt: number | undefined;
  note?: string | undefined;
  /** One that opens nothing, and tells when it is used. */
  honey?: boolean | undefined;
  /** What narrows it beyond its scopes. */
  narrowing?: WantedNarrowing | undefined;
};

/** What a service wants of a token that it issues for somebody who gave it their password. */
export type WantedIssue = WantedToken & {
  service: { id: string; name: string };
  /** Whether what it issued before, for this account and under this name, ends now or after the overlap. */
  replace: boolean;
  overlapSeconds: number;
};

/** What becomes of a key that exists already; without an account it is checked only. */
export type WantedTakeOver = Omit<WantedToken, 'account' | 'honey'> & { account: Account | undefined };

type TokenDependencies = CredentialDependencies & { importedKeys: Pick<ImportedKeys, 'find' | 'noteOne'> };

export type Tokens = ReturnType<typeof createTokens>;

/** Personal access tokens: what an account makes for its own use. */
export function createTokens(parts: TokenDependencies) {
  const { credentials } = parts;

  async function get(which: Owned): Promise<Credential> {
    const row = await credentials.get(which.id);
    if (row?.accountId !== which.accountId || row.kind !== 'personal_access_token') throw noSuch('token');
    return row;
  }

  return {
    /** Makes a token; `value` is given out here and never again. Throws Problem when a wish cannot be granted. */
    mint: (wanted: WantedToken, actor: Actor) => mint(parts, wanted, actor),

    /**
     * Makes a token in the name of a service: listed as issued by it, and beside the account's own in number. Of
     * calls at the same moment under one name the token of one is live in the end. The owner is mailed about the
     * first of a name. Throws Problem like `mint`.
     */
    issue: (wanted: WantedIssue, actor: Actor) => issue(parts, wanted, actor),

    /** Makes a token of a key that exists already, by the SHA-256 of its value. Throws Problem like `mint`. */
    takeOver: (wanted: WantedTakeOver & { account: Account; hash: string }, actor: Actor) =>
      takeOver(parts, wanted, actor),

    /** Throws what is wrong with that, as far as it can be told before. */
    checkTakeOver: async (wanted: WantedTakeOver): Promise<void> => void (await takenOver(parts, wanted)),

    /** Throws Problem where a wish but the expiry cannot be granted, all of them at once. */
    check: (wanted: Omit<WantedToken, 'expiresAt'>): void => void wishesFrom(parts, wanted),

    /** The live ones, newest first, and behind them the latest dead ones. */
    list: (accountId: string): Promise<Credential[]> => listStandingFirst(parts, ownedBy(accountId)),

    /** One token of this account, whatever its state. Throws Problem 404. */
    get,

    /** Changes name, note and scopes, from the next call on. Throws Problem. */
    edit: async (which: Owned, wanted: TokenEdit, actor: Actor): Promise<Credential> =>
      editToken(parts, await get(which), wanted, actor),

    /** Narrows a token further, or less, from the next call on. Throws Problem. */
    narrow: async (which: Owned, wanted: WantedNarrowing, actor: Actor): Promise<Credential> =>
      narrowToken(parts, await get(which), wanted, actor),

    /** Has a token open nothing until it is resumed; false when it was paused already. Throws Problem. */
    pause: async (which: Owned, actor: Actor): Promise<boolean> => pauseToken(parts, await get(which), actor),

    /** Has a paused token work again; false when it was not paused. Throws Problem. */
    resume: async (which: Owned, actor: Actor): Promise<boolean> =>
      resumeToken(parts, await get(which), actor),

    /**
     * Gives a token a new value; the old one ends after the overlap. Throws Problem unless it is live, and where
     * somebody else was quicker.
     */
    rotate: async (which: Owned, wanted: WantedRotation, actor: Actor): Promise<Minted> =>
      rotateToken(parts, await get(which), wanted, actor),

    /** Revokes a token for good; false when it was revoked already. Throws Problem 404. */
    async revoke(which: Owned, actor: Actor): Promise<boolean> {
      const token = await get(which);
      return revokeToken(parts, token, actor, await revokedMail(parts, token.accountId, [token.name], actor));
    },

    /** Revokes some tokens of one account, with one mail; answers how many. Throws Problem 404, and then revokes none. */
    async revokeEach(accountId: string, ids: readonly string[], actor: Actor): Promise<number> {
      const rows = await Promise.all([...new Set(ids)].map((id) => get({ accountId, id })));
      return revokeEach(parts, rows, actor);
    },

    /**
     * Revokes all live tokens of an account, also those that are made meanwhile; one mail for each look that
     * finds some. Answers how many.
     */
    async revokeAll(accountId: string, actor: Actor): Promise<number> {
      const find = () => listStanding(parts, ownedBy(accountId));
      let count = 0;
      for await (const rows of untilNone(find)) count += await revokeEach(parts, rows, actor);
      return count;
    },

    /**
     * The token with this value, whatever its state; undefined for anything else. A damaged value costs no
     * read. It is looked up by its SHA-256: nothing secret is compared character by character.
     */
    findByValue: (value: string) => findByValue(parts, value),
  };
}

async function findByValue(
  { credentials, importedKeys }: TokenDependencies,
  value: string,
): Promise<Credential | undefined> {
  const format = checkFormat(value);
  if (format === 'damaged') return undefined;
  if (format === 'foreign') return importedKeys.find(value);
  const row = await credentials.find('hash', hashOf(value));
  return row?.kind === 'personal_access_token' ? row : undefined;
}

async function mint(parts: CredentialDependencies, wanted: WantedToken, actor: Actor): Promise<Minted> {
  const { id } = wanted.account;
  if (wanted.honey === true) requireMayLayBait(wanted.account, actor);
  const row = { ...rowFrom(parts, wanted), accountId: id };
  return mintRow(
    parts,
    { ...row, liveName: `${id}\n${row.name}` },
    { account: wanted.account, limit: ownLimit(id) },
    actor,
  );
}

/** How many an account may have of its own. */
function ownLimit(accountId: string): CredentialLimit {
  return {
    owner: `tokens ${accountId}`,
    max: LIVE_TOKENS_MAX,
    // One that was replaced has given up its place, though it may live on for its overlap.
    among: [...ownedBy(accountId), ['issuedBy', 'absent'], ['replacedBy', 'absent']],
    full: () => tooMany('TOO_MANY_TOKENS', `${LIVE_TOKENS_MAX} live tokens`, 'Revoke'),
  };
}

/** What an imported key becomes, checked as far as that goes without a write. Throws Problem. */
async function takenOver(
  parts: TokenDependencies,
  wanted: WantedTakeOver,
): Promise<Omit<WantedCredential, 'accountId'>> {
  const { account, ...wishes } = wanted;
  const row = rowFrom(parts, wishes);
  if (account === undefined) return row;
  const liveName = `${account.id}\n${row.name}`;
  const holder = await parts.credentials.find('liveName', liveName);
  if (holder !== undefined && !hasEnded(holder, parts.clock())) throw nameTaken(row);
  return { ...row, liveName };
}

async function takeOver(
  parts: TokenDependencies,
  { hash, ...wanted }: WantedTakeOver & { account: Account; hash: string },
  actor: Actor,
): Promise<Credential> {
  const { account } = wanted;
  const row = { ...(await takenOver(parts, wanted)), accountId: account.id };
  const key = { ...row, hash, firstFour: '', lastFour: '', imported: true as const };
  // Its owner has it already, and of a list of thousands nobody wants a mail each.
  const token = await placeCredential(parts, key, ownLimit(account.id), (placed) => ({
    audit: [auditEntry('token.imported', placed, actor)],
  }));
  parts.importedKeys.noteOne();
  await undoIfChanged(parts.accounts, account, () => revokeToken(parts, token, { kind: 'system' }));
  return token;
}

async function issue(parts: CredentialDependencies, wanted: WantedIssue, actor: Actor): Promise<Minted> {
  const { account, service, replace, overlapSeconds } = wanted;
  checkOverlap(overlapSeconds);
  const { name, ...checked } = rowFrom(parts, wanted);
  // Only what replaces holds the name: others stand beside it.
  const liveName = replace ? `${service.id}\n${account.id}\n${name}` : undefined;
  const row = { ...checked, accountId: account.id, id: newId('tok_'), name, issuedBy: service.id, liveName };
  return inTurn(parts.credentials, `issue ${service.id} ${account.id} ${name}`, async () => {
    for (let turn = 0; turn < ISSUE_TURNS_MAX; turn += 1) {
      try {
        return await replaceAndMint(parts, wanted, row, actor);
      } catch (error) {
        // Another process came first: its token is the next to be replaced.
        if (!(error instanceof Problem) || error.code !== 'NAME_TAKEN') throw error;
      }
    }
    throw new Unavailable(`${ISSUE_TURNS_MAX} other calls issued a token under this name first`);
  });
}

async function replaceAndMint(
  parts: CredentialDependencies,
  { account, service, replace, overlapSeconds }: WantedIssue,
  row: WantedCredential & { id: string },
  actor: Actor,
): Promise<Minted> {
  const ofService: Where<Credential> = [...ownedBy(account.id), ['issuedBy', '=', service.id]];
  const ofName: Where<Credential> = [...ofService, ['name', '=', row.name]];
  const limit: CredentialLimit = {
    owner: `issued ${service.id} ${account.id}`,
    max: ISSUED_NAMES_MAX,
    // One that was replaced has given up its place, though it may live on for its overlap.
    among: [...ofService, ['place', 'present']],
    full: () => tooManyIssued(service.name),
  };
  const [earlier] = await parts.credentials.list({ where: ofName, order: NEWEST_FIRST, limit: 1 });
  if (replace) await replaceAll(parts, ofName, { overlapSeconds, replacedBy: row.id }, actor);
  return mintRow(parts, row, { account, limit, isMailed: earlier === undefined }, actor);
}

/** Ends all of one name that were issued before: at once, or the newest of them after the overlap. */
async function replaceAll(
  parts: CredentialDependencies,
  ofName: Where<Credential>,
  { overlapSeconds, replacedBy }: { overlapSeconds: number; replacedBy: string },
  actor: Actor,
): Promise<void> {
  const endAt = parts.clock() + overlapSeconds;
  for (const [index, token] of (await listStanding(parts, ofName)).entries()) {
    const caused = { audit: [auditEntry('token.replaced', token, actor)] };
    await (overlapSeconds > 0 && index < OVERLAPPING_MAX
      ? endBy(parts, token.id, endAt, { caused, replacedBy })
      : revokeCredential(parts, token.id, caused));
  }
}

/** What was asked for, checked. Throws Problem. */
function rowFrom(parts: CredentialDependencies, wanted: Omit<WantedToken, 'account'>) {
  const { expiresAt } = wanted;
  const { wishes } = checkAll({
    wishes: () => wishesFrom(parts, wanted),
    expiry: () => checkExpiry(expiresAt, parts.clock(), parts.settings.tokens),
  });
  const { name, scopes, note, narrowing } = wishes;
  return {
    // Named one by one: nothing else that a caller sends can reach the row.
    kind: 'personal_access_token' as const,
    name,
    scopes,
    note,
    narrowing,
    expiresAt,
    honey: wanted.honey === true ? (true as const) : undefined,
  };
}

async function mintRow(
  parts: CredentialDependencies,
  row: WantedCredential,
  { account, limit, isMailed = true }: { account: Account; limit: CredentialLimit; isMailed?: boolean },
  actor: Actor,
): Promise<Minted> {
  const { accounts, scopes, settings } = parts;
  const about = {
    allows: row.scopes.map(scopes.describe),
    narrows: narrowingInWords(row.narrowing),
    from: originOf(actor),
  };
  const minted = await mintCredential(parts, row, limit, (token) => ({
    audit: [auditEntry(row.honey ? 'honey.created' : 'token.created', token, actor)],
    mail:
      isMailed && !row.honey
        ? [{ to: account.email, ...tokenCreated(settings, { ...token, ...about }) }]
        : [],
  }));
  await undoIfChanged(accounts, account, () => revokeToken(parts, minted.credential, { kind: 'system' }));
  return minted;
}

function checkExpiry(expiresAt: number | undefined, now: number, settings: Settings['tokens']): void {
  if (isExpiryFit(expiresAt, now, settings)) return;
  throw new Problem({
    status: 400,
    code: 'INVALID_EXPIRY',
    message:
      expiresAt === undefined ? 'A token needs an expiry here.' : 'This expiry is past, or too far away.',
    hint: `Choose a time from now on, at most ${settings.maxDays} days ahead.`,
    parameter: 'expires',
  });
}

/** Revokes tokens of one account, with one mail; answers how many were not revoked yet. */
async function revokeEach(
  parts: CredentialDependencies,
  rows: readonly Credential[],
  actor: Actor,
): Promise<number> {
  const standing = rows.filter((row) => !hasEnded(row, parts.clock()));
  const [first] = standing;
  if (first === undefined) return 0;
  const names = standing.map((row) => row.name);
  let mail = await revokedMail(parts, first.accountId, names, actor);
  let count = 0;
  for (const row of standing) {
    if (!(await revokeToken(parts, row, actor, mail))) continue;
    mail = [];
    count += 1;
  }
  return count;
}

/** Answers whether it was not revoked yet. */
function revokeToken(
  parts: CredentialDependencies,
  token: Credential,
  actor: Actor,
  mail: EffectsOfChange['mail'] = [],
): Promise<boolean> {
  const audit = [auditEntry('token.revoked', token, actor)];
  return revokeCredential(parts, token.id, { audit, mail });
}

function revokedMail(
  parts: CredentialDependencies,
  accountId: string,
  names: readonly string[],
  actor: Actor,
) {
  const { accounts, clock, settings } = parts;
  const mail = tokensRevoked(settings, { names, revokedAt: clock(), from: originOf(actor) });
  return mailToOwner(accounts, accountId, mail);
}

/** Throws Problem 403: each use mails the admins. */
function requireMayLayBait({ admin }: Account, actor: Actor): void {
  // An admin lays one in somebody's account with a reason.
  if (admin || actor.kind === 'operator' || actor.reason !== undefined) return;
  throw new Problem({
    status: 403,
    code: 'ADMINS_ONLY',
    message: 'Only admins make honey tokens.',
    hint: 'Ask an admin of this site to make it.',
  });
}

function tooManyIssued(service: string): Problem {
  return new Problem({
    status: 409,
    code: 'TOO_MANY_TOKENS',
    message: `The service ${service} has ${ISSUED_NAMES_MAX} live tokens of this account, which is the most it may have.`,
    hint: 'Issue it under a name that one of them has, without "replace": false, or revoke one that is not used.',
    parameter: 'name',
  });
}

function ownedBy(accountId: string): Where<Credential> {
  return [
    ['accountId', '=', accountId],
    ['kind', '=', 'personal_access_token'],
  ];
}

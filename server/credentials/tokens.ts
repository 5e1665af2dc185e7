import type { Where } from '../../adapters/port.ts';
import { tokenCreated, tokensRevoked } from '../../views/mail/tokens.ts';
import type { Account } from '../accounts/account.ts';
import type { EffectsOfChange } from '../effects/effects.ts';
import { type Actor, originOf } from '../ground/actor.ts';
import { noSuch, Problem } from '../ground/errors.ts';
import { LIVE_TOKENS_MAX } from '../ground/limits.ts';
import { hashOf } from '../ground/opaque.ts';
import type { Settings } from '../ground/settings.ts';
import { type Credential, isExpiryFit } from './credential.ts';
import {
  countLive,
  listLive,
  listLiveFirst,
  type Minted,
  mintCredential,
  revokeCredential,
} from './credential-rows.ts';
import type { CredentialDependencies } from './dependencies.ts';
import { nameFrom, textFrom } from './names.ts';
import { auditEntry, mailToOwner, type Owned, tooMany, undoIfChanged } from './owner.ts';
import { someScopesFrom } from './scopes.ts';
import { checkFormat } from './secret-format.ts';

/** What somebody wants of a new token. */
export type WantedToken = {
  account: Account;
  name: string;
  scopes: readonly string[];
  /** Epoch seconds; undefined asks for one that never expires, where the settings allow it. */
  expiresAt: number | undefined;
  note?: string | undefined;
};

export type Tokens = ReturnType<typeof createTokens>;

/** Personal access tokens: what an account makes for its own use. */
export function createTokens(parts: CredentialDependencies) {
  const { credentials } = parts;

  async function get(which: Owned): Promise<Credential> {
    const row = await credentials.get(which.id);
    if (row?.accountId !== which.accountId || row.kind !== 'personal_access_token') throw noSuch('token');
    return row;
  }

  return {
    /** Makes a token; `value` is given out here and never again. Throws Problem when a wish cannot be granted. */
    mint: (wanted: WantedToken, actor: Actor) => mint(parts, wanted, actor),

    /** The live ones, newest first, and behind them the latest dead ones. */
    list: (accountId: string): Promise<Credential[]> => listLiveFirst(parts, ownedBy(accountId)),

    /** One token of this account, whatever its state. Throws Problem 404. */
    get,

    /** Revokes a token for good; false when it was revoked already. Throws Problem 404. */
    async revoke(which: Owned, actor: Actor): Promise<boolean> {
      const token = await get(which);
      return endToken(parts, token, actor, await revokedMail(parts, token.accountId, [token.name], actor));
    },

    /**
     * Revokes all live tokens of an account, also those that are made meanwhile; one mail for each look that
     * finds some. Answers how many.
     */
    async revokeAll(accountId: string, actor: Actor): Promise<number> {
      const find = () => listLive(parts, ownedBy(accountId));
      let count = 0;
      for (let rows = await find(); rows.length > 0; rows = await find()) {
        const names = rows.map((row) => row.name);
        let mail = await revokedMail(parts, accountId, names, actor);
        for (const row of rows) {
          if (!(await endToken(parts, row, actor, mail))) continue;
          mail = [];
          count += 1;
        }
      }
      return count;
    },

    /**
     * The token with this value, whatever its state; undefined for anything else. A damaged value costs no
     * read. It is looked up by its SHA-256: nothing secret is compared character by character.
     */
    async findByValue(value: string): Promise<Credential | undefined> {
      if (checkFormat(value) !== 'ours') return undefined;
      const row = await credentials.find('hash', hashOf(value));
      return row?.kind === 'personal_access_token' ? row : undefined;
    },
  };
}

async function mint(parts: CredentialDependencies, wanted: WantedToken, actor: Actor): Promise<Minted> {
  const { accounts, scopes, clock, settings } = parts;
  const { account, expiresAt } = wanted;
  const name = nameFrom(wanted.name);
  const note = textFrom(wanted.note ?? '', 'note');
  const chosen = someScopesFrom(wanted.scopes, scopes.forTokens);
  checkExpiry(expiresAt, clock(), settings.tokens);
  if ((await countLive(parts, ownedBy(account.id))) >= LIVE_TOKENS_MAX) {
    throw tooMany('TOO_MANY_TOKENS', `${LIVE_TOKENS_MAX} live tokens`, 'Revoke');
  }
  const row = {
    // Named one by one: nothing else that a caller sends can reach the row.
    kind: 'personal_access_token' as const,
    name,
    accountId: account.id,
    scopes: chosen,
    note: note === '' ? undefined : note,
    expiresAt,
  };
  const about = { allows: chosen.map(scopes.describe), from: originOf(actor) };
  const minted = await mintCredential(parts, row, (token) => ({
    audit: [auditEntry('token.created', token, actor)],
    mail: [{ to: account.email, ...tokenCreated(settings, { ...token, ...about }) }],
  }));
  await undoIfChanged(accounts, account, () => endToken(parts, minted.credential, { kind: 'system' }));
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

/** Answers whether it was not revoked yet. */
function endToken(
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

function ownedBy(accountId: string): Where<Credential> {
  return [
    ['accountId', '=', accountId],
    ['kind', '=', 'personal_access_token'],
  ];
}

import type { Collection, Where } from '../../adapters/port.ts';
import { tokenCreated } from '../../views/mail/token-created.ts';
import { tokensRevoked } from '../../views/mail/tokens-revoked.ts';
import type { Account } from '../accounts/account.ts';
import { requireUnchanged } from '../accounts/unchanged.ts';
import type { AuditEntry } from '../activity/audit.ts';
import type { Effects, EffectsOfChange } from '../effects/effects.ts';
import type { Actor } from '../ground/actor.ts';
import { originOf } from '../ground/actor.ts';
import type { Clock } from '../ground/clock.ts';
import { Problem } from '../ground/errors.ts';
import { LIVE_TOKENS_MAX } from '../ground/limits.ts';
import { hashOf, newId } from '../ground/opaque.ts';
import type { Settings } from '../ground/settings.ts';
import { DAY_SECONDS } from '../ground/time.ts';
import type { Credential } from './credential.ts';
import { countLive, insertNamed, listDead, listLive } from './credential-lists.ts';
import { nameFrom, textFrom } from './names.ts';
import type { Scope, Scopes } from './scopes.ts';
import { someScopesFrom } from './scopes.ts';
import { checkFormat, endsOf, newSecret } from './secret-format.ts';

export type Tokens = ReturnType<typeof createTokens>;

/** Personal access tokens: what an account makes for its own use. */
export function createTokens(parts: {
  credentials: Collection<Credential>;
  accounts: { get(id: string): Promise<Account | undefined> };
  effects: Effects;
  scopes: Pick<Scopes, 'allowedFor' | 'describe'>;
  clock: Clock;
  settings: Pick<Settings, 'appName' | 'url' | 'tokens'>;
}) {
  const { credentials, accounts, effects, scopes, clock, settings } = parts;

  /** Admin scopes go to services only: a personal token never reaches past its owner's own data. */
  function scopesFor(account: Account): readonly Scope[] {
    return scopes.allowedFor(account).filter((scope) => scope.access === 'account');
  }

  async function mint(
    wanted: {
      account: Account;
      name: string;
      scopes: readonly string[];
      /** Epoch seconds; undefined asks for one that never expires, where the settings allow it. */
      expiresAt: number | undefined;
      note?: string | undefined;
    },
    actor: Actor,
  ): Promise<{ credential: Credential; value: string }> {
    const { account } = wanted;
    const now = clock();
    const name = nameFrom(wanted.name);
    const note = textFrom(wanted.note ?? '', 'note');
    const chosen = someScopesFrom(wanted.scopes, scopesFor(account));
    checkExpiry(wanted.expiresAt, now);
    if ((await countLive(credentials, ownedBy(account.id), now)) >= LIVE_TOKENS_MAX) throw tooMany();
    const value = newSecret('lk_pat_');
    const credential = {
      id: newId('tok_'),
      kind: 'personal_access_token' as const,
      hash: hashOf(value),
      ...endsOf(value),
      name,
      liveName: `${account.id}\n${name}`,
      accountId: account.id,
      scopes: chosen,
      note: note === '' ? undefined : note,
      createdAt: now,
      expiresAt: wanted.expiresAt,
    };
    const allows = chosen.map(scopes.describe);
    const mail = tokenCreated(settings, { ...credential, allows, from: originOf(actor) });
    const caused = {
      audit: [entry('token.created', credential, actor)],
      mail: [{ to: account.email, ...mail }],
    };
    await insertNamed({ credentials, effects }, credential, caused, now);
    try {
      requireUnchanged(account, await accounts.get(account.id));
    } catch (error) {
      await endOne(credential, { kind: 'system' });
      throw error;
    }
    return { credential, value };
  }

  function checkExpiry(expiresAt: number | undefined, now: number): void {
    const { allowNever, maxDays } = settings.tokens;
    if (expiresAt === undefined ? allowNever : isWithin(expiresAt, now, maxDays * DAY_SECONDS)) return;
    throw new Problem({
      status: 400,
      code: 'INVALID_EXPIRY',
      message:
        expiresAt === undefined ? 'A token needs an expiry here.' : 'This expiry is past, or too far away.',
      hint: `Choose a time from now on, at most ${maxDays} days ahead.`,
      parameter: 'expires',
    });
  }

  /** Marks one token revoked if it is this account's and not revoked yet, and does what comes with it. */
  function endOne(row: Credential, actor: Actor, mail: EffectsOfChange['mail'] = []) {
    const change = { set: { revokedAt: clock() }, unset: ['liveName'] as const };
    const guard: Where<Credential> = [...ownedBy(row.accountId), ['revokedAt', 'absent']];
    const audit = [entry('token.revoked', row, actor)];
    return effects.update(credentials, row.id, change, guard, { audit, mail });
  }

  async function revokedMail(accountId: string, names: readonly string[], actor: Actor) {
    const owner = await accounts.get(accountId);
    if (owner === undefined) return [];
    return [
      { to: owner.email, ...tokensRevoked(settings, { names, revokedAt: clock(), from: originOf(actor) }) },
    ];
  }

  async function get(which: { accountId: string; id: string }): Promise<Credential | undefined> {
    const row = await credentials.get(which.id);
    return row?.accountId === which.accountId && row.kind === 'personal_access_token' ? row : undefined;
  }

  return {
    /** What this account may give to a token. */
    scopesFor,

    /**
     * Makes a token; `value` is given out here and never again. Throws Problem when a wish cannot be granted.
     * The fields are named one by one: nothing else that a caller sends can reach the row.
     */
    mint,

    /** The live ones, newest first, and behind them the latest dead ones. */
    async list(accountId: string): Promise<Credential[]> {
      const owner = ownedBy(accountId);
      const [live, dead] = await Promise.all([
        listLive(credentials, owner, clock()),
        listDead(credentials, owner, clock()),
      ]);
      return [...live, ...dead];
    },

    /** One token, if it is this account's. */
    get,

    /** Revokes a token for good. False: it is not there, not theirs, or was revoked already. */
    async revoke(which: { accountId: string; id: string }, actor: Actor): Promise<boolean> {
      const row = await get(which);
      if (row === undefined || row.revokedAt !== undefined) return false;
      const mail = await revokedMail(row.accountId, [row.name], actor);
      return (await endOne(row, actor, mail)) !== undefined;
    },

    /**
     * Revokes all live tokens of an account, also those that are made meanwhile; one mail for each look that
     * finds some. Answers how many.
     */
    async revokeAll(accountId: string, actor: Actor): Promise<number> {
      const find = () => listLive(credentials, ownedBy(accountId), clock());
      let count = 0;
      for (let rows = await find(); rows.length > 0; rows = await find()) {
        const names = rows.map((row) => row.name);
        let mail = await revokedMail(accountId, names, actor);
        for (const row of rows) {
          if ((await endOne(row, actor, mail)) === undefined) continue;
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

function ownedBy(accountId: string): Where<Credential> {
  return [
    ['accountId', '=', accountId],
    ['kind', '=', 'personal_access_token'],
  ];
}

function isWithin(expiresAt: number, now: number, lifeSecondsMax: number): boolean {
  return Number.isSafeInteger(expiresAt) && expiresAt > now && expiresAt <= now + lifeSecondsMax;
}

function entry(action: string, token: Credential, actor: Actor): Omit<AuditEntry, 'id' | 'at'> {
  return { accountId: token.accountId, actor, action, targetId: token.id, targetName: token.name };
}

function tooMany(): Problem {
  return new Problem({
    status: 409,
    code: 'TOO_MANY_TOKENS',
    message: `You have ${LIVE_TOKENS_MAX} live tokens, which is the most an account may have.`,
    hint: 'Revoke the ones you no longer use, then try again.',
    parameter: 'name',
  });
}

import { z } from 'zod';
import { type Collection, declare, Taken } from '../../adapters/port.ts';
import { type Account, requireActive } from '../accounts/account.ts';
import type { Accounts } from '../accounts/accounts.ts';
import { type Identities, providerNameOf } from '../accounts/identities.ts';
import { type IdentityClaims, type Newcomers, verifiedEmail } from '../accounts/newcomers.ts';
import type { Scopes } from '../credentials/scopes.ts';
import type { Tokens } from '../credentials/tokens.ts';
import type { Actor } from '../ground/actor.ts';
import { CLOCKS_APART_SECONDS, type Clock } from '../ground/clock.ts';
import { Problem } from '../ground/errors.ts';
import { type Limit, type Limiter, networkBuckets } from '../ground/limiter.ts';
import type { Settings } from '../ground/settings.ts';
import { DAY_SECONDS, MINUTE_SECONDS } from '../ground/time.ts';

/** An ID token that was given for a token, as long as it could be given again. */
const exchangedTokenSchema = z.strictObject({
  /** SHA-256 of what its signature covers. */
  id: z.string(),
  expiresAt: z.number(),
});

type ExchangedToken = z.infer<typeof exchangedTokenSchema>;

export const exchangedTokenDeclaration = declare<ExchangedToken>({
  name: 'exchanged_tokens',
  schema: exchangedTokenSchema,
  indexes: [['expiresAt']],
  expires: { expiresAt: CLOCKS_APART_SECONDS },
});

/** An ID token whose signature, issuer, audience and times are good. */
export type SubjectToken = IdentityClaims & {
  /** SHA-256 of what its signature covers. */
  id: string;
  /** From when on it is refused for its age, epoch seconds. */
  expiresAt: number;
};

/** What a service asks for. */
export type WantedExchange = {
  service: { id: string; name: string; accountId: string; reason?: string | undefined };
  /** Reads the ID token; called when it is known that the service may ask now. */
  read: () => Promise<SubjectToken>;
  /** All that the account may do by itself where nothing is named. */
  scopes: readonly string[] | undefined;
  /** The name of the service where nothing is said. */
  name: string | undefined;
  lifeSeconds: number | undefined;
  replace: boolean;
  overlapSeconds: number;
};

/** Ten sign-ins a second of one service; who guesses learns nothing sooner. */
const LIMIT: Limit = { limit: 600, windowSeconds: MINUTE_SECONDS };

type Parts = {
  exchangedTokens: Collection<ExchangedToken>;
  accounts: Pick<Accounts, 'get' | 'getActive' | 'findByEmail'>;
  identities: Pick<Identities, 'find' | 'used'>;
  newcomers: Newcomers;
  tokens: Pick<Tokens, 'issue'>;
  scopes: Pick<Scopes, 'forIssuing'>;
  limiter: Pick<Limiter, 'countEach'>;
  clock: Clock;
  settings: Pick<Settings, 'google' | 'tokens' | 'url'>;
};

export type TokenExchange = ReturnType<typeof createTokenExchange>;

/**
 * RFC 8693 for the identity provider's ID tokens: what issue_token is for passwords. A service of an admin gives the ID
 * token of a person, once, and gets a personal access token of theirs.
 */
export function createTokenExchange(parts: Parts) {
  const { accounts, exchangedTokens, limiter, clock } = parts;

  return {
    /** Throws Problem that says to the developer of the service what is wrong. */
    async exchange(wanted: WantedExchange, actor: Actor) {
      const { service } = wanted;
      await limiter.countEach([
        [`exchange:${service.id}`, LIMIT],
        ...networkBuckets('exchange', actor.from ?? '', LIMIT),
      ]);
      if ((await accounts.getActive(service.accountId))?.admin !== true) throw noLongerAdmin();
      const scopes = scopesFor(parts, wanted);
      const subject = await wanted.read();
      await spend(parts, subject);
      try {
        return await issue(parts, wanted, { subject, scopes }, actor);
      } catch (error) {
        // Nothing was given for it, so it may be tried again. Where the store is away, it stays spent.
        await exchangedTokens.remove(subject.id).catch(() => undefined);
        throw error;
      }
    },
  };

  async function issue(
    { tokens, identities }: Parts,
    wanted: WantedExchange,
    { subject, scopes }: { subject: SubjectToken; scopes: readonly string[] },
    actor: Actor,
  ) {
    const { service, replace, overlapSeconds, lifeSeconds } = wanted;
    const account = await accountOf(parts, subject, actor);
    await identities.used(subject);
    const { defaultDays } = parts.settings.tokens;
    const expiresAt = clock() + (lifeSeconds ?? defaultDays * DAY_SECONDS);
    const name = wanted.name ?? service.name;
    return tokens.issue(
      { account, service, name, replace, overlapSeconds, scopes, expiresAt },
      { ...actor, kind: 'client', id: service.id, reason: service.reason },
    );
  }
}

/** One insert decides, of any number of processes. */
async function spend({ exchangedTokens }: Parts, { id, expiresAt }: SubjectToken): Promise<void> {
  try {
    await exchangedTokens.insert({ id, expiresAt });
  } catch (error) {
    if (!(error instanceof Taken)) throw error;
    throw refusedToken(
      'This ID token was exchanged before.',
      'Each is good once: get a new one from the provider.',
    );
  }
}

/** Found by issuer and subject, never by e-mail; a new one only for a verified address that belongs to nobody. */
async function accountOf(parts: Parts, subject: SubjectToken, { from, requestId }: Actor): Promise<Account> {
  const { accounts, identities, newcomers, settings } = parts;
  const identity = await identities.find(subject);
  const known = identity && (await accounts.get(identity.accountId));
  if (known !== undefined) {
    requireActive(known);
    return known;
  }
  const provider = providerNameOf(subject.issuer, settings.google);
  const email = verifiedEmail(subject, provider);
  if ((await accounts.findByEmail(email.address)) !== undefined) {
    // Another request of the same person may have made it just now.
    const linked = await identities.find(subject);
    const made = linked && (await accounts.get(linked.accountId));
    if (made !== undefined) return made;
    throw refusedToken(
      'There is an account with this e-mail address already, which is not linked to this identity.',
      `Its owner signs in at ${settings.url} with ${provider} once and shows the password, or links it on the account page.`,
    );
  }
  const newcomer = { claims: subject, email, knownId: identity?.accountId };
  return newcomers.create(newcomer, (id) => ({ kind: 'account', id, from, requestId }));
}

function scopesFor({ scopes }: Parts, { scopes: asked }: WantedExchange): readonly string[] {
  const own = scopes.forIssuing;
  const foreign = asked?.find((scope) => !own.includes(scope));
  if (foreign === undefined) return asked ?? own;
  throw new Problem({
    status: 400,
    code: 'invalid_scope',
    message: 'A scope that was asked for is unknown, or no token of a user may have it.',
    hint: `Scopes are separated by spaces. Choose among: ${own.join(' ')}.`,
    parameter: 'scope',
  });
}

/** The ID token is not one that is taken, and why. */
export function refusedToken(message: string, hint: string): Problem {
  return new Problem({ status: 400, code: 'INVALID_SUBJECT_TOKEN', message, hint });
}

function noLongerAdmin(): Problem {
  return new Problem({
    status: 403,
    code: 'ADMINS_ONLY',
    message: 'The owner of this service is no admin any more.',
    hint: 'An admin has to make the service that exchanges tokens.',
  });
}

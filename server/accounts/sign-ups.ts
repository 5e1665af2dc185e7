import { z } from 'zod';
import { type Collection, declare } from '../../adapters/port.ts';
import { alreadyRegistered, verifyEmail } from '../../views/mail/sign-up.ts';
import { type Effects, pendingEffects } from '../effects/effects.ts';
import type { Actor } from '../ground/actor.ts';
import { CLOCKS_APART_SECONDS, type Clock } from '../ground/clock.ts';
import { Problem } from '../ground/errors.ts';
import type { Limiter } from '../ground/limiter.ts';
import { SIGN_UP_LINK_SECONDS } from '../ground/limits.ts';
import { hashOf, newWrittenLinkToken } from '../ground/opaque.ts';
import type { Settings } from '../ground/settings.ts';
import type { Account } from './account.ts';
import type { Accounts } from './accounts.ts';
import { askerFrom } from './asker-turns.ts';
import { requireEmail } from './email.ts';
import { askingBuckets, linkBuckets, linkDead } from './mailed-links.ts';
import type { Passwords } from './passwords.ts';
import type { SignUpRules } from './sign-up-policy.ts';

/** Somebody who wants an account for an address that is not proved yet. Never an account itself. */
const signUpSchema = z.strictObject({
  /** SHA-256 of the secret in the mailed link. */
  id: z.string(),
  email: z.string(),
  emailKey: z.string(),
  /** What the person wants to be called. */
  name: z.string().optional(),
  passwordHash: z.string(),
  /** Where to go on afterwards: a path on this site. */
  returnTo: z.string(),
  expiresAt: z.number(),
  ...pendingEffects,
});

export type SignUps = ReturnType<typeof createSignUps>;

export type SignUp = z.infer<typeof signUpSchema>;

export const signUpDeclaration = declare<SignUp>({
  name: 'sign_ups',
  schema: signUpSchema,
  indexes: [['emailKey'], ['expiresAt'], ['pendingAt']],
  expires: { expiresAt: CLOCKS_APART_SECONDS },
});

/** So that no single statement runs long. */
const BATCH_ROWS = 500;

type Parts = {
  signUps: Collection<SignUp>;
  accounts: Pick<Accounts, 'findByEmail' | 'create'>;
  signUpRules: SignUpRules;
  effects: Effects;
  passwords: Passwords;
  limiter: Limiter;
  clock: Clock;
  settings: Pick<Settings, 'appName' | 'url'>;
};

/**
 * Sign-ups by e-mail and password. The account is made when the mailed link is followed and the password that
 * was chosen is typed again: a stranger who signs up with my address has the password and not the link, I
 * have the link and not the password, and nothing comes of it (GHSA-g38m-r43w-p2q7).
 */
export function createSignUps(parts: Parts) {
  const { signUps, accounts, signUpRules, effects, passwords, limiter, clock, settings } = parts;

  /** The sign-up behind a mailed link. Throws Problem when the link was used or is too old. */
  async function find(token: string): Promise<SignUp> {
    const row = await signUps.get(hashOf(token));
    if (row !== undefined && row.expiresAt > clock()) return row;
    throw linkDead('If you used it, sign in. Otherwise sign up once more to get a new one.', token);
  }

  /** Ends whatever still waits for this address. */
  async function endAll(emailKey: string): Promise<void> {
    while ((await signUps.removeMany([['emailKey', '=', emailKey]], BATCH_ROWS)) === BATCH_ROWS);
  }

  return {
    find,
    endAll,

    /**
     * Takes a sign-up and mails its link. For an address that has an account the work and the answer are the
     * same, and the mail says that there is one. Throws Problem for what is wrong with the input itself.
     */
    async ask(wanted: {
      email: string;
      password: string;
      name?: string | undefined;
      returnTo: string;
      from: string;
    }): Promise<void> {
      const { password, name, returnTo, from } = wanted;
      const email = requireEmail(wanted.email);
      const { address, key: emailKey } = email;
      signUpRules.requireMayAsk(email);
      passwords.requireGood(password, { email: address });
      const buckets = askingBuckets('sign-up', { email, from });
      const passwordHash = await limiter.run(buckets, () =>
        passwords.hash(password, askerFrom(from, emailKey)),
      );
      const { token, hash: id } = newWrittenLinkToken();
      const expiresAt = clock() + SIGN_UP_LINK_SECONDS;
      // For an address with an account the row is a dead end: its link is in no mail.
      const isNew = (await accounts.findByEmail(address)) === undefined;
      const mail = isNew
        ? verifyEmail(settings, { token, expiresAt, from })
        : alreadyRegistered(settings, { from });
      const row = { id, email: address, emailKey, name, passwordHash, returnTo, expiresAt };
      await effects.insert(signUps, row, { mail: [{ to: address, queue: 'link', ...mail }] });
    },

    /** Makes the account, if this is the password that was chosen. The link works until then, and once. */
    async complete(
      typed: { token: string; password: string },
      actor: Actor,
    ): Promise<{ account: Account; returnTo: string }> {
      const { id, email, emailKey, name, passwordHash, returnTo } = await find(typed.token);
      // The rules may be others by now.
      await signUpRules.requireMayHave({ address: email, key: emailKey });
      const { right } = await limiter.run(linkBuckets('verify', id), () =>
        passwords.verify(typed.password, passwordHash, askerFrom(actor.from, emailKey)),
      );
      if (!right) throw otherPassword();
      const account = await accounts.create({ email, name, passwordHash, admin: false }, actor);
      await endAll(emailKey);
      return { account, returnTo };
    },
  };
}

function otherPassword(): Problem {
  return new Problem({
    status: 400,
    code: 'WRONG_CREDENTIALS',
    message: 'This is not the password that was chosen at sign-up.',
    hint: 'If you do not know it, sign up once more and choose another. If you never signed up, close this page.',
    parameter: 'password',
  });
}

import type { Logger } from 'pino';
import { z } from 'zod';
import { type Collection, declare } from '../../adapters/port.ts';
import { resetPassword } from '../../views/mail/password.ts';
import { type Account, isActive, requireActive } from '../accounts/account.ts';
import { type Accounts, auditOf } from '../accounts/accounts.ts';
import { askerFrom } from '../accounts/asker-turns.ts';
import { requireEmail } from '../accounts/email.ts';
import type { Identities } from '../accounts/identities.ts';
import { askingBuckets, linkBuckets, linkDead } from '../accounts/mailed-links.ts';
import type { Passwords } from '../accounts/passwords.ts';
import type { Apps } from '../credentials/apps.ts';
import type { Services } from '../credentials/services.ts';
import type { Tokens } from '../credentials/tokens.ts';
import { type Effects, pendingEffects } from '../effects/effects.ts';
import { type Actor, originOf } from '../ground/actor.ts';
import { createAfterAnswer } from '../ground/after-answer.ts';
import { CLOCKS_APART_SECONDS, type Clock } from '../ground/clock.ts';
import type { Limiter } from '../ground/limiter.ts';
import { RESET_LINK_SECONDS } from '../ground/limits.ts';
import { hashOf, newWrittenLinkToken } from '../ground/opaque.ts';
import type { Settings } from '../ground/settings.ts';
import { duration } from '../ground/time.ts';
import { revokeActing, unfinished } from './endings.ts';
import type { Grants } from './grants.ts';
import type { SessionList } from './session-list.ts';

/** One mailed link with which a new password may be set. */
const resetSchema = z.strictObject({
  /** SHA-256 of the secret in the link. */
  id: z.string(),
  accountId: z.string(),
  /** SHA-256 of the password hash at that time: once the password is another one, the link is dead. */
  passwordMark: z.string(),
  returnTo: z.string(),
  expiresAt: z.number(),
  usedAt: z.number().optional(),
  ...pendingEffects,
});

export type Reset = z.infer<typeof resetSchema>;

export const resetDeclaration = declare<Reset>({
  name: 'resets',
  schema: resetSchema,
  indexes: [['expiresAt'], ['pendingAt']],
  expires: { expiresAt: CLOCKS_APART_SECONDS },
});

/** What to do about a dead link. */
const ASK_AGAIN = `Links to choose a new password are good for ${duration(RESET_LINK_SECONDS)} and once. Ask for another one.`;

type Parts = {
  resets: Collection<Reset>;
  accountRows: Collection<Account>;
  accounts: Pick<Accounts, 'get' | 'findByEmail' | 'setPasswordHash'>;
  sessions: Pick<SessionList, 'endAll'>;
  tokens: Pick<Tokens, 'revokeAll'>;
  services: Pick<Services, 'revokeAll'>;
  apps: Pick<Apps, 'revokeSecrets'>;
  grants: Pick<Grants, 'revokeAll'>;
  identities: Pick<Identities, 'unlinkAll'>;
  effects: Effects;
  passwords: Passwords;
  limiter: Limiter;
  clock: Clock;
  log: Pick<Logger, 'error'>;
  settings: Pick<Settings, 'appName' | 'url'>;
};

export type Resets = ReturnType<typeof createResets>;

/** Forgotten passwords: a link to the mailbox, good for half an hour and once. */
export function createResets(parts: Parts) {
  const { resets, accounts, accountRows, sessions, passwords, limiter, clock, log } = parts;
  // Only an address with an account gets a row and a mail, and nobody sees the difference.
  const afterAnswer = createAfterAnswer(parts);

  return {
    /**
     * Mails a link, a moment from now, if the address has an account; the answer and its time tell nobody whether
     * it has.
     */
    async ask(wanted: { email: string; returnTo: string; from: string }): Promise<void> {
      const email = requireEmail(wanted.email);
      await limiter.countEach(askingBuckets('reset', { email, from: wanted.from }));
      const mail = () => mailLink(parts, email.address, wanted);
      afterAnswer.begin(mail, 'a link to choose a new password was not mailed');
    },

    /** When all that was asked for is done. */
    settled: afterAnswer.settled,

    /** A link for the operator to hand over, in place of the mail. Throws Problem where the account is suspended. */
    async linkFor(account: Account, actor: Actor): Promise<{ url: string; expiresAt: number }> {
      requireActive(account);
      const { token, row } = newReset(parts, account, '/');
      await parts.effects.insert(resets, row, auditOf(account, 'account.reset_link_made', actor));
      return { url: `${parts.settings.url}/reset-password?token=${token}`, expiresAt: row.expiresAt };
    },

    /** Mails such a link, because somebody who may wants it to be mailed. Throws Problem where the account is suspended. */
    async mailLinkTo(account: Account, actor: Actor): Promise<void> {
      requireActive(account);
      await mailLinkTo(parts, account, { returnTo: '/', from: originOf(actor), actor });
    },

    /** The reset behind a mailed link. Throws Problem when it was used or is too old. */
    find: (token: string): Promise<{ reset: Reset; account: Account }> => find(parts, token),

    /**
     * Sets the new password, ends every session and, where wanted, revokes the account's tokens, services,
     * secrets of its apps and the access of apps that it let in, and unlinks its accounts elsewhere. A
     * password that is refused, or cannot be hashed now, leaves the link as it was.
     */
    async complete(
      wanted: { token: string; password: string; revokeToo: boolean },
      actor: Actor,
    ): Promise<{ account: Account; returnTo: string }> {
      const { reset, account } = await find(parts, wanted.token);
      passwords.requireGood(wanted.password, account);
      const by = { ...actor, id: account.id };
      const passwordHash = await limiter.run(linkBuckets('reset-link', reset.id), () =>
        passwords.hash(wanted.password, askerFrom(actor.from, account.emailKey)),
      );
      const used = await resets.update(reset.id, { set: { usedAt: clock() } }, [['usedAt', 'absent']]);
      if (used === undefined) throw linkDead(ASK_AGAIN, wanted.token);
      // First the new security version, then the lists: see requireUnchanged.
      const change = { passwordHash, revokeAll: wanted.revokeToo };
      const changed = await accounts.setPasswordHash(account, change, by);
      await sessions.endAll(account.id);
      if (wanted.revokeToo) await revokeAll(parts, changed, by);
      return { account: changed, returnTo: reset.returnTo };
    },

    /** Goes on with what a process that died, or a store that was away, left of a `revokeToo`. */
    async sweep(): Promise<void> {
      for await (const account of unfinished(accountRows, 'revokeAllAt', clock())) {
        await revokeAll(parts, account, { kind: 'system' }).catch((error: unknown) =>
          log.error(
            { account: account.id, err: error },
            'what a reset was to revoke waits for the next turn',
          ),
        );
      }
    },
  };
}

async function find(parts: Parts, token: string): Promise<{ reset: Reset; account: Account }> {
  const reset = await parts.resets.get(hashOf(token));
  const isOpen = reset !== undefined && reset.usedAt === undefined && reset.expiresAt > parts.clock();
  const account = isOpen ? await parts.accounts.get(reset.accountId) : undefined;
  if (!isOpen || account === undefined || markOf(account) !== reset.passwordMark) {
    throw linkDead(ASK_AGAIN, token);
  }
  requireActive(account);
  return { reset, account };
}

async function mailLink(
  parts: Parts,
  email: string,
  asked: { returnTo: string; from: string },
): Promise<void> {
  const account = await parts.accounts.findByEmail(email);
  if (isActive(account)) await mailLinkTo(parts, account, asked);
}

async function mailLinkTo(
  { resets, effects, settings, ...parts }: Parts,
  account: Account,
  { returnTo, from, actor }: { returnTo: string; from: string; actor?: Actor },
): Promise<void> {
  const { token, row } = newReset(parts, account, returnTo);
  const { expiresAt } = row;
  const hasPassword = account.passwordHash !== undefined;
  const mail = resetPassword(settings, { token, expiresAt, hasPassword, from });
  const audit = actor === undefined ? {} : auditOf(account, 'account.reset_link_made', actor);
  await effects.insert(resets, row, { ...audit, mail: [{ to: account.email, queue: 'link', ...mail }] });
}

/** The row of a link that nobody has used yet, and the secret in the link. */
function newReset(
  { clock }: Pick<Parts, 'clock'>,
  account: Account,
  returnTo: string,
): { token: string; row: Reset } {
  const { token, hash: id } = newWrittenLinkToken();
  const expiresAt = clock() + RESET_LINK_SECONDS;
  return { token, row: { id, accountId: account.id, passwordMark: markOf(account), returnTo, expiresAt } };
}

/**
 * Ends everything by which somebody else may have a way in: what acts for the account, and who signs in. The account
 * says that it is to be done until all of it is.
 */
async function revokeAll(parts: Parts, { id: accountId, revokeAllAt }: Account, actor: Actor): Promise<void> {
  await parts.identities.unlinkAll(accountId, actor);
  await revokeActing(parts, accountId, actor);
  const isThis = [['revokeAllAt', '=', revokeAllAt ?? 0]] as const;
  await parts.accountRows.update(accountId, { unset: ['revokeAllAt'] }, isThis);
}

function markOf(account: Account): string {
  return hashOf(account.passwordHash ?? 'none');
}

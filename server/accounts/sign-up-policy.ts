import type { Collection } from '../../adapters/port.ts';
import type { Clock } from '../ground/clock.ts';
import { Problem } from '../ground/errors.ts';
import type { Settings } from '../ground/settings.ts';
import { domainsInWords, isOfDomains } from '../ground/sign-up-setting.ts';
import type { Email } from './email.ts';
import type { MailedInvitation } from './mailed-invitations.ts';

export type SignUpRules = ReturnType<typeof createSignUpRules>;

/** Who may make an account by themselves: every way to one asks here. What an admin or operator makes does not. */
export function createSignUpRules(parts: {
  mailedInvitations: Collection<MailedInvitation>;
  clock: Clock;
  settings: Pick<Settings, 'signUp'>;
}) {
  const { mailedInvitations, clock, settings } = parts;
  const policy = settings.signUp;

  async function isInvited({ key }: Email): Promise<boolean> {
    const open = [
      ['emailKey', '=', key],
      ['expiresAt', '>', clock()],
    ] as const;
    return (await mailedInvitations.list({ where: open, limit: 1 })).length > 0;
  }

  return {
    /**
     * Throws Problem 403 unless this address may ask for an account. Nobody has proved that it is theirs, so whether it
     * was invited is not looked at: the answer would tell.
     */
    requireMayAsk(email: Email): void {
      if (policy === 'anyone') return;
      if (typeof policy === 'string' || !isOfDomains(email.key, policy.domains)) throw signUpClosed(policy);
    },

    /** Throws Problem 403 unless whoever proved that this address is theirs may have an account. */
    async requireMayHave(email: Email): Promise<void> {
      if (policy === 'anyone') return;
      if (policy === 'nobody') throw signUpClosed(policy);
      if (typeof policy === 'object' && isOfDomains(email.key, policy.domains)) return;
      if (!(await isInvited(email))) throw signUpClosed(policy);
    },

    /** Throws Problem 403 where an invitation opens nothing. */
    requireInvitations(): void {
      if (policy === 'nobody') throw signUpClosed(policy);
    },
  };
}

function signUpClosed(policy: Settings['signUp']): Problem {
  const isByDomain = typeof policy === 'object';
  return new Problem({
    status: 403,
    code: 'SIGN_UP_CLOSED',
    message: isByDomain
      ? `Accounts here are for e-mail addresses at ${domainsInWords(policy.domains)}.`
      : policy === 'invited'
        ? 'Accounts here are for invited people.'
        : 'New accounts are not made here.',
    hint: isByDomain
      ? 'Use such an address, or ask the people who run this site for an invitation.'
      : policy === 'invited'
        ? 'Open the link of your invitation, or ask the people who run this site for one.'
        : 'If you have an account, sign in. Otherwise ask the people who run this site.',
    ...(isByDomain ? { parameter: 'email' } : {}),
  });
}

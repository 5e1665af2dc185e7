import { timeInProse } from '../../server/ground/time.ts';
import { type MailSite, mailLayout, type WrittenMail } from './layout.ts';

/** Carries the link with which the owner of the mailbox chooses a new password, or a first one. */
export function resetPassword(
  site: MailSite,
  reset: {
    token: string;
    expiresAt: number;
    /** False for somebody who only signs in elsewhere so far. */
    hasPassword: boolean;
    from: string;
  },
): WrittenMail {
  return {
    subject: `${reset.hasPassword ? 'Reset' : 'Set'} your password for ${site.appName}`,
    ...mailLayout(site, {
      heading: reset.hasPassword ? 'Choose a new password' : 'Set a password',
      paragraphs: [
        reset.hasPassword
          ? 'Open the link to choose a new password. It works once, and signs you out everywhere.'
          : 'Your account has no password: you sign in with another account, such as Google.',
        ...(reset.hasPassword ? [] : ['Open the link if you want a password as well. It works once.']),
      ],
      facts: [
        { label: 'Good until', value: timeInProse(reset.expiresAt) },
        { label: 'Asked for from', value: reset.from },
      ],
      action: {
        label: reset.hasPassword ? 'Choose a new password' : 'Set a password',
        url: `${site.url}/reset-password?token=${reset.token}`,
      },
      footer: 'If you did not ask for this, do nothing: your account stays as it is.',
    }),
  };
}

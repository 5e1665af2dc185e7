import { timeInProse } from '../../server/ground/time.ts';
import { type MailSite, mailLayout, type WrittenMail } from './layout.ts';

/**
 * Asks somebody who signed up to prove the address. The link alone opens nothing: the password is asked for
 * too.
 */
export function verifyEmail(
  site: MailSite,
  signUp: { token: string; expiresAt: number; from: string },
): WrittenMail {
  return {
    subject: `Confirm your e-mail address for ${site.appName}`,
    ...mailLayout(site, {
      heading: 'Confirm your e-mail address',
      paragraphs: [
        `Somebody, we hope you, wants an account at ${site.appName} for this address.`,
        'Open the link and type the password that you chose; then the account is made.',
      ],
      facts: [
        { label: 'Good until', value: timeInProse(signUp.expiresAt) },
        { label: 'Asked for from', value: signUp.from },
      ],
      action: { label: 'Confirm this address', url: `${site.url}/verify-email?token=${signUp.token}` },
      footer: 'If it was not you, do nothing: without your click no account is made.',
    }),
  };
}

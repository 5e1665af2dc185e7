import { timeInProse } from '../../server/ground/time.ts';
import { type MailSite, mailLayout, type WrittenMail } from './layout.ts';

/** Tells the owner that one way to sign in is gone. */
export function identityUnlinked(
  site: MailSite,
  link: { provider: string; email: string; unlinkedAt: number; from: string },
): WrittenMail {
  return {
    subject: `${link.provider} can no longer sign in to your account at ${site.appName}`,
    ...mailLayout(site, {
      heading: `${link.provider} was removed from your account`,
      paragraphs: [`You can no longer sign in with this account at ${link.provider}.`],
      facts: [
        { label: 'Account there', value: link.email },
        { label: 'Removed', value: timeInProse(link.unlinkedAt) },
        { label: 'From', value: link.from },
      ],
      action: { label: 'See your sign-in methods', url: `${site.url}/account` },
      footer: 'If it was not you, choose a new password and look at your sessions on the account page.',
    }),
  };
}

import { timeInProse } from '../../server/ground/time.ts';
import { type MailSite, mailLayout, type WrittenMail } from './layout.ts';

/** Tells the owner that there is a further way to sign in. */
export function identityLinked(
  site: MailSite,
  link: { provider: string; email: string; linkedAt: number; from: string },
): WrittenMail {
  return {
    subject: `${link.provider} can now sign in to your account at ${site.appName}`,
    ...mailLayout(site, {
      heading: `${link.provider} was linked to your account`,
      paragraphs: [`From now on you can also sign in with this account at ${link.provider}.`],
      facts: [
        { label: 'Account there', value: link.email },
        { label: 'Linked', value: timeInProse(link.linkedAt) },
        { label: 'From', value: link.from },
      ],
      action: { label: 'See your sign-in methods', url: `${site.url}/account` },
      footer: 'If it was not you, remove it there and change your password.',
    }),
  };
}

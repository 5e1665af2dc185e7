import { doneFacts, type MailSite, mailLayout, type WrittenMail } from './layout.ts';

/** Tells the owner that there is a further way to sign in. */
export function identityLinked(
  site: MailSite,
  link: { provider: string; email: string; linkedAt: number; from: string },
): WrittenMail {
  return mailLayout(site, {
    subject: `${link.provider} can now sign in to your account at ${site.appName}`,
    heading: `${link.provider} was linked to your account`,
    paragraphs: [`From now on you can also sign in with this account at ${link.provider}.`],
    facts: [{ label: 'Account there', value: link.email }, ...doneFacts('Linked', link.linkedAt, link.from)],
    action: { label: 'See your sign-in methods', url: `${site.url}/account` },
    footer: 'If it was not you, remove it there and change your password.',
  });
}

/** Tells the owner that one way to sign in is gone. */
export function identityUnlinked(
  site: MailSite,
  link: { provider: string; email: string; unlinkedAt: number; from: string },
): WrittenMail {
  return mailLayout(site, {
    subject: `${link.provider} can no longer sign in to your account at ${site.appName}`,
    heading: `${link.provider} was removed from your account`,
    paragraphs: [`You can no longer sign in with this account at ${link.provider}.`],
    facts: [
      { label: 'Account there', value: link.email },
      ...doneFacts('Removed', link.unlinkedAt, link.from),
    ],
    action: { label: 'See your sign-in methods', url: `${site.url}/account` },
    footer: 'If it was not you, choose a new password and look at your sessions on the account page.',
  });
}

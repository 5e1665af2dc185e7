import { linkFacts, type MailSite, mailLayout, type WrittenMail } from './layout.ts';

/** Invites somebody to make an account for the address that this goes to. */
export function invited(site: MailSite, invitation: { token: string; expiresAt: number }): WrittenMail {
  return mailLayout(site, {
    subject: `You are invited to ${site.appName}`,
    heading: `You are invited to ${site.appName}`,
    paragraphs: [
      `The people who run ${site.appName} want you to have an account there, for this address.`,
      'Open the link and choose a password; then the account is made. The link works once.',
    ],
    facts: linkFacts(invitation),
    action: { label: 'Make my account', url: `${site.url}/invitation?token=${invitation.token}` },
    footer: 'If you do not want one, do nothing: without your click no account is made.',
  });
}

import { html } from '../html.ts';
import { linkFacts, type MailSite, mailLayout, type WrittenMail } from './layout.ts';

/** Asks who signed up to prove the address. The link alone opens nothing: the password is asked for too. */
export function verifyEmail(
  site: MailSite,
  signUp: { token: string; expiresAt: number; from: string },
): WrittenMail {
  return mailLayout(site, {
    subject: `Confirm your e-mail address for ${site.appName}`,
    heading: 'Confirm your e-mail address',
    paragraphs: [
      `Somebody, we hope you, wants an account at ${site.appName} for this address.`,
      'Open the link and type the password that you chose; then the account is made.',
    ],
    facts: linkFacts(signUp),
    action: { label: 'Confirm this address', url: `${site.url}/verify-email?token=${signUp.token}` },
    footer: 'If it was not you, do nothing: without your click no account is made.',
  });
}

/** Answers a sign-up for an address that has an account. The page could not say so to whoever asked. */
export function alreadyRegistered(site: MailSite, signUp: { from: string }): WrittenMail {
  const resetUrl = `${site.url}/reset-password`;
  return mailLayout(site, {
    subject: `You already have an account at ${site.appName}`,
    heading: 'You already have an account',
    paragraphs: [
      'Somebody wanted to sign up with this address. It has an account already, so nothing was changed.',
      html`If it was you, sign in. If you do not know the password any more, you can
<a href="${resetUrl}">choose a new one</a>.`,
    ],
    facts: [{ label: 'Asked for from', value: signUp.from }],
    action: { label: 'Sign in', url: `${site.url}/sign-in` },
    footer: 'If it was not you, do nothing: whoever it was learned nothing about your account.',
  });
}

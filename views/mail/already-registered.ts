import { html } from '../html.ts';
import { type MailSite, mailLayout, type WrittenMail } from './layout.ts';

/** Answers a sign-up for an address that has an account. The page could not say so to whoever asked. */
export function alreadyRegistered(site: MailSite, signUp: { from: string }): WrittenMail {
  const resetUrl = `${site.url}/reset-password`;
  return {
    subject: `You already have an account at ${site.appName}`,
    ...mailLayout(site, {
      heading: 'You already have an account',
      paragraphs: [
        'Somebody wanted to sign up with this address. It has an account already, so nothing was changed.',
        html`If it was you, sign in. If you do not know the password any more, you can
<a href="${resetUrl}">choose a new one</a>.`,
      ],
      facts: [{ label: 'Asked for from', value: signUp.from }],
      action: { label: 'Sign in', url: `${site.url}/sign-in` },
      footer: 'If it was not you, do nothing: whoever it was learned nothing about your account.',
    }),
  };
}

import { html } from '../html.ts';
import { doneFacts, linkFacts, type MailSite, mailLayout, type WrittenMail } from './layout.ts';

/** Tells the owner that the password is another one now. */
export function passwordChanged(site: MailSite, change: { changedAt: number; from: string }): WrittenMail {
  const resetUrl = `${site.url}/reset-password`;
  return mailLayout(site, {
    subject: `Your password for ${site.appName} was changed`,
    heading: 'Your password was changed',
    paragraphs: ['From now on you sign in with the new one.'],
    facts: doneFacts('Changed', change.changedAt, change.from),
    action: { label: 'See your account', url: `${site.url}/account` },
    footer: html`If it was not you, <a href="${resetUrl}">choose a new password</a> at once
and let your tokens be revoked on that page.`,
  });
}

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
  const { hasPassword } = reset;
  const heading = hasPassword ? 'Choose a new password' : 'Set a password';
  return mailLayout(site, {
    subject: `${hasPassword ? 'Reset' : 'Set'} your password for ${site.appName}`,
    heading,
    paragraphs: hasPassword
      ? ['Open the link to choose a new password. It works once, and signs you out everywhere.']
      : [
          'Your account has no password: you sign in with another account, such as Google.',
          'Open the link if you want a password as well. It works once.',
        ],
    facts: linkFacts(reset),
    action: { label: heading, url: `${site.url}/reset-password?token=${reset.token}` },
    footer: 'If you did not ask for this, do nothing: your account stays as it is.',
  });
}

import { timeInProse } from '../../server/ground/time.ts';
import { html } from '../html.ts';
import { type MailSite, mailLayout, type WrittenMail } from './layout.ts';

/** Tells the owner that the password is another one now. */
export function passwordChanged(site: MailSite, change: { changedAt: number; from: string }): WrittenMail {
  const resetUrl = `${site.url}/reset-password`;
  return {
    subject: `Your password for ${site.appName} was changed`,
    ...mailLayout(site, {
      heading: 'Your password was changed',
      paragraphs: ['From now on you sign in with the new one.'],
      facts: [
        { label: 'Changed', value: timeInProse(change.changedAt) },
        { label: 'From', value: change.from },
      ],
      action: { label: 'See your account', url: `${site.url}/account` },
      footer: html`If it was not you, <a href="${resetUrl}">choose a new password</a> at once
and let your tokens be revoked on that page.`,
    }),
  };
}

import { html } from '../html.ts';
import { doneFacts, type MailSite, mailLayout, type WrittenMail } from './layout.ts';

/** Tells the owner of a sign-in from a device that was not seen in this account before. */
export function newDevice(
  site: MailSite,
  signIn: {
    signedInAt: number;
    from: string;
    /** Such as “Chrome 131 on Windows 10”. */
    browser: string;
  },
): WrittenMail {
  const resetUrl = `${site.url}/reset-password`;
  const accessUrl = `${site.url}/account/access`;
  return mailLayout(site, {
    subject: `Sign-in to your account at ${site.appName} from a new device`,
    heading: 'Sign-in from a new device',
    paragraphs: [
      'Somebody signed in to your account with a browser or from a network that we have not seen there before.',
      'If it was you, there is nothing to do.',
    ],
    facts: [
      ...doneFacts('Signed in', signIn.signedInAt, signIn.from),
      { label: 'Browser', value: signIn.browser },
    ],
    action: { label: 'See your sessions', url: `${site.url}/account` },
    footer: html`If it was not you, <a href="${resetUrl}">choose a new password</a> at once,
which ends every session. <a href="${accessUrl}">Here is all that can act for you</a>, to be ended with one button.`,
  });
}

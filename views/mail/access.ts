import { html } from '../html.ts';
import { doneFacts, type MailSite, mailLayout, type WrittenMail } from './layout.ts';

/** Tells the owner that all which acted for their account was ended. */
export function accessEnded(site: MailSite, change: { endedAt: number; from: string }): WrittenMail {
  const resetUrl = `${site.url}/reset-password`;
  return mailLayout(site, {
    subject: `All access to your account at ${site.appName} was ended`,
    heading: 'All access to your account was ended',
    paragraphs: [
      'Tokens, services, secrets of your apps, connected apps and all other sessions are refused from now on.',
      'Your ways to sign in are as they were.',
    ],
    facts: doneFacts('Ended', change.endedAt, change.from),
    action: { label: 'See your account', url: `${site.url}/account` },
    footer: html`If it was not you, <a href="${resetUrl}">choose a new password</a> at once.`,
  });
}

/** Tells somebody that an admin stopped their account, and why: they cannot sign in to read it. */
export function accountSuspended(site: MailSite, change: { at: number; from: string }): WrittenMail {
  return mailLayout(site, {
    subject: `Your account at ${site.appName} was suspended`,
    heading: 'Your account was suspended',
    paragraphs: ['You cannot sign in, and its tokens, services and apps are refused. Nothing of it is lost.'],
    facts: doneFacts('Suspended', change.at, change.from),
    footer: 'Only an admin can restore it: ask the people who run this site.',
  });
}

/** Tells somebody that their account works again. */
export function accountRestored(site: MailSite, change: { at: number; from: string }): WrittenMail {
  return mailLayout(site, {
    subject: `Your account at ${site.appName} was restored`,
    heading: 'Your account was restored',
    paragraphs: ['You can sign in again, and what you had works as before.'],
    facts: doneFacts('Restored', change.at, change.from),
    action: { label: 'See your account', url: `${site.url}/account` },
    footer: 'Your activity there says what was done to it, and why.',
  });
}

/** Tells somebody that their account is gone. */
export function accountDeleted(site: MailSite, change: { deletedAt: number; from: string }): WrittenMail {
  return mailLayout(site, {
    subject: `Your account at ${site.appName} was deleted`,
    heading: 'Your account was deleted',
    paragraphs: [
      'Nothing that acted for it works any more, and nobody can sign in to it.',
      'Your e-mail address is free: a new account with it begins without any of this.',
    ],
    facts: doneFacts('Deleted', change.deletedAt, change.from),
    footer: 'If it was not you, tell the people who run this site: it cannot be undone on a page.',
  });
}

import type { AppView } from '../developer.ts';
import { doneFacts, IF_NOT_YOU, type MailSite, mailLayout, type WrittenMail } from './layout.ts';

/** What happened to an app, as its mail says it. */
const WORDS = {
  registered: {
    subject: 'New app',
    heading: 'An app was made',
    text: 'It can ask people of this site for access and sends them back to these addresses.',
  },
  changed: {
    subject: 'App changed',
    heading: 'The settings of an app were changed',
    text: 'After allowing it, people are now sent back to these addresses.',
  },
  'cut off': {
    subject: 'App cut off',
    heading: 'An app was cut off from everybody',
    text: 'What people had allowed it has ended. It can ask them again.',
  },
  deleted: {
    subject: 'App deleted',
    heading: 'An app was deleted',
    text: 'Everything that people had allowed it has ended, and its secrets are refused.',
  },
} as const;

/** Tells the owner of an app that it was registered, changed, cut off or deleted. */
export function appChanged(
  site: MailSite,
  app: Pick<AppView, 'name' | 'redirectUris'> & { what: keyof typeof WORDS; at: number; from: string },
): WrittenMail {
  const { subject, heading, text } = WORDS[app.what];
  return mailLayout(site, {
    subject: `${subject}: ${app.name}`,
    heading,
    paragraphs: [text],
    facts: [
      { label: 'Name', value: app.name },
      app.what !== 'deleted' && { label: 'Addresses', value: app.redirectUris.join(' ') },
      ...doneFacts('When', app.at, app.from),
    ],
    action: { label: 'See your apps', url: `${site.url}/developer` },
    footer: IF_NOT_YOU,
  });
}

import { doneFacts, type MailSite, mailLayout, type WrittenMail } from './layout.ts';

/** Tells the owner of a honey token, and the admins, that somebody used it. */
export function honeyUsed(
  site: MailSite,
  use: { name: string; uses: number; usedAt: number; from: string; what: string },
): WrittenMail {
  return mailLayout(site, {
    subject: `A honey token was used: ${use.name}`,
    heading: 'A honey token was used',
    paragraphs: [
      'It opens nothing, and no program has it: whoever used it has read what they should not have, and takes it for a token that was not good.',
      'Look at the place where you put it, and revoke the real ones that lie there.',
    ],
    facts: [
      { label: 'Name', value: use.name },
      { label: 'Times used since the last mail', value: String(use.uses) },
      { label: 'Called', value: use.what },
      ...doneFacts('Used', use.usedAt, use.from),
    ],
    action: { label: 'See the activity', url: `${site.url}/activity` },
    footer:
      'We write at most once an hour for each honey token. All calls with it are in the activity of its owner.',
  });
}

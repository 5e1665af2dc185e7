import { doneFacts, type MailSite, mailLayout, type WrittenMail } from './layout.ts';

const HOW = {
  revoked: 'It was revoked, so the call was refused.',
  expired: 'It has expired, so the call was refused.',
  replaced: 'It was replaced by a new value in a rotation, so the call was refused.',
};

/** Tells the owner that a value which has ended is in use. Of each value they hear this once. */
export function deadCredentialUsed(
  site: MailSite,
  use: {
    name: string;
    kind: 'token' | 'secret';
    how: keyof typeof HOW;
    usedAt: number;
    from: string;
    what: string;
  },
): WrittenMail {
  return mailLayout(site, {
    subject: `A ${use.kind} that has ended was used: ${use.name}`,
    heading: `A ${use.kind} that has ended was used`,
    paragraphs: [
      HOW[use.how],
      'If it is a program of yours, give it the value that is in use now. If you know of no such program, somebody else has the old value; it opens nothing.',
    ],
    facts: [
      { label: 'Name', value: use.name },
      { label: 'Called', value: use.what },
      ...doneFacts('Used', use.usedAt, use.from),
    ],
    action: { label: 'See your activity', url: `${site.url}/activity` },
    footer: 'We write once for each value; later calls with it are in your activity only.',
  });
}

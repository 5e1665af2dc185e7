import { timeInProse } from '../../server/ground/time.ts';
import { type MailSite, mailLayout, type WrittenMail } from './layout.ts';

/** Tells the owner that a personal access token was made in their name. Never holds the token. */
export function tokenCreated(
  site: MailSite,
  token: {
    name: string;
    /** What it may do, in plain words. */
    allows: readonly string[];
    /** Epoch seconds; absent: never. */
    expiresAt?: number | undefined;
    createdAt: number;
    /** Network address, or who it was where there is none. */
    from: string;
  },
): WrittenMail {
  return {
    subject: `New personal access token: ${token.name}`,
    ...mailLayout(site, {
      heading: 'A personal access token was made',
      paragraphs: ['Whoever has this token can act in your name within these limits.'],
      facts: [
        { label: 'Name', value: token.name },
        { label: 'Allows', value: token.allows.join('; ') },
        { label: 'Expires', value: token.expiresAt === undefined ? 'never' : timeInProse(token.expiresAt) },
        { label: 'Made', value: timeInProse(token.createdAt) },
        { label: 'From', value: token.from },
      ],
      action: { label: 'See your tokens', url: `${site.url}/tokens` },
      footer: `If you did not do this, revoke the token there and change your password.`,
    }),
  };
}

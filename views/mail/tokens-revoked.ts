import { timeInProse } from '../../server/ground/time.ts';
import { type MailSite, mailLayout, type WrittenMail } from './layout.ts';

/** Enough to recognise what was revoked; the page has the rest. */
const NAMES_MAX = 20;

/** Tells the owner which personal access tokens work no longer: one, or all at once. */
export function tokensRevoked(
  site: MailSite,
  revoked: { names: readonly string[]; revokedAt: number; from: string },
): WrittenMail {
  const { names } = revoked;
  const one = names.length === 1;
  const listed = names.slice(0, NAMES_MAX).join('; ');
  const rest = names.length - NAMES_MAX;
  return {
    subject: one ? `Token revoked: ${names[0]}` : `${names.length} personal access tokens were revoked`,
    ...mailLayout(site, {
      heading: one ? 'A personal access token was revoked' : 'Your personal access tokens were revoked',
      paragraphs: [
        `From now on every call with ${one ? 'it' : 'one of them'} is refused. This cannot be undone.`,
      ],
      facts: [
        { label: one ? 'Name' : 'Names', value: rest > 0 ? `${listed}; and ${rest} more` : listed },
        { label: 'Revoked', value: timeInProse(revoked.revokedAt) },
        { label: 'From', value: revoked.from },
      ],
      action: { label: 'See your tokens', url: `${site.url}/tokens` },
      footer: 'If you did not do this, change your password and look at your sessions on the account page.',
    }),
  };
}

import { timeInProse } from '../../server/ground/time.ts';
import type { TokenView } from '../tokens.ts';
import { doneFacts, IF_NOT_YOU, type MailSite, mailLayout, type WrittenMail } from './layout.ts';

/** Tells the owner that a personal access token was made in their name. Never holds the token. */
export function tokenCreated(
  site: MailSite,
  token: Pick<TokenView, 'name' | 'allows' | 'narrows' | 'expiresAt' | 'createdAt'> & { from: string },
): WrittenMail {
  return mailLayout(site, {
    subject: `New personal access token: ${token.name}`,
    heading: 'A personal access token was made',
    paragraphs: ['Whoever has this token can act in your name within these limits.'],
    facts: [
      { label: 'Name', value: token.name },
      { label: 'Allows', value: token.allows.join('; ') },
      ...narrowedFacts(token.narrows),
      { label: 'Expires', value: token.expiresAt === undefined ? 'never' : timeInProse(token.expiresAt) },
      ...doneFacts('Made', token.createdAt, token.from),
    ],
    action: { label: 'See your tokens', url: `${site.url}/tokens` },
    footer: 'If you did not do this, revoke the token there and change your password.',
  });
}

function narrowedFacts(narrows: readonly string[]) {
  return narrows.length === 0 ? [] : [{ label: 'Narrowed', value: narrows.join('; ') }];
}

/** Tells the owner that a token has ended because nothing used it for as long as they had said. */
export function tokenLayIdle(
  site: MailSite,
  token: { name: string; endedAt: number; lastUsedAt?: number | undefined },
): WrittenMail {
  const { name, endedAt, lastUsedAt } = token;
  return mailLayout(site, {
    subject: `Your token ${name} ended: nothing used it`,
    heading: 'A token ended because nothing used it',
    paragraphs: [
      'You had it end when it is not used for so long. Every call with it is refused from now on.',
    ],
    facts: [
      { label: 'Name', value: name },
      { label: 'Last used', value: lastUsedAt === undefined ? 'never' : timeInProse(lastUsedAt) },
      { label: 'Ended', value: timeInProse(endedAt) },
    ],
    action: { label: 'See your tokens', url: `${site.url}/tokens` },
    footer: 'If something still needs it, make a new one there. There is nothing else to do.',
  });
}

/** Tells the owner that name, note or scopes of a token were changed. */
export function tokenChanged(
  site: MailSite,
  token: {
    name: string;
    allows: readonly string[];
    narrows: readonly string[];
    changedAt: number;
    from: string;
  },
): WrittenMail {
  return mailLayout(site, {
    subject: `Token changed: ${token.name}`,
    heading: 'A personal access token was changed',
    paragraphs: ['Its value is the same. What it allows now holds from the next call on.'],
    facts: [
      { label: 'Name', value: token.name },
      { label: 'Allows', value: token.allows.join('; ') },
      ...narrowedFacts(token.narrows),
      ...doneFacts('Changed', token.changedAt, token.from),
    ],
    action: { label: 'See your tokens', url: `${site.url}/tokens` },
    footer: 'If you did not do this, revoke the token there and change your password.',
  });
}

/** Tells the owner that somebody else had a token stop. */
export function tokenPaused(
  site: MailSite,
  token: { id: string; name: string; changedAt: number; from: string },
): WrittenMail {
  return mailLayout(site, {
    subject: `Token paused: ${token.name}`,
    heading: 'A personal access token was paused',
    paragraphs: ['Every call with it is refused until it is resumed. Nothing of it is lost.'],
    facts: [{ label: 'Name', value: token.name }, ...doneFacts('Paused', token.changedAt, token.from)],
    action: { label: 'See this token', url: `${site.url}/tokens/${token.id}` },
    footer: 'Only an admin can resume it: ask the people who run this site.',
  });
}

/** Tells the owner that somebody else had a token work again. */
export function tokenResumed(
  site: MailSite,
  token: { id: string; name: string; changedAt: number; from: string },
): WrittenMail {
  return mailLayout(site, {
    subject: `Token resumed: ${token.name}`,
    heading: 'A paused token works again',
    paragraphs: ['It is taken again from the next call on, as it was before.'],
    facts: [{ label: 'Name', value: token.name }, ...doneFacts('Resumed', token.changedAt, token.from)],
    action: { label: 'See this token', url: `${site.url}/tokens/${token.id}` },
    footer: 'If you do not want it to work, revoke it there.',
  });
}

/** Tells the owner that a token has a new value, and how long the old one works on. */
export function tokenRotated(
  site: MailSite,
  token: { name: string; createdAt: number; expiresAt?: number | undefined; oldEndsAt: number; from: string },
): WrittenMail {
  const endsNow = token.oldEndsAt <= token.createdAt;
  return mailLayout(site, {
    subject: `Token rotated: ${token.name}`,
    heading: 'A personal access token has a new value',
    paragraphs: [
      endsNow
        ? 'The old value is refused from now on.'
        : 'The old value works on until the time below. Put the new one in its place before that.',
    ],
    facts: [
      { label: 'Name', value: token.name },
      ...(endsNow ? [] : [{ label: 'Old value ends', value: timeInProse(token.oldEndsAt) }]),
      {
        label: 'New value expires',
        value: token.expiresAt === undefined ? 'never' : timeInProse(token.expiresAt),
      },
      ...doneFacts('Rotated', token.createdAt, token.from),
    ],
    action: { label: 'See your tokens', url: `${site.url}/tokens` },
    footer: 'If you did not do this, revoke the token there and change your password.',
  });
}

/** Enough to recognise what was revoked; the page has the rest. */
const NAMES_MAX = 20;

/** Tells the owner which personal access tokens work no longer: one, or all at once. */
export function tokensRevoked(
  site: MailSite,
  { names, revokedAt, from }: { names: readonly string[]; revokedAt: number; from: string },
): WrittenMail {
  const one = names.length === 1;
  const listed = names.slice(0, NAMES_MAX).join('; ');
  const rest = names.length - NAMES_MAX;
  return mailLayout(site, {
    subject: one ? `Token revoked: ${names[0]}` : `${names.length} personal access tokens were revoked`,
    heading: one ? 'A personal access token was revoked' : 'Your personal access tokens were revoked',
    paragraphs: [
      `From now on every call with ${one ? 'it' : 'one of them'} is refused. This cannot be undone.`,
    ],
    facts: [
      { label: one ? 'Name' : 'Names', value: rest > 0 ? `${listed}; and ${rest} more` : listed },
      ...doneFacts('Revoked', revokedAt, from),
    ],
    action: { label: 'See your tokens', url: `${site.url}/tokens` },
    footer: IF_NOT_YOU,
  });
}

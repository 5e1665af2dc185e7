import { doneFacts, type MailSite, mailLayout, type WrittenMail } from './layout.ts';

/** A credential that was found where it should not be. */
export type LeakedView = {
  name: string;
  kind: 'personal_access_token' | 'client_secret' | 'access_token' | 'refresh_token';
  /** Where it was found, as whoever reported it says. */
  foundAt: string | undefined;
};

const KINDS: Record<LeakedView['kind'], string> = {
  personal_access_token: 'personal access token',
  client_secret: 'client secret',
  access_token: 'access token',
  refresh_token: 'refresh token, with all access of its app',
};

/** So many are named; the activity has the rest. */
const NAMED_MAX = 50;
const FOUND_AT_LENGTH_MAX = 500;

/** Tells the owner which of their credentials were reported as leaked, and that they are revoked. */
export function credentialsLeaked(
  site: MailSite,
  { leaked, revokedAt, from }: { leaked: readonly LeakedView[]; revokedAt: number; from: string | undefined },
): WrittenMail {
  const [first] = leaked;
  const one = leaked.length === 1 ? first : undefined;
  const rest = leaked.length - NAMED_MAX;
  const named = leaked.slice(0, NAMED_MAX).map(({ name, kind, foundAt }) => ({
    label: name,
    value: foundAt === undefined ? KINDS[kind] : `${KINDS[kind]}, found at ${shortened(foundAt)}`,
  }));
  return mailLayout(site, {
    subject: one
      ? `Reported as leaked, and revoked: ${one.name}`
      : `${leaked.length} of your credentials were reported as leaked, and are revoked`,
    heading: one
      ? 'A credential of yours was reported as leaked'
      : 'Credentials of yours were reported as leaked',
    paragraphs: [
      `Somebody found ${one ? 'its value' : 'their values'} where others can read ${one ? 'it' : 'them'}, so we revoked ${one ? 'it' : 'them'} at once: from now on every call with ${one ? 'it' : 'one of them'} is refused.`,
      'Take the value out of the place where it was found, look in your activity for calls that you do not know, and make a new one.',
    ],
    facts: [
      ...named,
      rest > 0 && { label: 'And', value: `${rest} more` },
      ...doneFacts('Revoked', revokedAt, from ?? 'the operator of this site'),
    ],
    action: { label: 'See your activity', url: `${site.url}/activity` },
    footer: 'Whoever holds a value may report it here. It says nothing about who else has read it.',
  });
}

function shortened(foundAt: string): string {
  return foundAt.length > FOUND_AT_LENGTH_MAX ? `${foundAt.slice(0, FOUND_AT_LENGTH_MAX)}…` : foundAt;
}

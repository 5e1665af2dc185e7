import { timeFromNow, timeInProse } from '../../server/ground/time.ts';
import { type MailSite, mailLayout, type WrittenMail } from './layout.ts';

/** A credential that ends soon. */
export type ExpiringView = {
  name: string;
  kind: 'token' | 'secret';
  /** Of the page that renews it. */
  path: string;
  createdAt: number;
  expiresAt: number;
};

/** So many are named; the page has the rest. */
const NAMED_MAX = 50;

/** Tells the owner which credentials end soon, and where each is renewed. */
export function credentialsExpire(
  site: MailSite,
  credentials: readonly ExpiringView[],
  now: number,
): WrittenMail {
  const sorted = credentials.toSorted((one, other) => one.expiresAt - other.expiresAt);
  const [first] = sorted;
  const one = sorted.length === 1 ? first : undefined;
  const when = timeFromNow((first?.expiresAt ?? now) - now);
  const rest = sorted.length - NAMED_MAX;
  const named = sorted.slice(0, NAMED_MAX).map(({ name, expiresAt }) => ({
    label: name,
    value: `expires on ${timeInProse(expiresAt)}`,
  }));
  return mailLayout(site, {
    subject: one
      ? `Your ${one.kind} ${one.name} expires ${when}`
      : `${sorted.length} of your tokens and secrets expire soon`,
    heading: one ? `A ${one.kind} expires ${when}` : `The first of them expires ${when}`,
    paragraphs: [
      `Whatever uses ${one ? 'it' : 'one of them'} stops working then. Renew it before: you get a new value, and the old one goes on working for as long as you choose, a day if you choose nothing.`,
    ],
    facts: rest > 0 ? [...named, { label: 'And', value: `${rest} more` }] : named,
    action: one
      ? { label: `Renew this ${one.kind}`, url: `${site.url}${one.path}` }
      : { label: 'See your tokens', url: `${site.url}/tokens` },
    footer: 'You get this because it is yours. What you no longer use, let it expire, or revoke it now.',
  });
}

/** A token that ends soon unless it is used. */
export type IdleView = {
  id: string;
  name: string;
  lastUsedAt?: number | undefined;
  endsAt: number;
  isPaused: boolean;
};

/** Tells the owner which tokens end soon because nothing uses them, and how each is kept. */
export function tokensLieIdle(site: MailSite, tokens: readonly IdleView[], now: number): WrittenMail {
  const sorted = tokens.toSorted((one, other) => one.endsAt - other.endsAt);
  const [first] = sorted;
  const one = sorted.length === 1 ? first : undefined;
  const when = timeFromNow((first?.endsAt ?? now) - now);
  const rest = sorted.length - NAMED_MAX;
  const named = sorted.slice(0, NAMED_MAX).map(({ name, lastUsedAt, endsAt, isPaused }) => ({
    label: name,
    value: `${isPaused ? 'paused, ' : ''}${lastUsedAt === undefined ? 'never used' : `last used on ${timeInProse(lastUsedAt)}`}, ends on ${timeInProse(endsAt)}`,
  }));
  return mailLayout(site, {
    subject: one
      ? `Your token ${one.name} ends ${when}, unless it is used`
      : `${sorted.length} of your tokens end soon, unless they are used`,
    heading: one
      ? `A token ends ${when}, unless it is used`
      : `The first of them ends ${when}, unless it is used`,
    paragraphs: [
      one
        ? 'You had it end when nothing uses it for so long. Any call with it before then keeps it. If it is needed more seldom, give it more days: on its page, under “Narrow”.'
        : 'You had them end when nothing uses them for so long. Any call before then keeps the token that makes it. What is needed more seldom, give more days: on its page, under “Narrow”.',
      ...(sorted.some(({ isPaused }) => isPaused)
        ? ['What is paused is to be resumed before it can be used.']
        : []),
    ],
    facts: rest > 0 ? [...named, { label: 'And', value: `${rest} more` }] : named,
    action: one
      ? { label: 'See this token', url: `${site.url}/tokens/${one.id}` }
      : { label: 'See your tokens', url: `${site.url}/tokens` },
    footer: 'You get this because it is yours. What you no longer use, let it end, or revoke it now.',
  });
}

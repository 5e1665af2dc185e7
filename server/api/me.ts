import type { Bearer } from '../oauth/bearer.ts';

/**
 * What GET /api/1.1/me answers: who the token is, what it may do and until when. Any good token may ask; the
 * e-mail address is only for those whose scopes cover it.
 */
export function describeCaller(caller: Bearer, now: number) {
  const { account, client, scopes, issuedAt, expiresAt } = caller;
  const showsEmail = ['profile', 'email', 'admin'].some((scope) => scopes.includes(scope));
  return {
    account: showsEmail ? { id: account.id, email: account.email } : { id: account.id },
    token: {
      id: caller.tokenId,
      kind: caller.tokenKind,
      name: caller.tokenName,
      scopes,
      created_at: issuedAt,
      created: isoOf(issuedAt),
      expires_at: expiresAt ?? null,
      expires: expiresAt === undefined ? null : isoOf(expiresAt),
      expires_in: expiresAt === undefined ? null : Math.max(0, expiresAt - now),
    },
    ...(client === undefined ? {} : { client: { id: client.id, name: client.name, kind: client.kind } }),
    acts_for: caller.actsFor,
  };
}

const DAY_SECONDS = 86_400;
/** More days than tokens live; past that all are forgotten. */
const DAYS_MAX = 2000;
const days = new Map<number, string>();

/** As `Date` writes it (ISO 8601, UTC); its own way takes longer than the rest of this answer. */
function isoOf(at: number): string {
  const day = Math.floor(at / DAY_SECONDS);
  const second = at - day * DAY_SECONDS;
  const hours = twoDigits(Math.floor(second / 3600));
  return `${dayOf(day)}T${hours}:${twoDigits(Math.floor(second / 60) % 60)}:${twoDigits(second % 60)}.000Z`;
}

function twoDigits(part: number): string {
  return part < 10 ? `0${part}` : String(part);
}

function dayOf(day: number): string {
  const known = days.get(day);
  if (known !== undefined) return known;
  if (days.size >= DAYS_MAX) days.clear();
  const written = new Date(day * DAY_SECONDS * 1000).toISOString().slice(0, 10);
  days.set(day, written);
  return written;
}

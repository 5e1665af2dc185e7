import type { Bearer } from '../access/bearer.ts';
import { narrowingForPrograms } from '../credentials/narrowing.ts';
import { covers } from '../credentials/scopes.ts';
import { isoTime } from '../ground/time.ts';

/**
 * What GET /api/1.1/me answers: who the token is, what it may do and until when. Any good token may ask; the
 * e-mail address is only for those whose scopes cover it.
 */
export function describeCaller(caller: Bearer, now: number) {
  const { account, client, scopes, issuedAt, expiresAt } = caller;
  const showsEmail = covers(scopes, 'profile') || covers(scopes, 'email');
  return {
    account: showsEmail ? { id: account.id, email: account.email } : { id: account.id },
    token: {
      id: caller.tokenId,
      kind: caller.tokenKind,
      name: caller.tokenName,
      scopes,
      ...narrowingForPrograms(caller.narrowing),
      created_at: issuedAt,
      created: isoTime(issuedAt),
      expires_at: expiresAt ?? null,
      expires: expiresAt === undefined ? null : isoTime(expiresAt),
      expires_in: expiresAt === undefined ? null : Math.max(0, expiresAt - now),
    },
    ...(client === undefined ? {} : { client: { id: client.id, name: client.name, kind: client.kind } }),
    acts_for: caller.actsFor,
  };
}

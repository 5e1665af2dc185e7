import type { Account } from '../accounts/account.ts';
import type { Client } from '../credentials/client.ts';

/** A live bearer token, whichever way it was got, and whoever stands behind it. */
export type Bearer = {
  tokenId: string;
  tokenKind: 'personal_access_token' | 'access_token';
  /** The name its owner gave it; for an access token the name of its service or app. */
  tokenName: string;
  account: Account;
  /** The service or app that holds it; absent for a personal access token. */
  client?: Client;
  actsFor: 'account' | 'app';
  scopes: readonly string[];
  issuedAt: number;
  /** Absent: does not expire. */
  expiresAt?: number | undefined;
  /** The grant that an app's access token hangs on. */
  grantId?: string | undefined;
  /** When its use, or that of its grant, was last noted, as the row was read. */
  lastUsedAt?: number | undefined;
};

/** Why a token is refused; the ids are there when we know which credential it is. */
export type BearerRefusal = {
  refused: 'malformed' | 'unknown' | 'expired' | 'revoked' | 'suspended';
  /** When it expired or was revoked, epoch seconds. */
  at?: number | undefined;
  tokenId?: string;
  tokenKind?: string;
  tokenName?: string;
  accountId?: string;
  clientId?: string;
};

/** Nothing is said of a token that is none, or of one whose account is gone. */
export const UNKNOWN: BearerRefusal = { refused: 'unknown' };

/** How introspection and the activity name a credential, whatever its kind (design section 2). */
export type TokenNames = { token_kind: string; token_name: string; token_id: string };

/** How a live token is named to whoever may know of it. */
export function namesOf(bearer: Bearer, tokenKind: string = bearer.tokenKind): TokenNames {
  return { token_kind: tokenKind, token_name: bearer.tokenName, token_id: bearer.tokenId };
}

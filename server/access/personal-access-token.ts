import type { Collection } from '../../adapters/port.ts';
import { type Account, isActive } from '../accounts/account.ts';
import { type Credential, stateOf } from '../credentials/credential.ts';
import type { Clock } from '../ground/clock.ts';
import { type Bearer, type BearerRefusal, UNKNOWN } from './bearer.ts';

/** Whether a personal access token may be used now, and whose it is. */
export async function judgePersonalAccessToken(
  parts: { accounts: Collection<Account>; clock: Clock },
  token: Credential | undefined,
): Promise<Bearer | BearerRefusal> {
  if (token?.kind !== 'personal_access_token') return UNKNOWN;
  const names = { tokenId: token.id, tokenKind: token.kind, tokenName: token.name };
  const known = { ...names, accountId: token.accountId };
  const state = stateOf(token, parts.clock());
  if (state === 'revoked') return { refused: state, at: token.revokedAt, ...known };
  if (state === 'expired') return { refused: state, at: token.expiresAt, ...known };
  const account = await parts.accounts.get(token.accountId);
  if (account === undefined) return UNKNOWN;
  if (!isActive(account)) return { refused: 'suspended', at: account.suspendedAt, ...known };
  const { scopes, createdAt: issuedAt, expiresAt, lastUsedAt } = token;
  return { ...names, account, actsFor: 'account', scopes, issuedAt, expiresAt, lastUsedAt };
}

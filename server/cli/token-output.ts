import { type Credential, stateOf } from '../credentials/credential.ts';
import type { Minted } from '../credentials/credential-rows.ts';
import { narrowingForPrograms, narrowingInWords } from '../credentials/narrowing.ts';
import {
  both,
  type Fact,
  jsonTimeOf,
  LIFE_HEADS,
  lifeCells,
  lifeJson,
  listOf,
  type Said,
  timeOf,
} from './output.ts';

/** A token that was just made, with its value, which is shown this once. */
export function mintedToken({ credential, value }: Minted, now: number, more: readonly Fact[] = []): Said {
  const facts = listOf([['token', value], ...tokenFacts(credential), ...more]);
  const warning = 'Copy the token now: it is kept nowhere and cannot be shown again.';
  return { json: { ...tokenJson(credential, now), token: value }, person: both(facts, warning) };
}

/** What a token is set to. */
export function tokenFacts({ id, name, scopes, narrowing, expiresAt }: Credential): Fact[] {
  return [
    ['id', id],
    ['name', name],
    ['scopes', scopes.join(' ')],
    ...narrowingInWords(narrowing).map((line): Fact => ['narrowed', line]),
    ['expires', timeOf(expiresAt, 'never')],
  ];
}

/** The heads of a table of tokens. */
export const TOKEN_HEADS = ['id', 'name', 'token', 'scopes', 'state', ...LIFE_HEADS];

/** A token as a row under them. */
export function tokenCells(token: Credential, now: number): string[] {
  return [
    token.id,
    token.name,
    token.imported ? 'imported' : `…${token.lastFour}`,
    token.scopes.join(' '),
    token.honey ? `honey, ${stateOf(token, now)}` : stateOf(token, now),
    ...lifeCells(token),
  ];
}

/** The same for scripts; the value is known to nobody any more. */
export function tokenJson(token: Credential, now: number) {
  return {
    id: token.id,
    name: token.name,
    account_id: token.accountId,
    last_four: token.imported ? null : token.lastFour,
    imported: token.imported === true,
    scopes: token.scopes,
    ...narrowingForPrograms(token.narrowing),
    note: token.note ?? null,
    state: stateOf(token, now),
    ...(token.honey ? { honey: true } : {}),
    ...lifeJson(token),
    revoked_at: jsonTimeOf(token.revokedAt),
  };
}

import type { CountsView } from '../../views/activity.ts';
import type { CredentialView, ScopeView } from '../../views/credentials.ts';
import type { AppView } from '../../views/developer.ts';
import type { ServiceView } from '../../views/services.ts';
import type { TokenView } from '../../views/tokens.ts';
import type { DayCounts, RouteCounts } from '../activity/call-counts.ts';
import { wordsOf } from '../activity/entry-words.ts';
import type { Client } from '../credentials/client.ts';
import { type Credential, endOf, stateOf } from '../credentials/credential.ts';
import { narrowingInWords } from '../credentials/narrowing.ts';
import { isAdmin, kindOfScope, type Scope } from '../credentials/scopes.ts';
import { prefixOf } from '../credentials/secret-format.ts';

type Describe = (scope: string) => string;

/* Rows as pages show them: scopes in words, states named, and never a hash. */

export function scopeView({ name, description }: Scope): ScopeView {
  return { name, description, kind: kindOfScope(name) };
}

export function credentialView(row: Credential, now: number): CredentialView {
  const { hash: _hash, ...shown } = row;
  const state = stateOf(row, now);
  // That it lay unused for too long may not be written down yet.
  const expiresAt = state === 'expired' ? endOf(row) : row.expiresAt;
  return { ...shown, prefix: row.imported ? '' : prefixOf(row.kind), state, expiresAt };
}

/** What is counted of calls, as a chart and a list. */
export function countsView(counts: {
  days: readonly DayCounts[];
  routes: readonly RouteCounts[];
}): CountsView {
  return {
    days: counts.days.map(({ day, success, refused, failed }) => ({
      day,
      whole: success,
      problems: refused + failed,
    })),
    routes: counts.routes.map(({ route, result, count }) => ({ route, result: wordsOf(result), count })),
  };
}

/** `issuer`: the name of the service that issued it. */
export function tokenView(row: Credential, now: number, describe: Describe, issuer?: string): TokenView {
  return {
    ...credentialView(row, now),
    note: row.note,
    scopes: row.scopes,
    allows: row.scopes.map(describe),
    narrows: [
      ...(row.honey ? ['Honey token: opens nothing, and its use is mailed'] : []),
      ...narrowingInWords(row.narrowing),
    ],
    issuedBy: issuer,
    pausedAt: row.pausedAt,
    pausedByAdmin: row.pausedByAdmin,
    replaces: row.replaces,
    replacedBy: row.replacedBy,
  };
}

/** Those that have not ended, paused ones too, apart from the others, as every list shows them. */
export function liveAndDead<T extends { state: CredentialView['state'] }>(rows: readonly T[]) {
  return {
    live: rows.filter((row) => isStanding(row.state)),
    dead: rows.filter((row) => !isStanding(row.state)),
  };
}

function isStanding(state: CredentialView['state']): boolean {
  return state === 'live' || state === 'paused';
}

export function serviceView(client: Client, describe: Describe): ServiceView {
  return { ...client, allows: client.scopes.map(describe), isAdmin: isAdmin(client.scopes) };
}

export function appView(client: Client, describe: Describe): AppView {
  return { ...client, allows: client.scopes.map(describe) };
}

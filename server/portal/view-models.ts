import type { CredentialView, ScopeView } from '../../views/credentials.ts';
import type { AppView } from '../../views/developer.ts';
import type { Viewer } from '../../views/layout.ts';
import type { ServiceView } from '../../views/services.ts';
import type { TokenView } from '../../views/tokens.ts';
import type { Account } from '../accounts/account.ts';
import type { Client } from '../credentials/client.ts';
import type { Credential } from '../credentials/credential.ts';
import { stateOf } from '../credentials/credential.ts';
import { isAdmin, type Scope, workflowOf } from '../credentials/scopes.ts';

type Describe = (scope: string) => string;

/*
 * Rows as pages show them: scopes in words, states named, and nothing that a page has no business with.
 */

/** Who looks at the page. */
export function viewerOf(account: Account): Viewer {
  return { email: account.email, admin: account.admin };
}

export function scopeView({ name, description }: Scope): ScopeView {
  return { name, description, isWorkflow: workflowOf(name) !== undefined };
}

export function credentialView(row: Credential, now: number): CredentialView {
  const { id, name, firstFour, lastFour, createdAt, expiresAt, lastUsedAt, lastUsedFrom, revokedAt } = row;
  const state = stateOf(row, now);
  return { id, name, firstFour, lastFour, createdAt, expiresAt, lastUsedAt, lastUsedFrom, revokedAt, state };
}

export function tokenView(row: Credential, now: number, describe: Describe): TokenView {
  return { ...credentialView(row, now), allows: row.scopes.map(describe), note: row.note };
}

/** Live ones apart from dead ones, as every list shows them. */
export function liveAndDead<T extends { state: CredentialView['state'] }>(rows: readonly T[]) {
  return {
    live: rows.filter((row) => row.state === 'live'),
    dead: rows.filter((row) => row.state !== 'live'),
  };
}

export function serviceView(client: Client, describe: Describe): ServiceView {
  const { id, name, actsFor, resourceServer, reason, createdAt, revokedAt } = client;
  return {
    id,
    name,
    actsFor,
    resourceServer,
    reason,
    createdAt,
    revokedAt,
    allows: client.scopes.map(describe),
    isAdmin: isAdmin(client.scopes),
  };
}

export function appView(client: Client, describe: Describe): AppView {
  const { id, name, redirectUris, confidential, applicationType, createdAt } = client;
  return {
    id,
    name,
    redirectUris,
    confidential,
    applicationType,
    createdAt,
    allows: client.scopes.map(describe),
  };
}

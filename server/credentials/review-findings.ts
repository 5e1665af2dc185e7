import type { Where } from '../../adapters/port.ts';
import {
  REVIEW_EXPIRING_DAYS,
  REVIEW_LONG_DAYS,
  REVIEW_NEVER_USED_DAYS,
  REVIEW_UNUSED_DAYS,
} from '../ground/limits.ts';
import { DAY_SECONDS } from '../ground/time.ts';
import { type Client, eachClient } from './client.ts';
import { type Credential, stateOf } from './credential.ts';
import { listStanding } from './credential-rows.ts';
import type { ClientDependencies } from './dependencies.ts';
import { isAdmin } from './scopes.ts';

/** Why a credential is looked at again, the gravest first. */
export const REASONS = ['all_powerful', 'never_used', 'unused', 'expiring', 'long_lived'] as const;

export type Reason = (typeof REASONS)[number];

/**
 * A credential that there is something to say about. Of a service all secrets are one, for it is the service that is
 * paused or revoked; an app's secrets are looked at one by one.
 */
export type Finding = {
  id: string;
  kind: 'token' | 'service' | 'secret';
  /** The app of a secret. */
  clientId?: string;
  name: string;
  reasons: Reason[];
  createdAt: number;
  expiresAt?: number;
  lastUsedAt?: number;
};

/** What the rules look at. */
type Life = Pick<Credential, 'scopes' | 'createdAt' | 'expiresAt' | 'lastUsedAt' | 'issuedBy'>;

/** All of an account's live credentials that there is something to say about, the gravest first. */
export async function findingsOf(
  parts: ClientDependencies,
  accountId: string,
  now: number,
): Promise<Finding[]> {
  const { credentials, clients } = parts;
  const ofAccount: Where<Credential> = [['accountId', '=', accountId]];
  const rows = await listStanding({ ...parts, credentials }, ofAccount);
  // What was replaced ends by itself; what is paused, and a honey token, opens nothing.
  const live = rows.filter(
    (row) => stateOf(row, now) === 'live' && row.replacedBy === undefined && row.honey !== true,
  );
  const secrets = Map.groupBy(live, ({ clientId }) => clientId);
  const findings = (secrets.get(undefined) ?? []).map((token) => findingOf('token', token, token, now));
  const liveClients: Where<Client> = [
    ['accountId', '=', accountId],
    ['revokedAt', 'absent'],
  ];
  for await (const client of eachClient(clients, liveClients)) {
    findings.push(...findingsOfClient(client, secrets.get(client.id) ?? [], now));
  }
  return findings.filter(({ reasons }) => reasons.length > 0).sort(byGravity);
}

function findingsOfClient(client: Client, secrets: readonly Credential[], now: number): Finding[] {
  if (secrets.length === 0 || client.pausedAt !== undefined) return [];
  if (client.kind === 'service') return [findingOf('service', client, lifeOf(client, secrets), now)];
  return secrets.map((secret) => ({
    ...findingOf('secret', secret, secret, now),
    clientId: client.id,
    name: `${client.name}: ${secret.name}`,
  }));
}

/** A service was used when one of its secrets was, and works until the last of them ends. */
function lifeOf({ scopes }: Client, secrets: readonly Credential[]): Life {
  const uses = secrets.flatMap(({ lastUsedAt }) => lastUsedAt ?? []);
  const ends = secrets.map(({ expiresAt }) => expiresAt ?? Number.POSITIVE_INFINITY);
  const end = Math.max(...ends);
  return {
    scopes,
    createdAt: Math.max(...secrets.map(({ createdAt }) => createdAt)),
    ...(end === Number.POSITIVE_INFINITY ? {} : { expiresAt: end }),
    ...(uses.length === 0 ? {} : { lastUsedAt: Math.max(...uses) }),
  };
}

function findingOf(
  kind: Finding['kind'],
  { id, name }: { id: string; name: string },
  { scopes, createdAt, expiresAt, lastUsedAt, issuedBy }: Life,
  now: number,
): Finding {
  const life = {
    createdAt,
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(lastUsedAt === undefined ? {} : { lastUsedAt }),
  };
  return { id, kind, name, reasons: reasonsFor({ scopes, issuedBy, ...life }, now), ...life };
}

function reasonsFor({ scopes, createdAt, expiresAt, lastUsedAt, issuedBy }: Life, now: number): Reason[] {
  const days = (seconds: number) => seconds / DAY_SECONDS;
  const lifeDays = days((expiresAt ?? Number.POSITIVE_INFINITY) - createdAt);
  const idleDays = days(now - (lastUsedAt ?? createdAt));
  const holds: Record<Reason, boolean> = {
    all_powerful: isAdmin(scopes),
    never_used: lastUsedAt === undefined && idleDays >= REVIEW_NEVER_USED_DAYS,
    unused: lastUsedAt !== undefined && idleDays >= REVIEW_UNUSED_DAYS,
    // One that lives for days only is always about to expire, and a service makes the next one by itself.
    expiring:
      issuedBy === undefined &&
      lifeDays > REVIEW_EXPIRING_DAYS &&
      lifeDays - days(now - createdAt) <= REVIEW_EXPIRING_DAYS,
    long_lived: lifeDays > REVIEW_LONG_DAYS,
  };
  return REASONS.filter((reason) => holds[reason]);
}

/** Whether nobody would miss it for now. */
export function isUnused({ reasons }: Pick<Finding, 'reasons'>): boolean {
  return reasons.includes('never_used') || reasons.includes('unused');
}

function byGravity(one: Finding, other: Finding): number {
  return gravityOf(one) - gravityOf(other) || other.reasons.length - one.reasons.length;
}

/** The fewer the graver. */
function gravityOf({ reasons: [first = 'long_lived'] }: Finding): number {
  return REASONS.indexOf(first);
}

import type { Logger } from 'pino';
import type { Collection } from '../../adapters/port.ts';
import { credentialsLeaked } from '../../views/mail/leaks.ts';
import type { Accounts } from '../accounts/accounts.ts';
import { type Client, isLiveClient } from '../credentials/client.ts';
import { type Credential, type CredentialState, hasEnded, stateOf } from '../credentials/credential.ts';
import { revokeCredential } from '../credentials/credential-rows.ts';
import type { ClientDependencies } from '../credentials/dependencies.ts';
import type { ImportedKeys } from '../credentials/imported-keys.ts';
import { mailToOwner } from '../credentials/owner.ts';
import { checkFormat } from '../credentials/secret-format.ts';
import type { EffectsOfChange } from '../effects/effects.ts';
import { type Actor, originOf } from '../ground/actor.ts';
import { createAfterAnswer } from '../ground/after-answer.ts';
import { Problem } from '../ground/errors.ts';
import { inTurn } from '../ground/in-turn.ts';
import { type Counted, type Limit, type Limiter, networkBuckets } from '../ground/limiter.ts';
import { hashOf } from '../ground/opaque.ts';
import { HOUR_SECONDS } from '../ground/time.ts';
import { type Artifact, artifactIdOf } from './artifact.ts';
import type { Grants } from './grants.ts';
import type { Honey } from './honey.ts';

type Mail = NonNullable<EffectsOfChange['mail']>;

/** A value that somebody found where it should not be, and where. */
export type Leak = { value: string; foundAt?: string | undefined };

/** What a value is: one of our credentials, and whose. */
export type Known = {
  kind: 'personal_access_token' | 'client_secret' | 'access_token' | 'refresh_token';
  /** For people: a name its owner gave it, or that of its app or service. */
  name: string;
  /** The token or secret; for what the engine issued, its client. */
  id: string;
  accountId: string;
  state: CredentialState;
  /** It opens nothing, and was left where it may be found. */
  isHoney: boolean;
};

type Found = Known & {
  foundAt: string | undefined;
  /** Revokes it, with this mail; false where it had ended. */
  revoke(actor: Actor, mail: Mail): Promise<boolean>;
};

/** A scanner of a large site reports what it finds in batches; whoever guesses gains nothing by more. */
const REPORTS: Limit = { limit: 60, windowSeconds: HOUR_SECONDS };
const VALUES: Limit = { limit: 10_000, windowSeconds: HOUR_SECONDS };

/** Reports wait in memory. */
const REPORTS_WAITING_MAX = 20;

type Parts = ClientDependencies & {
  accounts: Pick<Accounts, 'get'>;
  artifacts: Collection<Artifact>;
  importedKeys: Pick<ImportedKeys, 'find'>;
  grants: Pick<Grants, 'revokeOne'>;
  honey: Pick<Honey, 'used'>;
  limiter: Limiter;
  log: Pick<Logger, 'error'>;
};

/**
 * Credentials that somebody found where they should not be: whoever holds a value may end it, as they might use it.
 * Nothing that is answered tells whether a value was one of ours.
 */
export function createLeaks(parts: Parts) {
  const { limiter } = parts;
  // No time tells what was among the values.
  const afterAnswer = createAfterAnswer(parts);

  return {
    /** What this value is, whatever its state; undefined where it is none of ours. */
    async identify(value: string): Promise<Known | undefined> {
      const found = await find(parts, { value });
      if (found === undefined) return undefined;
      return knownOf(found);
    },

    /** Counts a report, whatever it holds, before it is read. Throws Problem 429. */
    admit: (from: string): Promise<Counted> =>
      limiter.countEach(networkBuckets('leak-reports', from, REPORTS)),

    /**
     * Takes a report. Its work begins a moment later, when it is answered, and reports of all callers come one after the
     * other. Throws Problem 429 for too many values, and 503 where too many reports wait.
     */
    async report(leaks: readonly Leak[], by: { from: string; requestId: string }): Promise<void> {
      const { from } = by;
      if (leaks.length > 0) {
        await limiter.countEach(networkBuckets('leak-values', from, VALUES, leaks.length));
      }
      if (afterAnswer.count() >= REPORTS_WAITING_MAX) throw tooBusy();
      const revoke = () => revokeAll(parts, leaks, { kind: 'reporter', ...by });
      const { requestId } = by;
      afterAnswer.begin(
        () => inTurn(afterAnswer, 'reports', revoke),
        'a report of leaks was not carried out',
        { requestId },
      );
    },

    /** When all that was reported is done. */
    settled: afterAnswer.settled,

    /** Ends those of these values that have not ended, and mails each owner once about all of theirs. */
    revoke: (leaks: readonly Leak[], actor: Actor): Promise<Known[]> => revokeAll(parts, leaks, actor),
  };
}

/** Answers what was ended. */
async function revokeAll(parts: Parts, leaks: readonly Leak[], actor: Actor): Promise<Known[]> {
  const byValue = new Map(leaks.map((leak) => [leak.value, leak]));
  const standing: Found[] = [];
  for (const leak of byValue.values()) {
    const found = await find(parts, leak);
    if (found?.state !== 'live' && found?.state !== 'paused') continue;
    if (found.isHoney) parts.honey.used(found, { from: originOf(actor), what: 'Reported as leaked' });
    else standing.push(found);
  }
  const ended: Known[] = [];
  for (const [accountId, theirs] of Map.groupBy(standing, (found) => found.accountId)) {
    let mail: Mail = await mailAbout(parts, accountId, theirs, actor);
    for (const found of theirs) {
      if (!(await found.revoke(actor, mail))) continue;
      // The first that ends has told of all.
      mail = [];
      ended.push(knownOf(found));
    }
  }
  return ended;
}

function knownOf({ kind, name, id, accountId, state, isHoney }: Known): Known {
  return { kind, name, id, accountId, state, isHoney };
}

function mailAbout(
  { accounts, clock, settings }: Parts,
  accountId: string,
  leaked: readonly Found[],
  { from }: Actor,
) {
  return mailToOwner(accounts, accountId, credentialsLeaked(settings, { leaked, revokedAt: clock(), from }));
}

/** A damaged value costs no read, and everything else one or two. */
async function find(parts: Parts, { value, foundAt }: Leak): Promise<Found | undefined> {
  const format = checkFormat(value);
  if (format === 'damaged') return undefined;
  const found =
    format === 'ours'
      ? await findCredential(parts, await parts.credentials.find('hash', hashOf(value)))
      : ((await findArtifact(parts, value)) ??
        (await findCredential(parts, await parts.importedKeys.find(value))));
  return found && { ...found, foundAt };
}

type Unplaced = Omit<Found, 'foundAt'>;

async function findCredential(parts: Parts, row: Credential | undefined): Promise<Unplaced | undefined> {
  const { clients, clock } = parts;
  if (row === undefined) return undefined;
  const { id, kind, accountId, clientId } = row;
  const client = clientId === undefined ? undefined : await clients.get(clientId);
  const name = client === undefined ? row.name : `${client.name}: ${row.name}`;
  const state = clientId === undefined || isLiveClient(client) ? stateOf(row, clock()) : 'revoked';
  const action = kind === 'client_secret' ? 'secret.leaked' : 'token.leaked';
  return {
    ...{ id, kind, accountId, name, state, isHoney: row.honey === true },
    revoke(actor, mail) {
      if (hasEnded(row, clock())) return Promise.resolve(false);
      const audit = [{ accountId, actor, action, targetId: id, targetName: name }];
      return revokeCredential(parts, id, { audit, mail });
    },
  };
}

/** What the engine issued: an access token ends alone, a refresh token with all of its app's access. */
async function findArtifact(parts: Parts, value: string): Promise<Unplaced | undefined> {
  const { artifacts, clients, clock } = parts;
  const row = await artifacts.get(artifactIdOf(value));
  const kind = row && KINDS[row.model];
  if (row === undefined || kind === undefined) return undefined;
  const client = await clients.get(row.clientId ?? '');
  const accountId = row.accountId ?? client?.accountId;
  if (client === undefined || accountId === undefined) return undefined;
  const revoke =
    kind === 'refresh_token'
      ? (actor: Actor, mail: Mail) => parts.grants.revokeOne(row.grantId ?? '', actor, mail)
      : (actor: Actor, mail: Mail) => revokeAccessToken(parts, row, { client, accountId, actor, mail });
  const state = stateOfArtifact(row, clock());
  return { id: client.id, kind, accountId, name: client.name, state, isHoney: false, revoke };
}

const KINDS: Partial<Record<string, 'access_token' | 'refresh_token'>> = {
  AccessToken: 'access_token',
  ClientCredentials: 'access_token',
  RefreshToken: 'refresh_token',
};

function stateOfArtifact({ revokedAt, expiresAt }: Artifact, now: number): CredentialState {
  if (revokedAt !== undefined) return 'revoked';
  return expiresAt <= now ? 'expired' : 'live';
}

async function revokeAccessToken(
  { artifacts, effects, clock }: Parts,
  { id, model }: Artifact,
  { client, accountId, actor, mail }: { client: Client; accountId: string; actor: Actor; mail: Mail },
): Promise<boolean> {
  const action = 'access_token.leaked';
  const audit = [{ accountId, actor, action, targetId: client.id, targetName: client.name }];
  const guard = [
    ['model', '=', model],
    ['revokedAt', 'absent'],
  ] as const;
  const change = { set: { revokedAt: clock() } };
  return (await effects.update(artifacts, id, change, guard, { audit, mail })) !== undefined;
}

function tooBusy(): Problem {
  return new Problem({
    status: 503,
    code: 'TOO_BUSY',
    message: 'Too many reports wait.',
    hint: 'Send it again in a minute.',
    headers: { 'Retry-After': '60' },
  });
}

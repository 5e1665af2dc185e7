import type { Where } from '../../adapters/port.ts';
import { tokenChanged, tokenRotated } from '../../views/mail/tokens.ts';
import type { Account } from '../accounts/account.ts';
import { type Actor, originOf } from '../ground/actor.ts';
import { checkAll, Problem } from '../ground/errors.ts';
import { hashOf, newId } from '../ground/opaque.ts';
import { DAY_SECONDS } from '../ground/time.ts';
import { type Credential, checkOverlap, nextReminder, stateOf } from './credential.ts';
import { HELD_WHILE_STANDING, type Minted, revokeCredential, underName } from './credential-rows.ts';
import type { CredentialDependencies } from './dependencies.ts';
import { nameFrom, textFrom } from './names.ts';
import { auditEntry, mailToOwner, undoIfChanged } from './owner.ts';
import { someScopesFrom } from './scopes.ts';
import { endsOf, newSecret, prefixOf } from './secret-format.ts';

const NOT_REVOKED = ['revokedAt', 'absent'] as const;

/** Has a token open nothing until it is resumed; false when it was paused already. Throws Problem for an ended one. */
export async function pauseToken(
  parts: CredentialDependencies,
  token: Credential,
  actor: Actor,
): Promise<boolean> {
  const { credentials, effects, clock } = parts;
  requireStanding(token, clock());
  const audit = [auditEntry('token.paused', token, actor)];
  const guard = [NOT_REVOKED, ['pausedAt', 'absent']] as const;
  return (
    (await effects.update(credentials, token.id, { set: { pausedAt: clock() } }, guard, { audit })) !==
    undefined
  );
}

/** Has a paused token work again; false when it was not paused. Throws Problem for an ended one. */
export async function resumeToken(
  parts: CredentialDependencies,
  token: Credential,
  actor: Actor,
): Promise<boolean> {
  const { credentials, effects, clock } = parts;
  requireStanding(token, clock());
  const audit = [auditEntry('token.resumed', token, actor)];
  const guard = [NOT_REVOKED, ['pausedAt', 'present']] as const;
  return (
    (await effects.update(credentials, token.id, { unset: ['pausedAt'] }, guard, { audit })) !== undefined
  );
}

/** What an owner changes about a token. */
export type TokenEdit = Pick<Credential, 'name' | 'scopes'> & { note: string };

/** What somebody wishes of a token's name, scopes and note, checked. Throws all that is wrong. */
export function wishesFrom(
  { scopes }: Pick<CredentialDependencies, 'scopes'>,
  wanted: { name: string; scopes: readonly string[]; note?: string | undefined },
) {
  return checkAll({
    name: () => nameFrom(wanted.name),
    scopes: () => someScopesFrom(wanted.scopes, scopes.forTokens),
    note: () => textFrom(wanted.note ?? '', 'note') || undefined,
  });
}

/** Changes name, note and scopes, from the next call on, and mails the owner. Throws Problem. */
export async function editToken(
  parts: CredentialDependencies,
  token: Credential,
  wanted: TokenEdit,
  actor: Actor,
): Promise<Credential> {
  const { credentials, accounts, effects, scopes, clock, settings } = parts;
  requireStanding(token, clock());
  const set = wishesFrom(parts, wanted);
  // By its name the service finds what it issued before.
  if (token.issuedBy !== undefined && set.name !== token.name) throw namedByService();
  const liveName = token.liveName && `${token.accountId}\n${set.name}`;
  const named = token.issuedBy === undefined && liveName !== undefined ? { liveName } : {};
  const facts = { ...token, ...set, allows: set.scopes.map(scopes.describe), from: originOf(actor) };
  const mail = tokenChanged(settings, { ...facts, changedAt: clock() });
  const caused = {
    audit: [auditEntry('token.changed', { ...token, name: set.name }, actor)],
    mail: await mailToOwner(accounts, token.accountId, mail),
    repeatable: true,
  };
  const guard = [NOT_REVOKED, ['replacedBy', 'absent']] as const;
  const changed = await underName(parts, { ...token, ...named }, () =>
    effects.update(credentials, token.id, { set: { ...set, ...named }, add: { edits: 1 } }, guard, caused),
  );
  if (changed === undefined) throw notLive('It ended, or was rotated, just now.', 'Look at the list.');
  return changed;
}

/** What somebody wants of a rotation. */
export type WantedRotation = {
  /** So long the old value works on, but not past its own end; 0: it ends with the rotation. */
  overlapSeconds: number;
  /** As it was let in; none is made when it changed meanwhile. */
  account: Account;
};

/**
 * Gives a token a new value of the same settings and the same length of life. The old value ends after the overlap. It
 * is one guarded write of the old row, which carries the new one: of two rotations at once one is refused, and no
 * death of a process leaves half of one. Throws Problem for a token that is not live, and for one that was rotated.
 */
export async function rotateToken(
  parts: CredentialDependencies,
  token: Credential,
  { overlapSeconds, account }: WantedRotation,
  actor: Actor,
): Promise<Minted> {
  const { credentials, accounts, effects, clock, settings } = parts;
  const now = clock();
  checkOverlap(overlapSeconds);
  requireLive(token, now);
  if (token.replacedBy !== undefined) throw rotatedAlready();
  const value = newSecret(prefixOf('personal_access_token'));
  const successor = successorOf(token, value, { now, maxDays: settings.tokens.maxDays });
  const endsAt = Math.min(token.expiresAt ?? Number.POSITIVE_INFINITY, now + overlapSeconds);
  const end = overlapSeconds === 0 ? { revokedAt: now } : { expiresAt: endsAt };
  const mail = tokenRotated(settings, { ...successor, oldEndsAt: endsAt, from: originOf(actor) });
  const change = { set: { replacedBy: successor.id, ...end }, unset: HELD_WHILE_STANDING };
  const guard: Where<Credential> = [
    NOT_REVOKED,
    ['pausedAt', 'absent'],
    ['replacedBy', 'absent'],
    token.edits === undefined ? ['edits', 'absent'] : ['edits', '=', token.edits],
  ];
  const changed = await effects.update(credentials, token.id, change, guard, {
    audit: [auditEntry('token.rotated', token, actor)],
    mail: await mailToOwner(accounts, token.accountId, mail),
    successor,
    repeatable: true,
  });
  if (changed === undefined) throw rotatedAlready();
  await undoIfChanged(accounts, account, () =>
    revokeCredential(parts, successor.id, {
      audit: [auditEntry('token.revoked', successor, { kind: 'system' })],
    }),
  );
  return { credential: successor, value };
}

/** The row of the new value: all settings of the old one, and nothing of its history. */
function successorOf(
  token: Credential,
  value: string,
  { now, maxDays }: { now: number; maxDays: number },
): Credential {
  const { name, kind, liveName, place, accountId, issuedBy, scopes, note, expiresAt, createdAt } = token;
  const lifeSeconds = Math.min((expiresAt ?? 0) - createdAt, maxDays * DAY_SECONDS);
  const endsAt = expiresAt === undefined ? undefined : now + lifeSeconds;
  return {
    ...{ name, kind, liveName, place, accountId, issuedBy, scopes, note },
    id: newId('tok_'),
    hash: hashOf(value),
    ...endsOf(value),
    createdAt: now,
    expiresAt: endsAt,
    remindAt: nextReminder({ createdAt: now, expiresAt: endsAt }, now),
    replaces: token.id,
  };
}

function requireStanding(token: Credential, now: number): void {
  const state = stateOf(token, now);
  if (state === 'expired' || state === 'revoked') throw notLive(`It is ${state}.`, 'Make a new one.');
}

function requireLive(token: Credential, now: number): void {
  requireStanding(token, now);
  if (stateOf(token, now) === 'paused') throw notLive('It is paused.', 'Resume it first.');
}

function notLive(found: string, hint: string): Problem {
  return new Problem({
    status: 409,
    code: 'NOT_LIVE',
    message: `This cannot be done with this token. ${found}`,
    hint,
  });
}

function namedByService(): Problem {
  return new Problem({
    status: 409,
    code: 'INVALID_NAME',
    message: 'The service that issued this token has named it.',
    hint: 'Leave the name as it is. Note and scopes may be changed.',
    parameter: 'name',
  });
}

function rotatedAlready(): Problem {
  return new Problem({
    status: 409,
    code: 'NOT_LIVE',
    message: 'This token was rotated already, or ended just now.',
    hint: 'Use the value that has taken its place, and rotate that one.',
  });
}

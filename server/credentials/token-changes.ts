import type { Change, Where } from '../../adapters/port.ts';
import { tokenChanged, tokenPaused, tokenResumed, tokenRotated } from '../../views/mail/tokens.ts';
import type { Account } from '../accounts/account.ts';
import type { Call } from '../activity/call.ts';
import { type Actor, originOf } from '../ground/actor.ts';
import { checkAll, Problem } from '../ground/errors.ts';
import { OVERLAP_SECONDS_DEFAULT } from '../ground/limits.ts';
import { hashOf, newId } from '../ground/opaque.ts';
import type { Settings } from '../ground/settings.ts';
import { DAY_SECONDS } from '../ground/time.ts';
import { pauseOf, RESUMED, requireMayResume } from './admin-pause.ts';
import {
  type Credential,
  checkOverlap,
  HELD_WHILE_STANDING,
  idleWarningOf,
  nextReminder,
  settingsAsIn,
  stateOf,
} from './credential.ts';
import { type Minted, revokeCredential, underName } from './credential-rows.ts';
import type { CredentialDependencies } from './dependencies.ts';
import { nameFrom, textFrom } from './names.ts';
import { narrowingFrom, narrowingInWords, type WantedNarrowing } from './narrowing.ts';
import { auditEntry, isAsBefore, mailToOwner, undoIfChanged } from './owner.ts';
import { someScopesFrom } from './scopes.ts';
import { endsOf, newSecret, prefixOf } from './secret-format.ts';

const NOT_REVOKED = ['revokedAt', 'absent'] as const;

/** Has a token open nothing until it is resumed; false when it was paused already. Throws Problem for an ended one. */
export function pauseToken(parts: CredentialDependencies, token: Credential, actor: Actor): Promise<boolean> {
  const { set, guard } = pauseOf(actor, parts.clock());
  return setPaused(
    parts,
    token,
    { action: 'token.paused', change: { set }, guard, write: tokenPaused },
    actor,
  );
}

/**
 * Has a paused token work again; false when it was not paused. Throws Problem for an ended one, and for its owner where
 * an admin paused it.
 */
export async function resumeToken(
  parts: CredentialDependencies,
  token: Credential,
  actor: Actor,
): Promise<boolean> {
  requireStanding(token, parts.clock());
  await requireMayResume(parts, token, actor);
  return setPaused(parts, token, { action: 'token.resumed', ...RESUMED, write: tokenResumed }, actor);
}

/** Of two callers who want the same at once one changes it. The owner is mailed when it was somebody else. */
async function setPaused(
  parts: CredentialDependencies,
  token: Credential,
  wanted: {
    action: string;
    change: Change<Credential>;
    guard: Where<Credential>;
    write: typeof tokenPaused;
  },
  actor: Actor,
): Promise<boolean> {
  const { credentials, accounts, effects, clock, settings } = parts;
  requireStanding(token, clock());
  const { action, change, guard, write } = wanted;
  const mail = write(settings, { ...token, changedAt: clock(), from: originOf(actor) });
  const caused = {
    audit: [auditEntry(action, token, actor)],
    mail: actor.reason === undefined ? [] : await mailToOwner(accounts, token.accountId, mail),
  };
  const whole = [NOT_REVOKED, ...guard] as const;
  return (await effects.update(credentials, token.id, change, whole, caused)) !== undefined;
}

/** What an owner changes about a token. */
export type TokenEdit = {
  name: string;
  note: string;
  scopes: readonly string[];
  /** Refuses scopes that it does not have: they are for who proved lately who they are. */
  onlyNarrower?: boolean;
};

/** Whether these scopes would let a token do more than it may now. */
export function isWider(scopes: readonly string[], token: Pick<Credential, 'scopes'>): boolean {
  return scopes.some((scope) => !token.scopes.includes(scope));
}

/** What somebody wishes of a token's name, scopes, note and narrowing, checked. Throws all that is wrong. */
export function wishesFrom(
  { scopes }: Pick<CredentialDependencies, 'scopes'>,
  wanted: {
    name: string;
    scopes: readonly string[];
    note?: string | undefined;
    narrowing?: WantedNarrowing | undefined;
  },
) {
  return checkAll({
    name: () => nameFrom(wanted.name),
    scopes: () => someScopesFrom(wanted.scopes, scopes.forTokens),
    note: () => textFrom(wanted.note ?? '', 'note') || undefined,
    narrowing: () => narrowingFrom(scopes, wanted.narrowing, wanted.scopes),
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
  const { narrowing: _, ...set } = wishesFrom(parts, wanted);
  // By its name the service finds what it issued before.
  if (token.issuedBy !== undefined && set.name !== token.name) throw namedByService();
  if (wanted.onlyNarrower === true && isWider(set.scopes, token)) throw changedMeanwhile();
  if (token.replacedBy === undefined && isAsBefore(token, set)) return token;
  const liveName = token.liveName && `${token.accountId}\n${set.name}`;
  const named = token.issuedBy === undefined && liveName !== undefined ? { liveName } : {};
  const facts = {
    ...{ ...token, ...set, from: originOf(actor) },
    allows: set.scopes.map(scopes.describe),
    narrows: narrowingInWords(token.narrowing),
  };
  const mail = tokenChanged(settings, { ...facts, changedAt: clock() });
  const caused = {
    audit: [auditEntry('token.changed', { ...token, name: set.name }, actor)],
    mail: await mailToOwner(accounts, token.accountId, mail),
    repeatable: true,
  };
  const guard: Where<Credential> = [NOT_REVOKED, ['replacedBy', 'absent'], settingsAsIn(token)];
  const changed = await underName(parts, { ...token, ...named }, () =>
    effects.update(credentials, token.id, { set: { ...set, ...named }, add: { edits: 1 } }, guard, caused),
  );
  if (changed === undefined) throw changedMeanwhile();
  return changed;
}

/** What somebody wants of a rotation. */
export type WantedRotation = {
  /** So long the old value works on, never past its own end; 0: it ends with the rotation. Absent: a day, or until then. */
  overlapSeconds?: number | undefined;
  /** As it was let in; none is made when it changed meanwhile. */
  account: Account;
  /** The call by which a token rotates itself: on record with the change, so that no value is lost for want of it. */
  call?: Call | undefined;
};

/**
 * Gives a token a new value of the same settings and the same length of life. The old value ends after the overlap. It
 * is one guarded write of the old row, which carries the new one: of two rotations at once one is refused, and no
 * death of a process leaves half of one. Throws Problem for a token that is not live, and for one that was rotated.
 */
export async function rotateToken(
  parts: CredentialDependencies,
  token: Credential,
  wanted: WantedRotation,
  actor: Actor,
): Promise<Minted> {
  const { credentials, accounts, effects, clock, settings } = parts;
  const now = clock();
  if (wanted.overlapSeconds !== undefined) checkOverlap(wanted.overlapSeconds);
  if (token.replacedBy !== undefined) throw rotatedAlready();
  requireLive(token, now);
  const overlapSeconds = overlapOf(token, wanted.overlapSeconds, now);
  const value = newSecret(prefixOf('personal_access_token'));
  const successor = successorOf(token, value, now, settings.tokens);
  const endsAt = now + overlapSeconds;
  const end = overlapSeconds === 0 ? { revokedAt: now } : { expiresAt: endsAt };
  const mail = tokenRotated(settings, { ...successor, oldEndsAt: endsAt, from: originOf(actor) });
  const { account, call } = wanted;
  const change = { set: { replacedBy: successor.id, ...end }, unset: HELD_WHILE_STANDING };
  const guard: Where<Credential> = [
    NOT_REVOKED,
    ['pausedAt', 'absent'],
    ['replacedBy', 'absent'],
    settingsAsIn(token),
  ];
  const changed = await effects.update(credentials, token.id, change, guard, {
    audit: [auditEntry('token.rotated', token, actor)],
    mail: await mailToOwner(accounts, token.accountId, mail),
    successor,
    call,
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

/** How long the old value works on, in seconds. Throws Problem for an overlap past its end. */
function overlapOf({ expiresAt }: Credential, wanted: number | undefined, now: number): number {
  const leftSeconds = (expiresAt ?? Number.POSITIVE_INFINITY) - now;
  if (wanted === undefined) return Math.min(OVERLAP_SECONDS_DEFAULT, leftSeconds);
  if (wanted <= leftSeconds) return wanted;
  throw new Problem({
    status: 400,
    code: 'INVALID_OVERLAP',
    message: 'This overlap is too long: the old value expires before its end.',
    hint: `Choose at most ${leftSeconds} seconds, or leave it out: the old value then works on until its end, a day at most.`,
    parameter: 'overlap',
  });
}

/** The row of the new value: all settings of the old one, as far as a new one may have them, and nothing of its history. */
function successorOf(
  token: Credential,
  value: string,
  now: number,
  { maxDays, allowNever }: Settings['tokens'],
): Credential {
  const { name, kind, liveName, place, accountId, issuedBy, scopes, note, expiresAt, createdAt } = token;
  // Or its new value would open something.
  const { honey, metadata } = token;
  const lifeSeconds = (expiresAt ?? Number.POSITIVE_INFINITY) - createdAt;
  const isForEver = expiresAt === undefined && allowNever;
  const endsAt = isForEver ? undefined : now + Math.min(lifeSeconds, maxDays * DAY_SECONDS);
  // A day's calls are counted on, or each rotation would begin a new day.
  const narrowing = token.narrowing && { countedAs: token.id, ...token.narrowing };
  return {
    ...{ name, kind, liveName, place, accountId, issuedBy, scopes, note, honey, metadata },
    id: newId('tok_'),
    hash: hashOf(value),
    ...endsOf(value),
    createdAt: now,
    expiresAt: endsAt,
    remindAt: honey ? undefined : nextReminder({ createdAt: now, expiresAt: endsAt }, now),
    narrowing,
    idleAt: idleWarningOf({ createdAt: now, narrowing }),
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

/** Refuses what only a token that stands can have done to it. */
export function notLive(found: string, hint: string): Problem {
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

function changedMeanwhile(): Problem {
  return notLive(
    'It ended, or was changed, just now.',
    'Open it again, and look whether it is as you want it.',
  );
}

function rotatedAlready(): Problem {
  return new Problem({
    status: 409,
    code: 'ROTATED_ALREADY',
    message: 'This token was rotated already, or was changed just now.',
    hint: 'Use the value that has taken its place, and rotate that one.',
  });
}

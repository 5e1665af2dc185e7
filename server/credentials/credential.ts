import { z } from 'zod';
import { type Condition, declare } from '../../adapters/port.ts';
import { pendingEffects } from '../effects/effects.ts';
import { Problem } from '../ground/errors.ts';
import {
  IDLE_WARNING_DAYS_MAX,
  OVERLAP_DAYS_MAX,
  REMINDER_DAYS,
  REVIEW_UNUSED_DAYS,
} from '../ground/limits.ts';
import { metadataSchema } from '../ground/metadata.ts';
import { DAY_SECONDS } from '../ground/time.ts';
import { narrowingSchema } from './narrowing.ts';

/** Of its life, the last part in which its owner is reminded. */
const REMINDED_SHARE = 4 / 5;
/** Of the time that it may lie unused, the last part in which its owner is warned. */
const IDLE_WARNED_SHARE = 1 / 5;

/** A long-lived secret that somebody made and named: a personal access token or a client secret. */
const credentialSchema = z.strictObject({
  /** `token_id` everywhere: `tok_` or `sec_` and 20 base62 characters. Not secret. */
  id: z.string(),
  kind: z.enum(['personal_access_token', 'client_secret']),
  /** SHA-256 of the whole value, base64url. The value itself is shown once and kept nowhere. Unique. */
  hash: z.string(),
  /** First four and last four of the 36 characters behind the prefix, for people to recognise it by. */
  firstFour: z.string(),
  lastFour: z.string(),
  name: z.string(),
  /** Owner and name while live, so that a name is given once; absent when dead. Unique. */
  liveName: z.string().optional(),
  /** Which of the places of its owner it holds while it counts against a limit: see places.ts. Unique. */
  place: z.string().optional(),
  /** The account that it belongs to (for a client secret: the client's owner). */
  accountId: z.string(),
  /** The client whose secret this is. */
  clientId: z.string().optional(),
  /** Which rotation of its client made this secret: of two at the same moment the later one is left. */
  rotation: z.number().optional(),
  /** The service that made this personal access token, by issue_token. */
  issuedBy: z.string().optional(),
  /** What a personal access token may do; a client secret has its client's scopes and [] here. */
  scopes: z.array(z.string()),
  note: z.string().optional(),
  /** A key that existed before and was taken over by its hash: of its value nothing is known, so `firstFour` and `lastFour` are ''. */
  imported: z.literal(true).optional(),
  /** Where and how far it works: of a personal access token only. */
  narrowing: narrowingSchema.optional(),
  /** What the owner of the app notes of it, see ground/metadata.ts: of a personal access token only. */
  metadata: metadataSchema.optional(),
  createdAt: z.number(),
  /** Absent: never expires (only where the settings allow it). */
  expiresAt: z.number().optional(),
  lastUsedAt: z.number().optional(),
  lastUsedFrom: z.string().optional(),
  revokedAt: z.number().optional(),
  /** Since then it opens nothing, until it is resumed: by its owner, or where an admin paused it, by an admin. */
  pausedAt: z.number().optional(),
  pausedByAdmin: z.literal(true).optional(),
  /** When its owner was told that it is in use though it has ended: that is done once. */
  deadUseAt: z.number().optional(),
  /** When its owner is to be reminded of its end, or that it has come; absent afterwards. */
  remindAt: z.number().optional(),
  /** When to look whether it lies unused, first for a warning and then for its end; absent for one that may. */
  idleAt: z.number().optional(),
  /** How often its settings were changed: a rotation copies them, and must not copy those of before. */
  edits: z.number().optional(),
  /** Opens nothing: whoever uses it is answered as if it were not there, and its owner and the admins are told. */
  honey: z.literal(true).optional(),
  /** How often a honey token was used since that was mailed, and when it was. */
  honeyUses: z.number().optional(),
  honeyToldAt: z.number().optional(),
  /** The token that this one took the place of in a rotation. */
  replaces: z.string().optional(),
  /** The token that took its place; it may live on for an overlap. */
  replacedBy: z.string().optional(),
  ...pendingEffects,
});

export type Credential = z.infer<typeof credentialSchema>;

export const credentialDeclaration = declare<Credential>({
  name: 'credentials',
  schema: credentialSchema,
  unique: ['hash', 'liveName', 'place'],
  // By `revokedAt` the live ones are found beside however many that were replaced.
  indexes: [
    ['accountId', 'createdAt'],
    ['accountId', 'revokedAt', 'createdAt'],
    // And beside those that expired.
    ['accountId', 'revokedAt', 'expiresAt'],
    ['clientId', 'createdAt'],
    // Those of everybody, for admins. None begins with the kind: SQLite would take it for what finds an owner's tokens.
    ['createdAt'],
    ['lastFour', 'createdAt'],
    ['pausedAt'],
    ['revokedAt'],
    ['expiresAt'],
    ['remindAt'],
    ['idleAt'],
    ['pendingAt'],
    ['imported', 'createdAt'],
  ],
});

/** What one holds until it has ended. */
export const HELD_WHILE_STANDING = ['liveName', 'place'] as const;

/** What a credential is at some moment: only a live one opens anything; a paused one may be resumed, the others not. */
export type CredentialState = 'live' | 'paused' | 'expired' | 'revoked';

export function stateOf(credential: Credential, now: number): CredentialState {
  if (credential.revokedAt !== undefined) return 'revoked';
  const endsAt = endOf(credential);
  if (endsAt !== undefined && endsAt <= now) return 'expired';
  return credential.pausedAt === undefined ? 'live' : 'paused';
}

/** Whether it is used: within REVIEW_UNUSED_DAYS, longer ago, or never. */
export function useOf({ lastUsedAt }: Pick<Credential, 'lastUsedAt'>, now: number) {
  if (lastUsedAt === undefined) return 'never_used';
  return now - lastUsedAt < REVIEW_UNUSED_DAYS * DAY_SECONDS ? 'used' : 'unused';
}

/** When it expires, unless it is used before; undefined for never. */
export function endOf(credential: IdleFields & Pick<Credential, 'expiresAt'>): number | undefined {
  const idleEnd = idleEndOf(credential);
  const { expiresAt } = credential;
  return idleEnd !== undefined && (expiresAt === undefined || idleEnd < expiresAt) ? idleEnd : expiresAt;
}

type IdleFields = Pick<Credential, 'narrowing' | 'createdAt' | 'lastUsedAt'>;

/** When it has lain unused for too long; undefined for what may. */
export function idleEndOf({ narrowing, createdAt, lastUsedAt }: IdleFields): number | undefined {
  if (narrowing?.idleDays === undefined) return undefined;
  const from = Math.max(lastUsedAt ?? createdAt, narrowing.idleFrom ?? 0);
  return from + narrowing.idleDays * DAY_SECONDS;
}

/** From when on its owner is warned that it ends unless it is used; undefined for what may lie unused. */
export function idleWarningOf(fields: IdleFields): number | undefined {
  const end = idleEndOf(fields);
  const days = fields.narrowing?.idleDays;
  if (end === undefined || days === undefined) return undefined;
  const beforeSeconds = Math.min(days * IDLE_WARNED_SHARE, IDLE_WARNING_DAYS_MAX) * DAY_SECONDS;
  return end - Math.round(beforeSeconds);
}

/** Whether it is over for good. One that is paused is not: it holds its name, and a place among those of its owner. */
export function hasEnded(credential: Credential, now: number): boolean {
  const state = stateOf(credential, now);
  return state === 'expired' || state === 'revoked';
}

/** Holds as long as nobody changed its settings since it was read. */
export function settingsAsIn({ edits }: Credential): Condition<Credential> {
  return edits === undefined ? ['edits', 'absent'] : ['edits', '=', edits];
}

/**
 * The next time at which the owner is reminded of the end: so many days before as fit the life, for nobody wants to read
 * of the end of what was made yesterday. After the last one it is the end itself. Undefined for what does not expire.
 */
export function nextReminder(
  { createdAt, expiresAt }: Pick<Credential, 'createdAt' | 'expiresAt'>,
  after: number,
): number | undefined {
  if (expiresAt === undefined) return undefined;
  const longest = (expiresAt - createdAt) * REMINDED_SHARE;
  const times = REMINDER_DAYS.map((days) => days * DAY_SECONDS)
    .filter((seconds) => seconds <= longest)
    .map((seconds) => expiresAt - seconds);
  return times.find((at) => at > after) ?? expiresAt;
}

/** Whether this end lies ahead and within `maxDays`; `allowNever` says whether there may be none. */
export function isExpiryFit(
  expiresAt: number | undefined,
  now: number,
  rule: { allowNever: boolean; maxDays: number },
): boolean {
  if (expiresAt === undefined) return rule.allowNever;
  return Number.isSafeInteger(expiresAt) && expiresAt > now && expiresAt <= now + rule.maxDays * DAY_SECONDS;
}

/** Refuses an overlap of an old value with the one that replaces it. Throws Problem. */
export function checkOverlap(overlapSeconds: number): void {
  const isFit =
    Number.isSafeInteger(overlapSeconds) &&
    overlapSeconds >= 0 &&
    overlapSeconds <= OVERLAP_DAYS_MAX * DAY_SECONDS;
  if (isFit) return;
  throw new Problem({
    status: 400,
    code: 'INVALID_OVERLAP',
    message: 'This overlap cannot be used.',
    hint: `Choose between none and ${OVERLAP_DAYS_MAX} days.`,
    parameter: 'overlap',
  });
}

import { randomBytes } from 'node:crypto';
import { hashOf } from '../ground/opaque.ts';
import { MINUTE_SECONDS } from '../ground/time.ts';

/** Characters of a moment, in base 36: enough for two thousand years. */
const MOMENT_LENGTH = 7;
/** Past this a moment would stand in the wrong place. */
export const MOMENT_MAX = 36 ** MOMENT_LENGTH - 1;

/**
 * What leads the id of an entry: its moment, so that the index of ids grows at its end, and what is old is found by
 * its id, without an index of times that each call would pay for.
 */
export function momentOf(at: number): string {
  return at.toString(36).padStart(MOMENT_LENGTH, '0');
}

/** Makes the ids of audit entries: those of one process ascend, so that entries of one second are listed in their order. */
export function createAuditIds(): (at: number) => string {
  let count = 0;
  return (at) => {
    count += 1;
    const random = randomBytes(16).toString('base64url');
    return `${momentOf(at)}${count.toString(36).padStart(6, '0')}${random}`;
  };
}

/** One id for all of a minute that is the same in these: entries that have it are counted as one. */
export function minuteId(now: number, same: readonly (string | undefined)[]): string {
  const startsAt = Math.floor(now / MINUTE_SECONDS) * MINUTE_SECONDS;
  return `${momentOf(startsAt)}${hashOf([...same, startsAt].join('\n'))}`;
}

/** What leads the id of a call, before its moment. */
export const CALL_PREFIX = 'call_';

/** A request may have begun so long before its entries were written. */
export const REQUEST_SECONDS_MAX = 120;

/** The moment that leads such a text; undefined where none does. */
export function atOfMoment(text: string): number | undefined {
  const moment = text.slice(0, MOMENT_LENGTH);
  return /^[0-9a-z]{7}$/.test(moment) ? Number.parseInt(moment, 36) : undefined;
}

/** Characters of a moment, in base 36: enough for two thousand years. */
const MOMENT_LENGTH = 7;

/**
 * What leads the id of an entry: its moment, so that the index of ids grows at its end, and what is old is found by
 * its id, without an index of times that each call would pay for.
 */
export function momentOf(at: number): string {
  return at.toString(36).padStart(MOMENT_LENGTH, '0');
}

/** What leads the id of a call, before its moment. */
export const CALL_PREFIX = 'call_';

/** The moment that leads such a text; undefined where none does. */
export function atOfMoment(text: string): number | undefined {
  const moment = text.slice(0, MOMENT_LENGTH);
  return /^[0-9a-z]{7}$/.test(moment) ? Number.parseInt(moment, 36) : undefined;
}

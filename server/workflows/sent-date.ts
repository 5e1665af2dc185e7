/** Further out a text of ISO 8601 has no year of four digits. */
const MS_MIN = Date.parse('0001-01-01T00:00:00Z');
const MS_MAX = Date.parse('9999-12-31T23:59:59.999Z');
/** Less is likelier the seconds of a clock, or a day like 20261127, than a moment of 1970. */
const MS_CLEAR_MIN = 10_000_000_000;

const DAY = /^(\d{4})-(\d\d)-(\d\d)$/;
const MOMENT = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(.*)$/;
const ZONE = /^(?:[Zz]|([+-])(\d\d):?(\d\d))$/;
/** Days and months that stand either way, and years of two digits. */
const EITHER_WAY = /^\d{1,4}[./-]\d{1,2}[./-]\d{1,4}\b/;

const WANTED = 'expected a date as in ISO 8601, such as 2026-11-27T09:30:00Z';

/**
 * Reads a moment: ISO 8601 with a time zone, a day alone (its midnight in UTC), or milliseconds since 1970 as a number or
 * its text; what is finer than a millisecond is cut. Answers why, in words, where it is none or could mean two.
 */
export function readDate(sent: unknown): Date | string {
  if (sent instanceof Date) return Number.isNaN(sent.getTime()) ? 'expected a valid date' : sent;
  if (typeof sent === 'number') return momentOf(sent);
  if (typeof sent !== 'string') return `${WANTED}, received ${wordFor(sent)}`;
  if (/^-?\d{1,16}$/.test(sent)) return momentOf(Number(sent));
  if (DAY.test(sent)) return dayOf(sent) ?? 'there is no such day';
  const moment = MOMENT.exec(sent);
  if (moment === null) {
    return EITHER_WAY.test(sent) ? `${WANTED}: the year in four digits first, then month and day` : WANTED;
  }
  return timeOf(moment);
}

function timeOf([
  ,
  day = '',
  hours = '',
  minutes = '',
  seconds = '0',
  fraction = '',
  zone = '',
]: RegExpExecArray) {
  const midnight = dayOf(day);
  if (midnight === undefined) return 'there is no such day';
  if (Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) > 59)
    return 'there is no such time of day';
  if (zone === '') return 'its time has no time zone: end it with Z for UTC, or with an offset like +02:00';
  if (/^ \d\d:?\d\d$/.test(zone))
    return 'a blank stands before its offset: in an address or a form write + as %2B';
  const offset = ZONE.exec(zone);
  if (offset === null) return `${WANTED}; behind its time stands something else than a time zone`;
  const [, sign, offsetHours = '0', offsetMinutes = '0'] = offset;
  if (Number(offsetHours) > 23 || Number(offsetMinutes) > 59) return 'there is no such time zone';
  const ahead = (Number(offsetHours) * 60 + Number(offsetMinutes)) * (sign === '-' ? -1 : 1);
  const ofDay = ((Number(hours) * 60 + Number(minutes) - ahead) * 60 + Number(seconds)) * 1000;
  return inReach(midnight.getTime() + ofDay + Number(fraction.padEnd(3, '0').slice(0, 3)));
}

/** Midnight in UTC; undefined for a day like 2026-02-30, which JavaScript makes another day of. */
function dayOf(text: string): Date | undefined {
  const midnight = new Date(`${text}T00:00:00Z`);
  const isThere = !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(text);
  return isThere && midnight.getTime() >= MS_MIN ? midnight : undefined;
}

function momentOf(ms: number): Date | string {
  if (!Number.isInteger(ms)) return 'expected whole milliseconds since 1970';
  if (Math.abs(ms) < MS_CLEAR_MIN) {
    return 'a number counts milliseconds since 1970, and this one is too small to tell from seconds: send milliseconds, or ISO 8601';
  }
  return inReach(ms);
}

function inReach(ms: number): Date | string {
  return ms < MS_MIN || ms > MS_MAX ? 'expected a date of the years 1 to 9999' : new Date(ms);
}

/** What came, as zod calls it. */
export function wordFor(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

/** Times are epoch seconds everywhere; here are their units, and each way in which they are written. */

export const MINUTE_SECONDS = 60;
export const HOUR_SECONDS = 60 * MINUTE_SECONDS;
export const DAY_SECONDS = 24 * HOUR_SECONDS;

/** How long ago a moment of `performance.now()` is, in whole milliseconds. */
export function msSince(startedMs: number): number {
  return Math.round(performance.now() - startedMs);
}

/** For machines, RFC 3339: `2026-02-20T14:03:22.000Z`. */
export function isoTime(at: number): string {
  const day = Math.floor(at / DAY_SECONDS);
  const second = at - day * DAY_SECONDS;
  const hour = Math.floor(second / HOUR_SECONDS);
  const minute = Math.floor(second / MINUTE_SECONDS) % 60;
  return `${isoDay(day)}T${TWO_DIGITS[hour]}:${TWO_DIGITS[minute]}:${TWO_DIGITS[second % 60]}.000Z`;
}

const TWO_DIGITS = Array.from({ length: 60 }, (_, number) => String(number).padStart(2, '0'));
/** More days than tokens live. */
const ISO_DAYS_MAX = 2000;
const isoDays = new Map<number, string>();

/** Known days are not written again: `Date` takes 3 % of the server's time in an API call, which writes two times. */
function isoDay(day: number): string {
  const known = isoDays.get(day);
  if (known !== undefined) return known;
  if (isoDays.size >= ISO_DAYS_MAX) isoDays.clear();
  const text = new Date(day * DAY_SECONDS * 1000).toISOString().slice(0, 10);
  isoDays.set(day, text);
  return text;
}

/** The day alone, UTC, as a date field has it: `2026-02-20`. */
export function isoDate(at: number): string {
  return isoTime(at).slice(0, 10);
}

/** The beginning of a day (UTC) as a date field has it; undefined for what is none, February 30 among them. */
export function midnightOf(date: string): number | undefined {
  const at = /^\d{4}-\d{2}-\d{2}$/.test(date) ? Date.parse(`${date}T00:00:00Z`) / 1000 : Number.NaN;
  return Number.isNaN(at) || isoDate(at) !== date ? undefined : at;
}

/** For people who compare entries, as in a list of calls: `2026-02-20 14:03:22 UTC`. */
export function timeToTheSecond(at: number): string {
  return `${isoTime(at).slice(0, 19).replace('T', ' ')} UTC`;
}

/** For people, in the characters that RFC 6750 allows in a challenge: `2026-02-20 14:03 UTC`. */
export function timeToTheMinute(at: number): string {
  return `${isoTime(at).slice(0, 16).replace('T', ' ')} UTC`;
}

/** As a letter has it: `20 February 2026 at 14:03 UTC`. A mail cannot know its reader's zone. */
export function timeInProse(at: number): string {
  const day = new Date(at * 1000).toLocaleDateString('en-GB', { dateStyle: 'long', timeZone: 'UTC' });
  return `${day} at ${isoTime(at).slice(11, 16)} UTC`;
}

/** A month as a letter has it: `February 2026` for `2026-02`. */
export function monthInProse(month: string): string {
  const at = new Date(`${month}-01T00:00:00Z`);
  return at.toLocaleDateString('en-GB', { month: 'long', year: 'numeric', timeZone: 'UTC' });
}

const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'always' });
/** Expiries are given in days up to the longest life of a token, which is a little more than a year. */
const YEARS_FROM_SECONDS = 400 * DAY_SECONDS;

/** Seconds from now as people say it: `3 minutes ago`, `in 89 days`. */
export function timeFromNow(seconds: number): string {
  const distance = Math.abs(seconds);
  if (distance < MINUTE_SECONDS) return seconds > 0 ? 'in less than a minute' : 'just now';
  const rounded = (unit: number) => Math.round(seconds / unit);
  if (Math.abs(rounded(MINUTE_SECONDS)) < 60) return RELATIVE.format(rounded(MINUTE_SECONDS), 'minute');
  if (Math.abs(rounded(HOUR_SECONDS)) < 24) return RELATIVE.format(rounded(HOUR_SECONDS), 'hour');
  if (distance < YEARS_FROM_SECONDS) return RELATIVE.format(rounded(DAY_SECONDS), 'day');
  return RELATIVE.format(rounded(365 * DAY_SECONDS), 'year');
}

const UNITS = [
  { seconds: DAY_SECONDS, unit: 'day' },
  { seconds: HOUR_SECONDS, unit: 'hour' },
  { seconds: MINUTE_SECONDS, unit: 'minute' },
];
const SECOND = { seconds: 1, unit: 'second' };

/** A length of time in the largest unit that measures it whole: `30 minutes`, `1 hour`, `7 days`. */
export function duration(seconds: number): string {
  const { seconds: size, unit } = UNITS.find((one) => seconds % one.seconds === 0) ?? SECOND;
  const count = seconds / size;
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

/** A wait as a hint says it, rounded up: `a minute`, `12 minutes`. */
export function waitInMinutes(seconds: number): string {
  const minutes = Math.ceil(seconds / MINUTE_SECONDS);
  return minutes === 1 ? 'a minute' : `${minutes} minutes`;
}

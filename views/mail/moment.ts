/**
 * Epoch seconds as mails write them: `20 February 2026 at 14:03 UTC`. A mail cannot know its reader's zone.
 */
export function momentOf(at: number): string {
  const date = new Date(at * 1000);
  const day = `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
  return `${day} at ${date.toISOString().slice(11, 16)} UTC`;
}

const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

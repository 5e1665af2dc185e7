import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, it } from 'node:test';
import * as limits from '../../server/ground/limits.ts';
import { DAY_SECONDS, duration, HOUR_SECONDS, MINUTE_SECONDS } from '../../server/ground/time.ts';

const root = resolve(import.meta.dirname, '../..');

/** A file in one line, without the figures of the bench, which are no limits. */
function textOf(file: string): string {
  const lines = readFileSync(join(root, file), 'utf8').split('\n');
  return lines
    .filter((line) => !/^\|.*[<≥] ?[\d.]+|^Medians of/.test(line))
    .join(' ')
    .replace(/\s+/g, ' ');
}

const UNITS =
  'seconds?|minutes?|hours?|days?|weeks?|months?|years?|characters|bytes|KiB|MiB|mails|redirect URIs|secrets|tokens|services|apps';
const WORDS = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];
/** A number that looks like a limit: before a unit, or behind the words of a bound ("at least one" is none). */
const NUMBER = `\\d(?:[\\d,_]*\\d)?|${WORDS.slice(2).join('|')}`;
const QUANTITY = new RegExp(
  `\\b(?:(?:${NUMBER})(?:-| )(?:live ones|${UNITS})|(?:at most|at least|no more than|up to) (?:${NUMBER}))\\b`,
  'gi',
);

/** What README and the documentation say, with each number as the server has it. */
const SAID: Record<string, readonly string[]> = {
  'README.md': [
    `at least ${limits.SERVER_SECRET_BYTES_MIN} bytes`,
    `has ${limits.STOP_ANSWERED_SECONDS_MAX} seconds to be answered`,
    `after ${limits.STOP_SECONDS_MAX} seconds at most it has ended`,
    `\`${limits.TOKEN_DAYS_DEFAULT}\`, \`${limits.TOKEN_DAYS_MAX}\``,
    `its secret ends within ${limits.ADMIN_SECRET_DAYS_MAX} days`,
    `the last ${limits.ADMIN_USE_DAYS} days`,
    `as chosen, ${limits.TOKEN_DAYS_DEFAULT} days by default, at most ${limits.TOKEN_DAYS_MAX}`,
    `up to ${WORDS[limits.LIVE_SECRETS_MAX]} live ones a client`,
    `at most ${limits.ADMIN_SECRET_DAYS_MAX} days with an admin scope`,
    `| ${duration(limits.APP_TOKEN_SECONDS)}, ${duration(limits.SERVICE_TOKEN_SECONDS)} `,
    `| ${duration(limits.REFRESH_TOKEN_SECONDS)}, renewed by use for up to ${years(limits.REFRESH_LINE_SECONDS)}`,
    `works once | ${duration(limits.AUTHORIZATION_CODE_SECONDS)} `,
    `| ${duration(limits.SESSION_SECONDS)} `,
    `| ${limits.DEVICE_DAYS} days unseen `,
    `at most ${duration(limits.SHOWN_ONCE_SECONDS)}`,
    `sign-up ${limits.SIGN_UP_LINK_SECONDS / HOUR_SECONDS} hours, new password ${duration(limits.RESET_LINK_SECONDS)}, invitation ${duration(limits.MAILED_INVITATION_SECONDS)}, review ${duration(limits.REVIEW_ANSWER_SECONDS)}`,
    `unused for ${limits.REVIEW_UNUSED_DAYS} days`,
    `within ${duration(limits.REVIEW_ANSWER_SECONDS)} nobody answers`,
    `once and within ${duration(limits.MAILED_INVITATION_SECONDS)}`,
    `| ${duration(limits.PORTAL_LINK_SECONDS)}, once; ${duration(limits.PORTAL_SESSION_SECONDS)} `,
    `a sign-in of the last ${duration(limits.FRESH_SIGN_IN_SECONDS)}`,
    `within ${duration(limits.REFRESH_GRACE_SECONDS)} a refresh token`,
  ],
  'docs/workflows.md': [
    `it has ${limits.WORKFLOW_SECONDS_MAX} seconds`,
    `All files of a call have ${limits.UPLOAD_BYTES_MAX / 1e6} MB at most`,
    `up to ${limits.WORKFLOW_WAIT_SECONDS_MAX} seconds`,
    `${limits.WORKFLOW_PROCESSES_MAX} run at a time, ${limits.WORKFLOW_RUNS_WAITING_MAX} more`,
    `more than ${limits.WORKFLOW_MEGABYTES_MAX} MB`,
    `An answer of more than ${limits.WORKFLOW_ANSWER_CHARACTERS_MAX / 2 ** 20} MiB`,
    `at most ${limits.WORKFLOW_FOUND_MAX.toLocaleString('en')} of them`,
    `A turn lasts ${limits.RECORD_TURN_SECONDS_MAX} seconds at most`,
    `longer than ${limits.SCHEMA_CHECK_MS_MAX === 500 ? 'half a second' : 'another time'} is ended`,
  ],
  'docs/privacy-rules.md': [`Records are counted up to ${limits.RECORDS_COUNTED_MAX.toLocaleString('en')}`],
  'docs/managing.md': [
    `those whose \`ids\` you name, at most ${limits.CHOSEN_TOKENS_MAX}`,
    `once and within ${limits.MAILED_INVITATION_SECONDS / DAY_SECONDS} days`,
    `Up to ${limits.METADATA_KEYS_MAX} keys`,
    `a text of up to ${limits.METADATA_VALUE_LENGTH_MAX} characters`,
    `calls of the last ${limits.USED_DAYS} days`,
    `counted up to ${limits.RECORDS_COUNTED_MAX.toLocaleString('en')}`,
    `\`unused\` (for ${limits.REVIEW_UNUSED_DAYS} days)`,
    `longer than ${limits.LATENCY_BOUNDS_MS.at(-1)?.toLocaleString('en')} ms`,
    `counted up to ${limits.RECORDS_COUNTED_MAX.toLocaleString('en')}`,
  ],
  'docs/importing-keys.md': [
    `up to ${limits.LIVE_TOKENS_MAX} live tokens`,
    `up to ${limits.KEYS_IMPORTED_MAX.toLocaleString('en')} keys at a time`,
    `have ${limits.IMPORTED_KEY_LENGTH_MIN} to ${limits.IMPORTED_KEY_LENGTH_MAX} visible characters`,
  ],
  'docs/portal-links.md': [
    `ends after ${limits.ADMIN_SECRET_DAYS_MAX} days`,
    `once and for ${duration(limits.PORTAL_LINK_SECONDS)}`,
    `of its kind for ${duration(limits.PORTAL_SESSION_SECONDS)}`,
  ],
  'docs/data-api.md': [
    `Up to ${limits.BULK_LINES_MAX.toLocaleString('en')} lines of ${limits.BULK_BYTES_MAX / 2 ** 20} MiB`,
    `a JSON list of up to ${limits.CONSTRAINTS_MAX} of them`,
    `${limits.RECORDS_PAGE_MAX} at the most`,
    `a JSON list of up to ${limits.SORT_FIELDS_MAX} of`,
    `begins at ${limits.RECORDS_CURSOR_MAX.toLocaleString('en')} at the furthest`,
    `in the list \`value\`, of up to ${limits.CONSTRAINT_VALUES_MAX}`,
    `ends earlier, at ${limits.RECORDS_PAGE_CHARACTERS_MAX / 2 ** 20} MiB`,
    `took more than ${limits.SEARCH_SECONDS_MAX} seconds`,
  ],
  'docs/calling-the-api.md': [
    `"expires_in": ${limits.SERVICE_TOKEN_SECONDS}, `,
    `for its ${WORDS[limits.SERVICE_TOKEN_SECONDS / MINUTE_SECONDS]} minutes`,
    `Redeem the code within ${duration(limits.AUTHORIZATION_CODE_SECONDS).replace(/^1 /, 'a ')}`,
    `"expires": ${limits.TOKEN_DAYS_DEFAULT * DAY_SECONDS} }`,
    `${WORDS[limits.ISSUED_NAMES_MAX]} names a user`,
    `each takes one of the ${WORDS[limits.ISSUED_NAMES_MAX]} places`,
    `has ${WORDS[limits.ISSUED_NAMES_MAX]} names for this user`,
    `(${limits.OVERLAP_DAYS_MAX} days at most)`,
    `${duration(limits.ID_TOKEN_AGE_SECONDS)} after it was made`,
    `"expires_in": ${limits.TOKEN_DAYS_DEFAULT * DAY_SECONDS},`,
    `larger than ${limits.API_BODY_BYTES_MAX / 2 ** 20} MiB`,
    `stays within ${limits.API_BODY_BYTES_MAX / 2 ** 20} MiB`,
    `have ${limits.UPLOAD_BYTES_MAX / 1e6} MB at most`,
    `up to ${limits.LEAKS_REPORTED_MAX.toLocaleString('en')} values`,
    `${limits.MAILS_WAITING_MAX.toLocaleString('en')} mails`,
    `more than ${limits.WORKFLOW_SECONDS_MAX} seconds`,
  ],
};

/** How passwords are hashed, and how long something takes. */
const NO_LIMIT = ['19 MiB', 'about two minutes'];

function years(seconds: number): string {
  return seconds === 365 * DAY_SECONDS ? 'a year' : duration(seconds);
}

describe('the limits that people are told of', () => {
  for (const [file, sentences] of Object.entries(SAID)) {
    it(`are those of ${file}`, () => {
      const missing = sentences.filter((sentence) => !textOf(file).includes(sentence));
      assert.deepEqual(missing, []);
    });

    it(`are all that ${file} gives a number for`, () => {
      const rest = [...sentences, ...NO_LIMIT].reduce<string>(
        (text, known) => text.replaceAll(known, ''),
        textOf(file),
      );
      assert.deepEqual(rest.match(QUANTITY), null);
    });
  }

  it('are spelt out by no page, mail or hint, which take them from their home', () => {
    const files = ['views', 'server'].flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts'))
        .map((name) => join(folder, name)),
    );
    const spelt = files.flatMap((file) => {
      const source = withoutComments(readFileSync(join(root, file), 'utf8'));
      return [...(source.match(QUANTITY) ?? []), ...(source.match(/\blength(?:Min|Max): \d+/g) ?? [])].map(
        (found) => `${file}: ${found}`,
      );
    });
    assert.deepEqual(spelt, []);
  });
});

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
}

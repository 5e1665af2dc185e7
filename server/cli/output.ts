import Table from 'cli-table3';
import { isoTime, timeToTheMinute } from '../ground/time.ts';

/** Text for a person, who may have a terminal of so many columns; undefined where it goes into a file or a pipe. */
export type Shown = string | ((columns: number | undefined) => string);

/** What a command has to say: an object or a list for `--json`, and the same for a person. */
export type Said = { json: unknown; person: Shown };

/** A name and its value. */
export type Fact = readonly [string, string];

/** Narrower than this nothing can be read anyway. */
const COLUMNS_MIN = 16;

/**
 * Rows under headings, without lines, so that it can be read and cut up with the usual tools. Where the terminal is too
 * narrow for them, each row becomes a list.
 */
export function tableOf(heads: readonly string[], rows: readonly (readonly string[])[]): Shown {
  const chars = Object.fromEntries(Object.keys(new Table().options.chars).map((name) => [name, '']));
  const style = { head: [], border: [], 'padding-left': 0, 'padding-right': 3 };
  const table = new Table({ head: heads.map((head) => head.toUpperCase()), chars, style });
  for (const row of rows) table.push(row.map(harmless));
  const whole = table.toString().replace(/ +$/gm, '');
  const width = Math.max(...whole.split('\n').map((line) => line.length));
  return (columns) => {
    if (columns === undefined || width <= columns) return whole;
    const lists = rows.map((row) => textFor(listOf(heads.map((head, at) => [head, row[at] ?? ''])), columns));
    return lists.join('\n\n');
  };
}

/** Names and values below each other; long values are wrapped at blanks. */
export function listOf(facts: readonly Fact[]): Shown {
  const width = Math.max(...facts.map(([name]) => name.length));
  return (columns) =>
    facts.map(([name, value]) => indented(`${name.padEnd(width)}   `, harmless(value), columns)).join('\n');
}

/** A text behind its head, wrapped at blanks into the columns that are left. */
export function indented(head: string, text: string, columns: number | undefined): string {
  const room = Math.max((columns ?? Number.POSITIVE_INFINITY) - head.length, COLUMNS_MIN);
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= room)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return `${head}${lines.join(`\n${' '.repeat(head.length)}`)}`.trimEnd();
}

/** For a terminal of so many columns. */
export function textFor(what: Shown, columns: number | undefined): string {
  return typeof what === 'string' ? what : what(columns);
}

/** One below the other, with a line between them. */
export function both(first: Shown, second: Shown): Shown {
  return (columns) => `${textFor(first, columns)}\n\n${textFor(second, columns)}`;
}

/** `2027-02-20 09:30 UTC`, or the word for none. */
export function timeOf(at: number | undefined, none: string): string {
  return at === undefined ? none : timeToTheMinute(at);
}

/** RFC 3339, for scripts; null for none. */
export function jsonTimeOf(at: number | undefined): string | null {
  return at === undefined ? null : isoTime(at).replace('.000Z', 'Z');
}

type Life = { createdAt: number; expiresAt?: number | undefined; lastUsedAt?: number | undefined };

/** What a table says of the life of a token or a secret, under these heads. */
export const LIFE_HEADS = ['created', 'expires', 'last used'];

export function lifeCells({ createdAt, expiresAt, lastUsedAt }: Life): string[] {
  return [timeOf(createdAt, ''), timeOf(expiresAt, 'never'), timeOf(lastUsedAt, 'never')];
}

/** The same for scripts. */
export function lifeJson({ createdAt, expiresAt, lastUsedAt }: Life) {
  return {
    created_at: jsonTimeOf(createdAt),
    expires_at: jsonTimeOf(expiresAt),
    last_used_at: jsonTimeOf(lastUsedAt),
  };
}

/** What other people wrote must not steer the operator's terminal. */
function harmless(text: string): string {
  return text.replace(/\p{C}/gu, '\ufffd');
}

import Table from 'cli-table3';
import { isoTime, timeToTheMinute } from '../ground/time.ts';

/** What a command has to say: an object or a list for `--json`, and the same for a person. */
export type Said = { json: unknown; person: string };

/** A name and its value. */
export type Fact = readonly [string, string];

/** Rows under headings, without lines, so that it can be read and cut up with the usual tools. */
export function tableOf(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const chars = Object.fromEntries(Object.keys(new Table().options.chars).map((name) => [name, '']));
  const style = { head: [], border: [], 'padding-left': 0, 'padding-right': 3 };
  const table = new Table({ head: heads.map((head) => head.toUpperCase()), chars, style });
  for (const row of rows) table.push(row.map(harmless));
  return table.toString().replace(/ +$/gm, '');
}

/** Names and values below each other. */
export function listOf(facts: readonly Fact[]): string {
  const width = Math.max(...facts.map(([name]) => name.length));
  return facts.map(([name, value]) => `${name.padEnd(width)}   ${harmless(value)}`).join('\n');
}

/** `2027-02-20 09:30 UTC`, or the word for none. */
export function timeOf(at: number | undefined, none: string): string {
  return at === undefined ? none : timeToTheMinute(at);
}

/** RFC 3339, for scripts; null for none. */
export function jsonTimeOf(at: number | undefined): string | null {
  return at === undefined ? null : isoTime(at).replace('.000Z', 'Z');
}

/** What other people wrote must not steer the operator's terminal. */
function harmless(text: string): string {
  return text.replace(/\p{C}/gu, '\ufffd');
}

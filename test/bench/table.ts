import type { Pair } from './pair.ts';
import type { PairRow } from './rows.ts';

/** A server that idles this much of the time was not what held the load up. */
const BUSY_MIN = 0.8;

const HEAD = [
  'What',
  'against',
  'requests/s',
  'ratio',
  'aim',
  'holds',
  'CPU µs a request',
  'ratio',
  'p99 ms',
  'MB',
];

/** The table of a run, in Markdown, so that it can be read in a terminal and pasted into README as it is. */
export function createTable() {
  const rows: string[][] = [];

  return {
    /** A comparison under load: Latchkey's number first. */
    addPair(row: PairRow, { ours, theirs, speedRatio, cpuRatio }: Pair): void {
      const verdict = speedRatio >= row.aim ? 'yes' : speedRatio >= row.atLeast ? 'at least' : 'no';
      const idle = Math.min(ours.serverBusy, theirs.serverBusy) < BUSY_MIN;
      rows.push([
        row.title,
        row.against,
        both(ours.perSecond, theirs.perSecond, 0),
        `${speedRatio.toFixed(2)}${idle ? ' (a server idled)' : ''}`,
        row.aim === row.atLeast ? `≥ ${row.aim}` : `≥ ${row.aim}, at least ${row.atLeast}`,
        verdict,
        both(ours.cpuMicros, theirs.cpuMicros, 1),
        cpuRatio.toFixed(2),
        both(ours.p99Ms, theirs.p99Ms, 1),
        both(ours.residentBytes / 1e6, theirs.residentBytes / 1e6, 0),
      ]);
    },

    /** A number of Latchkey's alone that should stay below its aim. */
    addLimit(title: string, value: number, aim: number, unit: 's' | 'MB'): void {
      const shown = `${value.toFixed(unit === 's' ? 2 : 0)} ${unit}`;
      rows.push([title, '', shown, '', `< ${aim} ${unit}`, value < aim ? 'yes' : 'no', '', '', '', '']);
    },

    text(): string {
      const widths = HEAD.map((head, column) =>
        Math.max(head.length, ...rows.map((row) => (row[column] ?? '').length)),
      );
      const line = (cells: readonly string[], fill = ' ') =>
        `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0, fill)).join(' | ')} |`;
      return [
        line(HEAD),
        line(
          HEAD.map(() => ''),
          '-',
        ),
        ...rows.map((row) => line(row)),
      ].join('\n');
    },
  };
}

function both(ours: number, theirs: number, digits: number): string {
  const shown = (value: number) =>
    value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${shown(ours)} / ${shown(theirs)}`;
}

import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { startGenerator } from './pair.ts';
import { finishInstallation, measureStarts, pairRows } from './rows.ts';
import { createTable } from './table.ts';

/**
 * `npm run bench`: each server in a process of its own, one table from one run. `--quick` for a look while
 * working; `--only NAME` for one row. Reads /proc, so it needs Linux, and two free cores.
 */

const START_SECONDS_AIM = 1;
const MEMORY_MEGABYTES_AIM = 300;

const FULL = {
  lengths: { warmSeconds: 4, roundSeconds: 6 },
  manyCredentials: 1_000_000,
  manyRecords: 1_000_000,
};
const QUICK = {
  lengths: { warmSeconds: 1, roundSeconds: 2 },
  manyCredentials: 100_000,
  manyRecords: 100_000,
};

const { values: options } = parseArgs({ options: { quick: { type: 'boolean' }, only: { type: 'string' } } });
const names = [...pairRows.map((row) => row.name), 'start'];
if (options.only !== undefined && !names.includes(options.only)) {
  console.error(`--only takes one of ${names.join(', ')}`);
  process.exit(1);
}
const wanted = (name: string) => options.only === undefined || options.only === name;
const { lengths, manyCredentials, manyRecords } = options.quick ? QUICK : FULL;

const table = createTable();
const generator = startGenerator();
let residentBytes = 0;
const rows = pairRows.filter(({ name }) => wanted(name));
if (rows.length > 0) await finishInstallation(generator);
for (const row of rows) {
  console.error(`${row.title} …`);
  const pair = await row.measure({ generator, lengths, manyCredentials, manyRecords });
  const latchkeys = row.comparesLatchkeys ? [pair.ours, pair.theirs] : [pair.ours];
  residentBytes = Math.max(residentBytes, ...latchkeys.map((side) => side.residentBytes));
  table.addPair(row, pair);
}
generator.stop();
if (residentBytes > 0) {
  table.addLimit('Memory after load, the most of all rows', residentBytes / 1e6, MEMORY_MEGABYTES_AIM, 'MB');
}
if (wanted('start')) {
  console.error('Start …');
  const { firstMs, freshMs, existingMs } = await measureStarts();
  table.addLimit('Start to first answer, right after install', firstMs / 1000, START_SECONDS_AIM, 's');
  table.addLimit('Start to first answer, fresh folder', freshMs / 1000, START_SECONDS_AIM, 's');
  table.addLimit('Start to first answer, 10,000 credentials', existingMs / 1000, START_SECONDS_AIM, 's');
}

console.log(table.text());
const [cpu] = cpus();
console.log(
  [
    `${new Date().toISOString().slice(0, 10)}, Node ${process.versions.node}, ${cpus().length} cores of ${cpu?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB.`,
    `Medians of 3 rounds of ${lengths.roundSeconds} s each, the two sides in turn; 32 connections; many: ${manyCredentials.toLocaleString('en')} credentials, ${manyRecords.toLocaleString('en')} records.`,
    'Ratios above 1 are in favour of Latchkey; the aim is for requests a second.',
  ].join('\n'),
);

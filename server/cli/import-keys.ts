import { readFile } from 'node:fs/promises';
import { type Command, CommanderError } from 'commander';
import { CsvError, parse } from 'csv-parse/sync';
import type { KeyOutcome } from '../access/key-import.ts';
import type { Domain } from '../domain.ts';
import { Problem } from '../ground/errors.ts';
import { KEYS_IMPORTED_MAX } from '../ground/limits.ts';
import { utf8Of } from '../http/utf8.ts';
import { both, type Said, tableOf } from './output.ts';
import { answer, OPERATOR, type Terminal } from './terminal.ts';

type Wanted = { dryRun?: boolean; makeAccounts?: boolean };

/** One key of a file, and the line that it begins in. */
type Line = { line: number; key: unknown };

/** `import-keys`: takes over the keys that an app gave out before. */
export function addImportCommand(program: Command, terminal: Terminal): void {
  let isAllFine = true;
  program
    .command('import-keys')
    .description('takes over keys that exist already, by their SHA-256; exit code 1 if a line is refused')
    .argument(
      '<file>',
      'JSON lines, or CSV with a first line of names: sha256, email, external_id, name, scopes, expires',
    )
    .option('--dry-run', 'only say what would come of it')
    .option(
      '--make-accounts',
      'make accounts for people who have none, on your word that the e-mail address is theirs',
    )
    .action(async function (this: Command, ...given: [string, Wanted]) {
      await answer(terminal, async (domain, file: string, wanted: Wanted) => {
        const { said, refused } = await importFile(domain, file, wanted);
        isAllFine = refused === 0;
        return said;
      }).apply(this, given);
      if (!isAllFine) throw new CommanderError(1, 'latchkey.refused', 'a line was refused');
    });
}

async function importFile(
  { keyImport }: Domain,
  file: string,
  { dryRun = false, makeAccounts = false }: Wanted,
): Promise<{ said: Said; refused: number }> {
  const lines = linesOf(await readFile(file));
  const run = keyImport.begin({ dryRun, makeAccounts }, OPERATOR);
  const counts: Record<KeyOutcome['state'], number> = {
    imported: 0,
    'would be imported': 0,
    known: 0,
    refused: 0,
  };
  const refusals: { line: number; problem: Problem }[] = [];
  for (let from = 0; from < lines.length; from += KEYS_IMPORTED_MAX) {
    const some = lines.slice(from, from + KEYS_IMPORTED_MAX);
    for (const [index, outcome] of (await run.take(some.map(({ key }) => key))).entries()) {
      counts[outcome.state] += 1;
      if (outcome.state === 'refused')
        refusals.push({ line: some[index]?.line ?? 0, problem: outcome.problem });
    }
  }
  const imported = counts.imported + counts['would be imported'];
  const summary = `${imported} ${dryRun ? 'would be imported' : 'imported'}, ${counts.known} known from before, ${counts.refused} refused.`;
  const rows = refusals.map(({ line, problem }) => [
    String(line),
    problem.code,
    `${problem.message} ${problem.hint}`,
  ]);
  return {
    refused: counts.refused,
    said: {
      json: {
        dry_run: dryRun,
        ...{ imported, known: counts.known, refused: counts.refused },
        lines: refusals.map(({ line, problem: { code, message, hint, parameter = null } }) => ({
          ...{ line, code, message, hint, parameter },
        })),
      },
      person: rows.length === 0 ? summary : both(tableOf(['line', 'code', 'what is wrong'], rows), summary),
    },
  };
}

/** The keys of a file. Throws Problem where it is no list of keys at all. */
function linesOf(bytes: Buffer): Line[] {
  const text = utf8Of(bytes);
  if (text === undefined) throw unreadable('is not UTF-8', 'Save it as UTF-8.');
  return /^\s*\{/.test(text) ? jsonLinesOf(text) : csvOf(text);
}

function jsonLinesOf(text: string): Line[] {
  return text.split('\n').flatMap((written, index) => {
    if (written.trim() === '') return [];
    return [{ line: index + 1, key: jsonFrom(written) }];
  });
}

/** What is no JSON is refused like a key without fields. */
function jsonFrom(written: string): unknown {
  try {
    return JSON.parse(written);
  } catch {
    return undefined;
  }
}

function csvOf(text: string): Line[] {
  try {
    const options = { bom: true, info: true, relax_column_count: true, skip_empty_lines: true, trim: true };
    const rows = parse(text, options) as unknown as { record: string[]; info: { lines: number } }[];
    const [head, ...records] = rows;
    const names = head?.record ?? [];
    return records.map(({ record, info }) => ({ line: info.lines, key: keyOf(names, record) }));
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const { lines } = error as { lines?: number };
    throw unreadable(
      `cannot be read as CSV${lines === undefined ? '' : ` at line ${lines}`}`,
      'Look at the quotes there, or write JSON lines.',
    );
  }
}

/** A cell that is empty says nothing; one that is under no name is refused like one under a name that is not read. */
function keyOf(names: readonly string[], cells: readonly string[]): object {
  return Object.fromEntries(cells.flatMap((cell, at) => (cell === '' ? [] : [[names[at] ?? '', cell]])));
}

function unreadable(what: string, hint: string): Problem {
  return new Problem({ status: 400, code: 'INVALID_DATA', message: `The file ${what}.`, hint });
}

import { existsSync, lstatSync, mkdirSync, readdirSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import type { Command } from 'commander';
import { NAME, NAME_WANTED } from '../data/declaration-mistakes.ts';
import { faultOfFolder } from '../ground/data-folder.ts';
import { Problem } from '../ground/errors.ts';
import { configFolderIn, WrongSettings } from '../ground/settings.ts';
import { ISSUE_TOKEN } from '../workflows/issue-token.ts';
import { loadDeclarations } from '../workflows/load-declarations.ts';
import type { Said } from './output.ts';
import { filesOfNewFolder, forShell, typeFile, workflowFile } from './scaffold.ts';
import { type Options, say, type Terminal } from './terminal.ts';

const INSTALLATION = join(import.meta.dirname, '../..');

type Kind = 'types' | 'workflows';

/** `init`, `types new` and `workflows new`: files for an owner to go on from. They write nothing over. */
export function addDeclareCommands(program: Command, terminal: Terminal): void {
  program
    .command('init')
    .description('writes a folder of your own: settings, a data type, a workflow, a test')
    .argument('<dir>', 'a folder that is empty or not there yet')
    .action((dir: string, options: Options) => say(terminal, options, init(resolve(dir))));

  for (const [kind, one] of [
    ['types', 'a data type'],
    ['workflows', 'a workflow'],
  ] as const) {
    program
      .command(kind)
      .description(`${kind} of your own folder`)
      .command('new')
      .description(`writes ${kind}/NAME.ts, ${one} to go on from`)
      .argument('<name>', NAME_WANTED)
      .action(async (name: string, options: Options) =>
        say(terminal, options, await add(kind, name, configFolderIn(terminal.env))),
      );
  }
}

function init(wanted: string): Said {
  const fault = faultOfNewFolder(wanted);
  if (fault !== undefined) throw refused(`No folder is made at ${wanted}: ${fault.message}.`, fault.hint);
  mkdirSync(wanted, { recursive: true });
  // Links that lead there would be seen from elsewhere.
  const folder = realpathSync(wanted);
  const files = filesOfNewFolder(folder);
  for (const [name, text] of Object.entries(files)) writeNew(join(folder, name), text);
  const next = [
    `Made ${folder}: ${Object.keys(files).join(', ')}`,
    'Next:',
    `  (cd ${forShell(folder)} && npm test)`,
    `  export LATCHKEY_CONFIG=${forShell(folder)}`,
    '  npm run dev',
  ];
  return { json: { folder, files: Object.keys(files) }, person: next.join('\n') };
}

function faultOfNewFolder(folder: string): { message: string; hint: string } | undefined {
  const elsewhere = 'Name another one.';
  const real = realOf(folder);
  if (isWithin(real, realpathSync(INSTALLATION))) {
    const hint = 'Name a folder outside of it, like ../my-app.';
    return { message: 'it is in the installation, which the next version takes the place of', hint };
  }
  if (real.split(sep).includes('node_modules')) {
    return { message: 'Node takes no types away below node_modules', hint: elsewhere };
  }
  const fault = faultOfFolder(folder);
  if (fault !== undefined) return { message: fault, hint: elsewhere };
  if (existsSync(folder) && readdirSync(folder).length > 0) {
    return { message: 'there is something in it', hint: 'Name one that is empty or not there yet.' };
  }
  return undefined;
}

/** Where the path really leads, as far as it is there. */
function realOf(path: string): string {
  if (existsSync(path) || dirname(path) === path) return realpathSync(path);
  return join(realOf(dirname(path)), path.slice(dirname(path).length));
}

function isWithin(path: string, folder: string): boolean {
  const within = relative(folder, path);
  return !(within.split(sep)[0] === '..' || resolve(within) === within);
}

async function add(kind: Kind, name: string, folder: string): Promise<Said> {
  if (!NAME.test(name)) throw refused('That is no name for it.', `Wanted: ${NAME_WANTED}.`);
  const file = join(folder, kind, `${name}.ts`);
  if ((await takenNames(kind, folder)).has(name) || lstatSync(file, { throwIfNoEntry: false })) {
    throw refused(`The name ${name} is taken.`, 'Choose another one.');
  }
  try {
    writeNew(file, kind === 'types' ? typeFile(name) : workflowFile(name));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw refused(`${file} cannot be written (${code}).`, 'Run this as a user who may write in that folder.');
  }
  const next = `Wrote ${file}. Say in it what it is; then: npm run -s latchkey -- check`;
  return { json: { file }, person: next };
}

/** The names that are declared; where files of the folder do not load, those that can be known. */
async function takenNames(kind: Kind, folder: string): Promise<ReadonlySet<string>> {
  const builtIn = kind === 'workflows' ? [ISSUE_TOKEN.name] : [];
  try {
    const declarations = await loadDeclarations(folder);
    return new Set([...declarations[kind].keys(), ...builtIn]);
  } catch (error) {
    if (!(error instanceof WrongSettings)) throw error;
    return new Set(builtIn);
  }
}

/** Fails where there is anything of that name, also a link that leads nowhere. */
function writeNew(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text, { flag: 'wx' });
}

function refused(message: string, hint: string): Problem {
  return new Problem({ status: 400, code: 'INVALID_NAME', message, hint });
}

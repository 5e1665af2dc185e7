import { join } from 'node:path';
import { type Command, CommanderError } from 'commander';
import { createPrivacy } from '../data/privacy.ts';
import { NOBODY } from '../data/resolve.ts';
import { loadedFiles, shownPath } from '../ground/config-folder.ts';
import { placeOfMistake } from '../ground/mistake-place.ts';
import { checkSettings, configFolderIn, SETTINGS_FILE, WrongSettings } from '../ground/settings.ts';
import { type Declarations, loadDeclarations } from '../workflows/load-declarations.ts';
import { loadSettings } from '../workflows/load-settings.ts';
import type { Workflow } from '../workflows/workflow.ts';
import { type Options, say, type Terminal } from './terminal.ts';

/** What there is to say of the owner's folder; `warnings` keep nothing from starting. */
type Checked = {
  folder: string;
  mistakes: string[];
  warnings: string[];
  types: number;
  workflows: number;
  /** All that was loaded, wherever it lies, and what was to be and is not there. */
  files: readonly string[];
};

/** `check`: loads all of the owner's folder as the start does, and says every mistake at once. */
export function addCheckCommand(program: Command, terminal: Terminal): void {
  program
    .command('check')
    .description('loads your folder as the start does, and says all mistakes with file, line and column')
    .action(async (options: Options) => {
      const checked = await check(terminal.env);
      say(terminal, options, { json: checked, person: inWords(checked) });
      // It has said why itself.
      if (checked.mistakes.length > 0) throw new CommanderError(1, 'check', '');
    });
}

async function check(env: Terminal['env']): Promise<Checked> {
  const folder = configFolderIn(env);
  const [settings, declared] = await Promise.all([
    mistakesOf(async () => checkSettings(await loadSettings(env), env)),
    mistakesOf(() => loadDeclarations(folder)),
  ]);
  const declarations = declared.done;
  return {
    folder,
    mistakes: [...settings.mistakes.map((mistake) => placed(mistake, folder)), ...declared.mistakes],
    warnings: declarations === undefined ? [] : [...declarations.warnings, ...warningsOf(declarations)],
    types: declarations?.types.size ?? 0,
    workflows: declarations?.workflows.size ?? 0,
    files: loadedFiles(),
  };
}

/** With the file and the place in it, where it is about a value that the file has. */
function placed(mistake: string, folder: string): string {
  const file = shownPath(join(folder, SETTINGS_FILE));
  const bare = mistake.startsWith(`${file}: `) ? mistake.slice(file.length + 2) : mistake;
  const place = placeOfMistake(file, bare);
  return place === '' ? mistake : `${file}: ${bare}${place}`;
}

async function mistakesOf<T>(work: () => Promise<T>): Promise<{ done?: T; mistakes: readonly string[] }> {
  try {
    return { done: await work(), mistakes: [] };
  } catch (error) {
    if (error instanceof WrongSettings) return { mistakes: error.lines };
    throw error;
  }
}

function inWords({ folder, mistakes, warnings, types, workflows }: Checked): string {
  const good = `${shownPath(folder)}: all good, ${counted(types, 'type')} and ${counted(workflows, 'workflow')}`;
  const lines = mistakes.length > 0 ? mistakes : [good];
  return [...lines, ...warnings.map((warning) => `Warning: ${warning}`)].join('\n');
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

/** A workflow that makes records which no rule lets its callers make: each call would be refused. */
function warningsOf({ workflows }: Declarations): string[] {
  return [...workflows.values()].flatMap((workflow) =>
    Object.values(workflow.types)
      .filter((type) => creates(workflow, type.name) && workflow.callers !== 'admin')
      .flatMap((type) => {
        const who = workflow.callers === 'anyone' ? 'a caller without a token' : 'anybody';
        const mayCreate =
          workflow.callers === 'anyone'
            ? createPrivacy(type, NOBODY).mayEverCreate
            : type.rules.some((rule) => rule.create === true);
        return mayCreate
          ? []
          : [
              `workflow ${workflow.name} makes records of type ${type.name}, but no rule of that type lets ${who} do so: give one create: true, or use data.${type.name}.unrestricted`,
            ];
      }),
  );
}

/** Whether it can be read off the text of `run`. */
function creates(workflow: Workflow, type: string): boolean {
  return new RegExp(`\\b${type}\\s*\\.\\s*create\\s*\\(`).test(String(workflow.run));
}

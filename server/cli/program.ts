import { readFileSync } from 'node:fs';
import { Command, CommanderError, Help, type Option } from 'commander';
import { Unavailable } from '../../adapters/port.ts';
import { Problem } from '../ground/errors.ts';
import { WrongSettings } from '../ground/settings.ts';
import { withoutSecrets } from '../ground/without-secrets.ts';
import { addAccountCommands } from './accounts.ts';
import { addAppCommands } from './apps.ts';
import { addCheckCommand } from './check.ts';
import { addDeclareCommands } from './declare.ts';
import { addDoctorCommand } from './doctor.ts';
import { addExplainCommand } from './explain.ts';
import { addImportCommand } from './import-keys.ts';
import { addLeakCommands } from './leaks.ts';
import { addMailCommands } from './mail.ts';
import { addReviewCommand } from './review.ts';
import { addScopeCommands } from './scopes.ts';
import { addServiceCommands } from './services.ts';
import type { Terminal } from './terminal.ts';
import { addTokenCommands } from './tokens.ts';

/** What went wrong, as `--json` prints it. */
type Failure = { code: string; message: string; hint?: string };

/** Runs one command line and answers the exit code; what went wrong is one line, or JSON, on standard error. */
export async function runCommand(args: readonly string[], terminal: Terminal): Promise<number> {
  const wantsJson = args.includes('--json');
  const fail = (failure: Failure) => {
    const { message, hint } = failure;
    const line = hint === undefined ? message : `${message} ${hint}`;
    terminal.err(`${wantsJson ? JSON.stringify({ error: failure }) : line}\n`);
  };
  try {
    requireUtf8(args);
    await programFor(terminal, fail).parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    // commander has said it already.
    if (error instanceof CommanderError) return error.exitCode;
    fail(failureOf(error));
    return 1;
  }
}

/** Node puts U+FFFD where what was typed is in another encoding, and a name would be kept so. */
function requireUtf8(args: readonly string[]): void {
  if (!args.some((arg) => arg.includes('\ufffd'))) return;
  throw new Problem({
    status: 400,
    code: 'INVALID_DATA',
    message: 'What was typed behind the command is not UTF-8.',
    hint: 'Use a terminal, or a script file, in UTF-8.',
  });
}

function programFor(terminal: Terminal, fail: (failure: Failure) => void): Command {
  const program = new Command('latchkey')
    .description(
      'Looks after the accounts, tokens, services and apps of a Latchkey. Works while the server runs.',
    )
    .version(versionOf(), '--version', 'print the version')
    .configureHelp({ optionDescription })
    .configureOutput({
      writeOut: terminal.out,
      writeErr: terminal.err,
      ...(terminal.columns === undefined ? {} : { getOutHelpWidth: () => terminal.columns ?? 80 }),
      outputError: (text) => fail({ code: 'USAGE', message: withoutValues(text) }),
    })
    .exitOverride();
  addAccountCommands(program, terminal);
  addTokenCommands(program, terminal);
  addImportCommand(program, terminal);
  addServiceCommands(program, terminal);
  addAppCommands(program, terminal);
  addScopeCommands(program, terminal);
  addMailCommands(program, terminal);
  addLeakCommands(program, terminal);
  addReviewCommand(program, terminal);
  addExplainCommand(program, terminal);
  addDoctorCommand(program, terminal);
  addCheckCommand(program, terminal);
  addDeclareCommands(program, terminal);
  for (const command of program.commands.flatMap((one) => (one.commands.length > 0 ? one.commands : one))) {
    command.option('--json', 'print JSON');
    refuseTwice(command);
  }
  return program;
}

/** An option that is given twice would silently be the last one: another name, or fewer scopes, than was meant. */
function refuseTwice(command: Command): void {
  const given = new Set<string>();
  for (const { long, variadic } of command.options) {
    if (variadic) continue;
    const name = long?.replace(/^--/, '') ?? '';
    command.on(`option:${name}`, () => {
      if (given.has(name)) command.error(`error: option '--${name}' is given twice`);
      given.add(name);
    });
  }
}

function versionOf(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

function optionDescription(option: Option): string {
  const description = Help.prototype.optionDescription.call(new Help(), option);
  return option.mandatory ? `${description} (required)` : description;
}

/**
 * What commander says, in one line and without what was given: a password or a token typed in a wrong place must not
 * be printed. Words that look like one of our commands or options are named, so that a slip of the pen is seen.
 */
function withoutValues(text: string): string {
  return withoutSecrets(text)
    .trim()
    .replaceAll('\n', ' ')
    .replace(/ argument '.*' is invalid/s, ' has an invalid argument')
    .replace(/value '.*' is invalid for argument/s, 'value is invalid for argument')
    .replace(/unknown (option|command) '(.*?)'(?= \(Did|$)/s, (_, kind: string, given: string) => {
      const word = kind === 'option' ? given.replace(/=.*$/s, '') : given;
      return /^(?:--?)?[a-z-]{1,20}$/.test(word) ? `unknown ${kind} '${word}'` : `unknown ${kind}`;
    });
}

function failureOf(error: unknown): Failure {
  if (error instanceof Problem) {
    const { code, message, hint } = error;
    return { code, message: withoutSecrets(message), hint: withoutSecrets(hint) };
  }
  if (error instanceof WrongSettings) return { code: 'WRONG_SETTINGS', message: error.lines.join('\n') };
  if (error instanceof Unavailable) {
    const message = `The store does not answer: ${error.message}.`;
    return { code: 'UNAVAILABLE', message, hint: 'Look at LATCHKEY_STORE; latchkey doctor tells more.' };
  }
  const { code, message, stack } = error as NodeJS.ErrnoException;
  // With a code it is the system's word, such as a folder that may not be written; without one it is our bug.
  if (code !== undefined) return { code, message };
  return { code: 'INTERNAL', message: stack ?? String(error) };
}

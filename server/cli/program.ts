import { Command, CommanderError } from 'commander';
import { Unavailable } from '../../adapters/port.ts';
import { Problem } from '../ground/errors.ts';
import { WrongSettings } from '../ground/settings.ts';
import { addAccountCommands } from './accounts.ts';
import { addDoctorCommand } from './doctor.ts';
import { addServiceCommands } from './services.ts';
import type { Terminal } from './terminal.ts';
import { addTokenCommands } from './tokens.ts';

/** Runs one command line and answers the exit code; what went wrong is one line on standard error. */
export async function runCommand(args: readonly string[], terminal: Terminal): Promise<number> {
  const program = new Command('latchkey')
    .description('Looks after the accounts, tokens and services of a Latchkey. Works while the server runs.')
    .configureOutput({
      writeOut: terminal.out,
      writeErr: terminal.err,
      // A hint (`Did you mean …?`) comes on a line of its own; every error here is one line.
      outputError: (text, write) => write(`${text.trim().replaceAll('\n', ' ')}\n`),
    })
    .exitOverride();
  addAccountCommands(program, terminal);
  addTokenCommands(program, terminal);
  addServiceCommands(program, terminal);
  addDoctorCommand(program, terminal);
  for (const command of program.commands.flatMap((one) => (one.commands.length > 0 ? one.commands : one))) {
    command.option('--json', 'print JSON');
  }
  try {
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    // commander has printed it already.
    if (error instanceof CommanderError) return error.exitCode;
    terminal.err(`${explain(error)}\n`);
    return 1;
  }
}

function explain(error: unknown): string {
  if (error instanceof Problem) return `${error.message} ${error.hint}`;
  if (error instanceof WrongSettings) return error.lines.join('\n');
  if (error instanceof Unavailable) {
    return `The store does not answer: ${error.message}. Look at LATCHKEY_STORE; latchkey doctor tells more.`;
  }
  const { code, message, stack } = error as NodeJS.ErrnoException;
  // With a code it is the system's word, such as a folder that may not be written; without one it is our bug.
  return code === undefined ? (stack ?? String(error)) : message;
}

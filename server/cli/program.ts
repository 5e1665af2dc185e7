import { Command, CommanderError } from 'commander';
import { Unavailable } from '../../adapters/port.ts';
import { Problem } from '../errors.ts';
import { WrongSettings } from '../settings.ts';
import { addAccountCommands } from './accounts.ts';
import { addDoctorCommand } from './doctor.ts';
import { addServiceCommands } from './services.ts';
import { addTokenCommands } from './tokens.ts';

/** Runs one command line and answers the exit code; what went wrong is one line on standard error. */
export async function runCommand(args: readonly string[]): Promise<number> {
  const program = new Command('latchkey')
    .description('Looks after the accounts, tokens and services of a Latchkey. Works while the server runs.')
    .showSuggestionAfterError()
    .exitOverride();
  addAccountCommands(program);
  addTokenCommands(program);
  addServiceCommands(program);
  addDoctorCommand(program);
  try {
    await program.parseAsync(args, { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    // Commander has said it already.
    if (error instanceof CommanderError) return error.exitCode;
    process.stderr.write(`${explain(error)}\n`);
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

import type { Readable } from 'node:stream';
import type { Command } from 'commander';
import { pino } from 'pino';
import { NotThere } from '../../adapters/port.ts';
import { type Domain, openDomain } from '../domain.ts';
import type { Actor } from '../ground/actor.ts';
import { systemClock } from '../ground/clock.ts';
import { storeName } from '../ground/service-urls.ts';
import { readSettings, type Settings, WrongSettings } from '../ground/settings.ts';
import { loadSettings } from '../workflows/load-settings.ts';
import { type Said, textFor } from './output.ts';

/** What a command has around it: the process's own, or a test's. */
export type Terminal = {
  env: Record<string, string | undefined>;
  stdin: Readable & { isTTY?: boolean; setRawMode?(on: boolean): unknown };
  /** How wide the terminal is that standard output goes to; undefined where that is a file or a pipe. */
  columns?: number | undefined;
  /** Data goes to standard output, so that a script can read on from it; all else goes to standard error. */
  out(text: string): void;
  err(text: string): void;
};

/** What every command takes. */
export type Options = { json?: boolean };

/** Who acts, for the audit: whoever may run commands here may read and write the store anyway. */
export const OPERATOR: Actor = { kind: 'operator' };

/** The same settings as the server's; a secret is not made. Throws `WrongSettings`. */
export async function settingsOf(terminal: Terminal): Promise<Settings> {
  return readSettings(await loadSettings(terminal.env), terminal.env, { firstStart: 'refused' });
}

/** The domain on the store of the settings, which must be there: a command would otherwise work on an empty one. */
async function openExisting(settings: Settings): Promise<Domain> {
  const log = pino({ level: 'silent' });
  try {
    return await openDomain(settings, { clock: systemClock, log, mustExist: true });
  } catch (error) {
    throw error instanceof NotThere ? new WrongSettings([storeMissing(settings)], { cause: error }) : error;
  }
}

/**
 * The domain where there is a store, for a command that says something without one too; `missing` says why there is
 * none.
 */
export async function openIfThere(
  terminal: Terminal,
): Promise<{ domain: Domain | undefined; missing?: WrongSettings }> {
  try {
    return { domain: await openExisting(await settingsOf(terminal)) };
  } catch (error) {
    if (error instanceof WrongSettings) return { domain: undefined, missing: error };
    throw error;
  }
}

/** Where it was looked for a store, and what to do. */
function storeMissing({ store }: Settings): string {
  return `there is no store at ${storeName(store)}, and the command line makes none; start the server once (npm start), or let LATCHKEY_STORE or LATCHKEY_DATA name the one that you have`;
}

/**
 * The action of a command: does its work, with the arguments and options that commander gives, on the store of the
 * settings, which running servers may be using at the same time, and says what came of it.
 */
export function answer<Given extends unknown[]>(
  terminal: Terminal,
  work: (domain: Domain, ...given: Given) => Promise<Said>,
) {
  return async function (this: Command, ...given: Given): Promise<void> {
    const domain = await openExisting(await settingsOf(terminal));
    try {
      say(terminal, this.opts(), await work(domain, ...given));
    } finally {
      await domain.close();
    }
  };
}

/** Prints what a command has to say, as JSON where that was asked for. */
export function say(terminal: Terminal, options: Options, said: Said): void {
  const text = options.json === true ? JSON.stringify(said.json, undefined, 2) : undefined;
  terminal.out(`${text ?? textFor(said.person, terminal.columns)}\n`);
}

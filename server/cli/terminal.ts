import type { Readable } from 'node:stream';
import type { Command } from 'commander';
import { pino } from 'pino';
import { settings as ownerSettings } from '../../config/settings.ts';
import { type Domain, openDomain } from '../domain.ts';
import type { Actor } from '../ground/actor.ts';
import { systemClock } from '../ground/clock.ts';
import { readSettings, type Settings } from '../ground/settings.ts';
import type { Said } from './output.ts';

/** What a command has around it: the process's own, or a test's. */
export type Terminal = {
  env: Record<string, string | undefined>;
  stdin: Readable & { isTTY?: boolean };
  /** Data goes to standard output, so that a script can read on from it; all else goes to standard error. */
  out(text: string): void;
  err(text: string): void;
};

/** What every command takes. */
export type Options = { json?: boolean };

/** Who acts, for the audit: whoever may run commands here may read and write the store anyway. */
export const OPERATOR: Actor = { kind: 'operator' };

/** The same settings as the server's. Throws `WrongSettings`. */
export function settingsOf(terminal: Terminal): Settings {
  return readSettings(ownerSettings, terminal.env);
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
    const log = pino({ level: 'silent' });
    const domain = await openDomain(settingsOf(terminal), { clock: systemClock, log });
    try {
      say(terminal, this.opts(), await work(domain, ...given));
    } finally {
      await domain.close();
    }
  };
}

/** Prints what a command has to say, as JSON where that was asked for. */
export function say(terminal: Terminal, options: Options, said: Said): void {
  terminal.out(`${options.json === true ? JSON.stringify(said.json, undefined, 2) : said.person}\n`);
}

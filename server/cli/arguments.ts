import { InvalidArgumentError } from 'commander';
import type { Account } from '../accounts/account.ts';
import type { Domain } from '../domain.ts';
import { Problem } from '../ground/errors.ts';
import { DAY_SECONDS, HOUR_SECONDS, MINUTE_SECONDS } from '../ground/time.ts';
import type { Terminal } from './terminal.ts';

const UNIT_SECONDS = { m: MINUTE_SECONDS, h: HOUR_SECONDS, d: DAY_SECONDS, w: 7 * DAY_SECONDS };

/** A password is a line; what is longer is the wrong file. */
const PASSWORD_BYTES_MAX = 4096;

/** `90d`, `24h`, `30m` or `2w` in seconds; `0` too. */
export function secondsFrom(given: string): number {
  const [, number, unit] = /^(\d{1,6})([mhdw])$/.exec(given) ?? [];
  if (given === '0') return 0;
  if (number === undefined || unit === undefined) {
    throw new InvalidArgumentError('Write a number and a unit, like 90d, 24h or 30m.');
  }
  return Number(number) * UNIT_SECONDS[unit as keyof typeof UNIT_SECONDS];
}

/** As `secondsFrom`, or `never`. */
export function lifeFrom(given: string): number | 'never' {
  return given === 'never' ? 'never' : secondsFrom(given);
}

/** When a life ends that begins now. */
export function endOf(life: number | 'never', now: number): number | undefined {
  return life === 'never' ? undefined : now + life;
}

/** Scopes between commas or spaces. */
export function scopesFrom(given: string): string[] {
  return given.split(/[\s,]+/).filter((scope) => scope !== '');
}

/** The account that an e-mail address or an account id names; throws Problem. */
export async function accountFrom(domain: Domain, given: string): Promise<Account> {
  const { accounts } = domain;
  const account = given.includes('@') ? await accounts.findByEmail(given) : await accounts.get(given);
  if (account !== undefined) return account;
  throw new Problem({
    status: 404,
    code: 'NO_SUCH_ACCOUNT',
    message: `There is no account ${JSON.stringify(given)}.`,
    hint: 'latchkey accounts list shows all of them.',
  });
}

/** The password piped in, less one line end. Not an argument: every user of the machine sees those. */
export async function passwordFrom({ stdin }: Terminal): Promise<string> {
  if (stdin.isTTY) {
    throw new Problem({
      status: 400,
      code: 'NO_PASSWORD',
      message: 'The password is read from a pipe, and there is none.',
      hint: 'For example: read -rs P && printf %s "$P" | npm run latchkey -- accounts create …',
    });
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdin) {
    size += chunk.length;
    if (size > PASSWORD_BYTES_MAX) break;
    chunks.push(chunk);
  }
  const password = Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '');
  if (size <= PASSWORD_BYTES_MAX && !/[\r\n]/.test(password)) return password;
  throw new Problem({
    status: 400,
    code: 'NO_PASSWORD',
    message: 'What came in on standard input is more than one line.',
    hint: 'Pipe in the password and nothing else.',
  });
}

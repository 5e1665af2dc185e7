import { InvalidArgumentError } from 'commander';
import type { Account } from '../accounts/account.ts';
import { readEmail } from '../accounts/email.ts';
import type { Domain } from '../domain.ts';
import { Problem } from '../ground/errors.ts';
import { DAY_SECONDS, HOUR_SECONDS, MINUTE_SECONDS } from '../ground/time.ts';
import type { Terminal } from './terminal.ts';

const UNIT_SECONDS = { m: MINUTE_SECONDS, h: HOUR_SECONDS, d: DAY_SECONDS, w: 7 * DAY_SECONDS };

/** A password or a token is a line; what is longer is the wrong file. */
const LINE_BYTES_MAX = 4096;

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
    message: `There is no account${named(given)}.`,
    hint: 'latchkey accounts list shows all of them.',
  });
}

/** What was given, where it can be nothing but a name: a token or a password typed by mistake is not repeated. */
export function named(given: string): string {
  const isName = /^(?:acc|svc|app|tok|sec)_[0-9A-Za-z]{1,20}$/.test(given) || readEmail(given) !== undefined;
  return isName ? ` ${JSON.stringify(given)}` : '';
}

/** What comes in on standard input, less one line end. Throws Problem where that is not one line of text in UTF-8. */
export async function lineFrom({ stdin }: Terminal): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdin) {
    size += chunk.length;
    if (size > LINE_BYTES_MAX) throw notOneLine();
    chunks.push(Buffer.from(chunk));
  }
  const text = textFrom(Buffer.concat(chunks)).replace(/\r?\n$/, '');
  if (/[\r\n]/.test(text)) throw notOneLine();
  return withoutControls(text, ON_STDIN);
}

const ON_STDIN = 'What came in on standard input';

/**
 * The text, if a form can send it, or nobody could sign in: control characters come from UTF-16 and from keys pressed by
 * mistake. Throws Problem.
 */
export function withoutControls(text: string, what: string): string {
  if (/\p{Cc}/u.test(text)) throw notText(`${what} holds control characters`);
  return text;
}

function textFrom(bytes: Buffer): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    if (!text.startsWith('\ufeff')) return text;
  } catch {
    throw notText(`${ON_STDIN} is not UTF-8`);
  }
  throw notText(`${ON_STDIN} begins with a byte order mark`);
}

function notOneLine(): Problem {
  return new Problem({
    status: 400,
    code: 'NO_PASSWORD',
    message: 'What came in on standard input is more than one line.',
    hint: 'Pipe in the one value and nothing else.',
  });
}

export function notText(what: string): Problem {
  return new Problem({
    status: 400,
    code: 'NO_PASSWORD',
    message: `${what}.`,
    hint: 'Send UTF-8 without a byte order mark: a browser would send other bytes, and never fit.',
  });
}

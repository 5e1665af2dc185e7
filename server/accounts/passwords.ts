import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { isDeepStrictEqual, promisify } from 'node:util';
import commonPasswords from 'fxa-common-password-list';
import { Problem } from '../ground/errors.ts';
import { PASSWORD_LENGTH_MAX, PASSWORD_LENGTH_MIN } from '../ground/limits.ts';
import { type Normalised, normalised } from '../ground/normalised.ts';
import { type Asker, createAskerTurns } from './asker-turns.ts';

/** OWASP Password Storage Cheat Sheet, argon2id: 19 MiB (the unit of `memory` is KiB), two passes, one lane. */
const CURRENT = { memory: 19_456, passes: 2, parallelism: 1 };
const SALT_BYTES = 16;
const TAG_BYTES = 32;

/** Two hashes use one or two of the four threads of libuv's pool and 38 MiB; the rest of the server goes on. */
const IN_FLIGHT_MAX = 2;
/**
 * All places are about three seconds of work on a small machine: who comes later would have given up before the
 * answer. One network, such as an office, may have most of them; one mailbox as many as guesses are let through.
 */
const PLACES = { all: 64, network: 48, mailbox: 8 };
/** Work of the operator, of whom there is one at the command line. */
const OPERATOR: Asker = { network: 'no network', mailbox: 'operator' };

const derive = promisify(argon2);

export type Passwords = ReturnType<typeof createPasswords>;

/**
 * Hashes and checks passwords with argon2id (RFC 9106), off the event loop. Only a few at a time: a flood of
 * sign-ins gets 503 and takes neither the machine's memory nor all of its processors, nor the places of others:
 * `asker` says whose place it is. `passwordCost` is for tests, which sign in thousands of people and have nothing to protect.
 */
export function createPasswords(parts: { appName: string; passwordCost?: PasswordCost | undefined }) {
  const current = parts.passwordCost ?? CURRENT;
  const turns = createAskerTurns({ inFlightMax: IN_FLIGHT_MAX, places: PLACES, refusal: tooBusy });

  /** Fits no password. Checked where there is no hash, so the work is the same with and without an account. */
  const hashOfNobody = phcOf(current, randomBytes(SALT_BYTES), randomBytes(TAG_BYTES));

  return {
    /** What is stored of a password: a PHC string. */
    async hash(password: string, asker = OPERATOR): Promise<string> {
      const message = readPassword(password);
      if (message === undefined) throw new TypeError('a password is hashed that was not checked');
      const salt = randomBytes(SALT_BYTES);
      const tag = await turns.take(asker, () => tagOf(message, salt, TAG_BYTES, current));
      return phcOf(current, salt, tag);
    },

    /** Whether the password fits. `outdated`: it does, and should be hashed again with today's parameters. */
    async verify(password: string, phc: string | undefined, asker = OPERATOR): Promise<Verdict> {
      // Nobody has such a password; the same quick answer whether or not there is an account.
      const message = readPassword(password);
      if (message === undefined) return { right: false, outdated: false };
      const known = readPhc(phc ?? hashOfNobody);
      const tag = await turns.take(asker, () => tagOf(message, known.salt, known.tag.length, known.cost));
      const right = timingSafeEqual(tag, known.tag) && phc !== undefined;
      return { right, outdated: right && !isHashedAs(known, current) };
    },

    /** Throws a Problem where a new password is too short, too long or too easily guessed. */
    requireGood(password: string, owner: { email: string }): void {
      const weakness = weaknessOf(readPassword(password), namesOf(owner.email, parts.appName));
      if (weakness === undefined) return;
      throw new Problem({ status: 400, code: 'WEAK_PASSWORD', ...weakness, parameter: 'password' });
    },
  };
}

type Verdict = { right: boolean; outdated: boolean };

/** `memory` in KiB. */
export type PasswordCost = typeof CURRENT;

/** One password, one sequence of bytes, however the keyboard composed it (NIST SP 800-63B section 5.1.1.2). */
function readPassword(typed: string): Normalised | undefined {
  return normalised(typed, 'NFC', PASSWORD_LENGTH_MAX);
}

function tagOf({ text }: Normalised, salt: Buffer, tagLength: number, cost: PasswordCost): Promise<Buffer> {
  return derive('argon2id', { message: text, nonce: salt, tagLength, ...cost });
}

/** https://github.com/P-H-C/phc-string-format: `$argon2id$v=19$m=…,t=…,p=…$SALT$TAG`, base64 without padding. */
function phcOf(cost: PasswordCost, salt: Buffer, tag: Buffer): string {
  const unpadded = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '');
  const { memory, passes, parallelism } = cost;
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${unpadded(salt)}$${unpadded(tag)}`;
}

function readPhc(phc: string): { cost: PasswordCost; salt: Buffer; tag: Buffer } {
  const [, memory, passes, parallelism, salt, tag] =
    /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$([\w+/-]+)\$([\w+/-]+)$/.exec(phc) ?? [];
  if (salt === undefined || tag === undefined) throw new Error('a stored password hash cannot be read');
  return {
    cost: { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) },
    salt: Buffer.from(salt, 'base64'),
    tag: Buffer.from(tag, 'base64'),
  };
}

function isHashedAs(
  { cost, salt, tag }: { cost: PasswordCost; salt: Buffer; tag: Buffer },
  wanted: PasswordCost,
): boolean {
  return isDeepStrictEqual(cost, wanted) && salt.length === SALT_BYTES && tag.length === TAG_BYTES;
}

/** What makes a password weak. No rules about the kinds of characters (NIST SP 800-63B section 5.1.1.2). */
function weaknessOf(password: Normalised | undefined, names: ReadonlySet<string>) {
  if (password === undefined) {
    return {
      message: `The password has more than ${PASSWORD_LENGTH_MAX} characters.`,
      hint: 'A shorter one is as safe.',
    };
  }
  const { text, length } = password;
  if (length < PASSWORD_LENGTH_MIN) {
    return {
      message: `The password has ${length} characters; ${PASSWORD_LENGTH_MIN} are the least.`,
      hint: 'Three or four words that do not belong together are long and easy to remember.',
    };
  }
  if (commonPasswords.test(text) || commonPasswords.test(text.toLowerCase())) {
    return {
      message: 'This password is one of those that are tried first.',
      hint: 'Choose one that nobody else would think of.',
    };
  }
  if (names.has(bareOf(text))) {
    return {
      message: 'This password is the e-mail address or the name of this site.',
      hint: 'Choose one that has nothing to do with either.',
    };
  }
  return undefined;
}

/** Longer than a password, an address and a site's name; compatibility forms of one sign are up to 18 (U+FDFA). */
const BARE_LENGTH_MAX = 18 * PASSWORD_LENGTH_MAX;

/** Letters and digits only, without digits at the end: `Latch-Key 2026!` is `latchkey`. */
function bareOf(text: string): string {
  return (normalised(text, 'NFKC', BARE_LENGTH_MAX)?.text ?? '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '')
    .replace(/\d+$/, '');
}

function namesOf(email: string, appName: string): Set<string> {
  const names = [email, email.split('@')[0] ?? '', appName].map(bareOf);
  return new Set(names.filter((name) => name !== ''));
}

function tooBusy(): Problem {
  return new Problem({
    status: 503,
    code: 'TOO_BUSY',
    message: 'Too many people sign in at this moment.',
    hint: 'Try again in a few seconds.',
    headers: { 'Retry-After': '5' },
  });
}

import { domainToASCII, domainToUnicode } from 'node:url';
import { Problem } from '../ground/errors.ts';
import { normalised } from '../ground/normalised.ts';

/** An e-mail address that mail can be sent to. */
export type Email = {
  /** For display and for mail: the local part as its owner writes it, the domain in ASCII. */
  address: string;
  /** What is compared: all of it in lower case. Two addresses with one key belong to one account. */
  key: string;
};

/** RFC 5321 section 4.5.3.1: the longest address and the longest local part. */
const LENGTH_MAX = 254;
const LOCAL_LENGTH_MAX = 64;

/** RFC 5322 section 3.2.3, dot-atom. Quoted local parts are legal, and only ever used to slip something past. */
const LOCAL = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;

/** Labels of letters, digits and inner hyphens, at least two of them, the last one no number (no IP address). */
const DOMAIN = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?=[a-z])[a-z0-9-]{1,62}[a-z0-9]$/;

/**
 * Reads an address as a person wrote it, or answers undefined. Unicode is normalised before anything is
 * checked (NFKC, then IDNA for the domain), so that no look-alike passes the check as one address and is kept
 * as another.
 */
export function readEmail(written: string): Email | undefined {
  if (written.length > 2 * LENGTH_MAX) return undefined;
  const parts =
    normalised(written, 'NFKC', 2 * LENGTH_MAX)
      ?.text.trim()
      .split('@') ?? [];
  const [local, domainWritten] = parts;
  if (parts.length !== 2 || local === undefined || domainWritten === undefined) return undefined;
  // The URL parser behind domainToASCII would unescape %61 and read past a slash: only names may get there.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the ASCII range without letters, digits, dot, hyphen
  if (/[\u0000-\u002c\u002f\u003a-\u0040\u005b-\u0060\u007b-\u007f]/.test(domainWritten)) return undefined;
  const domain = domainToASCII(domainWritten);
  const address = `${local}@${domain}`;
  if (!LOCAL.test(local) || local.length > LOCAL_LENGTH_MAX) return undefined;
  if (!DOMAIN.test(domain) || address.length > LENGTH_MAX) return undefined;
  return { address, key: address.toLowerCase() };
}

/**
 * Whether an address is in the one form in which it is kept: one that would be read as another (Unicode look-alikes)
 * was verified, by whoever says so, as that other mailbox.
 */
export function isNormalised(written: string): boolean {
  if (normalised(written, 'NFKC', 2 * LENGTH_MAX)?.text !== written) return false;
  // What IDNA takes for a dot, or leaves out, is no part of a name as it is written.
  const domain = written.slice(written.lastIndexOf('@') + 1).toLowerCase();
  const ascii = domainToASCII(domain);
  return domain === ascii || domain === domainToUnicode(ascii);
}

/**
 * The mailbox of an address (its `key`), without the tag behind a plus, which most mail servers ignore (RFC 5233). For
 * limits only: elsewhere such addresses are different ones, and may be different people's.
 */
export function mailboxOf(key: string): string {
  return key.replace(/^([^+@]+)\+[^@]*@/, '$1@');
}

/** As `readEmail`, throwing a Problem that says what an address looks like. */
export function requireEmail(written: string): Email {
  const email = readEmail(written);
  if (email !== undefined) return email;
  throw new Problem({
    status: 400,
    code: 'INVALID_EMAIL',
    message: 'This is not an e-mail address that mail can be sent to.',
    hint: 'Write it like name@example.com, without quotes, spaces or a name beside it.',
    parameter: 'email',
  });
}

import { crc32 } from 'node:zlib';
import { BASE62, randomBase62 } from '../ground/opaque.ts';
import type { Credential } from './credential.ts';

/** How values begin: people and secret scanners know them by it. */
const TOKEN_PREFIX = 'lk_pat_';
export const SECRET_PREFIX = 'lk_cs_';

type Prefix = typeof TOKEN_PREFIX | typeof SECRET_PREFIX;

/** 30 base62 characters are 178 random bits: far past guessing, so a fast hash is enough at rest. */
const RANDOM_LENGTH = 30;
const CHECKSUM_LENGTH = 6;
/** Behind the prefix. */
export const BODY_LENGTH = RANDOM_LENGTH + CHECKSUM_LENGTH;
const OURS = /^lk_(?:pat|cs)_[0-9A-Za-z]{36}$/;

/**
 * Makes a secret: prefix, 30 random base62 characters and 6 of their CRC-32, the form that GitHub's tokens
 * have. Secret scanners find it by its prefix and a value that was cut off is told apart without asking the
 * store.
 */
export function newSecret(prefix: Prefix): string {
  const random = randomBase62(RANDOM_LENGTH);
  return `${prefix}${random}${checksumOf(random)}`;
}

/** The prefix of this kind of credential. */
export function prefixOf(kind: Credential['kind']): Prefix {
  return kind === 'client_secret' ? SECRET_PREFIX : TOKEN_PREFIX;
}

/**
 * What a value is by its looks: `ours`, `damaged` (our prefix, but cut off, lengthened or mistyped: the
 * checksum or the length does not fit) or `foreign` (no secret of this format).
 */
export function checkFormat(value: string): 'ours' | 'damaged' | 'foreign' {
  if (!value.startsWith(TOKEN_PREFIX) && !value.startsWith(SECRET_PREFIX)) return 'foreign';
  if (!OURS.test(value)) return 'damaged';
  const random = value.slice(-RANDOM_LENGTH - CHECKSUM_LENGTH, -CHECKSUM_LENGTH);
  return value.endsWith(checksumOf(random)) ? 'ours' : 'damaged';
}

/** How a damaged value differs from a whole one, as far as its length tells. Nothing of it is said. */
export function damageOf(value: string): string {
  const prefix = value.startsWith(TOKEN_PREFIX) ? TOKEN_PREFIX : SECRET_PREFIX;
  const whole = prefix.length + RANDOM_LENGTH + CHECKSUM_LENGTH;
  if (value.length < whole) return `is cut off: ${value.length} of its ${whole} characters came`;
  return value.length > whole ? `has more than its ${whole} characters` : 'looks mistyped';
}

/** CRC-32 (zlib's polynomial) in base62, padded with zeros to six characters. */
export function checksumOf(random: string): string {
  let rest = crc32(random);
  let written = '';
  for (let place = 0; place < CHECKSUM_LENGTH; place += 1) {
    written = `${BASE62[rest % 62]}${written}`;
    rest = Math.floor(rest / 62);
  }
  return written;
}

/** The four characters at each end of the part behind the prefix, by which people recognise a secret. */
export function endsOf(value: string): { firstFour: string; lastFour: string } {
  const body = value.slice(value.lastIndexOf('_') + 1);
  return { firstFour: body.slice(0, 4), lastFour: body.slice(-4) };
}

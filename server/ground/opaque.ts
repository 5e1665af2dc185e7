import { hash, randomBytes, randomInt } from 'node:crypto';

/*
 * Values that say nothing by themselves: public ids, the secrets of links, and the hash under which a secret is
 * stored and found.
 */

export const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const ID_LENGTH = 20;
const LINK_CHECKSUM_LENGTH = 6;

/** How a secret of at least 128 random bits is stored and looked up: SHA-256, base64url. */
export function hashOf(value: string): string {
  return hash('sha256', value, 'base64url');
}

/** A public id: prefix and 20 random base62 characters (119 bits), so that none clash or can be counted. */
export function newId(prefix: string): string {
  return `${prefix}${randomBase62(ID_LENGTH)}`;
}

/** The secret of a link that is mailed or printed, 256 random bits, and the hash that its row has instead. */
export function newLinkToken(): { token: string; hash: string } {
  const token = randomBytes(32).toString('base64url');
  return { token, hash: hashOf(token) };
}

/** The same for a link that is mailed or copied by hand, with a checksum: one that was cut off is told apart. */
export function newWrittenLinkToken(): { token: string; hash: string } {
  const { token: random } = newLinkToken();
  const token = `${random}${linkChecksum(random)}`;
  return { token, hash: hashOf(token) };
}

/** Whether this can be the token of a written link: all of it and nothing more. */
export function isWholeLinkToken(token: string): boolean {
  const random = token.slice(0, -LINK_CHECKSUM_LENGTH);
  return random !== '' && token === `${random}${linkChecksum(random)}`;
}

function linkChecksum(random: string): string {
  return hashOf(`link ${random}`).slice(0, LINK_CHECKSUM_LENGTH);
}

/** `randomInt` draws without the bias that `byte % 62` would have. */
export function randomBase62(length: number): string {
  return Array.from({ length }, () => BASE62[randomInt(BASE62.length)]).join('');
}

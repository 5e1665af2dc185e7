import { randomBytes } from 'node:crypto';
import { hashOf } from '../credentials/format.ts';

/**
 * The secret of a link that is mailed or printed: 256 random bits. Rows keep the hash only, so whoever reads
 * the store cannot follow the link.
 */
export function newLinkToken(): { token: string; hash: string } {
  const token = randomBytes(32).toString('base64url');
  return { token, hash: hashOf(token) };
}

import { z } from 'zod';
import { Problem } from './errors.ts';
import { METADATA_KEYS_MAX, METADATA_VALUE_LENGTH_MAX } from './limits.ts';
import { isUnfit } from './visible-text.ts';
import { holdsSecret } from './without-secrets.ts';

/** What the owner of the app notes of a token or an account for programs of their own: a plan, a tenant. */
export const metadataSchema = z.record(z.string(), z.string());
export type Metadata = Readonly<Record<string, string>>;

const KEY = /^[a-z][a-z0-9_]{0,39}$/;

/** As somebody sent it, checked; undefined for none at all. Throws Problem 400, without a word of a value. */
export function metadataFrom(sent: unknown): Metadata | undefined {
  if (typeof sent !== 'object' || sent === null || Array.isArray(sent)) throw invalid('is no object');
  // `Object.entries` gives `__proto__` like any other name, where a copy by assignment would lose it.
  const entries = Object.entries(sent);
  if (entries.length > METADATA_KEYS_MAX) throw invalid(`has more than ${METADATA_KEYS_MAX} keys`);
  for (const [key, value] of entries) {
    // One name that each object has fits the pattern, and would be read for what it is elsewhere.
    if (!KEY.test(key) || key in {}) throw invalid('has a key that cannot be used');
    if (typeof value !== 'string') throw invalid(`has no text under ${key}`);
    if (value.length > METADATA_VALUE_LENGTH_MAX) throw invalid(`has a text under ${key} that is too long`);
    if (isUnfit(value) || holdsSecret(value))
      throw invalid(`has a text under ${key} that cannot be used: no line ends, and no token`);
  }
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

function invalid(what: string): Problem {
  return new Problem({
    status: 400,
    code: 'INVALID_DATA',
    message: `"metadata" ${what}.`,
    hint:
      `Send {"metadata":{"plan":"pro"}}: up to ${METADATA_KEYS_MAX} keys of lower-case letters, digits and _ ` +
      `(40 at most), each with a text of up to ${METADATA_VALUE_LENGTH_MAX} characters.`,
    parameter: 'metadata',
  });
}

import { shortName } from '../ground/without-secrets.ts';
import { objectFrom } from '../workflows/parameter-text.ts';
import { partsOf } from '../workflows/parameters.ts';

/** Deeper, and among more values, nothing is meant for us. */
const DEPTH_MAX = 4;
const VALUES_MAX = 1000;
/** Of JSON inside a text. */
const TEXT_LENGTH_MAX = 10_000;

/**
 * Where these names are found wrapped into one of these values, in words: `{"data":{"account":…}}`, `data[account]`,
 * `data.account`, JSON inside a text. All at once, for what was sent is to be read but once.
 */
export function findWrapped(
  sent: readonly [name: string, value: unknown][],
  names: readonly string[],
): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  let left = VALUES_MAX;

  function note(where: string, isThere: (name: string) => boolean): void {
    for (const name of names) if (!found.has(name) && isThere(name)) found.set(name, where);
  }

  function look(value: unknown, where: string, depth: number): void {
    left -= 1;
    if (left < 0 || depth > DEPTH_MAX) return;
    const isShort = typeof value === 'string' && value.length <= TEXT_LENGTH_MAX;
    const inside = isShort ? objectFrom(value) : undefined;
    if (inside !== undefined) look(inside, where, depth + 1);
    if (typeof value !== 'object' || value === null) return;
    if (!Array.isArray(value)) note(where, (name) => Object.hasOwn(value, name));
    for (const part of Object.values(value)) look(part, where, depth + 1);
  }

  for (const [around, value] of sent) {
    const parts = partsOf(around);
    note(`as ${shortName(around)}`, (name) => around !== name && parts.includes(name));
    look(value, `inside ${shortName(around)}`, 1);
  }
  return found;
}

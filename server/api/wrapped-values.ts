import { shortName } from '../ground/without-secrets.ts';
import { objectFrom } from '../workflows/parameter-text.ts';
import { partsOf } from '../workflows/parameters.ts';

/** Deeper, and among more values, nothing is meant for us. */
const DEPTH_MAX = 4;
const VALUES_MAX = 1000;
/** Of JSON inside a text: reading it again for each name must stay quick. */
const TEXT_LENGTH_MAX = 10_000;

/**
 * Where a name is found wrapped into one of these values, in words: `{"data":{"account":…}}`, `data[account]`,
 * `data.account`, JSON inside a text.
 */
export function findWrapped(
  sent: readonly [name: string, value: unknown][],
  name: string,
): string | undefined {
  let left = VALUES_MAX;

  function isIn(value: unknown, depth: number): boolean {
    left -= 1;
    if (left < 0 || depth > DEPTH_MAX) return false;
    if (typeof value === 'string') {
      const inside = value.length > TEXT_LENGTH_MAX ? undefined : objectFrom(value);
      return inside !== undefined && isIn(inside, depth + 1);
    }
    if (typeof value !== 'object' || value === null) return false;
    if (!Array.isArray(value) && Object.hasOwn(value, name)) return true;
    return Object.values(value).some((part) => isIn(part, depth + 1));
  }

  for (const [around, value] of sent) {
    if (around !== name && partsOf(around).includes(name)) return `as ${shortName(around)}`;
    if (isIn(value, 1)) return `inside ${shortName(around)}`;
  }
  return undefined;
}

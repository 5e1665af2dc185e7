/** Plain data: what JSON can say, and rows are made of. */

/** Freezes it, and all that lies inside. */
export function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const name in value) frozen(value[name]);
  return Object.freeze(value);
}

/** Plain data: what JSON can say, and rows are made of. */

/** Freezes it, and all that lies inside. */
export function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const name in value) frozen(value[name]);
  return Object.freeze(value);
}

/** A copy that may be changed; faster than by way of JSON. */
export function copyOf<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copyOf) as T;
  const copy: Partial<T> = {};
  for (const name in value) {
    // An assignment to this name would change the prototype instead.
    if (name === '__proto__') Object.defineProperty(copy, name, { ...OWN_FIELD, value: copyOf(value[name]) });
    else copy[name] = copyOf(value[name]);
  }
  return copy as T;
}

/** As an assignment makes it. */
const OWN_FIELD = { configurable: true, enumerable: true, writable: true };

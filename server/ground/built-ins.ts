/** What every value that a caller sends leads to, by names such as `__proto__` and `constructor`. */
const BUILT_IN = [Object, Array, Function, String, Number, Boolean, Date].flatMap((one) => [
  one,
  one.prototype,
]);

/** The engine's own functions in it: they too are objects, to which `toString.call` leads. */
const METHODS = BUILT_IN.flatMap((object) => Object.values(Object.getOwnPropertyDescriptors(object)))
  .map(({ value }): unknown => value)
  .filter((value) => typeof value === 'function' && !(BUILT_IN as unknown[]).includes(value));

const { ownKeys } = Reflect;

/**
 * Keeps what is there now: a careless merge of what a caller sent writes over it, or adds to what everything has. From now
 * on nothing is added to methods.
 */
export function keepBuiltIns() {
  for (const method of METHODS) Object.preventExtensions(method);
  const there = BUILT_IN.flatMap((object) =>
    Object.entries(Object.getOwnPropertyDescriptors(object))
      .filter(([, { writable }]) => writable)
      .map(([name, { value }]) => ({ object: object as unknown as Record<string, unknown>, name, value })),
  );
  const known = BUILT_IN.map((object) => ({ object, keys: new Set(ownKeys(object)) }));
  return {
    /** Puts it back; answers whether something was changed. Without a method of lists, which may be what was. */
    putBack(): boolean {
      let isChanged = false;
      for (const { object, name, value } of there) {
        if (object[name] === value) continue;
        object[name] = value;
        isChanged = true;
      }
      for (const { object, keys } of known) {
        for (const key of ownKeys(object)) {
          if (!keys.has(key)) isChanged = Reflect.deleteProperty(object, key) || isChanged;
        }
      }
      return isChanged;
    },
  };
}

/** What every value that a caller sends leads to, by names such as `__proto__` and `constructor`. */
const BUILT_IN = [Object, Array, Function, String, Number, Boolean].flatMap((one) => [one, one.prototype]);

const { ownKeys } = Reflect;

/** Keeps what is there now: a careless merge of what a caller sent writes over it, or adds to what everything has. */
export function keepBuiltIns() {
  const there = BUILT_IN.flatMap((object) =>
    Object.entries(Object.getOwnPropertyDescriptors(object))
      .filter(([, { writable }]) => writable)
      .map(([name, { value }]) => ({ object: object as unknown as Record<string, unknown>, name, value })),
  );
  const ofEverything = new Set(ownKeys(Object.prototype));
  return {
    /** Puts it back; answers whether something was changed. Without a method of lists, which may be what was. */
    putBack(): boolean {
      let isChanged = false;
      for (const { object, name, value } of there) {
        if (object[name] === value) continue;
        object[name] = value;
        isChanged = true;
      }
      for (const key of ownKeys(Object.prototype)) {
        if (!ofEverything.has(key)) isChanged = Reflect.deleteProperty(Object.prototype, key) || isChanged;
      }
      return isChanged;
    },
  };
}

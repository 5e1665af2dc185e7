import type { z } from 'zod';
import { nearMissOf } from '../ground/near-miss.ts';

/** Of a list, so many are looked at: a slip is in each of them. */
const ELEMENTS_MAX = 20;

/** What a zod schema is made of, as far as it has names inside. */
type Definition = {
  innerType?: z.ZodType;
  in?: z.ZodType;
  element?: z.ZodType;
  shape?: Record<string, z.ZodType>;
  catchall?: unknown;
};

/** A name inside of a value, and the one that was probably meant. */
type Stray = { path: string; meant: string };

/**
 * The first name inside of a value that its schema would leave out without a word, where it probably means a name that
 * is declared there and absent. Others are left alone, as beside the parameters.
 */
export function strayNameIn(schema: z.ZodType, value: unknown): Stray | undefined {
  const { element, shape, catchall } = definitionOf(schema);
  if (Array.isArray(value)) {
    return element && firstOf(value.slice(0, ELEMENTS_MAX).entries(), (part) => strayNameIn(element, part));
  }
  if (shape === undefined || typeof value !== 'object' || value === null) return undefined;
  const absent = Object.keys(shape).filter((name) => !Object.hasOwn(value, name));
  for (const name of Object.keys(value)) {
    if (catchall !== undefined || Object.hasOwn(shape, name)) continue;
    const meant = nearMissOf(name, absent);
    if (meant !== undefined && nearMissOf(name, [meant, ...Object.keys(shape)]) === meant) {
      return { path: name, meant };
    }
  }
  return firstOf(Object.entries(value), (part, name) =>
    Object.hasOwn(shape, name) ? strayNameIn(shape[name] as z.ZodType, part) : undefined,
  );
}

function firstOf<K extends string | number>(
  parts: Iterable<[K, unknown]>,
  look: (part: unknown, name: K) => Stray | undefined,
): Stray | undefined {
  for (const [name, part] of parts) {
    const found = look(part, name);
    if (found !== undefined) return { ...found, path: `${name}.${found.path}` };
  }
  return undefined;
}

/** Without what is around it: `.optional()`, `.default(…)`, `.transform(…)`. */
function definitionOf(schema: z.ZodType): Definition {
  const definition = schema._zod.def as Definition;
  const inner = definition.innerType ?? definition.in;
  return inner === undefined ? definition : definitionOf(inner);
}

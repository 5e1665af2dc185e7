import type { z } from 'zod';

const known = new WeakMap<z.ZodType, boolean>();

/**
 * Whether what has this schema may be left out. Found out once, when the owner's file is loaded: a schema is their code,
 * which may take long, and what it starts may fail later, on nobody's behalf.
 */
export function mayBeAbsent(schema: z.ZodType): boolean {
  const found = known.get(schema) ?? takesNothing(schema);
  known.set(schema, found);
  return found;
}

function takesNothing(schema: z.ZodType): boolean {
  try {
    return schema.safeParse(undefined).success;
  } catch {
    // One that cannot be asked is asked when something is sent.
    return false;
  }
}

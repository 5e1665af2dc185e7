import { inspect } from 'node:util';
import { z } from 'zod';
import { isObject } from '../ground/is-object.ts';
import { firstLine } from '../ground/load-fault.ts';
import { nearMissInBrackets } from '../ground/near-miss.ts';

/** What every declaration of an owner's is held to, of a type or of a workflow: its name, and schemas of what is JSON. */

/** Names become scopes, paths and collections; this long they stay readable in all of them. */
const NAME_LENGTH_MAX = 40;
export const NAME = new RegExp(`^[a-z][a-z0-9_]{0,${NAME_LENGTH_MAX - 1}}$`);
export const NAME_WANTED = `lower case letters, digits and underscores, at most ${NAME_LENGTH_MAX}, beginning with a letter`;

const SHOWN_LENGTH_MAX = 80;

/** Every declaration has a name, which stands in scopes and paths, and says what it is. */
export function* mistakesOfNaming({
  name,
  description,
}: {
  name: unknown;
  description: unknown;
}): Generator<string> {
  if (typeof name !== 'string' || !NAME.test(name)) {
    yield `name is ${shownValue(name)}: wanted ${NAME_WANTED}`;
  }
  if (typeof description !== 'string' || description.trim() === '') {
    yield 'description: wanted a sentence in plain words';
  } else if (description.includes('\ufffd')) {
    yield 'description: it has a sign that could not be read: save the file as UTF-8';
  }
}

/** As much of what was written instead as says what it is, in one line. */
export function shownValue(value: unknown): string {
  const text =
    typeof value === 'string' ? JSON.stringify(value) : inspect(value, { depth: 0, breakLength: Infinity });
  return text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX)}…` : text;
}

/** What a compiler would say of a key that means nothing; without one it would be left alone without a word. */
export function* mistakesOfKeys(what: string, declared: object, keys: readonly string[]): Generator<string> {
  for (const key of Object.keys(declared)) {
    if (!keys.includes(key))
      yield `${key}: ${what} has no such key${nearMissInBrackets(key, keys)}, only ${keys.join(', ')}`;
  }
}

/**
 * Zod takes the value of `.default(…)` as it is. Answers why the schema itself would refuse it; what a schema makes of a value
 * may have another form than what it takes, so such a one is not asked.
 */
export function unfitDefault(schema: z.ZodType): string | undefined {
  const { def } = schema as { def: { type: string; defaultValue?: unknown; innerType?: z.ZodType } };
  if (def.innerType === undefined) return undefined;
  if (def.type !== 'default' || isMaking(def.innerType)) return unfitDefault(def.innerType);
  const parsed = def.innerType.safeParse(def.defaultValue);
  return parsed.error && `default: its own schema refuses it: ${parsed.error.issues[0]?.message}`;
}

function isMaking(schema: z.ZodType): boolean {
  const { def } = schema as { def: { type: string; innerType?: z.ZodType } };
  return (
    ['pipe', 'transform', 'custom'].includes(def.type) ||
    (def.innerType !== undefined && isMaking(def.innerType))
  );
}

/** What travels as JSON must have a JSON form: no dates, maps or functions. Answers why it has none. */
export function unfitForJson(schema: z.ZodType, io: 'input' | 'output'): string | undefined {
  try {
    z.toJSONSchema(schema, { io });
    return undefined;
  } catch (error) {
    return firstLine(error);
  }
}

/** Whether this is a zod schema. */
export function isSchema(value: unknown): value is z.ZodType {
  return isObject(value) && '_zod' in value;
}

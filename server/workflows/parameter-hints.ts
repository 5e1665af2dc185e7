import { z } from 'zod';
import { MINUS_ZERO } from '../ground/exact-number.ts';
import { HAS_NUL, objectFrom, spelledOut, unfitTextIn } from './parameter-text.ts';
import type { Argument } from './parameters.ts';
import type { WrittenSchema } from './schema-words.ts';
import { isOptional, type Parameter } from './workflow.ts';

/** What may be sent, of a parameter or of a field. */
type Taken = Pick<Parameter, 'schema'>;

/** Looked through for a value that would fit; more is no slip. */
const PARTS_MAX = 10;

/** What the declaration says of a parameter. What was really sent is never repeated. */
export function exampleOf({ description, example }: Parameter): string {
  return `${description}. For example ${JSON.stringify(example)}.`;
}

/** What to do about a value that did not arrive as it was sent. */
export function hintForUnfit(parameter: Parameter, { value, changed, isText }: Argument): string {
  const example = exampleOf(parameter);
  if (changed === undefined) return `${hintForText(value)} ${example}`;
  if (changed === MINUS_ZERO) return `Send 0. ${example}`;
  if (!isText && accepts(parameter, '9'.repeat(20))) {
    return `Send it as text, in double quotes: only a text keeps all of its digits. ${example}`;
  }
  return `Send a number that has no more than fifteen digits. Where more are wanted, the workflow has to take a text: then send it as text. ${example}`;
}

/** What to do about a text that no store keeps as it is. */
export function hintForText(value: unknown): string {
  return unfitTextIn(value) === HAS_NUL
    ? 'Leave out the character NUL (\\u0000 in JSON, %00 in a query); send bytes as base64.'
    : 'Send whole characters in UTF-8; the program that made it probably cut a text.';
}

/** What to do about a value that the schema refuses, because of what is at `path` inside of it. */
export function hintForWrong(
  name: string,
  parameter: Parameter,
  argument: Argument,
  path: readonly PropertyKey[] = [],
): string {
  const slip = slipOf(name, parameter, argument) || nothingInside(argument.value, path);
  return [slip, exampleOf(parameter)].join(' ').trim();
}

function nothingInside(value: unknown, path: readonly PropertyKey[]): string {
  const inner = path.reduce<unknown>(
    (part, key) => (part as Record<PropertyKey, unknown> | null | undefined)?.[key],
    value,
  );
  const nothing = path.length === 0 ? undefined : nothingIn(inner);
  if (nothing === undefined) return '';
  return `${path.map(String).join('.')} was sent as ${nothing}: where it has no value, leave it out.`;
}

/** What the caller probably did, or nothing. */
export function slipOf(name: string, parameter: Taken, { value, isText }: Argument): string {
  const nothing = nothingIn(value);
  if (nothing !== undefined) {
    return isOptional(parameter)
      ? `${name} may be left out: leave it out instead of sending ${nothing}.`
      : `${name} is required and was sent as ${nothing}, as if the variable that holds it had no value.`;
  }
  if (typeof value === 'string') return slipOfText(parameter, value, isText);
  if (Array.isArray(value)) {
    return value.length === 1 && accepts(parameter, value[0])
      ? 'It was sent as a list of one: leave out the brackets around it.'
      : '';
  }
  if (typeof value === 'object' && value !== null) {
    if (takesObjects(parameter)) return '';
    if (Object.keys(value).some((name) => /^\$[a-z]+$/i.test(name))) return OPERATOR;
    return Object.values(value)
      .slice(0, PARTS_MAX)
      .some((part) => accepts(parameter, part))
      ? 'It was sent inside an object: send the value itself.'
      : '';
  }
  if (accepts(parameter, String(value))) return 'Send it as text, in double quotes.';
  return accepts(parameter, [value]) ? 'It is a list: put brackets around it.' : '';
}

function slipOfText(parameter: Taken, value: string, isText: boolean): string {
  const trimmed = value.trim();
  const spelt = spelledOut(trimmed.toLowerCase());
  if (typeof spelt !== 'string' && accepts(parameter, spelt)) {
    if (!isText) return 'It was sent as a text: leave out the quotes around it.';
    return 'Send it in lower case, without blanks around it.';
  }
  if (isText && YES_OR_NO.test(trimmed) && accepts(parameter, true)) return 'Send true or false.';
  if (isText && accepts(parameter, `+${value.slice(1)}`) && value.startsWith(' ')) {
    return 'A + in a form or a query means a blank: write it as %2B.';
  }
  if (trimmed !== value && accepts(parameter, trimmed)) return 'It has blanks or line ends around it.';
  if (/^-?\d+,\d+$/.test(trimmed) && accepts(parameter, Number(trimmed.replace(',', '.')))) {
    return 'Send it with a decimal point.';
  }
  const inside = isText ? undefined : objectFrom(value);
  if (inside !== undefined && accepts(parameter, inside)) {
    return 'It is JSON inside a text, as if it was encoded twice: leave out the quotes around it.';
  }
  return !isText && accepts(parameter, [value]) ? 'It is a list: put brackets around it.' : '';
}

/** Said of `{ $ne: … }`, as queries of MongoDB have it. */
export const OPERATOR =
  'A name that begins with $ is an operator of a query, not a value: send the value itself.';

/** Of an object in which something is wrong nobody is told to send a part of it. */
function takesObjects({ schema }: Taken): boolean {
  const written = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as WrittenSchema;
  return [written, ...(written.anyOf ?? [])].some(({ type }) => type === 'object');
}

/** What people and forms write for true and false. */
const YES_OR_NO = /^(?:yes|no|y|n|on|off|t|f|1|0)$/i;

/** The words for a value that says nothing. */
function nothingIn(value: unknown): string | undefined {
  if (value === null) return 'null';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : undefined;
  if (typeof value === 'object') return Object.keys(value).length === 0 ? 'an empty object' : undefined;
  if (typeof value !== 'string') return undefined;
  if (value.trim() === '') return 'an empty text';
  return /^(undefined|null|none|nil|nan)$/i.test(value) ? 'a word for nothing' : undefined;
}

function accepts({ schema }: Taken, value: unknown): boolean {
  return schema.safeParse(value).success;
}

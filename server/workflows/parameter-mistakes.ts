import { z } from 'zod';
import {
  isSchema,
  mistakesOfKeys,
  NAME,
  NAME_WANTED,
  unfitDefault,
  unfitForJson,
} from '../data/declaration-mistakes.ts';
import { isObject } from '../ground/is-object.ts';
import { UPLOAD_BYTES_MAX } from '../ground/limits.ts';
import { firstLine } from '../ground/load-fault.ts';
import { NamedRecord, type ParameterType, parameterTypeOf, typesIn } from './parameter-types.ts';
import { unfitForProcess } from './process/fit.ts';
import { type Parameter, placesOf, type Workflow } from './workflow.ts';

/** A line for each mistake in the declaration of a parameter. `types`: those that are declared. */
export function* mistakesOfParameter(
  workflow: Workflow,
  name: string,
  parameter: Parameter,
  types: ReadonlySet<unknown>,
): Generator<string> {
  if (!isObject(parameter) || !isSchema(parameter.schema)) {
    yield 'wanted { schema, description, example }';
    return;
  }
  yield* mistakesOfKeys('a parameter', parameter, ['schema', 'in', 'description', 'example']);
  if (!NAME.test(name)) yield `wanted a name of ${NAME_WANTED}`;
  if (typeof parameter.description !== 'string' || parameter.description === '') {
    yield 'it needs a description';
  }
  if (!['body', 'query', 'either', undefined].includes(parameter.in)) {
    yield "in: wanted 'body', 'query' or 'either'";
  } else if (workflow.method === 'GET' && (parameter.in ?? 'query') !== 'query') {
    yield "in: a GET workflow reads its parameters from the 'query'";
  }
  const unfit = unfitForJson(parameter.schema, 'input');
  if (unfit !== undefined) yield `it cannot be sent: ${unfit}${insteadOf(unfit)}`;
  // Trying it also finds schemas that only work with `await`: those are not for us.
  try {
    const parsed = parameter.schema.safeParse(parameter.example);
    parameter.schema.safeParse(undefined);
    if (!parsed.success) yield `example: its own schema refuses it: ${parsed.error.issues[0]?.message}`;
    else if (parameter.example === undefined) yield 'it needs an example, also where it may be left out';
    const unfitIfAbsent = unfitDefault(parameter.schema);
    if (unfitIfAbsent !== undefined) yield unfitIfAbsent;
    const wrong = [...mistakesOfUse(workflow, parameter, types)];
    yield* wrong;
    const unfit =
      parsed.success && wrong.length === 0 ? unfitForProcess(withoutRecords(parsed.data)) : undefined;
    if (unfit !== undefined) {
      yield `schema: what it makes of the example cannot be handed to the process in which run works: ${unfit}; make that in run`;
    }
  } catch (error) {
    yield `schema: ${firstLine(error)}`;
  }
}

/** What zod has and callers have no way to send, and what there is instead. */
const INSTEAD: readonly [find: RegExp, instead: string][] = [
  [/\bDate cannot/, "use date() from 'latchkey'"],
  [/\bBigInt cannot/, 'take a text of digits'],
];

/** What to do about a schema that has no JSON form, or nothing. */
function insteadOf(unfit: string): string {
  const instead = INSTEAD.find(([find]) => find.test(unfit))?.[1];
  return instead === undefined ? '' : `; ${instead}`;
}

/** A line for each mistake in how a parameter uses date(), file() and the like. */
function* mistakesOfUse(
  workflow: Workflow,
  parameter: Parameter,
  types: ReadonlySet<unknown>,
): Generator<string> {
  const { schema } = parameter;
  const written = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  if (JSON.stringify(written).includes('"format":"binary"')) yield "use file() from 'latchkey' for a file";
  const found = typesIn(schema);
  const outer = parameterTypeOf(written);
  const files = found.filter((one) => one.is === 'file');
  if (files.length > 0) yield* mistakesOfFiles(workflow, parameter, files, outer);
  if (outer?.is === 'date' && JSON.stringify(parameter.example).match(/^\[?-?\d/)) {
    yield 'example: write it as in ISO 8601, such as 2026-11-27T09:30:00Z';
  }
  if (found.some((one) => one.is === 'record')) yield* mistakesOfRecords(parameter, types);
}

function* mistakesOfFiles(
  workflow: Workflow,
  parameter: Parameter,
  files: readonly ParameterType[],
  outer: ParameterType | undefined,
): Generator<string> {
  if (outer?.is !== 'file' || files.length > 1) {
    yield 'a file() stands by itself or in a list, .array(), not inside of something else';
  }
  if (workflow.method === 'GET') yield "a GET has no body to send a file in: method: 'POST' is wanted";
  else if (placesOf(workflow, parameter).includes('query')) yield "in: a file is read from the 'body'";
  for (const one of files) {
    if (one.is !== 'file') continue;
    if (Number.isInteger(one.bytesMax) && one.bytesMax > 0 && one.bytesMax <= UPLOAD_BYTES_MAX) continue;
    yield `file: maxBytes: wanted a whole number from 1 to ${UPLOAD_BYTES_MAX}`;
  }
}

function* mistakesOfRecords({ schema, example }: Parameter, types: ReadonlySet<unknown>): Generator<string> {
  const { data, success } = schema.safeParse(example);
  if (!success) return;
  const named = recordsIn(data);
  if (Array.isArray(data) && data.length === 0)
    yield 'example: wanted one id at least, to try the schema with';
  else if (named.length === 0) yield 'record(): what is made of the record is made in run, not by its schema';
  for (const { type } of named) {
    if (!types.has(type)) yield `record(${type.name}): wanted a type that a file in types/ itself exports`;
  }
}

function recordsIn(value: unknown): NamedRecord[] {
  if (value instanceof NamedRecord) return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(recordsIn) : [];
}

/** A value without the records in it, which are looked up before `run` is handed it. */
function withoutRecords(value: unknown): unknown {
  if (value instanceof NamedRecord) return undefined;
  if (Array.isArray(value)) return value.map(withoutRecords);
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype)
    return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, withoutRecords(part)]));
}

/** A line for what an answer cannot have in it. */
export function* mistakesOfReturns(returns: z.ZodType): Generator<string> {
  for (const { is } of typesIn(returns)) {
    if (is === 'file')
      yield 'returns: an answer is JSON and has no files: return a text, or where the file is';
    if (is === 'record') yield 'returns: return the fields of a record, or its id as z.string()';
  }
}

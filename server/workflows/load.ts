import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type DataType, isDataType } from '../data/type.ts';
import {
  isSchema,
  mistakesOfNaming,
  mistakesOfType,
  NAME,
  NAME_WANTED,
  unfitForJson,
} from '../data/type-mistakes.ts';
import { warningsOfType } from '../data/warnings.ts';
import { importOwned, shownPath } from '../ground/config-folder.ts';
import { isObject } from '../ground/is-object.ts';
import { WORKFLOW_SECONDS_MAX } from '../ground/limits.ts';
import { firstLine, loadFaultOf } from '../ground/load-fault.ts';
import { placeOfMistake } from '../ground/mistake-place.ts';
import { WrongSettings } from '../ground/settings.ts';
import { ISSUE_TOKEN } from './issue-token.ts';
import { doLoad } from './late-failures.ts';
import { insteadOf, mistakesOfReturns, mistakesOfUse, withoutRecords } from './parameter-mistakes.ts';
import { unfitForThread } from './thread/fit.ts';
import { isOptional, isWorkflow, type Parameter, type Workflow, type WorkflowLimits } from './workflow.ts';

/** What the owner declares, each by its name. */
export type Declarations = {
  workflows: ReadonlyMap<string, Workflow>;
  types: ReadonlyMap<string, DataType>;
  /** A line for each thing that is no mistake, and yet mostly not meant. */
  warnings: readonly string[];
};

/** The files that each declare something: no tests, no types of JavaScript, nothing hidden or with an underscore before it. */
const DECLARING = /^[^._].*(?<!\.d|\.test)\.[mc]?[jt]s$/;

type Kinds = { workflow: Workflow; type: DataType };

/** What one file turned out to hold: its declaration, or why there is none. */
type Loaded<T> = { path: string; declared?: T; fault?: string };

/**
 * Loads the workflows and types that an app owner declared in `folder`. Throws `WrongSettings` with one
 * line for each mistake in any file, so that the start stops once and not once a file.
 */
export async function loadDeclarations(folder: string, timeLimitMs?: number): Promise<Declarations> {
  const [types, workflows] = await Promise.all([
    loadFolder(join(folder, 'types'), 'type', timeLimitMs),
    loadFolder(join(folder, 'workflows'), 'workflow', timeLimitMs),
  ]);
  const declaredTypes = types.flatMap((file) => file.declared ?? []);
  const known = new Set(declaredTypes);
  const lines = [
    ...linesOf(types, (type) => mistakesOfType(type, declaredTypes)),
    ...linesOf(workflows, (workflow) => mistakesOfWorkflow(workflow, known)),
  ];
  if (lines.length > 0) throw new WrongSettings(lines);
  const warnings = [...linesOf(types, (type) => warningsOfType(type, declaredTypes))];
  return { workflows: byName(workflows), types: byName(types), warnings };
}

async function loadFolder<K extends keyof Kinds>(
  folder: string,
  kind: K,
  timeLimitMs: number | undefined,
): Promise<Loaded<Kinds[K]>[]> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // An owner who declares no types may leave the folder out.
    if (code === 'ENOENT') return [];
    const fault = code === 'ENOTDIR' ? 'it is no folder' : `it may not be read (${code})`;
    return [{ path: shownPath(folder), fault: `${fault}; wanted a folder with one file for each ${kind}` }];
  }
  const declaring = names.filter((name) => DECLARING.test(name)).sort();
  return Promise.all(declaring.map((name) => loadFile(join(folder, name), kind, timeLimitMs)));
}

async function loadFile<K extends keyof Kinds>(
  file: string,
  kind: K,
  timeLimitMs: number | undefined,
): Promise<Loaded<Kinds[K]>> {
  const path = shownPath(file);
  try {
    const exported: unknown[] = Object.values(await doLoad(path, () => importOwned(file, timeLimitMs)));
    const [declared, second] = exported.filter(kind === 'type' ? isDataType : isWorkflow) as Kinds[K][];
    if (declared === undefined) {
      const maker = kind === 'type' ? 'defineType' : 'defineWorkflow';
      return { path, fault: `it exports no ${kind}: wanted export const ${kind} = ${maker}({ … })` };
    }
    if (second !== undefined) return { path, fault: `it exports more than one ${kind}: give each a file` };
    return { path, declared };
  } catch (error) {
    return { path, fault: `it does not load: ${loadFaultOf(error, file)}` };
  }
}

/** A line for what is said of each of these files, and for each name that one before has. */
function* linesOf<T extends { name: string }>(
  files: readonly Loaded<T>[],
  saidOf: (declared: T) => Iterable<string>,
): Generator<string> {
  const taken = new Map<string, string>();
  for (const { path, declared, fault } of files) {
    if (declared === undefined) {
      yield `${path}: ${fault}`;
      continue;
    }
    for (const said of saidOf(declared)) yield `${path}: ${said}${placeOfMistake(path, said)}`;
    const first = taken.get(declared.name);
    if (first === undefined) taken.set(declared.name, path);
    else yield `${path}: the name ${declared.name} is taken by ${first}${placeOfMistake(path, 'name is')}`;
  }
}

function byName<T extends { name: string }>(files: readonly Loaded<T>[]): ReadonlyMap<string, T> {
  return new Map(files.flatMap(({ declared }) => (declared ? [[declared.name, declared]] : [])));
}

function* mistakesOfWorkflow(workflow: Workflow, known: ReadonlySet<unknown>): Generator<string> {
  const { name, method, callers, parameters, types, returns, run } = workflow;
  yield* mistakesOfNaming(workflow);
  if (name === ISSUE_TOKEN.name) yield `the name ${name} belongs to a built-in workflow`;
  if (!['POST', 'GET'].includes(method)) yield "method: wanted 'POST' or 'GET'";
  if (!['anyone', 'account', 'admin'].includes(callers)) {
    yield "callers: wanted 'anyone', 'account' or 'admin'";
  }
  if (!isSchema(returns)) yield 'returns: wanted a zod schema of what run answers';
  else yield* mistakesOfReturns(returns);
  if (typeof run !== 'function') yield 'run: wanted a function';
  yield* mistakesOfLimits(workflow.limits);
  if (!isObject(parameters)) yield 'parameters: wanted an object, {} when there are none';
  for (const [parameterName, parameter] of Object.entries(isObject(parameters) ? parameters : {})) {
    for (const mistake of mistakesOfParameter(workflow, parameterName, parameter, known)) {
      yield `parameter ${parameterName}: ${mistake}`;
    }
  }
  for (const [typeName, type] of Object.entries(types ?? {})) {
    if (!known.has(type)) yield `types.${typeName}: wanted a type that a file in types exports`;
    else if (type.name !== typeName) yield `types.${typeName}: wanted under its own name, ${type.name}`;
  }
}

function* mistakesOfLimits(limits: WorkflowLimits): Generator<string> {
  if (!isObject(limits)) {
    yield 'limits: wanted { seconds, callsAMinute }, either or both';
    return;
  }
  const { seconds = 1, callsAMinute = 1, ...others } = limits;
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > WORKFLOW_SECONDS_MAX) {
    yield `limits.seconds: wanted a whole number from 1 to ${WORKFLOW_SECONDS_MAX}`;
  }
  if (!Number.isInteger(callsAMinute) || callsAMinute < 1) {
    yield 'limits.callsAMinute: wanted a whole number from 1';
  }
  for (const key of Object.keys(others)) yield `limits: there is no ${key}, only seconds and callsAMinute`;
}

function* mistakesOfParameter(
  workflow: Workflow,
  name: string,
  parameter: Parameter,
  types: ReadonlySet<unknown>,
): Generator<string> {
  if (!isObject(parameter) || !isSchema(parameter.schema)) {
    yield 'wanted { schema, description, example }';
    return;
  }
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
    isOptional(parameter);
    if (!parsed.success) yield `example: its own schema refuses it: ${parsed.error.issues[0]?.message}`;
    yield* mistakesOfUse(workflow, parameter, types);
    const unfit = parsed.success ? unfitForThread(withoutRecords(parsed.data)) : undefined;
    if (unfit !== undefined) {
      yield `schema: what it makes of the example cannot be handed to the thread in which run works: ${unfit}; make that in run`;
    }
  } catch (error) {
    yield `schema: ${firstLine(error)}`;
  }
}

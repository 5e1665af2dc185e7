import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { WrongSettings } from '../ground/settings.ts';
import { ISSUE_TOKEN } from './issue-token.ts';
import { type DataType, isOptional, isType, isWorkflow, type Workflow } from './workflow.ts';

/** What config/ declares, each by its name. */
export type Declarations = {
  workflows: ReadonlyMap<string, Workflow>;
  types: ReadonlyMap<string, DataType>;
};

/** Names become scopes, paths and collections; this long they stay readable in all of them. */
const NAME_LENGTH_MAX = 40;
const NAME = new RegExp(`^[a-z][a-z0-9_]{0,${NAME_LENGTH_MAX - 1}}$`);
const NAME_WANTED = `lower case letters, digits and underscores, at most ${NAME_LENGTH_MAX}, beginning with a letter`;
/** What each row has anyway, in all its spellings. */
const OWN_FIELDS = ['id', 'pending', 'created_at', 'created_by', 'modified_at'];

/** What one file turned out to hold: its declaration, or what is wrong with it. */
type Loaded<T> = { path: string; declared?: T; reasons: string[] };

/**
 * Loads the workflows and types that an app owner declared in `folder`. Throws `WrongSettings` with one
 * line for each mistake in any file, so that the start stops once and not once a file.
 */
export async function loadDeclarations(folder: string): Promise<Declarations> {
  const [types, workflows] = await Promise.all([
    loadFolder(join(folder, 'types'), 'type', isType),
    loadFolder(join(folder, 'workflows'), 'workflow', isWorkflow),
  ]);
  for (const file of types)
    if (file.declared !== undefined) file.reasons.push(...mistakesOfType(file.declared));
  const known = new Set(types.map((file) => file.declared));
  for (const file of workflows) {
    if (file.declared !== undefined) file.reasons.push(...mistakesOfWorkflow(file.declared, known));
  }
  noteDoubles(types);
  noteDoubles(workflows);
  const lines = [...types, ...workflows].flatMap(({ path, reasons }) =>
    reasons.map((reason) => `${path}: ${reason}`),
  );
  if (lines.length > 0) throw new WrongSettings(lines);
  return { workflows: byName(workflows), types: byName(types) };
}

async function loadFolder<T>(
  folder: string,
  kind: 'type' | 'workflow',
  is: (value: unknown) => value is T,
): Promise<Loaded<T>[]> {
  const names = (await filesIn(folder))
    .filter((name) => /^[^._].*(?<!\.d|\.test)\.[mc]?[jt]s$/.test(name))
    .sort();
  return Promise.all(names.map((name) => loadFile(join(folder, name), kind, is)));
}

/** An owner who declares no types may leave the folder out. */
async function filesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

async function loadFile<T>(
  file: string,
  kind: 'type' | 'workflow',
  is: (value: unknown) => value is T,
): Promise<Loaded<T>> {
  const path = relative(process.cwd(), file);
  try {
    const exported = Object.values(
      (await import(pathToFileURL(file).href)) as Record<string, unknown>,
    ).filter(is);
    const [declared, second] = exported;
    const maker = kind === 'type' ? 'defineType' : 'defineWorkflow';
    if (declared === undefined) {
      return { path, reasons: [`it exports no ${kind}: wanted export const ${kind} = ${maker}({ … })`] };
    }
    if (second !== undefined)
      return { path, reasons: [`it exports more than one ${kind}: give each a file`] };
    return { path, declared, reasons: [] };
  } catch (error) {
    return { path, reasons: [`it does not load: ${firstLine(error)}`] };
  }
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? `${error.name}: ${error.message}` : String(error)).split('\n')[0] ?? '';
}

function noteDoubles(files: readonly Loaded<{ name: string }>[]): void {
  const seen = new Map<string, string>();
  for (const { path, declared, reasons } of files) {
    if (declared === undefined) continue;
    const first = seen.get(declared.name);
    if (first === undefined) seen.set(declared.name, path);
    else reasons.push(`the name ${declared.name} is taken by ${first}`);
  }
}

function byName<T extends { name: string }>(files: readonly Loaded<T>[]): ReadonlyMap<string, T> {
  return new Map(
    files.flatMap(({ declared }) => (declared === undefined ? [] : [[declared.name, declared]])),
  );
}

function mistakesOfType(type: DataType): string[] {
  const reasons = mistakesOfNaming(type);
  if (!isObject(type.fields) || Object.keys(type.fields).length === 0) {
    return [...reasons, 'fields is wanted: an object of names and zod schemas'];
  }
  for (const [name, schema] of Object.entries(type.fields)) {
    if (!NAME.test(name)) reasons.push(`field ${name}: wanted a name of ${NAME_WANTED}`);
    if (OWN_FIELDS.includes(name))
      reasons.push(`field ${name}: each row has that by itself, choose another name`);
    if (isSchema(schema)) reasons.push(...mistakesOfField(schema).map((why) => `field ${name}: ${why}`));
    else reasons.push(`field ${name}: wanted a zod schema`);
  }
  return reasons;
}

/** In a store an absent field is absent, so nothing may be null; and what is stored is JSON. */
function mistakesOfField(schema: z.ZodType): string[] {
  const reasons = unfitForJson(schema, 'output').map((why) => `it cannot be stored: ${why}`);
  try {
    return schema.safeParse(null).success
      ? [...reasons, 'it takes null: wanted .optional() instead']
      : reasons;
  } catch (error) {
    return [...reasons, firstLine(error)];
  }
}

function mistakesOfWorkflow(workflow: Workflow, known: ReadonlySet<unknown>): string[] {
  const reasons = mistakesOfNaming(workflow);
  if (workflow.name === ISSUE_TOKEN.name)
    reasons.push(`the name ${workflow.name} belongs to a built-in workflow`);
  if (!['POST', 'GET'].includes(workflow.method)) reasons.push("method: wanted 'POST' or 'GET'");
  if (!['anyone', 'account', 'admin'].includes(workflow.callers)) {
    reasons.push("callers: wanted 'anyone', 'account' or 'admin'");
  }
  if (!isSchema(workflow.returns)) reasons.push('returns: wanted a zod schema of what run answers');
  if (typeof workflow.run !== 'function') reasons.push('run: wanted a function');
  if (!isObject(workflow.parameters)) reasons.push('parameters: wanted an object, {} when there are none');
  else {
    for (const [name, parameter] of Object.entries(workflow.parameters)) {
      reasons.push(
        ...mistakesOfParameter(workflow, name, parameter).map((why) => `parameter ${name}: ${why}`),
      );
    }
  }
  for (const [name, type] of Object.entries(workflow.types ?? {})) {
    if (!known.has(type)) reasons.push(`types.${name}: wanted a type that a file in types exports`);
    else if (type.name !== name) reasons.push(`types.${name}: wanted under its own name, ${type.name}`);
  }
  return reasons;
}

function mistakesOfNaming(declared: { name: unknown; description: unknown }): string[] {
  const reasons: string[] = [];
  if (typeof declared.name !== 'string' || !NAME.test(declared.name)) {
    reasons.push(`name is ${JSON.stringify(declared.name)}: wanted ${NAME_WANTED}`);
  }
  if (typeof declared.description !== 'string' || declared.description.trim() === '') {
    reasons.push('description: wanted a sentence in plain words');
  }
  return reasons;
}

function mistakesOfParameter(
  workflow: Workflow,
  name: string,
  parameter: Workflow['parameters'][string],
): string[] {
  if (!isObject(parameter) || !isSchema(parameter.schema)) return ['wanted { schema, description, example }'];
  const reasons = NAME.test(name) ? [] : [`wanted a name of ${NAME_WANTED}`];
  if (typeof parameter.description !== 'string' || parameter.description === '')
    reasons.push('it needs a description');
  if (!['body', 'query', 'either', undefined].includes(parameter.in)) {
    reasons.push("in: wanted 'body', 'query' or 'either'");
  } else if (workflow.method === 'GET' && (parameter.in ?? 'query') !== 'query') {
    reasons.push("in: a GET workflow reads its parameters from the 'query'");
  }
  reasons.push(...unfitForJson(parameter.schema, 'input').map((why) => `it cannot be sent: ${why}`));
  return [...reasons, ...mistakesOfExample(parameter)];
}

/** Tries the example, which also finds schemas that only work with `await`: those are not for us. */
function mistakesOfExample(parameter: Workflow['parameters'][string]): string[] {
  try {
    const parsed = parameter.schema.safeParse(parameter.example);
    isOptional(parameter);
    return parsed.success ? [] : [`example: its own schema refuses it: ${parsed.error.issues[0]?.message}`];
  } catch (error) {
    return [`schema: ${firstLine(error)}`];
  }
}

/** What travels as JSON must have a JSON form: no dates, maps or functions. */
function unfitForJson(schema: z.ZodType, io: 'input' | 'output'): string[] {
  try {
    z.toJSONSchema(schema, { io });
    return [];
  } catch (error) {
    return [firstLine(error)];
  }
}

function isSchema(value: unknown): value is z.ZodType {
  return isObject(value) && '_zod' in value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import { mayBeAbsent } from '../data/may-be-absent.ts';
import { endInTime } from '../data/timed-check.ts';
import { type DataType, isDataType } from '../data/type.ts';
import { mistakesOfType } from '../data/type-mistakes.ts';
import { warningsOfType } from '../data/type-warnings.ts';
import { importOwned, shownPath } from '../ground/config-folder.ts';
import { SCHEMA_CHECK_MS_MAX } from '../ground/limits.ts';
import { firstLine, loadFaultOf } from '../ground/load-fault.ts';
import { placeOfMistake } from '../ground/mistake-place.ts';
import { WrongSettings } from '../ground/settings.ts';
import { guardProcess } from './guarded-process.ts';
import { doLoad } from './late-failures.ts';
import { isWorkflow, type Workflow } from './workflow.ts';
import { mistakesOfWorkflow } from './workflow-mistakes.ts';

/** What the owner declares, each by its name. */
export type Declarations = {
  workflows: ReadonlyMap<string, Workflow>;
  types: ReadonlyMap<string, DataType>;
  /** A line for each thing that is no mistake, and yet mostly not meant. */
  warnings: readonly string[];
};

/** The files that each declare something: no tests, no types of JavaScript, nothing hidden or with an underscore before it. */
const DECLARING = /^[^._].*(?<!\.d|\.test|\.spec)\.[mc]?[jt]sx?$/i;
/** Of those, the ones that Node reads. */
const READ = /\.[mc]?[jt]s$/;

/** For all that the schemas of a file are asked at the start. */
const TRIAL_MS_MAX = 4 * SCHEMA_CHECK_MS_MAX;

type Kinds = { workflow: Workflow; type: DataType };

/** What one file turned out to hold: its declaration, or why there is none. */
type Loaded<T> = { path: string; declared?: T; fault?: string };

/**
 * Loads the workflows and types that an app owner declared in `folder`. Throws `WrongSettings` with one
 * line for each mistake in any file, so that the start stops once and not once a file.
 */
export async function loadDeclarations(folder: string, timeLimitMs?: number): Promise<Declarations> {
  guardProcess();
  const [types, workflows] = await Promise.all([
    loadFolder(join(folder, 'types'), 'type', timeLimitMs),
    loadFolder(join(folder, 'workflows'), 'workflow', timeLimitMs),
  ]);
  const declaredTypes = types.flatMap((file) => file.declared ?? []);
  const known = new Set(declaredTypes);
  const loaded: Loaded<DataType | Workflow>[] = [...types, ...workflows];
  const lines = [
    ...linesOf(withoutFollowing(types, loaded), (type) => mistakesOfType(type, declaredTypes)),
    ...linesOf(withoutFollowing(workflows, loaded), (workflow) => mistakesOfWorkflow(workflow, known)),
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
    const there = await readdir(folder, { withFileTypes: true });
    names = there.filter((one) => !one.isDirectory()).map((one) => one.name);
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
  if (!READ.test(file)) return { path, fault: 'Node does not read it: wanted a name that ends in .ts' };
  try {
    const exported: unknown[] = Object.values(await doLoad(path, () => importOwned(file, timeLimitMs)));
    const [declared, second] = exported.filter(kind === 'type' ? isDataType : isWorkflow) as Kinds[K][];
    if (declared === undefined) {
      const maker = kind === 'type' ? 'defineType' : 'defineWorkflow';
      const wanted = `wanted export const ${kind} = ${maker}({ … })`;
      return { path, fault: `it exports no ${kind}: ${wanted}; what only others import is named _NAME.ts` };
    }
    if (second !== undefined) return { path, fault: `it exports more than one ${kind}: give each a file` };
    return { path, declared };
  } catch (error) {
    return { path, fault: `it does not load: ${loadFaultOf(error, file)}` };
  }
}

function schemasOf(declared: Workflow | DataType): z.ZodType[] {
  if (isDataType(declared)) return Object.values(declared.fields);
  return Object.values(declared.parameters).map(({ schema }) => schema);
}

/** Without those that do not load because another one of them does not, which has a line of its own. */
function withoutFollowing<T>(files: readonly Loaded<T>[], all: readonly Loaded<unknown>[]): Loaded<T>[] {
  return files.filter(
    ({ path, fault }) =>
      !all.some(
        (other) => other.path !== path && other.fault === fault && fault?.includes(` of ${other.path})`),
      ),
  );
}

/** A line for what is said of each of these files, and for each name that one before has. */
function* linesOf<T extends Workflow | DataType>(
  files: readonly Loaded<T>[],
  saidOf: (declared: T) => Iterable<string>,
): Generator<string> {
  const taken = new Map<string, string>();
  for (const { path, declared, fault } of files) {
    if (declared === undefined) {
      yield `${path}: ${fault?.replace(` of ${path})`, ')')}`;
      continue;
    }
    for (const said of saidInTime(path, declared, saidOf)) {
      yield `${path}: ${said}${placeOfMistake(path, said)}`;
    }
    const first = taken.get(declared.name);
    if (first === undefined) taken.set(declared.name, path);
    else yield `${path}: the name ${declared.name} is taken by ${first}${placeOfMistake(path, 'the name ')}`;
  }
}

/** What is said of a file is found by its schemas too, which are tried with their examples, and may do anything. */
function saidInTime<T extends Workflow | DataType>(
  path: string,
  declared: T,
  saidOf: (declared: T) => Iterable<string>,
): string[] {
  const find = () => {
    const said = [...saidOf(declared)];
    // Asked now, so that no call finds one that takes long.
    if (said.length === 0) for (const schema of schemasOf(declared)) mayBeAbsent(schema);
    return said;
  };
  try {
    const tried = doLoad(path, () => endInTime(find, TRIAL_MS_MAX));
    if ('result' in tried) return tried.result;
    const isSlow = tried.fault === 'took too long';
    const how = isSlow ? `took longer than ${TRIAL_MS_MAX / 1000} seconds` : tried.fault;
    return [`its schemas ${how} when they were tried with its own examples, and with nothing`];
  } catch (error) {
    return [`its schemas cannot be tried: ${firstLine(error)}`];
  }
}

function byName<T extends { name: string }>(files: readonly Loaded<T>[]): ReadonlyMap<string, T> {
  return new Map(files.flatMap(({ declared }) => (declared ? [[declared.name, declared]] : [])));
}

import { Script } from 'node:vm';
import { z } from 'zod';
import { keepBuiltIns } from '../ground/built-ins.ts';
import { isObject } from '../ground/is-object.ts';
import { SCHEMA_CHECK_MS_MAX } from '../ground/limits.ts';

/** Who knows what takes long sends it again: nothing that they send is checked by the same schemas for so long. */
const REST_MS = 30 * SCHEMA_CHECK_MS_MAX;
/** Where so many did, the same holds for all: one may have many accounts. */
const RESTING_MAX = 3;
/** On a machine that is busy with other things a check that is short may stand still for as long. */
const ATTEMPTS_MAX = 3;

/** Schemas of these types, and checks of these kinds, do what zod wrote, and no more than it should. */
const PLAIN_TYPES = `string number int boolean bigint date undefined null void any unknown never nan literal enum
  optional nullable nonoptional default prefault readonly success object array tuple union intersection record map set`;
const PLAIN_CHECKS = `less_than greater_than multiple_of number_format bigint_format max_length min_length length_equals
  max_size min_size size_equals string_format`;
const PLAIN = {
  types: new Set(PLAIN_TYPES.split(/\s+/)),
  checks: new Set(PLAIN_CHECKS.split(/\s+/)),
  patterns: new Set<unknown>(Object.values(z.regexes)),
};

/** By the parameters of a workflow, or the fields of a type. */
const plainOnes = new WeakMap<object, boolean>();
/** Until when whose values are not checked. */
const resting = new WeakMap<object, Map<string, number>>();

/** What the script calls. */
const CALLED = Symbol.for('latchkey.check');
const global = globalThis as { [CALLED]?: () => unknown };
let script: Script | undefined;
let builtIns: ReturnType<typeof keepBuiltIns> | undefined;

/** Who sent what is checked, and in which request. */
export type SentBy = {
  requestId: string;
  /** An account's id, or the address of who sent no token. */
  sender: string;
};

/**
 * Does what checks by schemas of the owner's, which happens on the main thread: where code or a regular expression of theirs
 * takes too long, it ends, so that a text on which one never ends does not end the server. Throws a TypeError then.
 */
export function checkInTime<T>(
  declared: { what: string; of: object; schemas: () => readonly z.ZodType[] },
  { sender }: Pick<SentBy, 'sender'>,
  check: () => T,
  msMax = SCHEMA_CHECK_MS_MAX,
): T {
  const { what, of, schemas } = declared;
  if (arePlain(of, schemas)) return check();
  const tooLong = `${what}: its schemas took longer than ${msMax} ms to check what was sent`;
  const rest = restOf(of);
  if (rest.has(sender) || rest.size >= RESTING_MAX) {
    const whose = rest.size >= RESTING_MAX ? 'of anybody' : 'of whoever sent it';
    throw new TypeError(
      `${tooLong}, a moment ago; nothing ${whose} is checked by them for ${REST_MS / 1000} seconds`,
    );
  }
  const checked = endInTime(check, msMax);
  if ('result' in checked) return checked.result;
  if (checked.fault === 'changed what every value has') {
    throw new TypeError(`${what}: its schemas ${checked.fault}, by what was sent`);
  }
  rest.set(sender, performance.now() + REST_MS);
  throw new TypeError(tooLong);
}

/** Whose values are not checked just now, by what was declared. */
function restOf(of: object): Map<string, number> {
  const rest = resting.get(of) ?? new Map<string, number>();
  resting.set(of, rest);
  for (const [sender, untilMs] of rest) if (untilMs <= performance.now()) rest.delete(sender);
  return rest;
}

type InTime<T> = { result: T } | { fault: 'took too long' | 'changed what every value has' };

/**
 * Does it on this thread, and ends it where it takes longer. What it merges of what a caller sent into what every value has
 * does not become a property of everything in the server.
 */
export function endInTime<T>(work: () => T, msMax: number): InTime<T> {
  builtIns ??= keepBuiltIns();
  let ended: InTime<T>;
  let isChanged = false;
  try {
    ended = runInTime(work, msMax);
  } finally {
    isChanged = builtIns.putBack();
  }
  return isChanged ? { fault: 'changed what every value has' } : ended;
}

function runInTime<T>(work: () => T, msMax: number): InTime<T> {
  // Node can end what a script does, and nothing else on this thread. It takes 90 µs.
  script ??= new Script(`globalThis[Symbol.for('latchkey.check')]()`);
  global[CALLED] = work;
  const startedMs = workedMs();
  try {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return { result: script.runInThisContext({ timeout: msMax }) as T };
      } catch (error) {
        if (!(isObject(error) && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT')) throw error;
        // The machine did not let it work: that is no fault of the schemas, and everybody would be refused for it.
        if (workedMs() - startedMs < msMax / 2 && attempt < ATTEMPTS_MAX) continue;
        return { fault: 'took too long' };
      }
    }
  } finally {
    delete global[CALLED];
  }
}

/** So long the processor was at work in this thread. */
function workedMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function arePlain(of: object, schemas: () => readonly z.ZodType[]): boolean {
  const known = plainOnes.get(of) ?? areAllPlain(schemas());
  plainOnes.set(of, known);
  return known;
}

/** A schema may hold itself: each is looked at once. */
function areAllPlain(schemas: readonly z.ZodType[]): boolean {
  const found = new Set(schemas);
  for (const schema of found) {
    const { def } = schema._zod as unknown as { def: Definition };
    if (!isPlain(def)) return false;
    for (const inner of innerOf(def)) found.add(inner);
  }
  return true;
}

/** Whether all that it does beside the schemas in it is zod's own. */
function isPlain(def: Definition): boolean {
  const { type = '', checks = [] } = def;
  return (
    PLAIN.types.has(type) &&
    hasPlainFormat(def) &&
    checks.every(({ _zod: { def: one } }) => PLAIN.checks.has(one.check ?? '') && hasPlainFormat(one))
  );
}

function innerOf(def: Definition): z.ZodType[] {
  const { shape = {}, items = [], options = [] } = def;
  const { innerType, element, rest, left, right, keyType, valueType, catchall } = def;
  const single = [innerType, element, rest, left, right, keyType, valueType, catchall];
  return [
    ...Object.values(shape),
    ...items,
    ...options,
    ...single.filter((one) => one !== undefined && one !== null),
  ];
}

/** A regular expression of the owner's may take for ever; so may a function. */
function hasPlainFormat({ format = '', pattern, hostname, protocol, fn, error }: Definition): boolean {
  const isMade = ['includes', 'starts_with', 'ends_with'].includes(format);
  const expressions = [isMade ? undefined : pattern, hostname, protocol];
  return (
    expressions.every((one) => one === undefined || PLAIN.patterns.has(one)) &&
    typeof fn !== 'function' &&
    typeof error !== 'function'
  );
}

type Inner = z.ZodType | null | undefined;

/** What zod notes of a schema, or of one of its checks. */
type Definition = {
  type?: string;
  check?: string;
  checks?: readonly { _zod: { def: Definition } }[];
  shape?: Readonly<Record<string, z.ZodType>>;
  items?: readonly z.ZodType[];
  options?: readonly z.ZodType[];
  innerType?: Inner;
  element?: Inner;
  rest?: Inner;
  left?: Inner;
  right?: Inner;
  keyType?: Inner;
  valueType?: Inner;
  catchall?: Inner;
  format?: string;
  pattern?: unknown;
  hostname?: unknown;
  protocol?: unknown;
  fn?: unknown;
  error?: unknown;
};

import type { z } from 'zod';
import { Problem } from '../ground/errors.ts';
import { nearMissOf } from '../ground/near-miss.ts';
import { shortName } from '../ground/without-secrets.ts';
import { exampleOf, hintForUnfit, hintForWrong } from './parameter-hints.ts';
import { isMisread, lossOfText, type Read, readText, unfitTextIn } from './parameter-text.ts';
import { fileBytesOf, uploadsOf } from './parameter-types.ts';
import { FilePart } from './sent-file.ts';
import { strayNameIn } from './stray-names.ts';
import { isOptional, type Parameter, type Workflow } from './workflow.ts';

/** Names that nobody knows, told beside one that is missing. */
const STRANGERS_TOLD_MAX = 3;

/**
 * The value of a parameter as it was sent. `isText` where it came from a query or a form, which know only texts: one, or
 * a list of those of a repeated name; a part of a form may be a `FilePart`. `changed` says why a number in it did not arrive as it was sent.
 */
export type Argument = { value: unknown; isText: boolean; changed?: string | undefined };

/** What was sent with a call, wherever it stood: in the body and the query of a request, for example. */
export type Arguments = {
  /** Undefined where the parameter was left out. Throws Problem where it stands in a wrong place. */
  find(name: string): Argument | undefined;
  /** Where else something of this name was sent, in words: wrapped into something that no parameter has. */
  findWrapped(name: string): string | undefined;
  /** Names that were sent and that no parameter has. */
  strangers: readonly string[];
  /** How to send this parameter, for hints. */
  howToSend(name: string): string;
  /** What to do about a required one that was left out. */
  hintForAbsent(name: string): string;
};

/**
 * The parameters of a call, checked. Throws Problem with the first mistake: what is missing or misplaced before
 * what is wrong.
 *
 * A name that no parameter has is left alone, as Bubble does: callers such as webhooks send more than
 * they are asked for. It is refused where it probably means a parameter: where one of nearly that name is absent, where
 * an absent one is wrapped into it (`data[account]`), where it is a part of one (`account.name`).
 */
export function checkParameters(workflow: Workflow, sent: Arguments): Record<string, unknown> {
  const found = Object.entries(workflow.parameters).map(([name, parameter]) => {
    const argument = sent.find(name);
    if (argument === undefined) requireLeftOutRightly(workflow, name, sent);
    return { name, parameter, argument };
  });
  requireNoParts(workflow, sent);
  const values = Object.fromEntries(found.map((one) => [one.name, checkedValue(workflow, one)]));
  requireFilesWithin(workflow, values);
  return values;
}

/** Each file is within its own bound; all of them have one too. */
function requireFilesWithin(workflow: Workflow, values: Readonly<Record<string, unknown>>): void {
  const uploads = uploadsOf(workflow);
  let left = uploads?.bytesMax ?? 0;
  for (const name of uploads?.names ?? []) {
    for (const file of [values[name]].flat() as { bytes?: Uint8Array }[]) left -= file?.bytes?.length ?? 0;
    if (left >= 0) continue;
    const hint = 'Send fewer of them, or smaller ones.';
    throw invalid(workflow, name, `all files together have more than ${uploads?.bytesMax} bytes`, hint);
  }
}

function requireLeftOutRightly(workflow: Workflow, name: string, sent: Arguments): void {
  const isRequired = !isOptional(workflow.parameters[name] as Parameter);
  const wrapped = sent.findWrapped(name);
  if (wrapped !== undefined) {
    if (isRequired) throw missing(workflow, name, sent.hintForAbsent(name));
    const hint = `Send it by itself or, if it means something else, under another name. ${sent.howToSend(name)}`;
    throw invalid(workflow, name, `it was sent ${wrapped}`, hint);
  }
  const near = sent.strangers.find((stranger) => isNearest(workflow, stranger, name));
  if (isRequired) {
    const hint =
      near === undefined
        ? `${strangersInWords(sent)}${sent.hintForAbsent(name)}`
        : `${shortName(near)} was sent: is it ${name} that you mean? ${sent.howToSend(name)}`;
    throw missing(workflow, name, hint);
  }
  if (near === undefined) return;
  throw invalid(workflow, shortName(near), 'there is no such parameter', `Did you mean ${name}?`);
}

/** What was sent in its place, perhaps, under a name that is not near. */
function strangersInWords({ strangers }: Arguments): string {
  const names = strangers.slice(0, STRANGERS_TOLD_MAX).map(shortName).join(', ');
  return names === '' ? '' : `There is no parameter ${names}. `;
}

/** Whether a name probably means this parameter, and not another one whose name it is nearer to. */
function isNearest({ parameters }: Workflow, stranger: string, name: string): boolean {
  if (nearMissOf(stranger, [name]) === undefined) return false;
  return nearMissOf(stranger, [name, ...Object.keys(parameters)]) === name;
}

/** `account.name` and `account[name]` beside an `account` would be ignored without a word. */
function requireNoParts(workflow: Workflow, sent: Arguments): void {
  for (const stranger of sent.strangers) {
    const [name = ''] = partsOf(stranger);
    if (name === stranger || !Object.hasOwn(workflow.parameters, name)) continue;
    const hint = `${name} is read from one value, without brackets or dots in its name. ${sent.howToSend(name)}`;
    throw invalid(workflow, shortName(stranger), 'there is no such parameter', hint);
  }
}

/** `data[account][0]` and `data.account.0`, as some clients write what is nested. */
export function partsOf(name: string): string[] {
  return name
    .slice(0, PARTED_LENGTH_MAX)
    .split(/[[\].]+/)
    .filter((part) => part !== '');
}

/** Names of ours are shorter, and only the first parts can be one. */
const PARTED_LENGTH_MAX = 200;

function checkedValue(
  workflow: Workflow,
  one: { name: string; parameter: Parameter; argument: Argument | undefined },
): unknown {
  const { name, parameter, argument } = one;
  const { schema } = parameter;
  if (argument === undefined) return schema.parse(undefined);
  const { value, isText } = argument;
  if (hasFilePart(value)) return checkedFiles(workflow, name, parameter, argument);
  const stray = strayNameIn(schema, value);
  if (stray !== undefined) {
    const wrong = `there is no ${shortName(stray.path)} in it`;
    throw invalid(workflow, name, wrong, `Did you mean ${stray.meant}? ${exampleOf(parameter)}`);
  }
  const unfit = argument.changed ?? unfitTextIn(value);
  if (unfit !== undefined) throw invalid(workflow, name, unfit, hintForUnfit(parameter, argument));
  const read = isText
    ? readText(schema, value as string | string[])
    : ({ parsed: schema.safeParse(value) } as Read);
  const { parsed } = read;
  // A schema of the owner's may make a number of a text by itself (`z.coerce.number()`).
  const changed = read.changed ?? (typeof parsed.data === 'number' ? lossOfText(value) : undefined);
  if (changed !== undefined) {
    throw invalid(workflow, name, changed, hintForUnfit(parameter, { ...argument, changed }));
  }
  if (parsed.success) {
    if (!isMisread(schema, value, parsed.data)) return parsed.data;
    throw invalid(
      workflow,
      name,
      `it would arrive as ${parsed.data}`,
      hintForWrong(name, parameter, argument),
    );
  }
  if (isText && Array.isArray(value) && isNoList(parsed.error)) {
    const hint = `Send ${name} once; what is more than one value, send as JSON. ${exampleOf(parameter)}`;
    throw invalid(workflow, name, `it was sent ${value.length} times`, hint);
  }
  const path = parsed.error.issues[0]?.path;
  throw invalid(workflow, name, wantedBy(parsed.error), hintForWrong(name, parameter, argument, path));
}

function hasFilePart(value: unknown): boolean {
  return Array.isArray(value) ? value.some((one) => one instanceof FilePart) : value instanceof FilePart;
}

/** What came as parts of a form that have a filename. */
function checkedFiles(workflow: Workflow, name: string, parameter: Parameter, argument: Argument): unknown {
  const { schema } = parameter;
  if (fileBytesOf(schema) === 0) {
    const hint = `Send it as text, in a part without a filename (curl: -F '${name}=…', without @). ${exampleOf(parameter)}`;
    throw invalid(workflow, name, 'it was sent as a file, and is read as text', hint);
  }
  const whole = schema.safeParse(argument.value);
  if (whole.success) return whole.data;
  const list = Array.isArray(argument.value) ? undefined : schema.safeParse([argument.value]);
  if (list?.success) return list.data;
  const wrong = wantedBy(isNoList(whole.error) && list !== undefined ? list.error : whole.error);
  throw invalid(workflow, name, wrong, exampleOf(parameter));
}

/** Whether a list was refused because it is one, and not for what is in it. */
function isNoList({ issues: [issue] }: z.ZodError): boolean {
  const codes: unknown[] = ['invalid_type', 'invalid_union', 'invalid_value', 'invalid_format'];
  return issue?.path.length === 0 && codes.includes(issue.code);
}

/** What a schema says of a value that it refuses, on one line, without a word of the value. */
export function wantedBy(error: z.ZodError): string {
  const issue = error.issues[0];
  const within =
    issue === undefined || issue.path.length === 0 ? '' : `${issue.path.map(String).join('.')}: `;
  const wanted = (issue?.message ?? 'it does not fit').replace(/^Invalid input: /, '');
  return shortLine(`${within}${wanted.charAt(0).toLowerCase()}${wanted.slice(1)}`);
}

/** Bounded, because a schema of the owner's may say a lot. */
function shortLine(line: string): string {
  return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}

/** 400 for a required parameter that is not where it is read from. */
export function missing(workflow: Workflow, parameter: string, hint: string): Problem {
  const message = `Missing parameter for workflow ${workflow.name}: parameter ${parameter}`;
  return new Problem({ status: 400, code: 'MISSING_DATA', message, parameter, hint });
}

/** 400 for a parameter that cannot be taken as it was sent. */
export function invalid(workflow: Workflow, parameter: string, wrong: string, hint: string): Problem {
  const message = `Invalid data for workflow ${workflow.name}: parameter ${parameter}: ${wrong}`;
  return new Problem({ status: 400, code: 'INVALID_DATA', message, parameter, hint });
}

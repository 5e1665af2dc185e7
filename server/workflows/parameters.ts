import type { z } from 'zod';
import { Problem } from '../ground/errors.ts';
import { nearMissOf } from './near-miss.ts';
import { isOptional, type Parameter, type Workflow } from './workflow.ts';

/** The value of a parameter as it was sent; `isText` where it came from a query or a form, which know only texts. */
export type Argument = { value: unknown; isText: boolean };

/** What was sent with a call, wherever it stood: in the body and the query of a request, for example. */
export type Arguments = {
  /** Undefined where the parameter was left out. Throws Problem where it stands in a wrong place. */
  find(name: string): Argument | undefined;
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
 * they are asked for. It is refused where it is probably a slip of the pen, that is, where a parameter of
 * nearly that name is absent; an optional one would otherwise be ignored without a word.
 */
export function checkParameters(workflow: Workflow, sent: Arguments): Record<string, unknown> {
  const found = Object.entries(workflow.parameters).map(([name, parameter]) => {
    const argument = sent.find(name);
    if (argument === undefined) requireLeftOutRightly(workflow, name, sent);
    return { name, parameter, argument };
  });
  return Object.fromEntries(found.map((one) => [one.name, checkedValue(workflow, one)]));
}

function requireLeftOutRightly(workflow: Workflow, name: string, sent: Arguments): void {
  const near = sent.strangers.find((stranger) => nearMissOf(stranger, [name]) !== undefined);
  if (!isOptional(workflow.parameters[name] as Parameter)) {
    const hint =
      near === undefined
        ? sent.hintForAbsent(name)
        : `${shortName(near)} was sent: is it ${name} that you mean? ${sent.howToSend(name)}`;
    throw missing(workflow, name, hint);
  }
  if (near === undefined) return;
  throw invalid(workflow, shortName(near), 'there is no such parameter', `Did you mean ${name}?`);
}

function checkedValue(
  workflow: Workflow,
  one: { name: string; parameter: Parameter; argument: Argument | undefined },
): unknown {
  const { name, parameter, argument } = one;
  const { schema } = parameter;
  if (argument === undefined) return schema.parse(undefined);
  const { value, isText } = argument;
  const parsed = isText ? parseText(schema, value as string) : schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalid(workflow, name, wantedBy(parsed.error), hintForWrong(parameter, argument));
}

/** A text that is refused as a text is tried as the number or yes/no that it spells. */
function parseText(schema: z.ZodType, text: string): z.ZodSafeParseResult<unknown> {
  const asText = schema.safeParse(text);
  if (asText.success) return asText;
  const spelt = spelledOut(text);
  return spelt === undefined ? asText : schema.safeParse(spelt);
}

function spelledOut(text: string): number | boolean | undefined {
  if (/^-?(0|[1-9]\d*)(\.\d+)?(e[+-]?\d+)?$/i.test(text)) return Number(text);
  return text === 'true' ? true : text === 'false' ? false : undefined;
}

function wantedBy(error: z.ZodError): string {
  const issue = error.issues[0];
  const within =
    issue === undefined || issue.path.length === 0 ? '' : `${issue.path.map(String).join('.')}: `;
  const wanted = (issue?.message ?? 'it does not fit').replace(/^Invalid input: /, '');
  return shortLine(`${within}${wanted.charAt(0).toLowerCase()}${wanted.slice(1)}`);
}

function hintForWrong(parameter: Parameter, { value, isText }: Argument): string {
  const example = `${parameter.description}. For example ${JSON.stringify(parameter.example)}.`;
  if (isText || typeof value !== 'string') return example;
  const spelt = spelledOut(value.trim());
  const fits = spelt !== undefined && parameter.schema.safeParse(spelt).success;
  return fits ? `It was sent as a text: leave out the quotes around it. ${example}` : example;
}

/** Bounded, because a schema of the owner's may say a lot. */
function shortLine(line: string): string {
  return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}

/** A name that a caller chose, short enough to say back. */
export function shortName(name: string): string {
  return name.length > 60 ? `${name.slice(0, 60)}…` : name;
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

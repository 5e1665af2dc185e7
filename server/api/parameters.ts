import type { Context } from 'koa';
import type { z } from 'zod';
import { Problem } from '../ground/errors.ts';
import { examplesIn } from '../workflows/example-call.ts';
import { isOptional, type Parameter, placesOf, type Workflow } from '../workflows/workflow.ts';
import { nearMissOf } from './near-miss.ts';
import { readRequestBody, readRequestQuery, type Sent, shown } from './request-body.ts';

/** Each is compared with each absent parameter; who sends more is not in need of a hint. */
const STRANGERS_MAX = 50;

type Place = 'query' | 'body';
type Call = { workflow: Workflow; sent: Record<Place, Sent>; strangers: readonly string[] };

/**
 * The checked parameters of a call. Called only after the token check, since reading a body costs
 * something and its errors say what a workflow wants.
 *
 * A name that no parameter has is left alone, as Bubble does: callers such as webhooks send more than
 * they are asked for. It is refused where it is probably a slip of the pen, that is, where a parameter of
 * nearly that name is absent; an optional one would otherwise be ignored without a word.
 */
export async function readParameters(ctx: Context, workflow: Workflow): Promise<Record<string, unknown>> {
  const query = readRequestQuery(ctx);
  const body: Sent =
    workflow.method === 'GET' ? { kind: 'nothing', values: new Map() } : await readRequestBody(ctx);
  const strangers = [...body.values.keys(), ...query.values.keys()]
    .filter((name) => !Object.hasOwn(workflow.parameters, name))
    .slice(0, STRANGERS_MAX);
  const call: Call = { workflow, sent: { query, body }, strangers };
  const found = Object.entries(workflow.parameters).map(([name, parameter]) => ({
    name,
    parameter,
    place: placeOf(call, name, parameter),
  }));
  return Object.fromEntries(found.map((one) => [one.name, checkedValue(call, one)]));
}

/** Where the parameter stands; undefined where it was rightly left out. */
function placeOf(call: Call, name: string, parameter: Parameter): Place | undefined {
  const { workflow, sent } = call;
  const readFrom = placesOf(workflow, parameter);
  const standsIn = (['body', 'query'] as const).filter((place) => sent[place].values.has(name));
  const [place, second] = standsIn;
  if (second !== undefined) {
    throw invalid(
      workflow,
      name,
      'it is in the query and in the body',
      `Send ${name} once, in the ${readFrom[0]}.`,
    );
  }
  if (place !== undefined && readFrom.includes(place)) return place;
  const optional = isOptional(parameter);
  if (place !== undefined) {
    const where = `${name} was sent in the ${place}, but it is read from the ${readFrom[0]}.`;
    const hint = `${where} ${howToSend(call, name)}`;
    throw optional ? invalid(workflow, name, `it is in the ${place}`, hint) : missing(workflow, name, hint);
  }
  const near = call.strangers.find((stranger) => nearMissOf(stranger, [name]) !== undefined);
  if (optional && near === undefined) return undefined;
  if (optional) {
    throw invalid(workflow, shown(near ?? ''), 'there is no such parameter', `Did you mean ${name}?`);
  }
  throw missing(workflow, name, hintForAbsent(call, name, near));
}

function hintForAbsent(call: Call, name: string, near: string | undefined): string {
  if (near !== undefined)
    return `${shown(near)} was sent: is it ${name} that you mean? ${howToSend(call, name)}`;
  const around = wrapperOf(call.sent.body, name);
  if (around !== undefined) {
    return `${name} is inside ${shown(around)}, not in the body itself. ${howToSend(call, name)}`;
  }
  const { workflow, sent } = call;
  const wants = placesOf(workflow, workflow.parameters[name] as Parameter)[0];
  if (wants === 'body' && sent.body.kind === 'nothing')
    return `The request has no body. ${howToSend(call, name)}`;
  return `${workflow.parameters[name]?.description}. ${howToSend(call, name)}`;
}

/** The name of a value of the body that has the parameter one level too deep, as some clients wrap it. */
function wrapperOf(body: Sent, name: string): string | undefined {
  for (const [around, value] of body.values) {
    if (typeof value === 'object' && value !== null && Object.hasOwn(value, name)) return around;
  }
  return undefined;
}

/** From the declared examples; what was really sent is never repeated. */
function howToSend(call: Call, name: string): string {
  const { workflow } = call;
  const parameter = workflow.parameters[name] as Parameter;
  const place = placesOf(workflow, parameter)[0] as Place;
  const example = { ...examplesIn(workflow, place), [name]: parameter.example };
  if (place === 'body') {
    return `Send ${JSON.stringify(example)} as the body, with the header "Content-Type: application/json".`;
  }
  const text = typeof parameter.example === 'string' ? parameter.example : JSON.stringify(parameter.example);
  return `Send ?${new URLSearchParams({ [name]: text })} in the address.`;
}

function checkedValue(
  call: Call,
  one: { name: string; parameter: Parameter; place: Place | undefined },
): unknown {
  const { workflow, sent } = call;
  const { schema } = one.parameter;
  if (one.place === undefined) return schema.parse(undefined);
  const given = sent[one.place];
  const raw = given.values.get(one.name);
  const parsed = given.kind === 'json' ? schema.safeParse(raw) : parseText(schema, raw as string);
  if (parsed.success) return parsed.data;
  throw invalid(workflow, one.name, wantedBy(parsed.error), hintForWrong(one.parameter, given, raw));
}

/**
 * Query and form know only texts: one that is refused as a text is tried as the number or yes/no that it
 * spells.
 */
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
  return shownLine(`${within}${wanted.charAt(0).toLowerCase()}${wanted.slice(1)}`);
}

/** Bounded, because a schema of the owner's may say a lot. */
function shownLine(line: string): string {
  return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}

function hintForWrong(parameter: Parameter, given: Sent, raw: unknown): string {
  const example = `${parameter.description}. For example ${JSON.stringify(parameter.example)}.`;
  if (given.kind !== 'json' || typeof raw !== 'string') return example;
  const spelt = spelledOut(raw.trim());
  const fits = spelt !== undefined && parameter.schema.safeParse(spelt).success;
  return fits ? `It was sent as a text: leave out the quotes around it. ${example}` : example;
}

function missing(workflow: Workflow, parameter: string, hint: string): Problem {
  const message = `Missing parameter for workflow ${workflow.name}: parameter ${parameter}`;
  return new Problem({ status: 400, code: 'MISSING_DATA', message, parameter, hint });
}

function invalid(workflow: Workflow, parameter: string, wrong: string, hint: string): Problem {
  const message = `Invalid data for workflow ${workflow.name}: parameter ${parameter}: ${wrong}`;
  return new Problem({ status: 400, code: 'INVALID_DATA', message, parameter, hint });
}

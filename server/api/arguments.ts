import type { Context } from 'koa';
import { examplesIn, formOf, queryOf } from '../workflows/example-call.ts';
import { fileBytesOf } from '../workflows/parameter-types.ts';
import { type Argument, type Arguments, invalid, missing } from '../workflows/parameters.ts';
import { isOptional, type Parameter, placesOf, type Workflow } from '../workflows/workflow.ts';
import {
  type BodyWanted,
  hasBody,
  NOTHING,
  readRequestBody,
  readRequestQuery,
  type Sent,
} from './request-body.ts';
import { findWrapped } from './wrapped-values.ts';

/** Each is compared with each absent parameter; who sends more is not in need of a hint. */
const STRANGERS_MAX = 50;

type Place = 'query' | 'body';
type Request = { workflow: Workflow; sent: Record<Place, Sent> };

/**
 * What was sent with a call, in its body and its query. Called only after the token check, since reading a body
 * costs something and its errors say what a workflow wants.
 */
export async function readArguments(
  ctx: Context,
  workflow: Workflow,
  files: BodyWanted['files'],
): Promise<Arguments> {
  const query = readRequestQuery(ctx);
  // What a GET has in its body is misplaced, and told so.
  const body =
    workflow.method === 'GET' && !hasBody(ctx) ? NOTHING : await readRequestBody(ctx, { parts: true, files });
  const request: Request = { workflow, sent: { query, body } };
  const isStranger = (name: string) => !Object.hasOwn(workflow.parameters, name);
  const strangers = [...body.values, ...query.values].filter(([name]) => isStranger(name));
  let wrapped: ReadonlyMap<string, string> | undefined;
  return {
    find: (name) => find(request, name),
    findWrapped(name) {
      wrapped ??= findWrapped(strangers, Object.keys(workflow.parameters));
      return wrapped.get(name);
    },
    strangers: strangers.map(([name]) => name).slice(0, STRANGERS_MAX),
    howToSend: (name) => howToSend(workflow, name),
    hintForAbsent: (name) => hintForAbsent(request, name),
  };
}

function find({ workflow, sent }: Request, name: string): Argument | undefined {
  const parameter = workflow.parameters[name] as Parameter;
  const readFrom = placesOf(workflow, parameter);
  const [place, second] = (['body', 'query'] as const).filter((one) => sent[one].values.has(name));
  if (place === undefined) return undefined;
  if (second !== undefined) {
    const hint = `Send ${name} once, in the ${readFrom[0]}.`;
    throw invalid(workflow, name, 'it is in the query and in the body', hint);
  }
  if (!readFrom.includes(place)) {
    const where = `${name} was sent in the ${place}, but it is read from the ${readFrom[0]}.`;
    const hint = `${where} ${howToSend(workflow, name)}`;
    throw isOptional(parameter)
      ? invalid(workflow, name, `it is in the ${place}`, hint)
      : missing(workflow, name, hint);
  }
  const { kind, values, changed } = sent[place];
  return { value: values.get(name), isText: kind !== 'json', changed: changed.get(name) };
}

function hintForAbsent({ workflow, sent }: Request, name: string): string {
  const how = howToSend(workflow, name);
  const wrapped = findWrapped([...sent.body.values, ...sent.query.values], [name]).get(name);
  if (wrapped !== undefined) return `${name} was sent ${wrapped}, not by itself. ${how}`;
  const parameter = workflow.parameters[name] as Parameter;
  const isBodyEmpty = placesOf(workflow, parameter)[0] === 'body' && sent.body === NOTHING;
  return `${isBodyEmpty ? 'The request has no body' : parameter.description}. ${how}`;
}

/** From the declared examples; what was really sent is never repeated. */
function howToSend(workflow: Workflow, name: string): string {
  const parameter = workflow.parameters[name] as Parameter;
  const place = placesOf(workflow, parameter)[0] as Place;
  if (place === 'query') return `Send ?${queryOf({ [name]: parameter.example })} in the address.`;
  if (fileBytesOf(parameter.schema) > 0) return howToSendFile(workflow, name);
  const example = { ...examplesIn(workflow, place), [name]: parameter.example };
  return `Send ${JSON.stringify(example)} as the body, with the header "Content-Type: application/json".`;
}

/** A file stands better in a form: a person has no base64 at hand. */
function howToSendFile(workflow: Workflow, name: string): string {
  const { [name]: _, ...others } = examplesIn(workflow, 'body');
  const texts = formOf(workflow, others).map((part) =>
    'text' in part ? `--form-string '${part.name}=${part.text}'` : `-F '${part.name}=@PATH'`,
  );
  const form = [...texts, `-F '${name}=@PATH'`].join(' ');
  return `Send it as a part of a form, as in curl ${form}, or in JSON as {"${name}":{"filename":"…","type":"…","contents":"its bytes in base64"}}.`;
}

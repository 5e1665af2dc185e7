import type { Context } from 'koa';
import type { Wanted } from '../../data/record-lists.ts';
import type { Records } from '../../data/records.ts';
import { notSortedLater } from '../../data/rule-refusals.ts';
import { kindsOf } from '../../data/type.ts';
import { DATA_PATH } from '../../ground/api-address.ts';
import { invalidField, Problem } from '../../ground/errors.ts';
import { RECORDS_CURSOR_MAX, RECORDS_PAGE_MAX, SORT_FIELDS_MAX } from '../../ground/limits.ts';
import { nearMissHint, nearMissOf } from '../../ground/near-miss.ts';
import { sentTwice } from '../../http/body.ts';
import { hasBody, readRequestQuery } from '../request-body.ts';
import { CONSTRAINTS_EXAMPLE, constrainedField, constraintsFrom } from './constraints.ts';
import type { DataCall } from './data-call.ts';
import { objectsIn, requireKnownNames } from './json-lists.ts';
import { fieldNamed } from './names.ts';

const PARAMETERS = [
  'constraints',
  'cursor',
  'limit',
  'sort_field',
  'descending',
  'additional_sort_fields',
  'exclude_remaining',
] as const;

type Parameter = (typeof PARAMETERS)[number];

/** Part of a list, and whether what is behind it is counted. */
export type ListQuery = Wanted & { excludesRemaining: boolean };

const SORT_EXAMPLE = '[{"sort_field":"FIELD","descending":true}]';

/** What a list is asked for. Throws Problem for the first mistake. */
export function listQuery(ctx: Context, records: Records): ListQuery {
  const sent = parametersIn(ctx, records);
  const { constraints, cursor, limit, exclude_remaining: excludes } = sent;
  return {
    constraints: constraints === undefined ? [] : constraintsFrom(constraints, records),
    order: orderIn(sent, records),
    skip: numberIn('cursor', cursor, 0, RECORDS_CURSOR_MAX),
    limit: numberIn('limit', limit, RECORDS_PAGE_MAX, RECORDS_PAGE_MAX),
    excludesRemaining: isYes('exclude_remaining', excludes),
  };
}

/**
 * All but a list is asked for without a query: who writes a name there has something else in mind than what would be done.
 * Throws Problem for the first name.
 */
export function requireNoQuery({ ctx, opened, verb }: DataCall): void {
  const [name] = readRequestQuery(ctx).values.keys();
  if (name === undefined) return;
  const { type } = opened;
  const [asked, field] = [nearMissOf(name, PARAMETERS), nearMissOf(name, Object.keys(type.fields))];
  let hint = 'Leave it out: nothing is read from the query of this address.';
  if (verb === 'write' && ctx.method !== 'DELETE' && field !== undefined)
    hint = `Send ${field} in the body, which is JSON.`;
  else if (verb === 'read' && asked !== undefined)
    hint = `A list is asked for with ${asked}, at ${DATA_PATH}${type.name}; one record is read whole.`;
  throw invalidField(name, 'is not read here', hint);
}

/** Each is read once, and nothing else: a parameter that is passed over would give a list of everything. */
function parametersIn(ctx: Context, records: Records): Partial<Record<Parameter, string>> {
  if (hasBody(ctx)) {
    const hint = `Send ${PARAMETERS[0]} and the like in the query of the address.`;
    throw new Problem({
      status: 400,
      code: 'INVALID_REQUEST',
      message: 'A list is asked for without a body.',
      hint,
    });
  }
  const sent: Partial<Record<Parameter, string>> = {};
  for (const [name, value] of readRequestQuery(ctx).values) {
    if (!isParameter(name)) throw notRead(name, records);
    if (typeof value !== 'string') throw sentTwice(name, hintForTwice(name));
    if (value !== '') sent[name] = value;
  }
  return sent;
}

/** Clients write a list of their language as the name repeated. */
function hintForTwice(name: Parameter): string | undefined {
  const example = { constraints: CONSTRAINTS_EXAMPLE, additional_sort_fields: SORT_EXAMPLE }[name as string];
  return example && `Send one JSON list in it, made by JSON.stringify, json.dumps or the like: ${example}`;
}

function isParameter(name: string): name is Parameter {
  return (PARAMETERS as readonly string[]).includes(name);
}

function notRead(name: string, records: Records): Problem {
  const field = fieldNamed(records.type, name);
  const isTheirs = field !== undefined && records.constrains(field) !== 'none';
  const asConstraint = isTheirs ? constraintFor(name) : undefined;
  return invalidField(
    name,
    'is not read here',
    asConstraint ?? nearMissHint(name, PARAMETERS, `There are: ${PARAMETERS.join(', ')}.`),
  );
}

function constraintFor(name: string): string {
  const constraint = JSON.stringify([{ key: name, constraint_type: 'equals', value: '…' }]);
  return `To narrow the list down, send constraints=${constraint}, percent-encoded.`;
}

type Order = Wanted['order'][number];

function orderIn(sent: Partial<Record<Parameter, string>>, records: Records): readonly Order[] {
  const { sort_field: first, descending, additional_sort_fields: more } = sent;
  const isDescending = isYes('descending', descending);
  const wanted = first === undefined ? [] : [{ name: first, descending: isDescending }];
  const all = [...wanted, ...(more === undefined ? [] : sortsIn(more))];
  if (all.length > 0) return all.map((one, index) => orderBy(one, index, records));
  // When records were made is told by their order alone, where the caller may not know it.
  const by = records.constrains('createdAt') === 'none' ? 'id' : 'createdAt';
  return [{ by, descending: isDescending }];
}

function sortsIn(text: string): { name: string; descending: boolean }[] {
  const parameter = 'additional_sort_fields';
  return objectsIn(parameter, text, { max: SORT_FIELDS_MAX, example: SORT_EXAMPLE }).map((one) => {
    requireKnownNames(parameter, one, ['sort_field', 'descending']);
    const { sort_field: name, descending = false } = one;
    if (typeof name !== 'string')
      throw invalidField(parameter, 'has a part without the text sort_field', `Send ${SORT_EXAMPLE}.`);
    return { name, descending: isYes(parameter, String(descending)) };
  });
}

function orderBy(
  { name, descending }: { name: string; descending: boolean },
  index: number,
  records: Records,
): Order {
  const by = constrainedField(name, records);
  const kind = kindsOf(records.type).get(by);
  if (kind === 'list' || kind === 'other')
    throw invalidField(
      name,
      'has no order',
      'Sort by a field that holds a text, a number, or true or false.',
    );
  if (index > 0 && records.constrains(by) === 'some') throw notSortedLater({ type: records.type.name }, name);
  return { by, descending };
}

function isYes(name: string, value: string | undefined): boolean {
  if (value === undefined || value === 'false') return false;
  if (value === 'true') return true;
  throw invalidField(name, 'is neither true nor false', 'Send true or false, in lower case.');
}

function numberIn(name: 'cursor' | 'limit', value: string | undefined, usual: number, max: number): number {
  if (value === undefined) return usual;
  const found = /^\d{1,15}$/.test(value) ? Number(value) : undefined;
  if (found === undefined) throw invalidField(name, 'is no whole number', `Send 0 to ${max}.`);
  if (found <= max) return found;
  const hint =
    name === 'limit'
      ? `Ask for at most ${max}, and for the next page with cursor.`
      : `A page begins at ${max} at the furthest: narrow the list down, for example to a "Created Date" greater than that of the last record that came.`;
  throw invalidField(name, `is more than ${max}`, hint);
}

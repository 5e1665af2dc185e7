import type { Context } from 'koa';
import { z } from 'zod';
import type { Bearer } from '../../access/bearer.ts';
import type { Actor } from '../../ground/actor.ts';
import { invalidField, Problem } from '../../ground/errors.ts';
import { SEARCH_LENGTH_MAX } from '../../ground/limits.ts';
import { nearMissOf } from '../../ground/near-miss.ts';
import { addressOf, requestIdOf } from '../../http/request.ts';
import type { PageAsked } from '../../management/by-key.ts';
import { readRequestBody, readRequestQuery } from '../request-body.ts';
import type { ApiCall } from '../responder.ts';

/** One call of the management API by who may make it. */
export type ManagementCall = ApiCall & {
  caller: Bearer;
  /** What stands in the place of `:id` and the like in the path. */
  params: Readonly<Record<string, string>>;
  actor: Actor;
};

/** One address of the management API with one method. */
export type ManagementEndpoint = {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Behind MANAGEMENT_PATH, with `:id` and the like. */
  path: string;
  /** The scope that it needs, past privacy rules: `manage` where absent. */
  needs?: string;
  /** Does it and answers what is sent as `response`. */
  answer(call: ManagementCall): Promise<object>;
};

const PAGE_ROWS = 50;
const PAGE_ROWS_MAX = 100;
/** Longer than any that is given out. */
const CURSOR_LENGTH_MAX = 400;

/** What nothing is asked of. */
export const noQuery = z.strictObject({});

/** A list in pages: see `pageAskedBy`. */
export const pageQuery = z.strictObject({
  cursor: z.string().max(CURSOR_LENGTH_MAX).optional(),
  limit: z.string().optional(),
});

/** The same where `q` says what is searched for. */
export const searchQuery = pageQuery.extend({ q: z.string().max(SEARCH_LENGTH_MAX).optional() });

/** What is done to somebody else is done with a reason; where none is sent, managerFrom says what it is for. */
export const reasonBody = z.strictObject({ reason: z.string().default('') });

/** The body of a call, checked. Throws Problem 400 that names what is wrong, without a word of its value. */
export async function bodyOf<S extends z.ZodObject>(ctx: Context, schema: S): Promise<z.infer<S>> {
  const { values, changed } = await readRequestBody(ctx);
  // A `dry_run` that is not read would change what was only to be tried.
  const [misplaced] = readRequestQuery(ctx).values.keys();
  if (misplaced !== undefined) throw invalidField(misplaced, 'was sent in the query', 'Send it in the body.');
  const [lost] = changed;
  if (lost !== undefined) throw invalidField(lost[0], lost[1], `Send it as text.`);
  return checked(Object.fromEntries(values), schema);
}

/** The query of a call, checked in the same way. */
export function queryOf<S extends z.ZodObject>(ctx: Context, schema: S): z.infer<S> {
  return checked(Object.fromEntries(readRequestQuery(ctx).values), schema);
}

/** The part of a list that `cursor` and `limit` of a checked query ask for. Throws Problem 400. */
export function pageAskedBy(ctx: Context, { cursor = '', limit }: z.infer<typeof pageQuery>): PageAsked {
  const list = listAskedBy(ctx);
  if (limit === undefined) return { cursor, limit: PAGE_ROWS, list };
  const rows = /^[1-9]\d{0,2}$/.test(limit) ? Number(limit) : 0;
  if (rows < 1 || rows > PAGE_ROWS_MAX)
    throw invalidField('limit', 'is no number of rows', `Ask for 1 to ${PAGE_ROWS_MAX}.`);
  return { cursor, limit: rows, list };
}

/** The list and its filter: all that an address says but which page of it. */
function listAskedBy(ctx: Context): string {
  const filters = [...readRequestQuery(ctx).values].filter(([name]) => name !== 'cursor' && name !== 'limit');
  return JSON.stringify([ctx.path, ...filters.sort(([one], [other]) => (one < other ? -1 : 1))]);
}

/** Who acts over the API: the service, for which the account of its owner answers. */
export function actorOfCall(ctx: Context, { client, account }: Bearer): Actor {
  const where = { from: addressOf(ctx), requestId: requestIdOf(ctx) };
  return client === undefined
    ? { kind: 'account', id: account.id, ...where }
    : { kind: 'client', id: client.id, ...where };
}

/** As the domain calls what is sent under another name here. */
const OWN_NAMES = new Map([
  ['actsFor', 'acts_for'],
  ['expires', 'expires_at'],
  ['ipRanges', 'ip_ranges'],
  ['idleDays', 'idle_days'],
  ['redirectUris', 'redirect_uris'],
  ['postLogoutRedirectUris', 'post_logout_redirect_uris'],
  ['withoutPkce', 'requires_pkce'],
]);

/** What is wrong with a field is said under the name that it has here. */
export async function underOwnNames<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const parameter = error instanceof Problem ? OWN_NAMES.get(error.parameter ?? '') : undefined;
    if (!(error instanceof Problem) || parameter === undefined) throw error;
    const { status, code, message, hint } = error;
    throw new Problem({ status, code, message, hint, parameter });
  }
}

function checked<S extends z.ZodObject>(value: object, schema: S): z.infer<S> {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  const [issue] = error.issues;
  const names = Object.keys(schema.shape);
  const known = names.length === 0 ? 'Nothing is read here.' : `Read are: ${names.join(', ')}.`;
  if (issue?.code === 'unrecognized_keys' && issue.path.length === 0) {
    const stranger = issue.keys[0] ?? '';
    const near = nearMissOf(stranger, names);
    throw invalidField(
      stranger,
      'is not read here',
      near === undefined ? known : `Did you mean ${near}? ${known}`,
    );
  }
  const name = String(issue?.path[0] ?? '');
  if (issue?.code !== 'invalid_type' || Object.hasOwn(value, name)) {
    const what = `cannot be used (${issue?.message ?? 'invalid'})`;
    throw invalidField(name, what, (issue && hintFor(issue)) ?? known);
  }
  const stranger = Object.keys(value).find((sent) => !names.includes(sent) && nearMissOf(sent, [name]));
  throw invalidField(
    name,
    'is missing',
    stranger === undefined ? known : `${stranger} was sent: is it ${name} that you mean?`,
  );
}

const KINDS: Record<string, string> = {
  string: 'one text',
  number: 'a number, without quotes',
  boolean: 'true or false, without quotes',
  array: 'a list, in square brackets',
  object: 'an object, in braces',
};

/** What to send instead; undefined where the message says it. */
function hintFor(issue: z.core.$ZodIssue): string | undefined {
  const inside = issue.path.length > 1 ? ` as ${issue.path.slice(1).map(placeOf).join(', ')} of it` : '';
  switch (issue.code) {
    case 'invalid_type':
      return KINDS[issue.expected] && `Send ${KINDS[issue.expected]}${inside}.`;
    case 'invalid_value':
      return `Send one of: ${issue.values.join(', ')}.`;
    case 'unrecognized_keys':
      return `Leave out ${issue.keys.join(', ').slice(0, 80)}.`;
    default:
      return undefined;
  }
}

function placeOf(key: PropertyKey): string {
  return typeof key === 'number' ? `number ${key + 1}` : String(key);
}

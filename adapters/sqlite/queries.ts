import type { CheckedChange, CheckedCondition, Comparison } from '../checks.ts';
import { toJson } from '../json-text.ts';
import type { Scalar } from '../port.ts';

/**
 * SQL of the port's words. A row is `id` and its JSON in `doc`; a field is `json_extract(doc, '$.field')`, written
 * the same everywhere so that the indexes on it are found. Names come checked from checks.ts; values are bound.
 */
export type Sql = { text: string; values: Bound[] };

export type Bound = string | number | bigint;

export function fieldOf(name: string): string {
  return name === 'id' ? 'id' : `json_extract(doc, '$.${name}')`;
}

/**
 * SQLite has no booleans: inside JSON they are compared as 1 and 0. A whole number that is no longer exact is written in
 * JSON by the digits that tell it from its neighbours, which SQLite reads as an integer: it is compared with those.
 */
export function bound(value: Scalar): Bound {
  if (typeof value === 'boolean') return Number(value);
  if (typeof value === 'string' || Number.isSafeInteger(value) || !Number.isInteger(value)) return value;
  return Math.abs(value) < 2 ** 63 ? BigInt(toJson(value)) : value;
}

/** `IS NOT` holds for an absent (NULL) field where `<>` would not. */
const COMPARISONS = { '=': '=', '!=': 'IS NOT', '<': '<', '<=': '<=', '>': '>', '>=': '>=' };

/** Conditions that hold together. `first` stands in front of each list of them, those within `any` among them. */
export function whereSql(conditions: readonly CheckedCondition[], first: readonly Sql[] = []): Sql {
  return allOf([...first, ...conditions.map((one) => conditionSql(one, first))]);
}

export function allOf(parts: readonly Sql[]): Sql {
  return joined(parts, ' AND ', 'TRUE');
}

function anyOf(parts: readonly Sql[]): Sql {
  return joined(parts, ' OR ', 'FALSE');
}

function joined(parts: readonly Sql[], word: string, none: string): Sql {
  if (parts.length === 0) return { text: none, values: [] };
  return { text: parts.map(({ text }) => text).join(word), values: parts.flatMap(({ values }) => values) };
}

function enclosed({ text, values }: Sql): Sql {
  return { text: `(${text})`, values };
}

/** Where NULL, which an absent field makes of most tests, counts as no. */
function not({ text, values }: Sql): Sql {
  return { text: `(${text}) IS NOT TRUE`, values };
}

function conditionSql(condition: CheckedCondition, first: readonly Sql[] = []): Sql {
  switch (condition.test) {
    case 'none':
      return not(conditionSql({ ...condition, test: 'any' }));
    case 'any':
      return enclosed(anyOf(condition.alternatives.map((all) => whereSql(all, first))));
    case 'absent':
      return { text: `${fieldOf(condition.field)} IS NULL`, values: [] };
    case 'present':
      return { text: `${fieldOf(condition.field)} IS NOT NULL`, values: [] };
    case 'filled':
      return { text: `json_array_length(${jsonOf(condition.field)}) > 0`, values: [] };
    case 'empty':
      return not(conditionSql({ ...condition, test: 'filled' }));
    case 'in':
      return inSql(condition);
    case 'not in':
      return not(inSql(condition));
    case 'contains':
      return containsSql(condition);
    case 'lacks':
      return not(containsSql(condition));
    case 'has':
      return hasSql(condition);
    case 'has not':
      return not(hasSql(condition));
    default:
      return comparisonSql(condition);
  }
}

/** Where a field's value is in its document. */
function jsonOf(field: string): string {
  return `doc, '$.${field}'`;
}

/** The types of JSON that a value of this kind can have. */
function typesOf(value: Scalar): string {
  if (typeof value === 'string') return "= 'text'";
  if (typeof value === 'number') return "IN ('integer', 'real')";
  return `= '${value}'`;
}

/** What an extracted value looks like is not always what it is: true is 1, and a list or an object its JSON. */
function ofKind(field: string, value: Scalar): Sql {
  const text = field === 'id' ? 'TRUE' : `json_type(${jsonOf(field)}) ${typesOf(value)}`;
  return { text, values: [] };
}

/** Whether a value of another kind is equal to it. Where none is, an index alone can answer. */
function hasDouble(value: Scalar): boolean {
  return typeof value === 'string' ? /^[[{]/.test(value) : Number(value) === 0 || Number(value) === 1;
}

type Of<Test> = Extract<CheckedCondition, { test: Test }>;

function comparisonSql({ test, field, value, sure }: Of<Comparison>): Sql {
  if (typeof value === 'boolean' && test !== '=' && test !== '!=') return { text: 'FALSE', values: [] };
  const compared = { text: `${fieldOf(field)} ${COMPARISONS[test]} ?`, values: [bound(value)] };
  if (sure || ((test === '=' || test === '!=') && !hasDouble(value))) return compared;
  if (test === '!=') return not(comparisonSql({ test: '=', field, value, sure }));
  const parts = [compared, ofKind(field, value)];
  // Numbers stand before texts: this ends the walk along an index, where the type alone would have each looked at.
  if (typeof value === 'number' && test.startsWith('>'))
    parts.push({ text: `${fieldOf(field)} < ''`, values: [] });
  if (typeof value === 'string' && test.startsWith('<'))
    parts.push({ text: `${fieldOf(field)} >= ''`, values: [] });
  return allOf(parts);
}

function inSql({ field, values, sure }: Of<'in' | 'not in'>): Sql {
  // One text for lists of every length, so that the prepared statement is used again.
  const within = (some: readonly Scalar[]): Sql => ({
    text: `${fieldOf(field)} IN (SELECT value FROM json_each(?))`,
    values: [toJson(some)],
  });
  if (sure || !values.some(hasDouble)) return within(values);
  const byType = Map.groupBy(values, typesOf);
  return enclosed(
    anyOf([...byType.values()].map((some) => allOf([within(some), ofKind(field, some[0] as Scalar)]))),
  );
}

function containsSql({ field, value, sure }: Of<'contains' | 'lacks'>): Sql {
  const contains = { text: `instr(${fieldOf(field)}, ?) > 0`, values: [value] };
  return sure ? contains : allOf([ofKind(field, value), contains]);
}

function hasSql({ field, value }: Of<'has' | 'has not'>): Sql {
  const elements = `SELECT 1 FROM json_each(${jsonOf(field)}) WHERE type ${typesOf(value)} AND value = ?`;
  return {
    text: `json_type(${jsonOf(field)}) = 'array' AND EXISTS (${elements})`,
    values: [bound(value)],
  };
}

/** The document as the change leaves it. Every value goes in as JSON, so booleans and objects stay what they are. */
export function changeSql(change: CheckedChange): Sql {
  const { set, unset, add } = change;
  const removed = unset.map((name) => `'$.${name}'`).join(', ');
  const rest = unset.length === 0 ? 'doc' : `json_remove(doc, ${removed})`;
  if (set.length + add.length === 0) return { text: rest, values: [] };
  const parts = [
    ...set.map(([name]) => `'$.${name}', json(?)`),
    ...add.map(([name]) => `'$.${name}', coalesce(${fieldOf(name)}, 0) + ?`),
  ];
  return {
    text: `json_set(${rest}, ${parts.join(', ')})`,
    values: [...set.map(([, value]) => toJson(value)), ...add.map(([, by]) => by)],
  };
}

/** One step of an order, and where in it the row stands that others are behind. NULL, an absent field, is first. */
export type Place = { by: string; descending: boolean; optional: boolean; value: Scalar | undefined };

/** Rows behind the place, whose last step is that of the id. */
export function behindSql([place, ...rest]: readonly Place[]): Sql {
  if (place === undefined) return { text: 'FALSE', values: [] };
  const { by, descending, optional } = place;
  const beyond = descending ? '<' : '>';
  const field = fieldOf(by);
  if (by === 'id') return { text: `id ${beyond} ?`, values: [place.value as string] };
  const within = behindSql(rest);
  if (place.value === undefined) {
    const among = `(${field} IS NULL AND ${within.text})`;
    return { text: descending ? among : `(${among} OR ${field} IS NOT NULL)`, values: within.values };
  }
  const value = bound(place.value);
  // The first half alone gives the index a range to walk.
  const text = `${field} ${beyond}= ? AND (${field} ${beyond} ? OR ${within.text})`;
  const values = [value, value, ...within.values];
  return { text: descending && optional ? `((${text}) OR ${field} IS NULL)` : text, values };
}

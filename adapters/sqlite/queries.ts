import type { CheckedChange, CheckedCondition } from '../checks.ts';
import { toJson } from '../json-text.ts';
import type { Scalar } from '../port.ts';

/**
 * SQL of the port's words. A row is `id` and its JSON in `doc`; a field is `json_extract(doc, '$.field')`, written
 * the same everywhere so that the indexes on it are found. Names come checked from checks.ts; values are bound.
 */
export type Sql = { text: string; values: Bound[] };

export type Bound = string | number;

export function fieldOf(name: string): string {
  return name === 'id' ? 'id' : `json_extract(doc, '$.${name}')`;
}

/** SQLite has no booleans: inside JSON they are compared as 1 and 0. */
export function bound(value: Scalar): Bound {
  return typeof value === 'boolean' ? Number(value) : value;
}

/** `IS NOT` holds for an absent (NULL) field where `<>` would not. */
const COMPARISONS = { '=': '=', '!=': 'IS NOT', '<': '<', '<=': '<=', '>': '>', '>=': '>=' };

export function allOf(parts: readonly Sql[]): Sql {
  if (parts.length === 0) return { text: 'TRUE', values: [] };
  return { text: parts.map(({ text }) => text).join(' AND '), values: parts.flatMap(({ values }) => values) };
}

export function conditionSql(condition: CheckedCondition): Sql {
  const field = fieldOf(condition.field);
  switch (condition.test) {
    case 'absent':
      return { text: `${field} IS NULL`, values: [] };
    case 'present':
      return { text: `${field} IS NOT NULL`, values: [] };
    case 'in':
      // One text for lists of every length, so that the prepared statement is used again.
      return {
        text: `${field} IN (SELECT value FROM json_each(?))`,
        values: [toJson(condition.values)],
      };
    default:
      return { text: `${field} ${COMPARISONS[condition.test]} ?`, values: [bound(condition.value)] };
  }
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

/** Rows behind `after` in the order of `by` and then `id`. NULL, an absent field, stands before every value. */
export function behindSql(order: {
  by: string;
  descending: boolean;
  optional: boolean;
  after: { id: string; value: Scalar | undefined };
}): Sql {
  const { by, descending, optional, after } = order;
  const beyond = descending ? '<' : '>';
  if (by === 'id') return { text: `id ${beyond} ?`, values: [after.id] };
  const field = fieldOf(by);
  if (after.value === undefined) {
    const among = `(${field} IS NULL AND id ${beyond} ?)`;
    return { text: descending ? among : `(${among} OR ${field} IS NOT NULL)`, values: [after.id] };
  }
  const value = bound(after.value);
  // The first half alone gives the index a range to walk.
  const text = `${field} ${beyond}= ? AND (${field} ${beyond} ? OR id ${beyond} ?)`;
  const values = [value, value, after.id];
  return { text: descending && optional ? `((${text}) OR ${field} IS NULL)` : text, values };
}

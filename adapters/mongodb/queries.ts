import mongoose from 'mongoose';
import type { CheckedChange, CheckedCondition, CheckedOrder, Comparison } from '../checks.ts';
import type { Scalar } from '../port.ts';
import { storedValue } from './documents.ts';

/**
 * Filters and updates of the port's words. Every value stands behind its operator, never in an operator's
 * place.
 */
export type Filter = Record<string, unknown>;

/** `$ne` holds for an absent field too, as the port wants it. */
const COMPARISONS = { '=': '$eq', '!=': '$ne', '<': '$lt', '<=': '$lte', '>': '$gt', '>=': '$gte' };

export function fieldOf(field: string): string {
  return field === 'id' ? '_id' : field;
}

export function allOf(parts: readonly Filter[]): Filter {
  return parts.length === 0 ? {} : { $and: parts };
}

function anyOf(parts: readonly Filter[]): Filter {
  return parts.length === 0 ? NOTHING : { $or: parts };
}

function not(filter: Filter): Filter {
  return { $nor: [filter] };
}

function noneOf(parts: readonly Filter[]): Filter {
  return parts.length === 0 ? {} : { $nor: parts };
}

/** Holds of no document. */
const NOTHING: Filter = { _id: { $in: [] } };

export function conditionFilter(condition: CheckedCondition): Filter {
  if ('alternatives' in condition) {
    const alternatives = condition.alternatives.map((all) => allOf(all.map(conditionFilter)));
    return condition.test === 'any' ? anyOf(alternatives) : noneOf(alternatives);
  }
  const name = fieldOf(condition.field);
  switch (condition.test) {
    case 'absent':
      return { [name]: { $exists: false } };
    case 'present':
      return { [name]: { $exists: true } };
    case 'empty':
      return not(filledFilter(name));
    case 'filled':
      return filledFilter(name);
    case 'in':
      return ofScalar(condition, { [name]: { $in: condition.values } });
    case 'not in':
      return not(ofScalar(condition, { [name]: { $in: condition.values } }));
    case 'contains':
      return ofScalar(condition, { [name]: { $regex: literally(condition.value) } });
    case 'lacks':
      return not(ofScalar(condition, { [name]: { $regex: literally(condition.value) } }));
    case 'has':
      return { [name]: { $elemMatch: { $eq: condition.value } } };
    case 'has not':
      return not({ [name]: { $elemMatch: { $eq: condition.value } } });
    default:
      return comparisonFilter(condition);
  }
}

function filledFilter(name: string): Filter {
  return allOf([{ [name]: { $type: 'array' } }, not({ [name]: { $size: 0 } })]);
}

function comparisonFilter(condition: Extract<CheckedCondition, { test: Comparison }>): Filter {
  const { test, field, value, sure } = condition;
  const name = fieldOf(field);
  if (test === '!=' && !sure) return not(comparisonFilter({ ...condition, test: '=' }));
  if (typeof value === 'boolean' && test !== '=' && test !== '!=') return NOTHING;
  return ofScalar(condition, { [name]: { [COMPARISONS[test]]: value } });
}

/** A list passes a test that one of its elements passes, so where there could be one it is left out. */
function ofScalar({ field, sure }: { field: string; sure: boolean }, filter: Filter): Filter {
  return sure ? filter : allOf([filter, not({ [fieldOf(field)]: { $type: 'array' } })]);
}

/** A pattern that means this text. */
function literally(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&').replaceAll('\u0000', '\\x00');
}

/** The update document, or undefined when nothing changes (an empty one is an error on some servers). */
export function changeUpdate({ set, unset, add }: CheckedChange): Filter | undefined {
  const update: Filter = {};
  if (set.length > 0)
    update.$set = Object.fromEntries(set.map(([name, value]) => [name, storedValue(value)]));
  if (unset.length > 0) update.$unset = Object.fromEntries(unset.map((name) => [name, '']));
  // As doubles: the driver would send small numbers as 32-bit integers, and FerretDB 1 lets those sums wrap
  // round.
  if (add.length > 0)
    update.$inc = Object.fromEntries(add.map(([name, by]) => [name, new mongoose.mongo.Double(by)]));
  return Object.keys(update).length === 0 ? undefined : update;
}

/** One step of an order, and where in it the row stands that others are behind. An absent field is first. */
export type Place = CheckedOrder & { value: Scalar | undefined; sure: boolean };

/** The kinds of values in their order. A comparison holds within one kind only. */
const KINDS = ['number', 'string', 'bool'];

function ofKindsBehind(by: string, value: Scalar, descending: boolean): Filter[] {
  const place = KINDS.indexOf(typeof value === 'boolean' ? 'bool' : typeof value);
  const kinds = descending ? KINDS.slice(0, place) : KINDS.slice(place + 1);
  return kinds.map((kind) => ({ [by]: { $type: kind } }));
}

/** Documents behind the place, whose last step is that of the id. */
export function behindFilter([place, ...rest]: readonly Place[]): Filter {
  if (place === undefined) return NOTHING;
  const { by, descending, value, sure } = place;
  const beyond = descending ? '$lt' : '$gt';
  if (by === 'id') return { _id: { [beyond]: value } };
  const within = behindFilter(rest);
  const absent = { [by]: { $exists: false } };
  if (value === undefined) {
    const among = { $and: [absent, within] };
    return descending ? among : { $or: [among, { [by]: { $exists: true } }] };
  }
  const behind: Filter[] = [{ [by]: { [beyond]: value } }, { $and: [{ [by]: { $eq: value } }, within] }];
  if (!sure) behind.push(...ofKindsBehind(by, value, descending));
  return { $or: descending ? [...behind, absent] : behind };
}

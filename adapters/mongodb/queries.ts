import mongoose from 'mongoose';
import type { CheckedChange, CheckedCondition } from '../checks.ts';
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

export function conditionFilter(condition: CheckedCondition): Filter {
  const name = fieldOf(condition.field);
  switch (condition.test) {
    case 'absent':
      return { [name]: { $exists: false } };
    case 'present':
      return { [name]: { $exists: true } };
    case 'in':
      return { [name]: { $in: condition.values } };
    default:
      return { [name]: { [COMPARISONS[condition.test]]: condition.value } };
  }
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

/** Rows behind `after` in the order of `by` and then `_id`. An absent field stands before every value. */
export function behindFilter(order: {
  by: string;
  descending: boolean;
  after: { id: string; value: Scalar | undefined };
}): Filter {
  const { by, descending, after } = order;
  const beyond = descending ? '$lt' : '$gt';
  const behindId = { _id: { [beyond]: after.id } };
  if (by === 'id') return behindId;
  const absent = { [by]: { $exists: false } };
  if (after.value === undefined) {
    const among = { $and: [absent, behindId] };
    return descending ? among : { $or: [among, { [by]: { $exists: true } }] };
  }
  const behind = [{ [by]: { [beyond]: after.value } }, { $and: [{ [by]: { $eq: after.value } }, behindId] }];
  return { $or: descending ? [...behind, absent] : behind };
}

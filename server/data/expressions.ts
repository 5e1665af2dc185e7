import type { Scalar } from '../../adapters/port.ts';

/**
 * What the rules of a data type are written with. An expression is a value and not code, so that it becomes part of the
 * store's own query on every engine (resolve.ts). These functions only build it and hold its types.
 */

/** A field of the record that a rule is about. Two of them cannot be compared with each other. */
export type RecordField<T> = { readonly record: string; readonly holds?: T };

/** What a rule may ask of who calls. */
export const CALLER_VALUES = ['account', 'client', 'email', 'scopes', 'metadata', 'own'] as const;

/** Something of who calls; absent where the caller has no such thing, and then no comparison with it holds. */
export type CallerValue<T> = {
  readonly caller: (typeof CALLER_VALUES)[number];
  /** The key of the metadata, or the field of the caller's own record. */
  readonly key?: string;
  /** The type of the caller's own record. */
  readonly type?: string;
  readonly holds?: T;
};

/** One side of a comparison. */
export type Operand = RecordField<unknown> | CallerValue<unknown> | Scalar | readonly Scalar[];

export type Test =
  | ('=' | '!=' | '<' | '<=' | '>' | '>=')
  | ('in' | 'not in' | 'contains' | 'lacks' | 'has' | 'has not' | 'empty' | 'filled');

/** A comparison, of which all other expressions are made. */
export type Leaf = { readonly left: Operand; readonly test: Test; readonly right?: Operand | undefined };

export type Expression =
  | { readonly always: true }
  | Leaf
  | { readonly and: readonly Expression[] }
  | { readonly or: readonly Expression[] }
  | { readonly not: Expression };

/** A text is compared with any text of the caller's, also where the field allows some texts only. */
type Base<T> = T extends string ? string : T extends number ? number : boolean;
type Left<T> = RecordField<T> | CallerValue<T>;
type Right<T> = T | CallerValue<Base<T>>;
type Texts = readonly string[];

/** Those that are made while the rules of a type are. */
let making: Expression[] | undefined;

function made<E extends Expression>(expression: E): E {
  making?.push(expression);
  return expression;
}

/** Makes rules, and answers all expressions too that were made for them, used or not. */
export function withAllMade<T>(make: () => T): { value: T; all: readonly Expression[] } {
  const all: Expression[] = [];
  making = all;
  try {
    return { value: make(), all };
  } finally {
    making = undefined;
  }
}

/** Holds for every record and every caller, signed in or not. */
export const always: Expression = { always: true };

/** Both are the same. */
export function is<T extends Scalar>(left: Left<T>, right: Right<NoInfer<T>>): Expression {
  return made({ left, test: '=', right });
}

/** They differ; a field that is absent differs from everything. */
export function isNot<T extends Scalar>(left: Left<T>, right: Right<NoInfer<T>>): Expression {
  return made({ left, test: '!=', right });
}

/** The left one is less: a number, or a text that comes before. */
export function isLess<T extends string | number>(left: Left<T>, right: Right<NoInfer<T>>): Expression {
  return made({ left, test: '<', right });
}

/** The left one is the same or less. */
export function isAtMost<T extends string | number>(left: Left<T>, right: Right<NoInfer<T>>): Expression {
  return made({ left, test: '<=', right });
}

/** The left one is more: a number, or a text that comes behind. */
export function isMore<T extends string | number>(left: Left<T>, right: Right<NoInfer<T>>): Expression {
  return made({ left, test: '>', right });
}

/** The left one is the same or more. */
export function isAtLeast<T extends string | number>(left: Left<T>, right: Right<NoInfer<T>>): Expression {
  return made({ left, test: '>=', right });
}

/** It is one of these. */
export function isIn<T extends Scalar>(
  left: Left<T>,
  right: readonly NoInfer<T>[] | CallerValue<Texts>,
): Expression {
  return made({ left, test: 'in', right });
}

/** The text holds this one, as it is written: upper and lower case differ. */
export function contains(left: Left<string>, right: Right<string>): Expression {
  return made({ left, test: 'contains', right });
}

/** The list has this element. */
export function has<T extends Scalar>(
  left: RecordField<readonly T[]> | RecordField<T[]> | CallerValue<readonly T[]>,
  right: Right<NoInfer<T>>,
): Expression {
  return made({ left, test: 'has', right });
}

/** There is nothing: no value, an empty text, an empty list. Of the caller: it is absent. */
export function isEmpty(left: RecordField<unknown> | CallerValue<unknown>): Expression {
  return made({ left, test: 'empty' });
}

/** All of them hold. */
export function and(...of: readonly Expression[]): Expression {
  return made({ and: of });
}

/** At least one of them holds. */
export function or(...of: readonly Expression[]): Expression {
  return made({ or: of });
}

/** It does not hold. What compares with something that the caller lacks does not hold under `not` either. */
export function not(of: Expression): Expression {
  return made({ not: of });
}

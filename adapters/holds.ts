import type { Scalar, Where } from './port.ts';

/**
 * Whether conditions hold of a row at hand: what the engines do with the same conditions in their own languages, in the
 * plainest way. The conditions are taken as they are; adapters/checks.ts is what refuses others.
 */
export function holds<R extends { id: string }>(where: Where<R>, row: R): boolean {
  return (where as Where<never>).every((condition: Condition) =>
    Array.isArray(condition[1])
      ? condition[1].some((alternative) => holds(alternative as Where<R>, row)) === (condition[0] === 'any')
      : passes(valueIn(row, condition[0]), condition[1] as string, condition[2]),
  );
}

/** A field may have the name of something that every object has. */
function valueIn(row: object, field: string): unknown {
  return Object.hasOwn(row, field) ? row[field as keyof object] : undefined;
}

type Condition = readonly [field: string, test: unknown, value?: unknown];

function passes(value: unknown, test: string, wanted: unknown): boolean {
  switch (test) {
    case 'absent':
      return value === undefined;
    case 'present':
      return value !== undefined;
    case '=':
      return isSame(value, wanted);
    case '!=':
      return !isSame(value, wanted);
    case 'in':
      return isAmong(value, wanted);
    case 'not in':
      return !isAmong(value, wanted);
    case 'contains':
      return includes(value, wanted);
    case 'lacks':
      return !includes(value, wanted);
    case 'has':
      return hasElement(value, wanted);
    case 'has not':
      return !hasElement(value, wanted);
    case 'empty':
      return !isFilled(value);
    case 'filled':
      return isFilled(value);
    default:
      return isOrdered(value, test, wanted);
  }
}

/** As it is stored: halves of surrogate pairs are U+FFFD. */
function stored(wanted: unknown): unknown {
  return typeof wanted === 'string' ? wanted.toWellFormed() : wanted;
}

function isSame(value: unknown, wanted: unknown): boolean {
  return value === stored(wanted);
}

function isAmong(value: unknown, wanted: unknown): boolean {
  return (wanted as readonly Scalar[]).some((one) => isSame(value, one));
}

function includes(value: unknown, wanted: unknown): boolean {
  return typeof value === 'string' && value.includes(stored(wanted) as string);
}

function hasElement(value: unknown, wanted: unknown): boolean {
  return Array.isArray(value) && value.some((element) => isSame(element, wanted));
}

function isFilled(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}

function isOrdered(value: unknown, test: string, wanted: unknown): boolean {
  const difference = differenceOf(value, stored(wanted));
  if (difference === undefined) return false;
  if (test === '<') return difference < 0;
  if (test === '<=') return difference <= 0;
  return test === '>' ? difference > 0 : difference >= 0;
}

/** Text by code point, which UTF-8 bytes keep and JavaScript's own order of UTF-16 units does not. */
function differenceOf(value: unknown, wanted: unknown): number | undefined {
  if (typeof value === 'number' && typeof wanted === 'number') return Math.sign(value - wanted);
  if (typeof value !== 'string' || typeof wanted !== 'string') return undefined;
  return Buffer.compare(Buffer.from(value), Buffer.from(wanted));
}

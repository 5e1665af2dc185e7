/** A number as JSON writes one (RFC 8259 section 6), which is how it is sent. */
export const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?(e[+-]?\d+)?$/i;

/** No number that arrives as it was sent is written longer; what looks at its digits stays quick. */
const LITERAL_LENGTH_MAX = 100;

/** Below, a double has fewer digits. */
const ROOMY_MIN = 1e-300;

export const MINUS_ZERO = 'minus zero arrives as zero';

const BEYOND = `integers beyond ${Number.MAX_SAFE_INTEGER} arrive changed`;

/**
 * Why a number, written as JSON writes it, would not arrive as it was sent; undefined where it does. Numbers are IEEE
 * 754 doubles here, as with most receivers (RFC 8259 section 6), and a reader would silently take the nearest one.
 */
export function lossOf(literal: string): string | undefined {
  if (literal.length > LITERAL_LENGTH_MAX) return 'a number of so many digits arrives changed';
  const value = Number(literal);
  // Fifteen digits are always kept where an exponent leaves room for them; many numbers are looked at quickly.
  if (literal.length <= 15 && Math.abs(value) > ROOMY_MIN && Number.isFinite(value)) return undefined;
  if (!Number.isFinite(value)) return 'so large a number does not arrive';
  if (value === 0) {
    if (/^[^e]*[1-9]/i.test(literal)) return 'so small a number arrives as zero';
    return literal.startsWith('-') ? MINUS_ZERO : undefined;
  }
  const isBeyond = Math.abs(value) > Number.MAX_SAFE_INTEGER;
  // Written out, one such integer cannot be told from its neighbours.
  if (isBeyond && !/e/i.test(literal)) return BEYOND;
  if (digitsOf(literal) === digitsOf(String(value))) return undefined;
  return isBeyond ? BEYOND : 'a number of so many digits arrives changed';
}

/** The value in one spelling: its digits without zeros around them, and how far to shift the point. */
function digitsOf(literal: string): string {
  const [, sign = '', whole = '', part = '', shift = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(literal) ?? [];
  const digits = `${whole}${part}`.replace(/^0+/, '');
  const short = digits.replace(/0+$/, '');
  return `${sign}${short}e${Number(shift) - part.length + digits.length - short.length}`;
}

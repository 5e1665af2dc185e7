/**
 * The longest form that Unicode composes of one character: so many UTF-16 units, before normalisation, may stand for
 * each character after it.
 */
const UNITS_PER_CHARACTER_MAX = 4;

/** How many characters people see in a text, or would, if it were not too long to be looked at. */
export type Normalised = { text: string; length: number };

/**
 * A text in one Unicode form (UAX #15), or undefined where it has more than `lengthMax` characters. Normalisation takes
 * a time that grows with the square of the number of combining marks, so the raw length comes first. Nothing else
 * calls `normalize`: test/imports.ts holds that.
 */
export function normalised(typed: string, form: 'NFC' | 'NFKC', lengthMax: number): Normalised | undefined {
  if (typed.length > lengthMax * UNITS_PER_CHARACTER_MAX) return undefined;
  const text = typed.normalize(form);
  const length = [...text].length;
  return length > lengthMax ? undefined : { text, length };
}

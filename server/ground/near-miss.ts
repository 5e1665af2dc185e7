/** One edit in a shorter name gives another word rather than a slip of the pen. */
const EDITED_LENGTH_MIN = 4;
/** Names of ours are shorter; nothing longer is worth comparing. */
const COMPARED_LENGTH_MAX = 64;

/**
 * The one of `names` that was probably meant by `sent`: the same but for case and whatever is no letter or digit,
 * or one letter added, left out, exchanged or swapped with the next.
 */
export function nearMissOf(sent: string, names: Iterable<string>): string | undefined {
  if (sent.length > COMPARED_LENGTH_MAX) return undefined;
  const plain = plainForm(sent);
  let near: string | undefined;
  for (const name of names) {
    const wanted = plainForm(name);
    if (plain === wanted) return name;
    if (near === undefined && Math.min(plain.length, wanted.length) >= EDITED_LENGTH_MIN) {
      if (isOneEdit(plain, wanted)) near = name;
    }
  }
  return near;
}

/** The hint that asks whether the nearest of these names was meant; `otherwise` where none is near. */
export function nearMissHint(sent: string, names: Iterable<string>, otherwise: string): string {
  const near = nearMissOf(sent, names);
  return near === undefined ? otherwise : `Did you mean ${near}?`;
}

/** The same, to go on with behind a mistake that names the name: nothing where none is near. */
export function nearMissInBrackets(sent: string, names: Iterable<string>): string {
  const near = nearMissOf(sent, names);
  return near === undefined ? '' : ` (did you mean ${near}?)`;
}

function plainForm(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
}

function isOneEdit(one: string, other: string): boolean {
  const [short, long] = one.length <= other.length ? [one, other] : [other, one];
  if (long.length - short.length > 1) return false;
  let at = 0;
  while (at < short.length && short[at] === long[at]) at += 1;
  if (short.length < long.length) return short.slice(at) === long.slice(at + 1);
  if (short.slice(at + 1) === long.slice(at + 1)) return true;
  const swapped = short[at] === long[at + 1] && short[at + 1] === long[at];
  return swapped && short.slice(at + 2) === long.slice(at + 2);
}

/** Deeper than any declared parameter; what walks over values later does so by recursion. */
const DEPTH_MAX = 32;

/** More than any workflow has parameters; what looks at each name stays quick. */
export const NAMES_MAX = 1000;

/**
 * What JSON.parse lets through and we do not, as one plain sentence: a name twice in an object (two
 * readers would take different ones, RFC 8259 section 4), `__proto__`, endless nesting and endless names.
 * `text` must be valid JSON.
 */
export function jsonFaultOf(text: string): string | undefined {
  /** The names of each open object so far; undefined for an array. */
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at];
    if (sign === '{' || sign === '[') {
      open.push(sign === '{' ? new Set() : undefined);
      if (open.length > DEPTH_MAX) return `it is nested more than ${DEPTH_MAX} deep`;
    } else if (sign === '}' || sign === ']') {
      open.pop();
    } else if (sign === '"') {
      const end = endOfString(text, at);
      const names = open.at(-1);
      if (names !== undefined && isName(text, end)) {
        const name = JSON.parse(text.slice(at, end)) as string;
        if (name === '__proto__') return 'it has the name __proto__';
        if (names.has(name)) return `it has the name ${JSON.stringify(name.slice(0, 60))} twice`;
        names.add(name);
        if (names.size > NAMES_MAX) return `it has more than ${NAMES_MAX} names in one object`;
      }
      at = end - 1;
    }
  }
  return undefined;
}

/** Where the string that begins at `start` ends: behind its closing quote. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

/** Whether a colon follows, as it does behind names only. */
function isName(text: string, end: number): boolean {
  let at = end;
  while (' \t\r\n'.includes(text[at] ?? '.')) at += 1;
  return text[at] === ':';
}

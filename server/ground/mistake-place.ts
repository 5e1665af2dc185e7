import { readFileSync } from 'node:fs';

/** Comments and texts, in which brackets and names mean nothing. */
export const UNREAD = /\/\*.*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/gs;

/** Where a declaration begins, behind its first bracket. */
const BEGINNING = /\bdefine(?:Type|Workflow)\s*\(\s*\{|\bsettings\b[^=]*=\s*\{/;

/**
 * Where in a file of the owner's stands what a mistake is about (` (line 7, column 5)`), as far as it can be read off the
 * text; else nothing. `mistake` begins as data/type-mistakes.ts and workflows/workflow-mistakes.ts write it: `field NAME: …`,
 * `callers: …`.
 */
export function placeOfMistake(file: string, mistake: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return '';
  }
  const at = offsetOf(text, mistake);
  if (at === undefined) return '';
  const before = text.slice(0, at).split('\n');
  return ` (line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1})`;
}

function offsetOf(text: string, mistake: string): number | undefined {
  // As long as before, so that offsets stay the same.
  const code = text.replace(UNREAD, (unread) => unread.replace(/[^\n]/g, ' '));
  const [, rule, right = ''] = /^rule (.*?): (?:there is no right )?(\w+)/.exec(mistake) ?? [];
  if (rule !== undefined) {
    const at = ruleAt(text, code, rule);
    return at === undefined ? undefined : (keyAt(code, right, at) ?? at);
  }
  const beginning = BEGINNING.exec(code);
  if (beginning === null) return undefined;
  let from = beginning.index + beginning[0].length;
  // What a declaration lacks is missed in the whole of it; what settings lack may stand in the environment.
  let found = beginning[0].startsWith('define') ? beginning.index : undefined;
  for (const key of keysOf(mistake)) {
    const next = keyAt(code, key, from);
    if (next === undefined) return found;
    found = next;
    const opening = code.indexOf('{', next);
    if (opening === -1) return found;
    from = opening + 1;
  }
  return found;
}

/** Where a rule is named: a whole text in quotes, for its words may stand anywhere; a type or a field may have the same. */
function ruleAt(text: string, code: string, rule: string): number | undefined {
  const named = [...text.matchAll(UNREAD)].filter(([unread]) => unread.slice(1, -1) === rule);
  const rules = code.search(/\brules\b/);
  const found = named.find(({ index }) => index > rules) ?? named[0];
  return found && found.index + 1;
}

/** `parameter amount: example: …` → parameters, amount, example */
function keysOf(mistake: string): readonly string[] {
  const [, kind, name, inner] = /^(field|parameter) (\w+): (?:(\w+): )?/.exec(mistake) ?? [];
  if (name !== undefined) return [`${kind}s`, name, ...(inner === undefined ? [] : [inner])];
  const [keys] = /^[\w.]+(?=:| is )/.exec(mistake) ?? [];
  return keys?.split('.') ?? (mistake.startsWith('the name ') ? ['name'] : []);
}

/** The key of the object that `from` lies in, and not of one within. */
function keyAt(code: string, key: string, from: number): number | undefined {
  let depth = 0;
  for (const match of code.slice(from).matchAll(/[{[(]|[)\]}]|[\w$]+/g)) {
    const { 0: word, index } = match;
    if ('{[('.includes(word)) depth += 1;
    else if (')]}'.includes(word)) depth -= 1;
    else if (depth === 0 && word === key) return from + index;
    if (depth < 0) return undefined;
  }
  return undefined;
}

import { expect } from './telling.ts';

/**
 * What a person sees of a page and what a browser would send from it. Reads this site's own markup, no other.
 */

/** A form as a browser would send it without any typing: where to, and which fields with which values. */
export type PageForm = { action: string; values: Map<string, string[]>; names: Set<string> };

export function headingOf(markup: string): string {
  return textOf(/<h1[^>]*>(.*?)<\/h1>/s.exec(markup)?.[1] ?? '');
}

/** What happened, or what is wrong: notices and the words at a field. */
export function noticesOf(markup: string): string[] {
  const found = markup.matchAll(/<div class="notice [^>]*>(.*?)<\/div>|<p class="wrong"[^>]*>(.*?)<\/p>/gs);
  return [...found].map((match) => textOf(match[1] ?? match[2] ?? ''));
}

/** Each row of the tables, cell by cell. */
export function rowsOf(markup: string): string[][] {
  return [...markup.matchAll(/<tr role="row"><th scope="row".*?<\/tr>/gs)].map(([row]) =>
    [...row.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/gs)].map((cell) => textOf(cell[1] ?? '')),
  );
}

/** Names and values of the thing that a page is about. */
export function factsOf(markup: string): string[] {
  const found = markup.matchAll(/<dt>(.*?)<\/dt><dd>(.*?)<\/dd>/gs);
  return [...found].map((match) => `${textOf(match[1] ?? '')}: ${textOf(match[2] ?? '')}`);
}

/** What a page lists in short sentences. */
export function listedIn(markup: string): string[] {
  return [...markup.matchAll(/<li>(.*?)<\/li>/gs)]
    .filter((match) => !(match[1] ?? '').includes('<a '))
    .map((match) => textOf(match[1] ?? ''));
}

/** The first word on a page that has this form, such as a new secret. */
export function wordIn(markup: string, form: RegExp): string {
  const word = form.exec(markup)?.[0];
  expect(word !== undefined, `wanted ${form} on the page “${headingOf(markup)}”`);
  return word;
}

/** Lines for a terminal. */
export function codeIn(markup: string): string[] {
  return [...markup.matchAll(/<pre[^>]*><code[^>]*>(.*?)<\/code><\/pre>/gs)].map((m) =>
    unescaped(m[1] ?? ''),
  );
}

/** The form that is sent to `action`; undefined where the page has none. */
export function formOf(markup: string, action: string): PageForm | undefined {
  for (const [, tag = '', inside = ''] of markup.matchAll(/<form([^>]*)>(.*?)<\/form>/gs)) {
    if (attributeOf(tag, 'action') !== action) continue;
    const form: PageForm = { action, values: new Map(), names: new Set() };
    for (const control of controlsOf(inside)) {
      form.names.add(control.name);
      if (control.value === undefined) continue;
      form.values.set(control.name, [...(form.values.get(control.name) ?? []), control.value]);
    }
    return form;
  }
  return undefined;
}

/** HTML 4.10.21.4: the fields of a form with what they would send; undefined for a box that is not ticked. */
function controlsOf(inside: string): { name: string; value: string | undefined }[] {
  const inputs = [...inside.matchAll(/<input([^>]*)>/g)].map(([, tag = '']) => {
    const isBox = ['checkbox', 'radio'].includes(attributeOf(tag, 'type') ?? '');
    const value = isBox && !/\schecked\b/.test(tag) ? undefined : (attributeOf(tag, 'value') ?? '');
    return { name: attributeOf(tag, 'name') ?? '', value };
  });
  const areas = [...inside.matchAll(/<textarea([^>]*)>\n?(.*?)<\/textarea>/gs)].map(
    ([, tag = '', text = '']) => {
      return { name: attributeOf(tag, 'name') ?? '', value: unescaped(text) };
    },
  );
  const lists = [...inside.matchAll(/<select([^>]*)>(.*?)<\/select>/gs)].map(([, tag = '', options = '']) => {
    const chosen = /<option([^>]*\sselected[^>]*)>/.exec(options) ?? /<option([^>]*)>/.exec(options);
    return { name: attributeOf(tag, 'name') ?? '', value: attributeOf(chosen?.[1] ?? '', 'value') ?? '' };
  });
  return [...inputs, ...areas, ...lists].filter(({ name }) => name !== '');
}

function attributeOf(tag: string, name: string): string | undefined {
  const value = new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1];
  return value === undefined ? undefined : unescaped(value);
}

function textOf(markup: string): string {
  const spaced = markup.replaceAll('</li><li>', '; ').replace(/<(?:br|li|p|div)\b[^>]*>/g, ' ');
  return unescaped(spaced.replace(/<[^>]+>/g, ''))
    .replace(/\s+/g, ' ')
    .trim();
}

function unescaped(text: string): string {
  return text.replace(/&(lt|gt|quot|#39|#96|amp);/g, (_, name: string) => CHARACTERS[name] ?? '');
}

const CHARACTERS: Record<string, string> = { lt: '<', gt: '>', quot: '"', '#39': "'", '#96': '`', amp: '&' };

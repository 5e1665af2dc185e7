import assert from 'node:assert/strict';

const CHARACTERS: Record<string, string> = { lt: '<', gt: '>', quot: '"', '#39': "'", '#96': '`', amp: '&' };

/** What a person reads on a page: its text without markup, in one line. */
export function textOf(html: string): string {
  const text = html.replace(/^[\s\S]*<main/, '<main').replace(/<(?:head|script|style)[\s\S]*?<\/\w+>/g, ' ');
  // Names stand in an element of their own, in the middle of sentences.
  return unescaped(text.replace(/<\/?bdi>/g, '').replace(/<[^>]*>/g, ' '))
    .replace(/\s+/g, ' ')
    .trim();
}

/** The one secret on a page. */
export function secretIn(html: string, prefix: 'lk_pat_' | 'lk_cs_'): string {
  const found = new Set(html.match(new RegExp(`${prefix}[0-9A-Za-z]{36}`, 'g')));
  assert.equal(found.size, 1, textOf(html));
  return [...found][0] ?? '';
}

/** The lines to try in the first code block of a page, or in the one with this label. */
export function codeIn(html: string, label = ''): string {
  const blocks = [...html.matchAll(/<figcaption><span>([^<]*)<\/span>[\s\S]*?<code[^>]*>([^<]*)<\/code>/g)];
  const block = blocks.find(([, name]) => label === '' || name === label);
  assert.ok(block, `no block ${label}: ${textOf(html)}`);
  return unescaped(block[2] ?? '');
}

function unescaped(text: string): string {
  return text.replace(/&(lt|gt|quot|#39|#96|amp);/g, (_, name: string) => CHARACTERS[name] ?? '');
}

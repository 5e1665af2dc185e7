/**
 * Markup that is safe to send. Only this file can make one: what comes out of JSON or a form never is one.
 */
export type Html = { readonly [mark]: true };

/** What may stand in a template: text is escaped, `Html` goes through, lists are joined, the rest is nothing. */
export type Part = Html | string | number | false | undefined | readonly Part[];

declare const mark: unique symbol;

/** The text behind each `Html`. Held here, and not in the object, so that no look-alike object can pass. */
const markupOf = new WeakMap<object, string>();

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
};

/**
 * Where a value stands in its template. A URL attribute must not become `javascript:`, so it is guarded;
 * between the attributes of a tag only Html may stand, since a text there could add an attribute of its own.
 */
type Place = 'text' | 'url' | 'attributes';

const placesOf = new WeakMap<TemplateStringsArray, readonly Place[]>();

/**
 * The escaping tag: html`<p>${name}</p>`. Values are escaped for text and for quoted attributes. A value that
 * begins an href, src, action or formaction is held to `href`. Places where escaping cannot help (unquoted
 * attributes, event handlers, inside script or style) and values that are not a `Part` are a TypeError: our
 * bug.
 */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  const places = placesOf.get(strings) ?? readPlaces(strings);
  let markup = strings[0] ?? '';
  parts.forEach((part, index) => {
    const place = places[index];
    const isText = typeof part === 'string' || typeof part === 'number';
    if (place === 'attributes' && isText) throw new TypeError('only Html between attributes');
    markup += markupFrom(place === 'url' && isText ? href(String(part)) : part) + (strings[index + 1] ?? '');
  });
  return raw(markup);
}

/** The text to send. */
export function render(page: Html): string {
  const markup = markupOf.get(page);
  if (markup === undefined) throw new TypeError('not Html: only the html tag and raw make it');
  return markup;
}

/**
 * A URL from data as the value of href or src. Only http, https, mailto and places on this site (a path, a
 * query, a fragment) go through; anything else becomes `#`. Show such a URL as text instead.
 */
export function href(value: string): Html {
  return raw(linkable(value) ? escapeText(value) : '#');
}

/** Whether `href` lets a URL through. Parsed as a browser does, so that tabs, case and `//` do not slip by. */
export function linkable(value: string): boolean {
  if (/^[/?#]/.test(value)) return URL.parse(value, HERE)?.origin === HERE;
  return ['http:', 'https:', 'mailto:'].includes(URL.parse(value)?.protocol ?? '');
}

/** Stands for our own origin when a path is looked at; `.invalid` belongs to nobody (RFC 2606 section 2). */
const HERE = 'https://here.invalid';

/** Whether a part writes anything: `undefined`, `false` and `''` do not, nor does what stands around them. */
export function isThere(part: Part): boolean {
  return part !== undefined && part !== false && part !== '';
}

/** Lets a string through as it is. For constants of ours only, never for anything that came from outside. */
export function raw(markup: string): Html {
  const page = Object.freeze({}) as Html;
  markupOf.set(page, markup);
  return page;
}

function markupFrom(part: Part): string {
  if (typeof part === 'string') return escapeText(part);
  if (part === undefined || part === false) return '';
  if (typeof part === 'number') return String(part);
  if (Array.isArray(part)) return part.map(markupFrom).join('');
  return render(part as Html);
}

function escapeText(text: string): string {
  return text.replace(/[&<>"'`]/g, (character) => ENTITIES[character] ?? '');
}

/** Where the values of a template stand. Looked at once: a template is a constant. */
function readPlaces(strings: TemplateStringsArray): readonly Place[] {
  let before = '';
  const places = strings.slice(0, -1).map((chunk): Place => {
    before += chunk;
    const place = placeAfter(before);
    // Stands for the value.
    before += 'x';
    return place;
  });
  placesOf.set(strings, places);
  return places;
}

function placeAfter(before: string): Place {
  if (/<(script|style)\b[^>]*>[^<]*$/i.test(before)) throw new TypeError('no values inside script or style');
  const open = before.lastIndexOf('<');
  const inTag = open >= 0 && !before.includes('>', open);
  const attribute = /\s([\w-]+)\s*=\s*(?:"([^"]*)|'([^']*)|[^"'\s>]*)$/.exec(
    inTag ? before.slice(open) : before,
  );
  const [, name = '', double, single] = attribute ?? [];
  const begun = double ?? single;
  if (attribute !== null && begun !== undefined) {
    if (/^(on.*|style|srcdoc)$/i.test(name)) throw new TypeError(`no values inside ${name}`);
    return /^(href|src|action|formaction)$/i.test(name) && begun === '' ? 'url' : 'text';
  }
  if (!inTag) return 'text';
  if (attribute !== null) throw new TypeError(`the value of ${name} needs quotes`);
  return 'attributes';
}

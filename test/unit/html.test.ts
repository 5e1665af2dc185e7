import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Html, href, html, linkable, type Part, raw, render } from '../../views/html.ts';

const asText = (page: Html) => render(page);

describe('html', () => {
  it('escapes text for text and for quoted attributes', () => {
    const text = `<script>"'&\`</script>`;
    const escaped = '&lt;script&gt;&quot;&#39;&amp;&#96;&lt;/script&gt;';
    assert.equal(asText(html`<p title="${text}">${text}</p>`), `<p title="${escaped}">${escaped}</p>`);
  });

  it('does not escape twice what is Html already, and joins lists', () => {
    const items = ['a & b', 'c'].map((item) => html`<li>${item}</li>`);
    assert.equal(asText(html`<ul>${items}</ul>`), '<ul><li>a &amp; b</li><li>c</li></ul>');
  });

  it('writes numbers, zero included, and nothing for undefined and false', () => {
    assert.equal(asText(html`<p>${0}${undefined}${false}${''}</p>`), '<p>0</p>');
  });

  it('takes no look-alike for Html, wherever it comes from', () => {
    const real = html`<b></b>`;
    for (const fake of [
      {},
      { markup: '<b>' },
      JSON.parse('{"__html":"<b>"}'),
      { ...real },
      Object.create(real),
    ]) {
      assert.throws(() => html`<p>${fake as Part}</p>`, TypeError);
    }
  });

  it('refuses what is no part of a page instead of writing [object Object], null or true', () => {
    for (const odd of [null, true, new Date(0), () => 'x', 1n, Symbol('x')]) {
      assert.throws(() => html`<p>${odd as unknown as Part}</p>`, TypeError, String(odd));
    }
  });

  it('refuses values in places where escaping cannot help', () => {
    const value = 'x';
    assert.throws(() => html`<a class=${value}>`, /needs quotes/);
    assert.throws(() => html`<a ${value}>`, /between attributes/);
    assert.throws(() => html`<a href="/"${value}>`, /between attributes/);
    assert.throws(() => html`<a onclick="go('${value}')">`, /onclick/);
    assert.throws(() => html`<p style="color: ${value}">`, /style/);
    assert.throws(() => html`<script>${value}</script>`, /script/);
    assert.throws(() => html`<style>${value}</style>`, /style/);
    assert.throws(() => html`<${value}>`, /between attributes/);
  });

  it('lets Html stand between attributes', () => {
    assert.equal(asText(html`<input name="a"${html` checked`}${false}>`), '<input name="a" checked>');
  });

  it('holds a value that begins a URL attribute to the rules of href', () => {
    const evil = 'javascript:alert(1)';
    assert.equal(asText(html`<a href="${evil}">`), '<a href="#">');
    assert.equal(asText(html`<img src="${evil}">`), '<img src="#">');
    assert.equal(asText(html`<form method="post" action="${evil}">`), '<form method="post" action="#">');
    assert.equal(asText(html`<button formaction='${evil}'>`), "<button formaction='#'>");
    // A fragment of a tag, as parts.ts makes them.
    assert.equal(asText(html` href="${evil}"`), ' href="#"');
    assert.equal(asText(html`<a href="/tokens/${'x"y'}">`), '<a href="/tokens/x&quot;y">');
    assert.equal(asText(html`<a href="${'/a?b=1&c=2'}">`), '<a href="/a?b=1&amp;c=2">');
  });
});

describe('href', () => {
  const THROUGH = [
    'https://example.com/a?b=c',
    'HTTP://example.com',
    'mailto:someone@example.com',
    '/',
    '/tokens?done=revoked#x',
    '?after=tok_1',
    '#main',
  ];
  for (const url of THROUGH) {
    it(`lets ${url} through`, () => {
      assert.equal(linkable(url), true);
      assert.equal(render(href(url)), url);
    });
  }

  const REFUSED = [
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    ' javascript:alert(1)',
    '\u0000javascript:alert(1)',
    'java\nscript:alert(1)',
    'java\tscript:alert(1)',
    'data:text/html,<script>alert(1)</script>',
    'vbscript:msgbox(1)',
    'blob:https://example.com/1',
    'file:///etc/passwd',
    'cursor://anysphere/callback',
    'view-source:https://example.com',
    '//evil.example',
    '/\\evil.example',
    '/\t/evil.example',
    '\\\\evil.example',
    'evil.example',
    'https://',
    '',
  ];
  for (const url of REFUSED) {
    it(`refuses ${JSON.stringify(url)}`, () => {
      assert.equal(linkable(url), false);
      assert.equal(render(href(url)), '#');
    });
  }
});

describe('raw', () => {
  it('lets constants through as they are', () => {
    assert.equal(asText(html`${raw('<br>')}`), '<br>');
  });
});

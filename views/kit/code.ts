import { type Html, html, type Part } from '../html.ts';
import { hintOf, idsOf } from './labels.ts';
import { exactTime } from './times.ts';

/** Something for machines in running text: a scope, a URI, an id. Breaks anywhere rather than overflow. */
export function code(text: string): Html {
  return html`<code>${text}</code>`;
}

/** What fits in one line of a phone, for browsers that do not size a text area by its content. */
const COPY_LINE_CHARACTERS = 24;

/**
 * A value to take along: selected whole on focus, and with JavaScript a copy button beside it. It is a text
 * area because a long value in an input of a phone's width would be cut off.
 */
export function copyBox(props: { label: string; value: string; hint?: Part }): Html {
  const ids = idsOf({ name: props.label.toLowerCase().replace(/\W+/g, '-'), hint: props.hint });
  const rows = props.value.length > COPY_LINE_CHARACTERS ? 2 : 1;
  return html`<div class="field copy"><label for="${ids.id}">${props.label}</label>${hintOf(ids, props.hint)}
<div class="with-copy"><textarea class="mono" id="${ids.id}" rows="${rows}" readonly
autocomplete="off" spellcheck="false"${ids.attributes} data-copy-from>
${props.value}</textarea>${copyButton(props.label)}</div></div>`;
}

/** A secret that is shown this once, `until` then at most, with the words that make people take it along now. */
export function secretBox({ until, ...props }: { label: string; value: string; until: number }): Html {
  return html`<section class="card secret"><h2>Copy your ${props.label.toLowerCase()} now</h2>
<p>It stays on this page until you say that you have copied it, until ${exactTime(until)} at the latest. After that nobody
can see it again. Treat it like a password: whoever has it can use it.</p>
${copyBox(props)}</section>`;
}

/** Lines for a terminal or a file, with a copy button where there is JavaScript. Long lines wrap. */
export function codeBlock(props: { label: string; code: string }): Html {
  return html`<figure class="code">
<figcaption><span>${props.label}</span>${copyButton(props.label)}</figcaption>
<pre tabindex="0" role="group" aria-label="${props.label}"><code
data-copy-from>${props.code}</code></pre></figure>`;
}

/** Hidden until the script shows it: without JavaScript it could do nothing. */
function copyButton(label: string): Html {
  return html`<button class="quiet" type="button" data-copy hidden aria-label="Copy ${label}">Copy</button>`;
}

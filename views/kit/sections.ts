import { type Html, html, isThere, type Part } from '../html.ts';
import { buttonLink, buttons } from './buttons.ts';

/** A part of a page under its own h2; `plain` leaves out the card around it. */
export function section(props: { title: string; lead?: Part; body: Part; plain?: boolean }): Html {
  return html`<section class="${props.plain === true ? 'plain' : 'card'}">
<h2>${props.title}</h2>${isThere(props.lead) && html`<p class="lead">${props.lead}</p>`}
${props.body}</section>`;
}

/** Where things are ended: kept apart at the foot of a page. `url` asks once more. */
export function dangerZone(props: { title: string; text: Part; url: string }): Html {
  return html`<section class="card danger-zone"><h2>${props.title}</h2>
<p>${props.text}</p>${buttons(buttonLink(`${props.title}…`, props.url, 'danger'))}</section>`;
}

/** What most people need not see, behind one click, or open from the start. */
export function disclosure(props: { summary: Part; body: Part; open?: boolean }): Html {
  return html`<details${props.open === true && html` open`}><summary>${props.summary}</summary>
<div class="inside">${props.body}</div></details>`;
}

/** A line with a word in it, between two ways to do the same. */
export function divider(word: string): Html {
  return html`<p class="divider"><span>${word}</span></p>`;
}

/** Names and values of one thing. A value that is absent takes its line away. */
export function keyValues(items: readonly { label: string; value: Part }[]): Html {
  const lines = items
    .filter((item) => isThere(item.value))
    .map((item) => html`<div><dt>${item.label}</dt><dd>${item.value}</dd></div>`);
  return html`<dl class="key-values">${lines}</dl>`;
}

/** A short list in plain words: scopes, consequences. */
export function bulletList(items: readonly Part[]): Html {
  return html`<ul class="bullets">${items.map((item) => html`<li>${item}</li>`)}</ul>`;
}

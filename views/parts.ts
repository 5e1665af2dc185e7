import { isoTime, timeFromNow, timeToTheSecond } from '../server/ground/time.ts';
import { type Html, html, isThere, type Part, raw } from './html.ts';
import { layout, type Section, type Site, type Viewer } from './layout.ts';

type Field = {
  label: string;
  name: string;
  type?: 'text' | 'email' | 'password' | 'url' | 'number' | 'date' | 'search' | undefined;
  value?: string | undefined;
  /** How to fill it in; read out with the field. */
  hint?: Part;
  /** What is wrong with what was sent; read out with the field. */
  problem?: string | undefined;
  /** As in the HTML standard: `email`, `current-password`, `new-password`, `off`, … */
  autocomplete?: string | undefined;
  required?: boolean | undefined;
  /** Only for the first field of a page whose one purpose is its form. */
  autofocus?: boolean | undefined;
  readonly?: boolean | undefined;
  lengthMin?: number | undefined;
  lengthMax?: number | undefined;
  min?: string | undefined;
  max?: string | undefined;
  inputmode?: 'text' | 'email' | 'numeric' | 'url' | undefined;
  /** Makes ids differ where two forms of a page have a field of the same name. */
  idPrefix?: string | undefined;
};

/** A labelled input. Passwords never carry a value back. */
export function field(given: Field): Html {
  const ids = idsOf(given);
  const type = given.type ?? 'text';
  const value = type === 'password' ? undefined : given.value;
  return labelled(
    given,
    html`<input id="${ids.id}" name="${given.name}" type="${type}"${[
      attribute('value', value),
      attribute('autocomplete', given.autocomplete),
      attribute('minlength', given.lengthMin),
      attribute('maxlength', given.lengthMax),
      attribute('min', given.min),
      attribute('max', given.max),
      attribute('inputmode', given.inputmode),
      given.autofocus === true && html` autofocus`,
      given.readonly === true && html` readonly`,
      // Addresses and names are no prose.
      type !== 'text' && html` autocapitalize="none" spellcheck="false"`,
      ids.attributes,
    ]}>`,
  );
}

/** A labelled text of several lines. `mono` for what machines read, such as one redirect URI a line. */
export function textArea(
  given: Omit<Field, 'type' | 'min' | 'max' | 'inputmode'> & { rows?: number; mono?: boolean },
): Html {
  const ids = idsOf(given);
  return labelled(
    given,
    html`<textarea id="${ids.id}" name="${given.name}" rows="${given.rows ?? 4}"${[
      given.mono === true && html` class="mono" spellcheck="false" autocapitalize="none"`,
      attribute('maxlength', given.lengthMax),
      given.autofocus === true && html` autofocus`,
      ids.attributes,
    ]}>
${given.value}</textarea>`,
  );
}

/** One of several to choose from. */
export type Option = { value: string; label: string; hint?: Part; checked?: boolean; disabled?: boolean };

type Choice = {
  label: string;
  name: string;
  options: readonly Option[];
  /** The chosen one; an option's own `checked` says the same. */
  value?: string | undefined;
  hint?: Part;
  problem?: string | undefined;
  required?: boolean | undefined;
  idPrefix?: string | undefined;
};

/** A labelled list of which one is chosen. */
export function select(given: Choice): Html {
  const ids = idsOf(given);
  const options = given.options.map(
    (option) =>
      html`<option value="${option.value}"${[
        isChosen(given, option) && html` selected`,
        option.disabled === true && html` disabled`,
      ]}>${option.label}</option>`,
  );
  return labelled(
    given,
    html`<select id="${ids.id}" name="${given.name}"${ids.attributes}>${options}</select>`,
  );
}

/** One box with its label behind it. */
export function checkbox(given: {
  label: Part;
  name: string;
  value?: string;
  checked?: boolean;
  disabled?: boolean;
  required?: boolean;
  hint?: Part;
  idPrefix?: string;
}): Html {
  const value = given.value ?? 'yes';
  return box({ ...given, value, type: 'checkbox', id: idOf(given.idPrefix, given.name, value) });
}

/**
 * Several boxes under one legend (`label`), such as the scopes of a token. All of them carry the same name.
 */
export function checkboxGroup(given: Omit<Choice, 'value'> & { values?: readonly string[] }): Html {
  const chosen = given.values ?? [];
  return group(given, 'checkbox', (option) => option.checked === true || chosen.includes(option.value));
}

/** One of a few options, all in sight with their hints. For many options use `select`. */
export function radioGroup(given: Choice): Html {
  return group(given, 'radio', (option) => isChosen(given, option));
}

/** The button that sends a form. One primary button a page; others are `quiet`, beside a text a `link`. */
export function submit(
  label: Part,
  options: { danger?: boolean; quiet?: boolean; link?: boolean; name?: string; value?: string } = {},
): Html {
  const looks = [options.danger && 'danger', options.quiet && 'quiet', options.link && 'link', 'primary'];
  return html`<button class="${looks.find(Boolean)}" type="submit"${[
    attribute('name', options.name),
    attribute('value', options.value),
  ]}>${label}</button>`;
}

/** A link that looks like a button. Only for going somewhere: what changes something is a form. */
export function buttonLink(label: Part, url: string, look: 'primary' | 'quiet' | 'danger' = 'quiet'): Html {
  return html`<a class="button ${look}" href="${url}">${label}</a>`;
}

/** What a button in a row of a list says; screen readers hear of which row as well. */
export function labelOf(label: string, subject: string): Html {
  return html`${label}<span class="unseen"> ${subject}</span>`;
}

/** Buttons side by side; on a phone below each other. */
export function buttons(...parts: readonly Part[]): Html {
  return html`<div class="buttons">${parts}</div>`;
}

/** A form that changes something. `fields` are sent along unseen. */
export function postForm(given: { action: string; fields?: Record<string, string>; body: Part }): Html {
  return html`<form method="post" action="${given.action}">${hiddenFields(given.fields)}${given.body}</form>`;
}

/** Inputs that are sent along unseen. */
function hiddenFields(fields: Record<string, string> = {}): Html {
  const inputs = Object.entries(fields).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  );
  return html`${inputs}`;
}

/** Leads to signing in with Google, as Google wants its button to look. */
export function googleLink(url: string, label = 'Continue with Google'): Html {
  return html`<a class="button google" href="${url}"><img src="/assets/google.svg" alt=""
width="18" height="18">${label}</a>`;
}

/** A line with a word in it, between two ways to do the same. */
export function divider(word: string): Html {
  return html`<p class="divider"><span>${word}</span></p>`;
}

/** What happened, or what is wrong. A problem is read out at once, the others when there is time. */
export function notice(kind: 'done' | 'problem' | 'info' | 'warning', text: Part, title?: string): Html {
  const strong = title !== undefined && html`<strong>${title}</strong> `;
  const role = kind === 'problem' ? 'alert' : 'status';
  return html`<div class="notice ${kind}" role="${role}"><p>${strong}${text}</p></div>`;
}

/** Stands where a list would: what would be here and what to do first. */
export function emptyState(given: {
  title: string;
  text: Part;
  action?: { label: string; url: string } | undefined;
}): Html {
  const action = given.action && buttonLink(given.action.label, given.action.url, 'primary');
  return html`<div class="empty"><h2>${given.title}</h2><p>${given.text}</p>${action}</div>`;
}

/** A part of a page under its own h2; `plain` leaves out the card around it. */
export function section(given: {
  title: string;
  lead?: Part;
  body: Part;
  id?: string;
  plain?: boolean;
}): Html {
  return html`<section class="${given.plain === true ? 'plain' : 'card'}"${attribute('id', given.id)}>
<h2>${given.title}</h2>${isThere(given.lead) && html`<p class="lead">${given.lead}</p>`}
${given.body}</section>`;
}

/** Where things are ended: kept apart at the foot of a page. */
export function dangerZone(given: { title: string; text: Part; body: Part }): Html {
  return html`<section class="card danger-zone"><h2>${given.title}</h2>
<p>${given.text}</p>${given.body}</section>`;
}

/** What most people need not see, behind one click. */
export function disclosure(given: { summary: Part; body: Part; open?: boolean }): Html {
  return html`<details${given.open === true && html` open`}><summary>${given.summary}</summary>
<div class="inside">${given.body}</div></details>`;
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

const BADGES = {
  active: 'Active',
  expiring: 'Expires soon',
  expired: 'Expired',
  revoked: 'Revoked',
  suspended: 'Suspended',
  admin: 'Admin',
  problem: 'Problem',
  neutral: '',
} as const;

/** The state of a thing in a word; never by colour alone. */
export function badge(kind: keyof typeof BADGES, text: string = BADGES[kind]): Html {
  return html`<span class="badge ${kind}">${text}</span>`;
}

/** Something for machines in running text: a scope, a URI, an id. Breaks anywhere rather than overflow. */
export function code(text: string): Html {
  return html`<code>${text}</code>`;
}

/**
 * A value to take along: selected whole on focus, and with JavaScript a copy button beside it. It is a text
 * area because a long value in an input of a phone's width would be cut off.
 */
export function copyBox(given: { label: string; value: string; hint?: Part; name?: string }): Html {
  const ids = idsOf({ ...given, name: given.name ?? given.label.toLowerCase().replace(/\W+/g, '-') });
  const rows = given.value.length > COPY_LINE_CHARACTERS ? 2 : 1;
  return html`<div class="field copy"><label for="${ids.id}">${given.label}</label>${hintOf(ids, given.hint)}
<div class="with-copy"><textarea class="mono" id="${ids.id}" rows="${rows}" readonly
autocomplete="off" spellcheck="false"${ids.attributes} data-copy-from>
${given.value}</textarea>${copyButton(given.label)}</div></div>`;
}

/** What fits in one line of a phone, for browsers that do not size a text area by its content. */
const COPY_LINE_CHARACTERS = 24;

/** A secret that is shown this once, with the words that make people take it along now. */
export function secretBox(given: { label: string; value: string; title?: string; after?: Part }): Html {
  const title = given.title ?? `Copy your ${given.label.toLowerCase()} now`;
  return html`<section class="card secret"><h2>${title}</h2>
<p>You will not be able to see it again. Treat it like a password: whoever has it can use it.</p>
${copyBox({ label: given.label, value: given.value })}${given.after}</section>`;
}

/** Lines for a terminal or a file, with a copy button where there is JavaScript. Long lines wrap. */
export function codeBlock(given: { label: string; code: string }): Html {
  return html`<figure class="code">
<figcaption><span>${given.label}</span>${copyButton(given.label)}</figcaption>
<pre tabindex="0" role="group" aria-label="${given.label}"><code
data-copy-from>${given.code}</code></pre></figure>`;
}

/**
 * Epoch seconds as people say it ("3 minutes ago", "in 89 days"), the exact time on hover and for machines.
 */
export function relativeTime(at: number, now: number): Html {
  return html`<time datetime="${isoTime(at)}" title="${timeToTheSecond(at)}">${timeFromNow(at - now)}</time>`;
}

/** Epoch seconds in full: `2026-02-20 14:03:22 UTC`. */
export function exactTime(at: number): Html {
  return html`<time datetime="${isoTime(at)}">${timeToTheSecond(at)}</time>`;
}

/** `data` is a column of text; `number` is aligned right; `actions` has buttons and no visible heading. */
type Column = { label: string; kind?: 'data' | 'number' | 'actions' };

/**
 * Rows of cells in the order of the columns; the first cell names its row. On a phone each row is a card
 * whose cells carry the column's label. The caption is for screen readers only unless `captionShown`.
 */
export function dataTable(given: {
  caption: string;
  captionShown?: boolean;
  columns: readonly (string | Column)[];
  rows: readonly (readonly Part[])[];
}): Html {
  const columns = given.columns.map((column) => (typeof column === 'string' ? { label: column } : column));
  const head = columns.map(({ label, kind }) =>
    kind === 'actions'
      ? html`<th scope="col" class="actions" role="columnheader"><span class="unseen">${label}</span></th>`
      : html`<th scope="col" class="${kind ?? 'data'}" role="columnheader">${label}</th>`,
  );
  // The roles say again what the elements are: as cards (display: block) browsers would forget it.
  const rows = given.rows.map((cells) => {
    const [first, ...others] = cells.map((cell, index) => ({
      cell,
      column: columns[index] ?? { label: '' },
    }));
    const tail = others.map(
      ({ cell, column }) =>
        html`<td role="cell" class="${column.kind ?? 'data'}" data-label="${column.label}">
<div class="cell">${cell}</div></td>`,
    );
    return html`<tr role="row"><th scope="row" role="rowheader">
<div class="cell">${first?.cell}</div></th>${tail}</tr>`;
  });
  const look = given.captionShown === true ? 'seen' : 'unseen';
  return html`<table role="table"><caption class="${look}">${given.caption}</caption>
<thead role="rowgroup"><tr role="row">${head}</tr></thead><tbody role="rowgroup">${rows}</tbody></table>`;
}

/** Ways on through a long list. */
export function pager(given: { newerUrl?: string | undefined; olderUrl?: string | undefined }): Html {
  const to = (url: string | undefined, label: string, rel: 'prev' | 'next') =>
    url !== undefined && html`<a class="button quiet" href="${url}" rel="${rel}">${label}</a>`;
  return html`<nav class="pager" aria-label="Pages">
${to(given.newerUrl, 'Newer', 'prev')}${to(given.olderUrl, 'Older', 'next')}</nav>`;
}

/** Asks once more before something is ended, with what it will break. The button repeats the verb. */
export function confirmPage(
  site: Site,
  viewer: Viewer,
  given: {
    title: string;
    consequences: readonly Part[];
    /** Where the form is sent. */
    action: string;
    confirmLabel: string;
    cancelUrl: string;
    /** Sent along unseen. */
    fields?: Record<string, string>;
    /** More to fill in, such as an overlap. */
    inputs?: Part;
    current?: Section;
    /** False where nothing is lost. */
    danger?: boolean;
  },
): Html {
  const body = html`${bulletList(given.consequences)}
${postForm({
  action: given.action,
  ...(given.fields === undefined ? {} : { fields: given.fields }),
  body: html`${given.inputs}${buttons(
    submit(given.confirmLabel, { danger: given.danger !== false }),
    buttonLink('Cancel', given.cancelUrl),
  )}`,
})}`;
  return layout(site, {
    title: given.title,
    viewer,
    current: given.current,
    body: html`<div class="card confirm">${body}</div>`,
  });
}

/** ` name="value"`, or nothing without a value. The name is always a constant of this file. */
function attribute(name: string, value: string | number | undefined): Part {
  return value === undefined ? undefined : html`${raw(` ${name}="`)}${value}${raw('"')}`;
}

type Described = {
  name: string;
  hint?: Part;
  problem?: string | undefined;
  required?: boolean | undefined;
  idPrefix?: string | undefined;
};

type Ids = { id: string; hintId: string; problemId: string; described: Part; attributes: Part };

function idOf(...words: readonly (string | undefined)[]): string {
  const known = words.filter((word) => word !== undefined && word !== '');
  return known.join('-').replace(/[^\w-]/g, '-');
}

/** The ids of a field's parts, and the attributes that tie them together for screen readers. */
function idsOf(given: Described): Ids {
  const id = idOf(given.idPrefix, given.name);
  const [hintId, problemId] = [`${id}-hint`, `${id}-problem`];
  const describing = [given.problem !== undefined && problemId, isThere(given.hint) && hintId].filter(
    Boolean,
  );
  const described = describing.length > 0 && attribute('aria-describedby', describing.join(' '));
  const attributes = [
    given.required === true && html` required`,
    described,
    given.problem !== undefined && html` aria-invalid="true"`,
  ];
  return { id, hintId, problemId, described, attributes };
}

function hintOf(ids: Ids, hint: Part): Part {
  return isThere(hint) && html`<p class="hint" id="${ids.hintId}">${hint}</p>`;
}

function problemOf(ids: Ids, problem: string | undefined): Part {
  return problem !== undefined && html`<p class="wrong" id="${ids.problemId}">${problem}</p>`;
}

function labelled(given: Described & { label: string }, control: Html): Html {
  const ids = idsOf(given);
  const wrong = given.problem !== undefined && ' has-problem';
  return html`<div class="field${wrong}">
<label for="${ids.id}">${given.label}</label>${hintOf(ids, given.hint)}
${control}${problemOf(ids, given.problem)}</div>`;
}

function isChosen(given: Choice, option: Option): boolean {
  return given.value === undefined ? option.checked === true : option.value === given.value;
}

function group(given: Choice, type: 'checkbox' | 'radio', chosen: (option: Option) => boolean): Html {
  const ids = idsOf(given);
  const boxes = given.options.map((option) =>
    box({
      ...option,
      type,
      name: given.name,
      id: idOf(given.idPrefix, given.name, option.value),
      checked: chosen(option),
      // A required radio group is required as a whole; a checkbox group cannot say so in HTML.
      required: type === 'radio' && given.required === true,
    }),
  );
  const wrong = given.problem !== undefined && ' has-problem';
  return html`<fieldset class="field${wrong}"${ids.described}><legend>${given.label}</legend>
${hintOf(ids, given.hint)}${problemOf(ids, given.problem)}<div class="choices">${boxes}</div></fieldset>`;
}

function box(
  given: Omit<Option, 'label'> & {
    label: Part;
    type: 'checkbox' | 'radio';
    name: string;
    id: string;
    required?: boolean;
  },
): Html {
  const hintId = `${given.id}-hint`;
  return html`<div class="choice"><input type="${given.type}" id="${given.id}" name="${given.name}"${[
    attribute('value', given.value),
    given.checked === true && html` checked`,
    given.disabled === true && html` disabled`,
    given.required === true && html` required`,
    isThere(given.hint) && html` aria-describedby="${hintId}"`,
  ]}><label for="${given.id}">${given.label}</label>${
    isThere(given.hint) && html`<p class="hint" id="${hintId}">${given.hint}</p>`
  }</div>`;
}

/** Hidden until the script shows it: without JavaScript it could do nothing. */
function copyButton(label: string): Html {
  return html`<button class="quiet" type="button" data-copy hidden aria-label="Copy ${label}">Copy</button>`;
}

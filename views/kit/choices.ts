import { type Html, html, isThere, type Part } from '../html.ts';
import { hintOf, idOf, idsOf, type Labelled, labelled, problemClass, problemOf } from './labels.ts';

/** One of several to choose from. */
export type Option = { value: string; label: string; hint?: Part };

type Choice = Omit<Labelled, 'required'> & { options: readonly Option[] };

/** A labelled list of which one is chosen. */
export function select(props: Choice & { value: string }): Html {
  const options = props.options.map(
    ({ value, label }) =>
      html`<option value="${value}"${value === props.value && html` selected`}>${label}</option>`,
  );
  return labelled(
    props,
    (ids) => html`<select id="${ids.id}" name="${props.name}"${ids.attributes}>${options}</select>`,
  );
}

/** One of a few options, all in sight with their hints. For many options use `select`. */
export function radioGroup(props: Choice & { value: string }): Html {
  return group(props, 'radio', (option) => option.value === props.value);
}

/** Several boxes under one legend (`label`), such as the scopes of a token. All of them carry the same name. */
export function checkboxGroup(props: Choice & { values: readonly string[] }): Html {
  return group(props, 'checkbox', (option) => props.values.includes(option.value));
}

/** One box with its label behind it; it sends `yes`. */
export function checkbox(props: { label: string; name: string; checked: boolean; hint?: Part }): Html {
  return box({ ...props, value: 'yes', type: 'checkbox', id: idOf(props.name, 'yes') });
}

function group(props: Choice, type: 'checkbox' | 'radio', isChosen: (option: Option) => boolean): Html {
  const ids = idsOf(props);
  const boxes = props.options.map((option, index) => {
    const id = idOf(props.idPrefix, props.name, option.value);
    const autofocus = index === 0 && props.problem !== undefined;
    return box({ ...option, type, name: props.name, id, checked: isChosen(option), autofocus });
  });
  return html`<fieldset class="field${problemClass(props.problem)}"${ids.described}><legend>${props.label}</legend>
${hintOf(ids, props.hint)}${problemOf(ids, props.problem)}<div class="choices">${boxes}</div></fieldset>`;
}

function box(
  props: Option & {
    type: 'checkbox' | 'radio';
    name: string;
    id: string;
    checked: boolean;
    autofocus?: boolean;
  },
): Html {
  const hintId = `${props.id}-hint`;
  return html`<div class="choice"><input type="${props.type}"${props.autofocus === true && html` autofocus`} id="${props.id}" name="${props.name}" value="${props.value}"${[
    props.checked && html` checked`,
    isThere(props.hint) && html` aria-describedby="${hintId}"`,
  ]}><label for="${props.id}">${props.label}</label>${
    isThere(props.hint) && html`<p class="hint" id="${hintId}">${props.hint}</p>`
  }</div>`;
}

import { type Html, html, isThere, type Part, raw } from '../html.ts';

/** What can be said of a field around its input. */
export type Labelled = {
  label: string;
  name: string;
  /** How to fill it in; read out with the field. */
  hint?: Part;
  /** What is wrong with what was sent; read out with the field. */
  problem?: string | undefined;
  required?: boolean | undefined;
  /** For the first field of a page whose one purpose is its form. Fields at fault have it too: browsers take the first. */
  autofocus?: boolean | undefined;
  /** Makes ids differ where two fields of a page have the same name. */
  idPrefix?: string | undefined;
};

/** The id of an input, and the attributes that tie its hint and problem to it for screen readers. */
export type Ids = { id: string; hintId: string; problemId: string; described: Part; attributes: Part };

/** The ids of a field's hint and problem, and the attributes that tie them together for screen readers. */
export function idsOf(props: Omit<Labelled, 'label'>): Ids {
  const id = idOf(props.idPrefix, props.name);
  const [hintId, problemId] = [`${id}-hint`, `${id}-problem`];
  const describing = [props.problem !== undefined && problemId, isThere(props.hint) && hintId];
  const described = attribute('aria-describedby', describing.filter(Boolean).join(' ') || undefined);
  const attributes = [
    props.required === true && html` required`,
    (props.autofocus === true || props.problem !== undefined) && html` autofocus`,
    described,
    props.problem !== undefined && html` aria-invalid="true"`,
  ];
  return { id, hintId, problemId, described, attributes };
}

/** An id out of a name and what stands before and behind it. */
export function idOf(...words: readonly (string | undefined)[]): string {
  const known = words.filter((word) => word !== undefined && word !== '');
  return known.join('-').replace(/[^\w-]/g, '-');
}

/** An input between its label and hint above and its problem below. */
export function labelled(props: Labelled, controlOf: (ids: Ids) => Html): Html {
  const ids = idsOf(props);
  return html`<div class="field${problemClass(props.problem)}">
<label for="${ids.id}">${props.label}</label>${hintOf(ids, props.hint)}
${controlOf(ids)}${problemOf(ids, props.problem)}</div>`;
}

/** The hint of a field, where it has one. */
export function hintOf(ids: Ids, hint: Part): Part {
  return isThere(hint) && html`<p class="hint" id="${ids.hintId}">${hint}</p>`;
}

/** What is wrong with a field, where something is. */
export function problemOf(ids: Ids, problem: string | undefined): Part {
  return problem !== undefined && html`<p class="wrong" id="${ids.problemId}">${problem}</p>`;
}

/** The class that marks a field at fault, behind another class. */
export function problemClass(problem: string | undefined): Part {
  return problem !== undefined && ' has-problem';
}

/** ` name="value"`, or nothing without a value. The name is always a constant of the kit. */
export function attribute(name: string, value: string | number | undefined): Part {
  return value === undefined ? undefined : html`${raw(` ${name}="`)}${value}${raw('"')}`;
}

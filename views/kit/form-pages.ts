import { type FormProblem, formNotice, generalProblem } from '../form-problem.ts';
import { type Html, html, type Part, raw, render } from '../html.ts';
import { layout, type Section, type Site, type Viewer } from '../layout.ts';
import { buttonLink, buttons, postForm, submit } from './buttons.ts';
import { bulletList } from './sections.ts';

/** Says for whom a form was shown, so that it is not sent as somebody else: server/pages/signed-in.ts. */
export const VIEWER_FIELD = 'viewer';

/** A page that is one form. It comes back with what was typed when something is wrong. */
export function formPage(
  site: Site,
  viewer: Viewer,
  props: {
    title: string;
    lead?: string;
    current: Section;
    problem: FormProblem | undefined;
    /** Where the form is sent. */
    action: string;
    inputs: readonly Part[];
    submitLabel: string;
    /** The page of the section, where absent. */
    cancelUrl?: string;
  },
): Html {
  const { title, lead, current, problem, action, inputs } = props;
  const send = buttons(submit(props.submitLabel), buttonLink('Cancel', props.cancelUrl ?? current));
  const fields = { [VIEWER_FIELD]: viewer.email };
  const form = withFocus(postForm({ action, fields, once: true, body: [inputs, send] }));
  const body = [formNotice(problem), form];
  return layout(site, { title, lead, viewer, current, body });
}

/** A form of its own on a narrow page, for who is not signed in: one wide button, other ways on below it. */
export function narrowFormPage(
  site: Site,
  props: {
    title: string;
    heading?: string;
    lead?: Part;
    problem: FormProblem | undefined;
    /** Another way to do the same. */
    above?: Part;
    action: string;
    /** Sent along unseen. */
    fields?: Record<string, string>;
    inputs: readonly Part[];
    submitLabel: string;
    below?: Part;
  },
): Html {
  const { title, heading, lead, problem, above, action, fields, inputs, below } = props;
  const send = html`<div class="buttons stacked">${submit(props.submitLabel)}</div>`;
  const form = withFocus(postForm({ action, fields, once: true, body: [inputs, send] }));
  return layout(site, {
    title,
    heading,
    lead,
    narrow: true,
    body: [generalProblem(problem), above, form, below],
  });
}

/** The tag of a field, whatever stands in its values. */
const FIELD = /<(?:input|textarea|select)\b(?:[^>"]|"[^"]*")*>/g;
const FAULT = /<(?:div|fieldset) class="field has-problem"/;

/** Puts the cursor into the first field at fault, else where the page put it, else into the first field. */
export function withFocus(form: Html): Html {
  const markup = render(form);
  const faultAt = markup.search(FAULT);
  if (faultAt === -1) {
    const isPut = [...markup.matchAll(FIELD)].some(([tag]) => bare(tag).includes(' autofocus'));
    return isPut ? form : raw(focused(markup));
  }
  const plain = markup.replace(FIELD, (tag) => tag.replace(/("[^"]*")| autofocus/g, '$1'));
  const at = plain.search(FAULT);
  return raw(plain.slice(0, at) + focused(plain.slice(at)));
}

/** Only its first field that somebody fills in. */
function focused(markup: string): string {
  let isPut = false;
  return markup.replace(FIELD, (tag) => {
    if (isPut || tag.includes(' type="hidden"') || / (readonly|disabled)\b/.test(bare(tag))) return tag;
    isPut = true;
    return tag.replace(/^<\w+/, '$& autofocus');
  });
}

/** A tag without its values. */
function bare(tag: string): string {
  return tag.replaceAll(/"[^"]*"/g, '');
}

/** Asks once more before something is ended, with what it will break. The button repeats the verb. */
export function confirmPage(
  site: Site,
  viewer: Viewer,
  props: {
    title: string;
    consequences: readonly Part[];
    /** Where the form is sent. */
    action: string;
    confirmLabel: string;
    current: Section;
    /** The page of the section, where absent. */
    cancelUrl?: string;
    /** Sent along unseen. */
    fields?: Record<string, string>;
    /** More to fill in, such as an overlap. */
    inputs?: Part;
    /** False where nothing is lost. */
    danger?: boolean;
  },
): Html {
  const { title, current, action } = props;
  const fields = { ...props.fields, [VIEWER_FIELD]: viewer.email };
  const confirm = submit(props.confirmLabel, props.danger === false ? 'primary' : 'danger');
  const cancel = buttonLink('Cancel', props.cancelUrl ?? current);
  const body = [props.inputs, buttons(confirm, cancel)];
  const form = withFocus(postForm({ action, fields, once: true, body }));
  return layout(site, {
    title,
    viewer,
    current,
    body: html`<div class="card confirm">${bulletList(props.consequences)}
${form}</div>`,
  });
}

import { type Html, html, type Part } from '../html.ts';
import { layout, type Section, type Site, type Viewer } from '../layout.ts';
import { buttonLink, buttons, postForm, submit } from './buttons.ts';
import { bulletList } from './sections.ts';

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
  const { title, current, action, fields } = props;
  const confirm = submit(props.confirmLabel, props.danger === false ? 'primary' : 'danger');
  const cancel = buttonLink('Cancel', props.cancelUrl ?? current);
  const form = postForm({ action, fields, body: [props.inputs, buttons(confirm, cancel)] });
  return layout(site, {
    title,
    viewer,
    current,
    body: html`<div class="card confirm">${bulletList(props.consequences)}
${form}</div>`,
  });
}

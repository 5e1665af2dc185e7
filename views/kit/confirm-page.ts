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
    cancelUrl: string;
    current: Section;
    /** Sent along unseen. */
    fields?: Record<string, string>;
    /** More to fill in, such as an overlap. */
    inputs?: Part;
    /** False where nothing is lost. */
    danger?: boolean;
  },
): Html {
  const { title, consequences, action, confirmLabel, cancelUrl, current, fields, inputs, danger } = props;
  const form = postForm({
    action,
    fields,
    body: html`${inputs}${buttons(
      submit(confirmLabel, danger === false ? 'primary' : 'danger'),
      buttonLink('Cancel', cancelUrl),
    )}`,
  });
  return layout(site, {
    title,
    viewer,
    current,
    body: html`<div class="card confirm">${bulletList(consequences)}
${form}</div>`,
  });
}

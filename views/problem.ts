import { type Html, html } from './html.ts';
import { buttonLink, buttons } from './kit/buttons.ts';
import { layout, type Site } from './layout.ts';

/** A refused or failed request: what is wrong, what to do next, and what to quote when asking for help. */
export function problemPage(
  site: Site,
  props: { status: number; title: string; message: string; hint: string; requestId: string },
): Html {
  return layout(site, {
    title: props.title,
    narrow: true,
    body: html`<p>${props.message}</p>
<p>${props.hint}</p>
${buttons(buttonLink('Go to the start page', '/', 'primary'))}
<p class="fine">Error ${props.status} · Request <code>${props.requestId}</code></p>`,
  });
}

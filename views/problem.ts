import { type Html, html } from './html.ts';
import { layout, type Site } from './layout.ts';
import { buttonLink, buttons } from './parts.ts';

/**
 * A refused or failed page request: what is wrong, what to do next, and what to quote when asking for help.
 */
export function problemPage(
  site: Site,
  given: {
    /** HTTP status. */
    status: number;
    title: string;
    message: string;
    hint: string;
    requestId: string;
  },
): Html {
  return layout(site, {
    title: given.title,
    narrow: true,
    body: html`<p>${given.message}</p>
<p>${given.hint}</p>
${buttons(buttonLink('Go to the start page', '/', 'primary'))}
<p class="fine">Error ${given.status} · Request <code>${given.requestId}</code></p>`,
  });
}

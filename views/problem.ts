import { type Html, html } from './html.ts';
import { buttonLink, buttons } from './kit/buttons.ts';
import { layout, type Section, type Site, type Viewer } from './layout.ts';

/** A refused or failed request: what is wrong, what to do next, and what to quote when asking for help. */
export function problemPage(
  site: Site,
  props: {
    status: number;
    title: string;
    message: string;
    hint: string;
    requestId: string;
    /** Who looks at it, where that is known: they keep the navigation. */
    viewer?: Viewer | undefined;
    /** Below which page of theirs it happened, where that is known. */
    current?: Section | undefined;
    /** Where the hint points, if that is not the start page. */
    next?: { label: string; url: string } | undefined;
  },
): Html {
  const { viewer, current, next = { label: 'Go to the start page', url: '/' } } = props;
  return layout(site, {
    title: props.title,
    viewer,
    current,
    narrow: viewer === undefined,
    body: html`<p>${props.message}</p>
<p>${props.hint}</p>
${buttons(buttonLink(next.label, next.url, 'primary'))}
<p class="fine">Error ${props.status} · Request <code>${props.requestId}</code></p>`,
  });
}

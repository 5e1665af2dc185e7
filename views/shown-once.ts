import { SHOWN_ONCE_SECONDS } from '../server/ground/limits.ts';
import { duration } from '../server/ground/time.ts';
import { type Html, html, type Part } from './html.ts';
import { buttons, postForm, submit } from './kit/buttons.ts';
import { layout, type Section, type Site, type Viewer } from './layout.ts';

/** Ends the showing of a value; `action` is the page that shows it. */
export function copiedForm(action: string): Html {
  return postForm({ action, body: buttons(submit('I have copied it')) });
}

/** Where a value would be that can no longer be shown, and what can be done instead. */
export function gonePage(
  site: Site,
  viewer: Viewer,
  props: { title: string; current: Section; remedy: string; ways: readonly Part[] },
): Html {
  const { title, current, remedy, ways } = props;
  return layout(site, {
    title,
    viewer,
    current,
    body: html`<div class="card"><p>A value is shown for ${duration(SHOWN_ONCE_SECONDS)} at most, until you say that you have copied it, and only in
the browser in which it was made. Nobody can see this one again, for it is not kept.</p>
<p>${remedy}</p>${buttons(...ways)}</div>`,
  });
}

import { isoDate } from '../../server/ground/time.ts';
import { type Html, html } from '../html.ts';

/** One day of a chart: midnight (UTC) and what there was on it. */
export type Day = { day: number; whole: number; problems: number };

const DAY_WIDTH = 10;
const BAR_WIDTH = 8;
const HEIGHT = 100;

/** What went wrong is striped: who sees no colours, or prints it, tells it from the rest. */
const STRIPES = html`<defs><pattern id="stripes" width="4" height="4" patternUnits="userSpaceOnUse"><rect class="stripe" width="4" height="2"/></pattern></defs>`;

/**
 * A bar for each day, what went wrong on top of it. The sentence below it says the same in words, and so does each bar;
 * whoever wants the numbers has them in a list.
 */
export function dayChart(props: { title: string; summary: string; days: readonly Day[] }): Html {
  const { title, summary, days } = props;
  const most = Math.max(1, ...days.map(({ whole, problems }) => whole + problems));
  const height = (count: number) => (count === 0 ? 0 : Math.max(1, Math.round((count / most) * HEIGHT)));
  const bars = days.map(({ day, whole, problems }, index) => {
    const left = index * DAY_WIDTH;
    const [low, high] = [height(whole), height(problems)];
    const label = `${isoDate(day)}: ${words(whole, problems)}`;
    return html`<g><title>${label}</title><rect class="day" x="${left}" y="0" width="${DAY_WIDTH}" height="${HEIGHT}"/><rect class="whole" x="${left}" y="${HEIGHT - low}" width="${BAR_WIDTH}" height="${low}"/><rect class="problems" x="${left}" y="${Math.max(0, HEIGHT - low - high)}" width="${BAR_WIDTH}" height="${high}"/></g>`;
  });
  const [first, last] = [days[0], days.at(-1)];
  return html`<figure class="chart"><svg viewBox="0 0 ${Math.max(1, days.length) * DAY_WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${title}: ${summary}">${STRIPES}${bars}</svg>
<div class="chart-ends fine"><span>${first && isoDate(first.day)}</span><span>at most ${number(most)} a day</span><span>${last && isoDate(last.day)}</span></div>
<figcaption>${key('whole', 'Success')} ${key('problems', 'Refused or failed')}<p>${summary}</p></figcaption></figure>`;
}

/** What a bar stands for. */
function key(part: 'whole' | 'problems', label: string): Html {
  return html`<span class="chart-key"><svg viewBox="0 0 12 12" aria-hidden="true"><rect class="${part}" x="1" y="1" width="10" height="10"/></svg>${label}</span>`;
}

/** `1,204 calls, 3 of them refused or failed`. */
export function words(whole: number, problems: number): string {
  const all = whole + problems;
  const calls = `${number(all)} call${all === 1 ? '' : 's'}`;
  return problems === 0 ? calls : `${calls}, ${number(problems)} of them refused or failed`;
}

function number(count: number): string {
  return count.toLocaleString('en');
}

import { isoDate } from '../../server/ground/time.ts';
import { type Html, html, isThere, type Part } from '../html.ts';

/** One day of a chart: midnight (UTC) and what there was on it. */
export type Day = { day: number; whole: number; problems: number };

/** How a part of a bar looks: filled, striped, filled in the colour of what went wrong, or empty with an edge. */
type Look = 'whole' | 'problems' | 'grave' | 'rest';

/** What parts of bars stand for; of each bar so much, from the bottom up. */
export type Parts = readonly { look: Look; label: string }[];

/** One bar: what it says in words, and the height of each of its parts. */
export type Bar = { label: string; heights: readonly number[] };

/** The scale beside a chart: how high it goes, and what stands at places that are evenly apart, from the bottom up. */
type Scale = { top: number; marks: readonly string[] };

const BAR_SPACE = 10;
const BAR_WIDTH = 8;
const HEIGHT = 100;

/** What went wrong is striped: who sees no colours, or prints it, tells it from the rest. */
const STRIPES = html`<defs><pattern id="stripes" width="4" height="4" patternUnits="userSpaceOnUse"><rect class="stripe" width="4" height="2"/></pattern></defs>`;

/** The patterns of all charts of a page, which stand in it once. */
export const chartPatterns = html`<svg class="unseen" aria-hidden="true" width="0" height="0">${STRIPES}</svg>`;

/**
 * A bar for each day, what went wrong on top of it. The sentence below it says the same in words, and so does each bar;
 * whoever wants the numbers has them in a list.
 */
export function dayChart(props: { title: string; summary: string; days: readonly Day[] }): Html {
  const { title, summary, days } = props;
  const most = Math.max(1, ...days.map(({ whole, problems }) => whole + problems));
  const parts: Parts = [
    { look: 'whole', label: 'Success' },
    { look: 'problems', label: 'Refused or failed' },
  ];
  const bars = days.map(({ day, whole, problems }) => ({
    label: `${isoDate(day)}: ${words(whole, problems)}`,
    heights: [whole, problems],
  }));
  const [first, last] = [days[0], days.at(-1)];
  const ends = [
    first === undefined ? '' : isoDate(first.day),
    `at most ${number(most)} a day`,
    last === undefined ? '' : isoDate(last.day),
  ];
  return html`<figure class="chart">${drawing({ title, summary, parts, bars, top: most, defs: STRIPES })}
${below(ends)}${caption(parts, summary)}</figure>`;
}

/** Bars with a scale beside them. `ends` stand below, from left to right. The page has `chartPatterns` once. */
export function barChart(props: {
  title: string;
  summary: string;
  parts: Parts;
  bars: readonly Bar[];
  scale: Scale;
  ends: readonly string[];
}): Html {
  const { title, summary, parts, bars, scale, ends } = props;
  const marks = scale.marks.toReversed().map((mark) => html`<span>${mark}</span>`);
  const lines = scale.marks.map((_, index) => {
    const y = HEIGHT - (index / Math.max(1, scale.marks.length - 1)) * HEIGHT;
    return html`<line x1="0" x2="${bars.length * BAR_SPACE}" y1="${y}" y2="${y}"/>`;
  });
  return html`<figure class="chart scaled"><div class="chart-scale fine" aria-hidden="true">${marks}</div>
${drawing({ title, summary, parts, bars, top: scale.top, lines })}
${below(ends)}${caption(parts, summary)}</figure>`;
}

/** A scale for counts: whole numbers, and not much more than the largest of them. */
export function scaleFor(most: number): Scale {
  const size = 10 ** Math.floor(Math.log10(Math.max(1, most)));
  const top = [1, 2, 4, 6, 8, 10].map((step) => step * size).find((step) => step >= most) ?? 10 * size;
  // Half of what is even is a whole number.
  return { top, marks: top % 2 === 0 ? ['0', number(top / 2), number(top)] : ['0', number(top)] };
}

function drawing(props: {
  title: string;
  summary: string;
  parts: Parts;
  bars: readonly Bar[];
  top: number;
  lines?: Part;
  defs?: Part;
}): Html {
  const { title, summary, parts, bars, top, lines, defs } = props;
  const width = Math.max(1, bars.length) * BAR_SPACE;
  const drawn = bars.map((bar, index) => barAt(index * BAR_SPACE, bar, { parts, top }));
  return html`<svg viewBox="0 0 ${width} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${title}: ${summary}">${defs}${lines}${drawn}</svg>`;
}

/** What is there at all can be seen, however small. */
function barAt(left: number, { label, heights }: Bar, { parts, top }: { parts: Parts; top: number }): Html {
  let y = HEIGHT;
  const rects = parts.map(({ look }, index) => {
    const count = heights[index] ?? 0;
    const height = count === 0 ? 0 : Math.max(1, Math.round((count / top) * HEIGHT));
    y = Math.max(0, y - height);
    return html`<rect class="${look}" x="${left}" y="${y}" width="${BAR_WIDTH}" height="${height}"/>`;
  });
  return html`<g><title>${label}</title><rect class="day" x="${left}" y="0" width="${BAR_SPACE}" height="${HEIGHT}"/>${rects}</g>`;
}

function below(ends: readonly string[]): Html {
  return html`<div class="chart-ends fine">${ends.map((end) => html`<span>${end}</span>`)}</div>`;
}

function caption(parts: Parts, summary: string): Html {
  return html`<figcaption>${parts.map(({ look, label }) => key(look, label))}${isThere(summary) && html`<p>${summary}</p>`}</figcaption>`;
}

/** What a part of a bar stands for. */
function key(look: Look, label: string): Html {
  return html`<span class="chart-key"><svg viewBox="0 0 12 12" aria-hidden="true"><rect class="${look}" x="1" y="1" width="10" height="10"/></svg>${label}</span> `;
}

/** `1,204 calls, 3 of them refused or failed`. */
export function words(whole: number, problems: number): string {
  const all = whole + problems;
  const calls = `${number(all)} call${all === 1 ? '' : 's'}`;
  return problems === 0 ? calls : `${calls}, ${number(problems)} of them refused or failed`;
}

/** `1,204`. */
export function number(count: number): string {
  return count.toLocaleString('en');
}

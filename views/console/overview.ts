import { LATENCY_BOUNDS_MS, OVERVIEW_STEPS, REVIEW_UNUSED_DAYS } from '../../server/ground/limits.ts';
import { DAY_SECONDS, isoDate, isoTime } from '../../server/ground/time.ts';
import { type Html, html, type Part } from '../html.ts';
import { barChart, chartPatterns, number, type Parts, scaleFor, words } from '../kit/chart.ts';
import { section } from '../kit/sections.ts';
import { foldedTable } from '../kit/tables.ts';
import { relativeTime } from '../kit/times.ts';
import { layout, type Site, type Viewer } from '../layout.ts';

/** What there was in an hour, in a day, or in all of a period. */
type TotalsView = {
  startsAt: number;
  success: number;
  refused: number;
  failed: number;
  signedIn: number;
  signInsRefused: number;
  /** Up to so many milliseconds the half of the calls took, and 95 %; Infinity: longer than is measured. */
  latency: { medianMs: number; p95Ms: number } | undefined;
};

type FiguresView = {
  day: number;
  countedAt: number;
  accounts: number;
  suspendedAccounts: number;
  admins: number;
  services: number;
  apps: number;
  usedCredentials: number;
  unusedCredentials: number;
  neverUsedCredentials: number;
  pausedCredentials: number;
};

type Period = 'day' | 'week' | 'month';

type OverviewView = {
  period: Period;
  stepSeconds: number;
  whole: TotalsView;
  steps: readonly TotalsView[];
  figures: FiguresView | undefined;
  figuresByDay: readonly FiguresView[];
  mail: { waiting: number; failed: number };
};

const PERIODS: Record<Period, { link: string; words: string }> = {
  day: periodOf(`${OVERVIEW_STEPS.day} hours`),
  week: periodOf(`${OVERVIEW_STEPS.week} days`),
  month: periodOf(`${OVERVIEW_STEPS.month} days`),
};

function periodOf(length: string) {
  return { link: length, words: `in the last ${length}` };
}

const CALLS: Parts = [
  { look: 'whole', label: 'Success' },
  { look: 'problems', label: 'Refused or failed' },
];
const ERRORS: Parts = [
  { look: 'problems', label: 'Refused' },
  { look: 'grave', label: 'Failed at our end' },
];
const LATENCY: Parts = [
  { look: 'whole', label: 'Half of the calls' },
  { look: 'rest', label: '95 % of them' },
];
const SIGN_INS: Parts = [
  { look: 'whole', label: 'Signed in' },
  { look: 'problems', label: 'Wrong password, also where there is no account' },
];
const CREDENTIALS: Parts = [
  { look: 'whole', label: `Used within ${REVIEW_UNUSED_DAYS} days` },
  { look: 'problems', label: 'Unused for longer, or never used' },
];

/** /admin */
export function overviewPage(site: Site, viewer: Viewer, overview: OverviewView, now: number): Html {
  const { period, figures, mail } = overview;
  return layout(site, {
    title: 'Overview',
    lead: 'What is called, what goes wrong, and what there is.',
    viewer,
    current: '/admin',
    body: [
      chartPatterns,
      section({ title: 'What there is', body: [figuresOf(figures, mail, period), countedAt(figures, now)] }),
      periodLinks(period),
      section({ title: 'Calls', body: callsOf(overview) }),
      section({ title: 'Errors', body: errorsOf(overview) }),
      section({ title: 'Latency', body: latencyOf(overview) }),
      section({ title: 'Sign-ins', body: signInsOf(overview) }),
      period !== 'day' && section({ title: 'Tokens and secrets', body: credentialsOf(overview) }),
      html`<p class="fine">Times and days are those of UTC. The last minute is not counted yet.</p>`,
    ],
  });
}

function periodLinks(current: Period): Html {
  const links = (Object.keys(PERIODS) as Period[]).map((period) => {
    const { link } = PERIODS[period];
    return html`<li><a href="/admin?period=${period}"${period === current && html` aria-current="true"`}>${link}</a></li>`;
  });
  return html`<nav class="periods" aria-label="Period of the charts"><ul>${links}</ul></nav>`;
}

/** Numbers that lead to what they count. */
function figuresOf(figures: FiguresView | undefined, mail: OverviewView['mail'], period: Period): Html {
  const counted: readonly Figure[] = figures === undefined ? [] : countedFigures(figures);
  const all: readonly Figure[] = [
    ...counted,
    {
      label: 'Mails given up',
      count: mail.failed,
      note: PERIODS[period].words,
      url: '/admin/mail?state=given_up',
    },
    { label: 'Mails waiting', count: mail.waiting, url: '/admin/mail?state=waiting' },
  ];
  return html`<ul class="figures">${all.map(figure)}</ul>`;
}

type Figure = { label: string; count: number; note?: string; url?: string };

function countedFigures(figures: FiguresView): Figure[] {
  const { accounts, suspendedAccounts, admins, services, apps } = figures;
  const { usedCredentials: used, unusedCredentials: unused, neverUsedCredentials: never } = figures;
  return [
    { label: 'Accounts', count: accounts, url: '/admin/accounts' },
    { label: 'Suspended', count: suspendedAccounts, url: '/admin/accounts?state=suspended' },
    { label: 'Admins', count: admins, url: '/admin/accounts?state=admin' },
    { label: 'Services', count: services, url: '/admin/services' },
    { label: 'Apps', count: apps, url: '/admin/apps' },
    {
      label: 'Live credentials',
      count: used + unused + never,
      note: 'tokens and secrets',
      url: '/admin/credentials?state=live',
    },
    { label: 'Used', count: used, note: `within ${REVIEW_UNUSED_DAYS} days` },
    {
      label: 'Unused',
      count: unused,
      note: `for ${REVIEW_UNUSED_DAYS} days`,
      url: '/admin/credentials?state=unused',
    },
    { label: 'Never used', count: never, url: '/admin/credentials?state=never_used' },
    { label: 'Paused', count: figures.pausedCredentials, url: '/admin/credentials?state=paused' },
  ];
}

function figure({ label, count, note, url }: Figure): Html {
  const value =
    url === undefined
      ? html`<strong>${number(count)}</strong>`
      : html`<a href="${url}"><strong>${number(count)}</strong> <span class="unseen">${label}</span></a>`;
  return html`<li class="figure"><span${url !== undefined && html` aria-hidden="true"`}>${label}</span>${value}${note !== undefined && html`<span class="fine">${note}</span>`}</li>`;
}

function countedAt(figures: FiguresView | undefined, now: number): Html {
  return figures === undefined
    ? html`<p class="fine">Accounts, services, apps and credentials are being counted. Open this page again in a minute.</p>`
    : html`<p class="fine">Accounts, services, apps and credentials were counted ${relativeTime(figures.countedAt, now)}.</p>`;
}

function callsOf({ period, whole, steps, stepSeconds }: OverviewView): Part {
  if (callsIn(whole) === 0) return nothing('No calls', period);
  const inWords = (step: TotalsView) => words(step.success, problemsIn(step));
  return [
    chartOf(steps, stepSeconds, {
      title: 'Calls',
      summary: `${inWords(whole)}.`,
      parts: CALLS,
      heightsOf: (step) => [step.success, problemsIn(step)],
      labelOf: inWords,
    }),
    tableOf(steps.filter(callsIn), stepSeconds, {
      caption: 'Calls in numbers',
      columns: ['Success', 'Refused or failed'],
      cellsOf: (step) => [number(step.success), number(problemsIn(step))],
      urlOf: (step) => activityPath(step, stepSeconds),
    }),
  ];
}

function errorsOf({ period, whole, steps, stepSeconds }: OverviewView): Part {
  if (problemsIn(whole) === 0) return nothing('No call was refused or failed', period);
  const inWords = (step: TotalsView) => `${number(step.refused)} refused, ${number(step.failed)} failed`;
  return [
    chartOf(steps, stepSeconds, {
      title: 'Errors',
      summary: `${shareOf(whole)} of the calls: ${inWords(whole)}.`,
      parts: ERRORS,
      heightsOf: (step) => [step.refused, step.failed],
      labelOf: inWords,
    }),
    html`<p class="fine">Each of them: <a href="${activityPath(whole, stepSeconds, 'refused')}">what was refused</a>, <a href="${activityPath(whole, stepSeconds, 'failed')}">what failed</a></p>`,
    tableOf(steps.filter(problemsIn), stepSeconds, {
      caption: 'Errors in numbers',
      columns: ['Refused', 'Failed', 'Of the calls'],
      cellsOf: (step) => [number(step.refused), number(step.failed), shareOf(step)],
    }),
  ];
}

/** The calls of everybody in this hour or day, or with such a result from then on. */
function activityPath({ startsAt }: TotalsView, stepSeconds: number, result?: 'refused' | 'failed'): string {
  const minute = (at: number) => isoTime(at).slice(0, 16);
  const [from, to] =
    stepSeconds === DAY_SECONDS
      ? [isoDate(startsAt), isoDate(startsAt)]
      : [minute(startsAt), minute(startsAt + stepSeconds - 1)];
  const end = result === undefined ? `&to=${to}` : `&result=${result}`;
  return `/admin/activity?period=date&from=${from}${end}`;
}

function problemsIn({ refused, failed }: TotalsView): number {
  return refused + failed;
}

function callsIn(step: TotalsView): number {
  return step.success + problemsIn(step);
}

/** `2.2 %` of the calls went wrong. */
function shareOf(step: TotalsView): string {
  const percent = (problemsIn(step) / Math.max(1, callsIn(step))) * 100;
  return percent > 0 && percent < 0.1 ? 'less than 0.1 %' : `${percent.toFixed(1)} %`;
}

function latencyOf({ period, whole, steps, stepSeconds }: OverviewView): Part {
  if (whole.latency === undefined) return nothing('No calls that were answered', period);
  const { medianMs, p95Ms } = whole.latency;
  const most = Math.max(...steps.map(({ latency }) => placeOf(latency?.p95Ms)));
  // Four spaces between five marks, each over as many bounds.
  const every = Math.ceil(most / 4);
  const marks = [0, 1, 2, 3, 4].map((mark) => (mark === 0 ? '0' : boundAt(mark * every)));
  const inWords = (latency: TotalsView['latency']) =>
    latency === undefined
      ? 'no calls'
      : `half of the calls ${upTo(latency.medianMs)}, 95 % ${upTo(latency.p95Ms)}`;
  return [
    barChart({
      title: 'Latency',
      summary: `Half of the calls took ${upTo(medianMs)}, 95 % ${upTo(p95Ms)}. What was refused is not among them.`,
      parts: LATENCY,
      bars: steps.map((step) => {
        const [low, high] = [placeOf(step.latency?.medianMs), placeOf(step.latency?.p95Ms)];
        return {
          label: `${timeOf(step, stepSeconds)}: ${inWords(step.latency)}`,
          heights: [low, high - low],
        };
      }),
      scale: { top: 4 * every, marks },
      ends: endsOf(steps, stepSeconds),
    }),
    tableOf(
      steps.filter(({ latency }) => latency !== undefined),
      stepSeconds,
      {
        caption: 'Latency in numbers',
        columns: ['Half of the calls', '95 %'],
        cellsOf: ({ latency }) =>
          latency === undefined ? ['', ''] : [upTo(latency.medianMs), upTo(latency.p95Ms)],
      },
    ),
  ];
}

function signInsOf({ period, whole, steps, stepSeconds }: OverviewView): Part {
  const { signedIn, signInsRefused } = whole;
  if (signedIn + signInsRefused === 0) return nothing('No sign-ins', period);
  const inWords = (step: TotalsView) =>
    `${number(step.signedIn)} signed in, ${number(step.signInsRefused)} refused`;
  return [
    chartOf(steps, stepSeconds, {
      title: 'Sign-ins',
      summary: `${inWords(whole)}.`,
      parts: SIGN_INS,
      heightsOf: (step) => [step.signedIn, step.signInsRefused],
      labelOf: inWords,
    }),
    tableOf(
      steps.filter((step) => step.signedIn + step.signInsRefused),
      stepSeconds,
      {
        caption: 'Sign-ins in numbers',
        columns: ['Signed in', 'Refused'],
        cellsOf: (step) => [step.signedIn, step.signInsRefused].map(number),
      },
    ),
  ];
}

function credentialsOf({ steps, stepSeconds, figuresByDay }: OverviewView): Part {
  const counted = new Map(figuresByDay.map((figures) => [figures.day, figures]));
  const latest = figuresByDay.at(-1);
  if (latest === undefined) return html`<p>They were not counted yet.</p>`;
  const unused = (figures: FiguresView) => figures.unusedCredentials + figures.neverUsedCredentials;
  const inWords = (figures: FiguresView | undefined) =>
    figures === undefined
      ? 'not counted'
      : `${number(figures.usedCredentials)} in use, ${number(unused(figures))} not`;
  return [
    chartOf(steps, stepSeconds, {
      title: 'Tokens and secrets',
      summary: `Of those that are live ${inWords(latest)}.`,
      parts: CREDENTIALS,
      heightsOf({ startsAt }) {
        const figures = counted.get(startsAt);
        return figures === undefined ? [0, 0] : [figures.usedCredentials, unused(figures)];
      },
      labelOf: ({ startsAt }) => inWords(counted.get(startsAt)),
    }),
    tableOf(
      steps.filter(({ startsAt }) => counted.has(startsAt)),
      stepSeconds,
      {
        caption: 'Tokens and secrets in numbers',
        columns: ['Used', 'Unused', 'Never used'],
        cellsOf({ startsAt }) {
          const {
            usedCredentials = 0,
            unusedCredentials = 0,
            neverUsedCredentials = 0,
          } = counted.get(startsAt) ?? {};
          return [usedCredentials, unusedCredentials, neverUsedCredentials].map(number);
        },
      },
    ),
  ];
}

function nothing(what: string, period: Period): Html {
  return html`<p>${what} ${PERIODS[period].words}.</p>`;
}

function chartOf(
  steps: readonly TotalsView[],
  stepSeconds: number,
  props: {
    title: string;
    summary: string;
    parts: Parts;
    heightsOf: (step: TotalsView) => number[];
    labelOf: (step: TotalsView) => string;
  },
): Html {
  const { heightsOf, labelOf, ...rest } = props;
  const bars = steps.map((step) => ({
    label: `${timeOf(step, stepSeconds)}: ${labelOf(step)}`,
    heights: heightsOf(step),
  }));
  const most = Math.max(...bars.map(({ heights }) => heights.reduce((sum, height) => sum + height, 0)));
  return barChart({ ...rest, bars, scale: scaleFor(most), ends: endsOf(steps, stepSeconds) });
}

/** Of the hours or days in which there was something. */
function tableOf(
  steps: readonly TotalsView[],
  stepSeconds: number,
  props: {
    caption: string;
    columns: readonly string[];
    cellsOf: (step: TotalsView) => string[];
    /** What a row counts, one by one. */
    urlOf?: (step: TotalsView) => string;
  },
): Part {
  const { caption, columns, cellsOf, urlOf } = props;
  const first = (step: TotalsView) =>
    urlOf === undefined
      ? timeOf(step, stepSeconds)
      : html`<a href="${urlOf(step)}">${timeOf(step, stepSeconds)}</a>`;
  return foldedTable({
    caption,
    columns: [stepSeconds === DAY_SECONDS ? 'Day' : 'Hour', ...columns],
    isDense: true,
    rows: steps.map((step) => [first(step), ...cellsOf(step)]),
  });
}

/** `2026-02-20`, or with the hour `2026-02-20 14:00`. */
function timeOf({ startsAt }: TotalsView, stepSeconds: number): string {
  return stepSeconds === DAY_SECONDS ? isoDate(startsAt) : isoTime(startsAt).slice(0, 16).replace('T', ' ');
}

/** What stands below the first bar and the last. */
function endsOf(steps: readonly TotalsView[], stepSeconds: number): string[] {
  return [steps[0], steps.at(-1)].map((step) => (step === undefined ? '' : timeOf(step, stepSeconds)));
}

/** How high a length stands: each bound one step above the one before. */
function placeOf(ms: number | undefined): number {
  if (ms === undefined) return 0;
  const place = LATENCY_BOUNDS_MS.indexOf(ms);
  return (place === -1 ? LATENCY_BOUNDS_MS.length : place) + 1;
}

function boundAt(place: number): string {
  const bound = LATENCY_BOUNDS_MS[place - 1];
  return bound === undefined ? 'more' : `${number(bound)} ms`;
}

/** `up to 25 ms`. */
function upTo(ms: number): string {
  return Number.isFinite(ms)
    ? `up to ${number(ms)} ms`
    : `more than ${number(LATENCY_BOUNDS_MS.at(-1) ?? 0)} ms`;
}

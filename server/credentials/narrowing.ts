import { z } from 'zod';
import { checkAll, Problem, type ProblemCode } from '../ground/errors.ts';
import { lossOf, NUMBER } from '../ground/exact-number.ts';
import { normalisedRange } from '../ground/ip-ranges.ts';
import { BOUNDS_MAX, CALLS_A_DAY_MAX, IDLE_DAYS_MAX, IP_RANGES_MAX } from '../ground/limits.ts';
import { isLoopback } from '../ground/loopback.ts';
import { DAY_SECONDS, duration } from '../ground/time.ts';
import { withoutSecrets } from '../ground/without-secrets.ts';
import { covers, type Scopes, workflowScope } from './scopes.ts';

/** Longer than any name of a workflow and of a parameter with a number. */
const LINE_LENGTH_MAX = 500;

/** How far a parameter of a workflow may go. */
const valueBoundSchema = z.strictObject({
  workflow: z.string(),
  parameter: z.string(),
  is: z.enum(['<=', '>=']),
  value: z.number(),
});

/** How often a workflow may be called between midnight and midnight, UTC. */
const dailyBoundSchema = z.strictObject({ workflow: z.string(), callsADay: z.number() });

/** What narrows a personal access token beyond its scopes. What is absent narrows nothing. */
export const narrowingSchema = z.strictObject({
  /** Addresses and CIDRs, normalised: the callers it works for. */
  ipRanges: z.array(z.string()).optional(),
  /** It ends when it was not used for so long. */
  idleDays: z.number().optional(),
  /** When that was asked of a token that was there already: it counts from then. */
  idleFrom: z.number().optional(),
  /** The one web origin whose pages may call with it. */
  origin: z.string().optional(),
  bounds: z.array(z.union([valueBoundSchema, dailyBoundSchema])).optional(),
  /** The first token of its rotations: all count their calls of a day together. */
  countedAs: z.string().optional(),
});

export type ValueBound = z.infer<typeof valueBoundSchema>;
export type DailyBound = z.infer<typeof dailyBoundSchema>;
export type Bound = ValueBound | DailyBound;
export type Narrowing = z.infer<typeof narrowingSchema>;

/** What somebody typed; blank for what is not to be narrowed. */
export type WantedNarrowing = {
  ipRanges?: readonly string[] | undefined;
  idleDays?: string | undefined;
  origin?: string | undefined;
  bounds?: readonly string[] | undefined;
};

/** What was asked for, checked and normalised; undefined where it is nothing. Throws all that is wrong. */
export function narrowingFrom(
  scopes: Scopes,
  wanted: WantedNarrowing | undefined,
  held: readonly string[],
): Narrowing | undefined {
  if (wanted === undefined) return undefined;
  const checked = checkAll({
    ipRanges: () => ipRangesFrom(wanted.ipRanges ?? []),
    idleDays: () => idleDaysFrom(wanted.idleDays ?? ''),
    origin: () => originFrom(wanted.origin ?? ''),
    bounds: () => boundsFrom(scopes, wanted.bounds ?? [], held),
  });
  const narrowing = Object.fromEntries(Object.entries(checked).filter(([, value]) => value !== undefined));
  return Object.keys(narrowing).length === 0 ? undefined : narrowing;
}

function ipRangesFrom(typed: readonly string[]): string[] | undefined {
  const ranges = linesOf(typed, 'ipRanges', 'INVALID_IP_RANGE', IP_RANGES_MAX).map((text) => {
    const range = normalisedRange(text);
    if (range !== undefined) return range;
    throw refused('ipRanges', 'INVALID_IP_RANGE', `${quoted(text)} is no IP address or range.`, {
      hint: 'Write one a line, like 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32.',
    });
  });
  return someOf([...new Set(ranges)]);
}

function idleDaysFrom(typed: string): number | undefined {
  const text = typed.trim();
  if (text === '') return undefined;
  const days = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (days >= 1 && days <= IDLE_DAYS_MAX) return days;
  throw refused('idleDays', 'INVALID_IDLE_DAYS', 'This is no number of days.', {
    hint: `Write a whole number from 1 to ${IDLE_DAYS_MAX}, or leave it empty.`,
  });
}

/** As a browser writes it: scheme, host, and a port that is not the usual one. */
function originFrom(typed: string): string | undefined {
  const text = typed.trim();
  if (text === '') return undefined;
  const url = /^https?:\/\/[^/?#@\\\s]+\/?$/i.test(text) ? URL.parse(text) : null;
  if (url === null || url.hostname.includes('*')) {
    throw refused('origin', 'INVALID_ORIGIN', `${quoted(text)} is no web origin.`, {
      hint: 'Write the address of the page without its path, like https://app.example.com.',
    });
  }
  if (url.protocol === 'https:' || isLoopback(url)) return url.origin;
  throw refused('origin', 'INVALID_ORIGIN', 'An origin with http can be taken over by anybody on the way.', {
    hint: 'Use https; http only for a page on your own machine, like http://localhost:5173.',
  });
}

function boundsFrom(scopes: Scopes, typed: readonly string[], held: readonly string[]): Bound[] | undefined {
  const bounds = new Map(
    linesOf(typed, 'bounds', 'INVALID_BOUND', BOUNDS_MAX).map((text) => {
      const bound = boundFrom(text);
      requireBoundable(scopes, bound, held);
      return [boundInText(bound), bound];
    }),
  );
  return someOf([...bounds.values()]);
}

const VALUE = /^(?:wf:)?(\w+)\.([^\s<>=]+)\s*(<=|>=)\s*(\S+)$/;
const DAILY = /^(?:wf:)?(\w+)(?:\s*[=:]\s*|\s+)([1-9]\d{0,6})\s*\/\s*day$/;

/** `create_transaction.amount <= 100` and `create_transaction = 20/day`. */
function boundFrom(text: string): Bound {
  const [, daily, count] = DAILY.exec(text) ?? [];
  if (daily !== undefined && Number(count) <= CALLS_A_DAY_MAX) {
    return { workflow: daily, callsADay: Number(count) };
  }
  const [, workflow, parameter, is, literal = ''] = VALUE.exec(text) ?? [];
  if (workflow === undefined || parameter === undefined || !NUMBER.test(literal)) {
    throw refusedBound(
      `${quoted(text)} is no bound.`,
      'Write one a line, like create_transaction.amount <= 100 or create_transaction = 20/day.',
    );
  }
  const loss = lossOf(literal);
  if (loss !== undefined) {
    throw refusedBound(
      `The number of ${quoted(text)} cannot be kept exactly: ${loss}.`,
      'Write a rounder one.',
    );
  }
  return { workflow, parameter, is: is === '>=' ? '>=' : '<=', value: Number(literal) };
}

/** A bound that bounds nothing would be a false comfort. */
function requireBoundable(scopes: Scopes, bound: Bound, held: readonly string[]): void {
  const { workflow } = bound;
  const numbers = scopes.numbersOf(workflow);
  if (numbers === undefined || !covers(held, workflowScope(workflow))) {
    throw refusedBound(
      `The token may not call a workflow ${quoted(workflow)}.`,
      'Bound only workflows that you allow it above.',
    );
  }
  if ('callsADay' in bound || numbers.includes(bound.parameter)) return;
  throw refusedBound(
    `The workflow ${workflow} has no number ${quoted(bound.parameter)}.`,
    numbers.length === 0
      ? `It takes no number at all: bound its calls, like ${workflow} = 20/day.`
      : `What can be bounded: ${numbers.join(', ')}.`,
  );
}

/** The spelling that `boundFrom` reads. */
export function boundInText(bound: Bound): string {
  if ('callsADay' in bound) return `${bound.workflow} = ${bound.callsADay}/day`;
  return `${bound.workflow}.${bound.parameter} ${bound.is} ${bound.value}`;
}

/** What there is, as it would be typed. */
export function typedNarrowing(narrowing: Narrowing | undefined) {
  const { ipRanges = [], idleDays, origin = '', bounds = [] } = narrowing ?? {};
  return {
    ipRanges,
    idleDays: idleDays === undefined ? '' : String(idleDays),
    origin,
    bounds: bounds.map(boundInText),
  };
}

/** One line for each thing that narrows a token, for people. */
export function narrowingInWords(narrowing: Narrowing | undefined): string[] {
  if (narrowing === undefined) return [];
  const { ipRanges = [], idleDays, origin, bounds = [] } = narrowing;
  return [
    ...(ipRanges.length === 0 ? [] : [`Only from ${ipRanges.join(', ')}`]),
    ...(origin === undefined ? [] : [`Only from pages of ${origin}`]),
    ...(idleDays === undefined ? [] : [`Ends when it is not used for ${duration(idleDays * DAY_SECONDS)}`]),
    ...bounds.map(boundInWords),
  ];
}

function boundInWords(bound: Bound): string {
  if ('callsADay' in bound) {
    return `${bound.workflow}: at most ${bound.callsADay} ${bound.callsADay === 1 ? 'call' : 'calls'} a day`;
  }
  const most = bound.is === '<=' ? 'at most' : 'at least';
  return `${bound.workflow}: ${bound.parameter} ${most} ${bound.value}`;
}

/** The same for programs: in the API, at introspection, at the command line; undefined for none. */
export function narrowingForPrograms(narrowing: Narrowing | undefined) {
  if (narrowing === undefined) return undefined;
  const { ipRanges, idleDays, origin, bounds } = narrowing;
  return {
    ip_ranges: ipRanges,
    idle_days: idleDays,
    origin,
    bounds: bounds?.map(boundInText),
  };
}

/** The lines that are filled in, each once. Their number and lengths come first: to read one takes a while. */
function linesOf(typed: readonly string[], parameter: string, code: ProblemCode, max: number): string[] {
  const lines = [...new Set(typed.map((text) => text.trim()).filter((text) => text !== ''))];
  if (lines.length > max) {
    throw refused(parameter, code, `These are ${lines.length}.`, { hint: `Use at most ${max}.` });
  }
  const long = lines.find((line) => line.length > LINE_LENGTH_MAX);
  if (long === undefined) return lines;
  throw refused(parameter, code, `${quoted(long)} and so on is too long.`, {
    hint: `Write one a line, of at most ${LINE_LENGTH_MAX} characters.`,
  });
}

function someOf<T>(list: T[]): T[] | undefined {
  return list.length === 0 ? undefined : list;
}

function quoted(text: string): string {
  return JSON.stringify(withoutSecrets(text).slice(0, 80));
}

function refusedBound(message: string, hint: string): Problem {
  return refused('bounds', 'INVALID_BOUND', message, { hint });
}

function refused(parameter: string, code: ProblemCode, message: string, { hint }: { hint: string }): Problem {
  return new Problem({ status: 400, code, message, hint, parameter });
}

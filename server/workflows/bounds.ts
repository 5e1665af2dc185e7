import type { Bearer } from '../access/bearer.ts';
import type { DailyBound, ValueBound } from '../credentials/narrowing.ts';
import { BearerProblem, Problem } from '../ground/errors.ts';
import { lossOf, NUMBER } from '../ground/exact-number.ts';
import { type Limiter, networkBuckets } from '../ground/limiter.ts';
import { DAY_SECONDS, MINUTE_SECONDS } from '../ground/time.ts';
import type { Arguments } from './parameters.ts';
import type { Workflow } from './workflow.ts';

/**
 * Holds a call, whose parameters are good, to the bounds of its token, and counts it where it may be made so often a day:
 * from here on it is run. Throws Problem 403 for a value beyond its bound, 429 past the calls of a day.
 */
export async function keepWithinBounds(
  caller: Bearer,
  workflow: Workflow,
  sent: Pick<Arguments, 'find'>,
  parts: { limiter: Pick<Limiter, 'count'>; url: string },
): Promise<void> {
  const { bounds = [], countedAs = caller.tokenId } = caller.narrowing ?? {};
  const ofWorkflow = bounds.filter((bound) => bound.workflow === workflow.name);
  const daily: DailyBound[] = [];
  for (const bound of ofWorkflow) {
    if ('callsADay' in bound) daily.push(bound);
    else requireWithin(bound, workflow, sent, parts.url);
  }
  if (daily.length === 0) return;
  const limit = Math.min(...daily.map((bound) => bound.callsADay));
  try {
    await parts.limiter.count(`calls of ${countedAs}:${workflow.name}`, {
      limit,
      windowSeconds: DAY_SECONDS,
    });
  } catch (error) {
    throw error instanceof Problem ? usedUp(workflow, limit, error.headers) : error;
  }
}

/** Counts a call of a workflow that takes so many a minute. Throws Problem 429 past them. */
export async function countCall(
  workflow: Workflow,
  who: { caller: Bearer | undefined; from: string },
  limiter: Pick<Limiter, 'count' | 'countEach'>,
): Promise<void> {
  const { callsAMinute } = workflow.limits;
  if (callsAMinute === undefined) return;
  const limit = { limit: callsAMinute, windowSeconds: MINUTE_SECONDS };
  const name = `calls of ${workflow.name}`;
  try {
    if (who.caller !== undefined) await limiter.count(`${name}:${who.caller.account.id}`, limit);
    else await limiter.countEach(networkBuckets(name, who.from, limit));
  } catch (error) {
    throw error instanceof Problem ? tooManyCalls(workflow, callsAMinute, error.headers) : error;
  }
}

function tooManyCalls({ name }: Workflow, limit: number, headers: Record<string, string>): Problem {
  return new Problem({
    status: 429,
    code: 'TOO_MANY_CALLS',
    message: `Workflow ${name} takes ${limit} ${limit === 1 ? 'call' : 'calls'} a minute of one account, or of one address without a token.`,
    hint: 'Nothing was stored or sent. Retry-After says in how many seconds it takes another one.',
    headers,
  });
}

/** What was sent is compared, and not what the schema makes of it: the owner of the token knows that alone. */
function requireWithin(
  bound: ValueBound,
  workflow: Workflow,
  sent: Pick<Arguments, 'find'>,
  url: string,
): void {
  const { parameter, is, value } = bound;
  // One that the workflow has no longer was left out by everybody.
  const argument = Object.hasOwn(workflow.parameters, parameter) ? sent.find(parameter) : undefined;
  const found = numberIn(argument?.value);
  if (found !== undefined && (is === '<=' ? found <= value : found >= value)) return;
  const most = is === '<=' ? 'at most' : 'at least';
  const what = argument === undefined ? `${parameter} was left out` : 'no plain number was sent';
  throw new BearerProblem({
    status: 403,
    code: 'OUT_OF_BOUNDS',
    message: `This token allows ${workflow.name} with ${parameter} ${most} ${value} only; ${found === undefined ? what : `${found} was sent`}.`,
    hint: `Send ${parameter} as a number of ${most} ${value}, or have the token's owner change its bounds at ${url}/tokens.`,
    parameter,
  });
}

/** A number, or the text of one as a form sends it, where it arrives as it was sent: then both sides are exact. */
function numberIn(value: unknown): number | undefined {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (typeof value !== 'string' || !NUMBER.test(value) || lossOf(value) !== undefined) return undefined;
  return Number(value);
}

function usedUp({ name }: Workflow, limit: number, headers: Record<string, string>): Problem {
  return new Problem({
    status: 429,
    code: 'CALLS_USED_UP',
    message: `This token allows ${limit} ${limit === 1 ? 'call' : 'calls'} of ${name} a day, and they are used up.`,
    hint: 'It is counted again from midnight, UTC. Retry-After says in how many seconds that is.',
    headers,
  });
}

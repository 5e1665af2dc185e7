import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { type Collection, declare } from '../../adapters/port.ts';
import { CLOCKS_APART_SECONDS, type Clock } from './clock.ts';
import { Problem } from './errors.ts';
import { hashOf } from './opaque.ts';
import { waitInMinutes } from './time.ts';

/** How often something was done in one window of time. In the store, so that it holds across processes. */
export const limiterWindowSchema = z.strictObject({
  /** SHA-256 of the bucket's name and its window: names hold e-mail and network addresses. */
  id: z.string(),
  count: z.number(),
  expiresAt: z.number(),
});

export type LimiterWindow = z.infer<typeof limiterWindowSchema>;

export const limiterWindowDeclaration = declare<LimiterWindow>({
  name: 'limiter_windows',
  schema: limiterWindowSchema,
  indexes: [['expiresAt']],
  expires: { expiresAt: CLOCKS_APART_SECONDS },
  durability: 'process',
});

/** How many attempts one window lets through, and how long it is. */
export type Limit = { limit: number; windowSeconds: number };

/** Only a window that an attempt is taken back from at this very moment needs a second turn. */
const TURNS_MAX = 3;

export type Limiter = ReturnType<typeof createLimiter>;

/** Counts attempts in windows of fixed length and refuses those past the limit. */
export function createLimiter(parts: { limiterWindows: Collection<LimiterWindow>; clock: Clock }) {
  const { limiterWindows, clock } = parts;

  async function count(bucket: string, limit: Limit): Promise<void> {
    const { id, endsAt } = windowAt(bucket, limit, clock());
    for (let turn = 0; turn < TURNS_MAX; turn += 1) {
      const counted = await limiterWindows.update(id, { add: { count: 1 } }, [['count', '<', limit.limit]]);
      if (counted !== undefined) return;
      // Nothing is added where the window is there already.
      if ((await limiterWindows.insertMany([{ id, count: 1, expiresAt: endsAt }])) === 1) return;
      const row = await limiterWindows.get(id);
      if (row !== undefined && row.count >= limit.limit) break;
    }
    throw tooMany(endsAt - clock());
  }

  async function takeBack(bucket: string, limit: Limit): Promise<void> {
    const { id } = windowAt(bucket, limit, clock());
    await limiterWindows.update(id, { add: { count: -1 } }, [['count', '>', 0]]);
  }

  return {
    /**
     * Counts one attempt. Throws Problem 429 when the bucket is full. To be called before the attempt:
     * counting afterwards would let guesses that run side by side all through.
     */
    count,

    /** Takes one attempt out of the count, because it turned out to be no guess. */
    takeBack,

    /**
     * Counts one attempt in each bucket and makes it. One that could not be made (no place in the queue, the
     * store away) is taken back: an overload of ours must lock nobody out.
     */
    async run<T>(buckets: readonly (readonly [string, Limit])[], attempt: () => Promise<T>): Promise<T> {
      for (const [bucket, limit] of buckets) await count(bucket, limit);
      try {
        return await attempt();
      } catch (error) {
        // Where the store is away, taking back fails too; what is told is why the attempt failed.
        for (const [bucket, limit] of buckets) await takeBack(bucket, limit).catch(() => undefined);
        throw error;
      }
    },

    /** Notes for some time that something went well, so that `hasNoted` answers true. */
    async note(what: string, seconds: number): Promise<void> {
      await limiterWindows.put({ id: hashOf(what), count: 1, expiresAt: clock() + seconds });
    },

    async hasNoted(what: string): Promise<boolean> {
      const row = await limiterWindows.get(hashOf(what));
      return row !== undefined && row.expiresAt > clock();
    },
  };
}

function windowAt(bucket: string, { windowSeconds }: Limit, now: number) {
  const startsAt = Math.floor(now / windowSeconds) * windowSeconds;
  return { id: hashOf(`${bucket}\n${windowSeconds}\n${startsAt}`), endsAt: startsAt + windowSeconds };
}

/**
 * The network that an address belongs to, as a part of a bucket's name. A household or a server has a whole IPv6
 * /64, so one address of it is worth nothing; an IPv4 address counts as itself however it is written.
 */
export function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return `address:${address}`;
  const parsed = ipaddr.process(address);
  if (parsed.kind() === 'ipv4') return `address:${parsed.toString()}`;
  const network = (parsed as ipaddr.IPv6).parts.slice(0, 4);
  return `address:${network.map((part) => part.toString(16)).join(':')}::/64`;
}

function tooMany(seconds: number): Problem {
  const wait = Math.max(1, seconds);
  return new Problem({
    status: 429,
    code: 'TOO_MANY_ATTEMPTS',
    message: 'There were too many attempts.',
    hint: `Try again in ${waitInMinutes(wait)}.`,
    headers: { 'Retry-After': String(wait) },
  });
}

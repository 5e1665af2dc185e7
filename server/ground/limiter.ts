import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { type Collection, declare } from '../../adapters/port.ts';
import { CLOCKS_APART_SECONDS, type Clock } from './clock.ts';
import { Problem } from './errors.ts';
import { hashOf } from './opaque.ts';
import { HOUR_SECONDS, timeFromNow, waitInMinutes } from './time.ts';

/** How often something was done in one window of time. In the store, so that it holds across processes. */
const limiterWindowSchema = z.strictObject({
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

/**
 * What attempts are counted under, and how many it holds. Only `name` and the window say which bucket it is. `times`: as
 * how many it counts, where that is not one.
 */
export type Bucket = readonly [name: string, limit: Limit, times?: number];

/** What one attempt took of one window. */
type Share = { id: string; times: number };

/** One attempt, in each bucket that it was counted in. */
export type Counted = {
  /** Takes it out again, once, because it turned out not to be what these buckets count. */
  takeBack(): Promise<void>;
};

/** Only a window that an attempt is taken back from at this very moment needs a second turn. */
const TURNS_MAX = 3;

export type Limiter = ReturnType<typeof createLimiter>;

/** Counts attempts in windows of fixed length and refuses those past the limit. */
export function createLimiter(parts: { limiterWindows: Collection<LimiterWindow>; clock: Clock }) {
  const { limiterWindows, clock } = parts;

  /** Answers the id of the window, which is another one by the time that an attempt is taken back late. */
  async function countIn([name, limit, times = 1]: Bucket): Promise<Share> {
    const { id, endsAt } = windowAt(name, limit, clock());
    const room = limit.limit - times;
    for (let turn = 0; turn < TURNS_MAX && room >= 0; turn += 1) {
      const counted = await limiterWindows.update(id, { add: { count: times } }, [['count', '<=', room]]);
      if (counted !== undefined) return { id, times };
      // Nothing is added where the window is there already.
      if ((await limiterWindows.insertMany([{ id, count: times, expiresAt: endsAt }])) === 1)
        return { id, times };
      const row = await limiterWindows.get(id);
      if (row !== undefined && row.count > room) break;
    }
    throw tooManyAttempts(endsAt - clock());
  }

  async function takeBackFrom(shares: Share[]): Promise<void> {
    // Emptied first: what is taken back is taken back once, also by two who do it.
    const each = shares.splice(0).map(async ({ id, times }) => {
      const row = await limiterWindows.update(id, { add: { count: -times } }, [['count', '>=', times]]);
      // Or whoever is refused over and over would leave rows without number.
      if (row?.count === 0) await limiterWindows.remove(id, [['count', '=', 0]]);
    });
    await Promise.all(each);
  }

  /** Refuses without a write what a full bucket would refuse anyway. */
  async function requireRoom(buckets: readonly Bucket[]): Promise<void> {
    const windows = buckets.map(([name, limit, times = 1]) => ({
      ...windowAt(name, limit, clock()),
      room: limit.limit - times,
    }));
    const rows = await Promise.all(windows.map(({ id }) => limiterWindows.get(id)));
    const full = windows.find(({ room }, index) => (rows[index]?.count ?? 0) > room);
    if (full !== undefined) throw tooManyAttempts(full.endsAt - clock());
  }

  async function countEach(buckets: readonly Bucket[]): Promise<Counted> {
    await requireRoom(buckets);
    const shares: Share[] = [];
    try {
      for (const bucket of buckets) shares.push(await countIn(bucket));
    } catch (error) {
      // Where the store is away, taking back fails too; what is told is why it was not counted.
      await takeBackFrom(shares).catch(() => undefined);
      throw error;
    }
    return { takeBack: () => takeBackFrom(shares) };
  }

  return {
    /**
     * Counts one attempt. Throws Problem 429 when the bucket is full. To be called before the attempt:
     * counting afterwards would let guesses that run side by side all through.
     */
    async count(name: string, limit: Limit): Promise<void> {
      await countIn([name, limit]);
    },

    /**
     * Counts one attempt in each bucket, the narrowest first: what a person's own bucket refuses does not fill
     * that of everybody around them, and where a later one refuses, the earlier ones get it back.
     */
    countEach,

    /**
     * Counts one attempt in each bucket, narrowest first, and makes it. One that could not be made (no place in
     * the queue, the store away) is taken back: an overload of ours must lock nobody out.
     */
    async run<T>(buckets: readonly Bucket[], attempt: (counted: Counted) => Promise<T>): Promise<T> {
      const counted = await countEach(buckets);
      try {
        return await attempt(counted);
      } catch (error) {
        await counted.takeBack().catch(() => undefined);
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
 * IPv6 prefixes that count as one network, by their 16-bit parts, and how many times the limit of a /64 each
 * lets through. A household or a server has a whole /64, so one address of it is worth nothing; whoever rents a
 * line has a /56 or a /48 with tens of thousands of them (RIPE-690).
 */
const IPV6_NETWORKS = [
  { bits: 64, times: 1 },
  { bits: 56, times: 2 },
  { bits: 48, times: 4 },
];

/** The networks that an address belongs to, narrowest first; an IPv4 address counts as itself, however written. */
function networksOf(address: string): { network: string; times: number }[] {
  if (!ipaddr.isValid(address)) return [{ network: `address:${address}`, times: 1 }];
  const parsed = ipaddr.process(address);
  if (parsed.kind() === 'ipv4') return [{ network: `address:${parsed.toString()}`, times: 1 }];
  const hex = (parsed as ipaddr.IPv6).parts.map((part) => part.toString(16).padStart(4, '0')).join('');
  return IPV6_NETWORKS.map(({ bits, times }) => ({
    network: `address:${hex.slice(0, bits / 4)}/${bits}`,
    times,
  }));
}

/** The narrowest network that an address belongs to, as a part of a bucket's name. */
export function networkOf(address: string): string {
  return networksOf(address)[0]?.network ?? '';
}

/** The widest one: all who share something may together take the share of one. */
export function widestNetworkOf(address: string): string {
  return networksOf(address).at(-1)?.network ?? '';
}

/** A bucket for each network of an address, narrowest first; `limit` is that of the narrowest. */
export function networkBuckets(kind: string, address: string, limit: Limit, counts = 1): Bucket[] {
  return networksOf(address).map(({ network, times }) => [
    `${kind}:${network}`,
    { ...limit, limit: limit.limit * times },
    counts,
  ]);
}

/** What is answered to who tries too often; another try may come after so many seconds. */
export function tooManyAttempts(seconds: number): Problem {
  const wait = Math.max(1, seconds);
  return new Problem({
    status: 429,
    code: 'TOO_MANY_ATTEMPTS',
    message: 'There were too many attempts.',
    hint: `Try again ${wait > 2 * HOUR_SECONDS ? timeFromNow(wait) : `in ${waitInMinutes(wait)}`}.`,
    headers: { 'Retry-After': String(wait) },
  });
}

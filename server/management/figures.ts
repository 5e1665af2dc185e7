import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { type Collection, declare } from '../../adapters/port.ts';
import type { Account } from '../accounts/account.ts';
import { type Client, isLiveClient } from '../credentials/client.ts';
import { type Credential, stateOf, useOf } from '../credentials/credential.ts';
import { type Clock, isWithin } from '../ground/clock.ts';
import type { ScheduledWork } from '../ground/schedule.ts';
import { DAY_SECONDS, isoDate, MINUTE_SECONDS } from '../ground/time.ts';
import { walkOf } from '../ground/walk.ts';

/** How much there is of what is counted and not added up, as it was last counted on one day. */
const figuresSchema = z.strictObject({
  /** The day: `2026-02-20`. */
  id: z.string(),
  /** Midnight (UTC), epoch seconds. */
  day: z.number(),
  countedAt: z.number(),
  accounts: z.number(),
  suspendedAccounts: z.number(),
  admins: z.number(),
  services: z.number(),
  apps: z.number(),
  /** Tokens and client secrets that open something: used within REVIEW_UNUSED_DAYS, longer ago, and never. */
  usedCredentials: z.number(),
  unusedCredentials: z.number(),
  neverUsedCredentials: z.number(),
  pausedCredentials: z.number(),
  /** Rows that were looked at for it, those of what has ended too. */
  rows: z.number(),
});

export type Figures = z.infer<typeof figuresSchema>;

export const figuresDeclaration = declare<Figures>({
  name: 'figures',
  schema: figuresSchema,
  indexes: [['day']],
});

/** Few enough that nobody waits noticeably behind a batch: about five milliseconds. */
const BATCH_ROWS = 500;
/** An installation of so many rows is counted anew when somebody looks, which takes a tenth of a second at most. */
const LITTLE_ROWS = 5000;
/** Who looks at it while it is counted waits for so long, and then sees what was counted before. */
const WAIT_MS = 100;
/** Between two batches others come in; behind what is little, nobody waits for the next one any more. */
const PAUSE_MS = 1;
const LONG_PAUSE_MS = 50;

type Counts = Omit<Figures, 'id' | 'day' | 'countedAt'>;

type Parts = {
  accounts: Collection<Account>;
  clients: Collection<Client>;
  credentials: Collection<Credential>;
  figures: Collection<Figures>;
  clock: Clock;
};

/** Counts accounts, services, apps and credentials each hour, in small batches, into a row for the day. */
export function createFigures(parts: Parts) {
  const { figures, clock } = parts;
  let counting: Promise<Figures> | undefined;

  async function countNow(): Promise<Figures> {
    const count = beginCount(parts);
    while (await count.step()) await delay(count.counts.rows <= LITTLE_ROWS ? PAUSE_MS : LONG_PAUSE_MS);
    return writeDown(parts, count.counts);
  }

  /** One count at a time, however many look. */
  function count(): Promise<Figures> {
    counting ??= countNow().finally(() => {
      counting = undefined;
    });
    // Who waited for it may have gone on meanwhile.
    counting.catch(() => undefined);
    return counting;
  }

  return {
    /**
     * The latest. Where there is little, or nothing was counted so far, it is counted now; undefined where that takes
     * longer than anybody should wait.
     */
    async latest(): Promise<Figures | undefined> {
      const [known] = await figures.list({
        where: [['day', '>', 0]],
        order: { by: 'day', descending: true },
        limit: 1,
      });
      const isFresh =
        known !== undefined &&
        (known.rows > LITTLE_ROWS || isWithin(MINUTE_SECONDS, known.countedAt, clock()));
      if (isFresh) return known;
      return (await Promise.race([count(), delay(WAIT_MS, undefined, { ref: false })])) ?? known;
    },

    /** Those of each day since then on which they were counted, the oldest first. */
    since: (from: number, daysMax: number): Promise<Figures[]> =>
      figures.list({ where: [['day', '>=', from]], order: { by: 'day' }, limit: daysMax }),

    /** Each hour. */
    works: [
      { name: 'figures', cron: '41 * * * *', run: createHourlyRun(parts) },
    ] as const satisfies readonly ScheduledWork[],
  };
}

/** A batch of the count. Where a crash loses it, it begins again. */
function createHourlyRun(parts: Parts): ScheduledWork['run'] {
  let current: { dueAt: number; count: ReturnType<typeof beginCount> } | undefined;

  return async (dueAt) => {
    if (current?.dueAt !== dueAt) current = { dueAt, count: beginCount(parts) };
    if (await current.count.step()) return true;
    await writeDown(parts, current.count.counts);
    current = undefined;
    return false;
  };
}

async function writeDown({ figures, clock }: Parts, counts: Counts): Promise<Figures> {
  const countedAt = clock();
  const row = { id: isoDate(countedAt), day: countedAt - (countedAt % DAY_SECONDS), countedAt, ...counts };
  await figures.put(row);
  return row;
}

/** A count that goes on by a batch at each `step`, which answers whether there is more. */
function beginCount({ accounts, clients, credentials, clock }: Parts) {
  const counts: Counts = {
    accounts: 0,
    suspendedAccounts: 0,
    admins: 0,
    services: 0,
    apps: 0,
    usedCredentials: 0,
    unusedCredentials: 0,
    neverUsedCredentials: 0,
    pausedCredentials: 0,
    rows: 0,
  };
  const now = clock();
  const walks = [
    walkOf(accounts, BATCH_ROWS, (account) => countAccount(counts, account)),
    walkOf(clients, BATCH_ROWS, (client) => countClient(counts, client)),
    walkOf(credentials, BATCH_ROWS, (credential) => countCredential(counts, credential, now)),
  ];

  return {
    counts,
    async step(): Promise<boolean> {
      const [walk] = walks;
      if (walk === undefined) return false;
      const rows = await walk();
      counts.rows += rows;
      if (rows < BATCH_ROWS) walks.shift();
      return walks.length > 0;
    },
  };
}

function countAccount(counts: Counts, { admin, suspendedAt }: Account): void {
  counts.accounts += 1;
  if (admin) counts.admins += 1;
  if (suspendedAt !== undefined) counts.suspendedAccounts += 1;
}

function countClient(counts: Counts, client: Client): void {
  if (isLiveClient(client)) counts[client.kind === 'service' ? 'services' : 'apps'] += 1;
}

const COUNTED_AS = {
  used: 'usedCredentials',
  unused: 'unusedCredentials',
  never_used: 'neverUsedCredentials',
} as const;

/** A honey token opens nothing, and is no credential of anybody's. */
function countCredential(counts: Counts, credential: Credential, now: number): void {
  const state = stateOf(credential, now);
  if (credential.honey === true) return;
  if (state === 'paused') counts.pausedCredentials += 1;
  if (state !== 'live') return;
  counts[COUNTED_AS[useOf(credential, now)]] += 1;
}

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Job, Loaded, LoadRequest } from './load.ts';
import type { ServerProcess } from './server-process.ts';

const CONNECTIONS = 32;
const ROUNDS = 3;

export type Lengths = { warmSeconds: number; roundSeconds: number };

export type Side = { server: ServerProcess; requests: LoadRequest[] };

/** What one round, or the median of the rounds, says about one side. */
export type Measured = { perSecond: number; cpuMicros: number; p99Ms: number; serverBusy: number };

export type Pair = {
  ours: Measured & { residentBytes: number; answers: number };
  theirs: Measured & { residentBytes: number };
  /** Medians of the rounds' ratios, above 1 where ours is better: requests a second, and CPU for each request. */
  speedRatio: number;
  cpuRatio: number;
};

export type Generator = { load(job: Omit<Job, 'connections'>): Promise<Loaded>; stop(): void };

/** Starts the load generator's process. */
export function startGenerator(): Generator {
  const child: ChildProcess = fork(fileURLToPath(new URL('./load.ts', import.meta.url)));
  process.once('exit', () => child.kill());
  return {
    async load(job) {
      child.send({ ...job, connections: CONNECTIONS } satisfies Job);
      const answered = new AbortController();
      const ended = once(child, 'exit', { signal: answered.signal }).then(() => {
        throw new Error('the load generator ended');
      });
      const [loaded] = (await Promise.race([once(child, 'message'), ended])) as [Loaded];
      ended.catch(() => undefined);
      answered.abort();
      if (loaded.failed > 0)
        throw new Error(`${job.url}: ${loaded.failed} failed, ${loaded.statuses.join(', ')}`);
      return loaded;
    },
    stop: () => child.kill(),
  };
}

/**
 * Measures two servers in turn, A B A B A B, because a machine drifts: each round of one is compared with the
 * round of the other right beside it. The one that is not measured idles.
 */
export async function measurePair(
  generator: Generator,
  sides: { ours: Side; theirs: Side },
  lengths: Lengths,
): Promise<Pair> {
  const { ours, theirs } = sides;
  let answers = 0;

  async function round(side: Side, seconds: number): Promise<Measured> {
    const { server, requests } = side;
    const before = server.cpuSeconds();
    const loaded = await generator.load({ url: server.url, seconds, requests });
    const cpuSeconds = server.cpuSeconds() - before;
    if (side === ours) answers += loaded.answers;
    return {
      perSecond: loaded.answers / loaded.seconds,
      cpuMicros: (cpuSeconds * 1e6) / loaded.answers,
      p99Ms: loaded.p99Ms,
      serverBusy: cpuSeconds / loaded.seconds,
    };
  }

  await round(ours, lengths.warmSeconds);
  await round(theirs, lengths.warmSeconds);
  const rounds: { ours: Measured; theirs: Measured }[] = [];
  for (let turn = 0; turn < ROUNDS; turn += 1) {
    rounds.push({
      ours: await round(ours, lengths.roundSeconds),
      theirs: await round(theirs, lengths.roundSeconds),
    });
  }
  return {
    ours: {
      ...medians(rounds.map((both) => both.ours)),
      residentBytes: ours.server.residentBytes(),
      answers,
    },
    theirs: { ...medians(rounds.map((both) => both.theirs)), residentBytes: theirs.server.residentBytes() },
    speedRatio: median(rounds.map((both) => both.ours.perSecond / both.theirs.perSecond)),
    cpuRatio: median(rounds.map((both) => both.theirs.cpuMicros / both.ours.cpuMicros)),
  };
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function medians(rounds: readonly Measured[]): Measured {
  return {
    perSecond: median(rounds.map((round) => round.perSecond)),
    cpuMicros: median(rounds.map((round) => round.cpuMicros)),
    p99Ms: median(rounds.map((round) => round.p99Ms)),
    serverBusy: median(rounds.map((round) => round.serverBusy)),
  };
}

import autocannon from 'autocannon';

/**
 * The load generator: autocannon in a process of its own, so that what it costs is not counted as the server's.
 * Takes one job after the other over IPC, and lives for a whole run, so that it is as warm for the first side as
 * for the second.
 */

/** One request of a list; a job's requests are dealt out among its connections. */
export type LoadRequest = {
  method: 'GET' | 'POST';
  path: string;
  headers: Record<string, string>;
  body?: string;
};

export type Job = { url: string; connections: number; seconds: number; requests: LoadRequest[] };

export type Loaded = {
  answers: number;
  seconds: number;
  p99Ms: number;
  /** Connection errors, timeouts and answers that are not 2xx: a run with any of them measures nothing. */
  failed: number;
  statuses: string[];
  /** How busy this process was, 0 to 1: at 1 it is the generator that is measured. */
  generatorBusy: number;
};

process.on('message', (job: Job) => {
  run(job).then(
    (loaded) => process.send?.(loaded),
    (error) => {
      console.error(error);
      process.exit(1);
    },
  );
});

function run(job: Job): Promise<Loaded> {
  const hands = dealt(job.requests, job.connections);
  const answeredMs: number[] = [];
  const before = process.cpuUsage();
  return new Promise((resolve, reject) => {
    const options = {
      url: job.url,
      connections: job.connections,
      duration: job.seconds,
      setupClient: (client: { setRequests(requests: LoadRequest[]): void }) =>
        client.setRequests(hands.pop() ?? []),
    };
    const tracker = autocannon(options, (error, result) => {
      if (error !== null) return reject(error);
      const { user, system } = process.cpuUsage(before);
      resolve({
        answers: answeredMs.length,
        seconds: result.duration,
        p99Ms: percentile(answeredMs, 0.99),
        failed: result.errors + result.non2xx,
        statuses: Object.keys(result.statusCodeStats),
        generatorBusy: (user + system) / 1e6 / result.duration,
      });
    });
    tracker.on('response', (_client: unknown, _status: number, _bytes: number, ms: number) =>
      answeredMs.push(ms),
    );
  });
}

/** Shuffles the requests and gives each connection a part of its own; a short list is given to each whole. */
function dealt(requests: readonly LoadRequest[], connections: number): LoadRequest[][] {
  const each = Math.floor(requests.length / connections);
  const shuffle = () =>
    requests.map((request) => ({ request, at: Math.random() })).sort((a, b) => a.at - b.at);
  if (each === 0) return Array.from({ length: connections }, () => shuffle().map(({ request }) => request));
  const deck = shuffle().map(({ request }) => request);
  return Array.from({ length: connections }, (_, hand) => deck.slice(hand * each, (hand + 1) * each));
}

function percentile(values: number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

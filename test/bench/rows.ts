import { newSecret } from '../../server/credentials/secret-format.ts';
import { fillStore } from './filling.ts';
import { createFolder, startFilledLatchkey, startLatchkey, storeUrlIn } from './latchkey-server.ts';
import { listAgainstKoa, listOfManyAgainstFew } from './lists.ts';
import type { LoadRequest } from './load.ts';
import { type Generator, type Lengths, measurePair, median, type Pair } from './pair.ts';
import { storingAgainstKoa } from './runs.ts';
import { type ServerProcess, startServer } from './server-process.ts';

const CREDENTIALS = 10_000;
/** Enough that tokens differ from call to call; the in-memory adapter of oidc-provider keeps a thousand. */
const INTROSPECTED = 320;
const STARTS = 3;

type Run = { generator: Generator; lengths: Lengths; manyCredentials: number; manyRecords: number };

export type PairRow = {
  name: string;
  title: string;
  against: string;
  /** The other side is Latchkey too. */
  comparesLatchkeys?: true;
  /** The ratio wanted, and the one below which it is not good enough. */
  aim: number;
  atLeast: number;
  measure(run: Run): Promise<Pair>;
};

/** The rows that compare two servers under load. */
export const pairRows: readonly PairRow[] = [
  {
    name: 'api',
    title: 'API call with a token',
    against: 'bare Koa route',
    aim: 0.7,
    atLeast: 0.5,
    measure: apiAgainstKoa,
  },
  {
    name: 'token',
    title: 'Client credentials, durable',
    against: 'bare oidc-provider, in memory',
    aim: 1,
    atLeast: 0.8,
    measure: tokenAgainstProvider,
  },
  {
    name: 'introspect',
    title: 'Introspection of an access token',
    against: 'bare oidc-provider, in memory',
    aim: 1,
    atLeast: 0.8,
    measure: (run) => introspectionAgainstProvider(run, 'access token'),
  },
  {
    name: 'introspect-pat',
    title: 'Introspection of a personal token',
    against: 'the same, of an access token',
    aim: 1,
    atLeast: 0.8,
    measure: (run) => introspectionAgainstProvider(run, 'personal access token'),
  },
  {
    name: 'many',
    title: 'API call, many credentials',
    against: 'Latchkey with 10,000',
    comparesLatchkeys: true,
    aim: 0.9,
    atLeast: 0.9,
    measure: manyAgainstFew,
  },
  {
    name: 'list',
    title: 'A list of 50 records under a rule',
    against: 'the same SELECT behind bare Koa',
    aim: 0.6,
    atLeast: 0.6,
    measure: (run) => listAgainstKoa(run, run.manyRecords),
  },
  {
    name: 'list-many',
    title: 'The same list, of many records',
    against: 'Latchkey with 10,000',
    comparesLatchkeys: true,
    // Within 1.2 times.
    aim: 0.83,
    atLeast: 0.83,
    measure: (run) => listOfManyAgainstFew(run, run.manyRecords),
  },
  {
    name: 'workflow',
    title: 'A workflow that stores one record, durable',
    against: 'one durable INSERT behind bare Koa',
    aim: 0.6,
    atLeast: 0.6,
    measure: storingAgainstKoa,
  },
];

/**
 * The first run of an installation reads TypeScript, and what it needs for that stays in memory until it ends: some
 * 30 MB that no later run has. So it comes before the runs that are measured.
 */
export async function finishInstallation(generator: Generator): Promise<void> {
  const latchkey = await startFilledLatchkey(CREDENTIALS);
  await generator.load({ url: latchkey.url, seconds: 3, requests: latchkey.filled.tokens.map(callWith) });
  await latchkey.stop();
}

async function apiAgainstKoa({ generator, lengths }: Run): Promise<Pair> {
  const latchkey = await startFilledLatchkey(CREDENTIALS);
  const requests = latchkey.filled.tokens.map(callWith);
  const answer = await textFrom(latchkey.url, callWith(latchkey.filled.tokens[0] ?? ''));
  const koa = await startServer({
    command: ['test/bench/bare-koa.ts'],
    environment: { ANSWER: answer },
    readyPath: '/api/1.1/me',
  });
  const sides = { ours: { server: latchkey, requests }, theirs: { server: koa, requests } };
  const pair = await measurePair(generator, sides, lengths);
  await koa.stop();
  await latchkey.stop({ calls: pair.ours.answers });
  return pair;
}

async function manyAgainstFew({ generator, lengths, manyCredentials }: Run): Promise<Pair> {
  const many = await startFilledLatchkey(manyCredentials);
  const few = await startFilledLatchkey(CREDENTIALS);
  const sides = {
    ours: { server: many, requests: many.filled.tokens.map(callWith) },
    theirs: { server: few, requests: few.filled.tokens.map(callWith) },
  };
  const pair = await measurePair(generator, sides, lengths);
  await few.stop();
  await many.stop({ calls: pair.ours.answers });
  return pair;
}

async function tokenAgainstProvider({ generator, lengths }: Run): Promise<Pair> {
  const latchkey = await startFilledLatchkey(CREDENTIALS);
  const provider = await startProvider();
  const sides = {
    ours: { server: latchkey, requests: [tokenRequest(latchkey.filled.service)] },
    theirs: { server: provider.server, requests: [tokenRequest(provider.service)] },
  };
  const pair = await measurePair(generator, sides, lengths);
  await provider.server.stop();
  await latchkey.stop({ tokens: pair.ours.answers });
  return pair;
}

async function introspectionAgainstProvider(
  { generator, lengths }: Run,
  kind: 'access token' | 'personal access token',
): Promise<Pair> {
  const latchkey = await startFilledLatchkey(CREDENTIALS);
  const provider = await startProvider();
  const values =
    kind === 'access token'
      ? await accessTokens(latchkey, latchkey.filled.service)
      : latchkey.filled.tokens.slice(0, INTROSPECTED);
  const theirValues = await accessTokens(provider.server, provider.service);
  const ours = values.map((value) => introspectionOf(value, latchkey.filled.resourceServer));
  const theirs = theirValues.map((value) => introspectionOf(value, provider.resourceServer));
  const sides = {
    ours: { server: latchkey, requests: ours },
    theirs: { server: provider.server, requests: theirs },
  };
  await expectActive(sides);
  const pair = await measurePair(generator, sides, lengths);
  await expectActive(sides);
  await provider.server.stop();
  await latchkey.stop();
  return pair;
}

/** An answer that the token is not good would be 200 too, and quick. */
async function expectActive(sides: Record<string, { server: ServerProcess; requests: LoadRequest[] }>) {
  for (const { server, requests } of Object.values(sides)) {
    for (const request of requests) {
      const { active } = JSON.parse(await textFrom(server.url, request)) as { active?: unknown };
      if (active !== true) throw new Error(`${server.url} does not say that a live token is active`);
    }
  }
}

async function startProvider() {
  const service = { id: 'service', secret: newSecret('lk_cs_') };
  const resourceServer = { id: 'resource-server', secret: newSecret('lk_cs_') };
  const server = await startServer({
    command: ['test/bench/bare-provider.ts'],
    environment: { SERVICE_SECRET: service.secret, RESOURCE_SERVER_SECRET: resourceServer.secret },
    readyPath: '/.well-known/openid-configuration',
  });
  return { server, service, resourceServer };
}

async function accessTokens(
  server: ServerProcess,
  client: { id: string; secret: string },
): Promise<string[]> {
  const tokens: string[] = [];
  for (let count = 0; count < INTROSPECTED; count += 1) {
    const answer = JSON.parse(await textFrom(server.url, tokenRequest(client))) as { access_token: string };
    tokens.push(answer.access_token);
  }
  return tokens;
}

function callWith(token: string): LoadRequest {
  return { method: 'GET', path: '/api/1.1/me', headers: { authorization: `Bearer ${token}` } };
}

function tokenRequest(client: { id: string; secret: string }): LoadRequest {
  return formPost('/oauth/token', 'grant_type=client_credentials&scope=profile', client);
}

function introspectionOf(token: string, client: { id: string; secret: string }): LoadRequest {
  return formPost('/oauth/introspect', `token=${token}`, client);
}

function formPost(path: string, body: string, client: { id: string; secret: string }): LoadRequest {
  const authorization = `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString('base64')}`;
  const headers = { authorization, 'content-type': 'application/x-www-form-urlencoded' };
  return { method: 'POST', path, headers, body };
}

async function textFrom(url: string, request: LoadRequest): Promise<string> {
  const response = await fetch(`${url}${request.path}`, request);
  const text = await response.text();
  if (!response.ok) throw new Error(`${request.method} ${request.path}: ${response.status} ${text}`);
  return text;
}

export type Starts = { firstMs: number; freshMs: number; existingMs: number };

/**
 * Milliseconds from the start of the process to its first 200, medians: the very first start of an installation,
 * when nothing is compiled yet; a later one in a fresh folder; one with a store that is there.
 */
export async function measureStarts(): Promise<Starts> {
  const starts: Starts[] = [];
  const existing = await createFolder();
  await fillStore(storeUrlIn(existing.path), CREDENTIALS);
  for (let turn = 0; turn <= STARTS; turn += 1) {
    starts.push({
      firstMs: await startOnce(undefined, { NODE_DISABLE_COMPILE_CACHE: '1' }),
      freshMs: await startOnce(undefined),
      existingMs: await startOnce(existing.path),
    });
  }
  await existing.remove();
  // The first turn compiles, makes the existing store's keys, and brings the files into the machine's memory.
  const measured = starts.slice(1);
  return {
    firstMs: median(measured.map(({ firstMs }) => firstMs)),
    freshMs: median(measured.map(({ freshMs }) => freshMs)),
    existingMs: median(measured.map(({ existingMs }) => existingMs)),
  };
}

/** Without a folder, in a fresh one that is not kept. */
async function startOnce(
  given: string | undefined,
  environment: Record<string, string> = {},
): Promise<number> {
  const fresh = given === undefined ? await createFolder() : undefined;
  const server = await startLatchkey(given ?? fresh?.path ?? '', environment);
  await server.stop();
  await fresh?.remove();
  return server.startMs;
}

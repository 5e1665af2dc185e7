import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { openStore } from '../../adapters/open.ts';
import { rowDeclarationOf } from '../../server/data/rows.ts';
import { entry } from './config/types/entry.ts';
import { fillStore } from './filling.ts';
import { createFolder, startLatchkey, storeUrlIn } from './latchkey-server.ts';
import type { LoadRequest } from './load.ts';
import { type Generator, type Lengths, measurePair, type Pair } from './pair.ts';
import { type ServerProcess, startServer } from './server-process.ts';

/** In each book, half of them open: the first page under the rule is full, and there are others behind it. */
const ENTRIES_A_BOOK = 200;
const BATCH = 20_000;
/** Tokens and books that are asked for in turn. */
const ASKED = 2000;
const FEW = 10_000;
const SCOPE = 'data:entry:read';

type Run = { generator: Generator; lengths: Lengths };
type Filled = ServerProcess & { requests: LoadRequest[]; storeFile: string };

/** A list of 50 records under a rule, found by a field with an index, and the same SELECT written by hand. */
export async function listAgainstKoa({ generator, lengths }: Run, count: number): Promise<Pair> {
  const latchkey = await startWithEntries(count);
  const koa = await startServer({
    command: ['test/bench/bare-list.ts'],
    environment: { STORE_FILE: latchkey.storeFile },
    readyPath: '/healthz',
  });
  const { requests } = latchkey;
  for (const request of requests.slice(0, 20)) {
    const [ours, theirs] = [await listFrom(latchkey, request), await listFrom(koa, request)];
    assert.equal(ours.response.count, 50);
    assert.deepEqual(ours, theirs);
  }
  const sides = { ours: { server: latchkey, requests }, theirs: { server: koa, requests } };
  const pair = await measurePair(generator, sides, lengths);
  await koa.stop();
  await latchkey.stop();
  return pair;
}

/** The same list of many records and of few. */
export async function listOfManyAgainstFew({ generator, lengths }: Run, count: number): Promise<Pair> {
  const [many, few] = [await startWithEntries(count), await startWithEntries(FEW)];
  const sides = {
    ours: { server: many, requests: many.requests },
    theirs: { server: few, requests: few.requests },
  };
  const pair = await measurePair(generator, sides, lengths);
  await few.stop();
  await many.stop();
  return pair;
}

async function startWithEntries(count: number): Promise<Filled> {
  const folder = await createFolder();
  const { tokens } = await fillStore(storeUrlIn(folder.path), ASKED, [SCOPE]);
  await fillEntries(storeUrlIn(folder.path), count);
  const server = await startLatchkey(folder.path, { LATCHKEY_CONFIG: join(import.meta.dirname, 'config') });
  const books = count / ENTRIES_A_BOOK;
  return {
    ...server,
    storeFile: join(folder.path, 'latchkey.db'),
    requests: tokens.map((token, at) => listOf(bookNamed(Math.floor((at * books) / tokens.length)), token)),
    async stop() {
      await server.stop();
      await folder.remove();
    },
  };
}

/** Those of a book lie all over the store, as they would if they had come one by one. */
async function fillEntries(storeUrl: string, count: number): Promise<void> {
  const store = await openStore(storeUrl);
  const rows = await store.collection(rowDeclarationOf(entry));
  const now = Math.floor(Date.now() / 1000);
  const books = count / ENTRIES_A_BOOK;
  for (let done = 0; done < count; done += BATCH) {
    const random = randomBytes(BATCH * 15).toString('base64url');
    const batch = Array.from({ length: Math.min(BATCH, count - done) }, (_, index) => {
      const at = done + index;
      const createdAt = now - count + at;
      return {
        id: `obj_${random.slice(index * 20, (index + 1) * 20)}`,
        createdAt,
        modifiedAt: createdAt,
        createdBy: `acc_${at % 1000}`,
        book: bookNamed(at % books),
        state: Math.floor(at / books) % 2 === 0 ? 'open' : 'closed',
        text: 'Bread, butter and a newspaper',
        amount_cents: at % 10_000,
      };
    });
    await rows.insertMany(batch);
  }
  await store.close();
}

function bookNamed(number: number): string {
  return `book-${number}`;
}

function listOf(book: string, token: string): LoadRequest {
  const query = new URLSearchParams({
    constraints: JSON.stringify([{ key: 'book', constraint_type: 'equals', value: book }]),
    limit: '50',
    exclude_remaining: 'true',
  });
  const headers = { authorization: `Bearer ${token}` };
  return { method: 'GET', path: `/api/1.1/obj/entry?${query}`, headers };
}

async function listFrom({ url }: ServerProcess, { path, headers }: LoadRequest) {
  const response = await fetch(`${url}${path}`, { headers });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as { response: { count: number } };
}

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { openStore } from '../../adapters/open.ts';
import { rowDeclarationOf } from '../../server/data/rows.ts';
import { entry } from './config/types/entry.ts';
import { fillStore } from './filling.ts';
import { createFolder, startLatchkey, storeUrlIn } from './latchkey-server.ts';
import type { LoadRequest } from './load.ts';
import { type Generator, type Lengths, measurePair, type Pair } from './pair.ts';
import { startServer } from './server-process.ts';

const CREDENTIALS = 10_000;

/** A workflow that stores one record, its process and the call's entry among it, and one INSERT written by hand. */
export async function storingAgainstKoa(run: { generator: Generator; lengths: Lengths }): Promise<Pair> {
  const folder = await createFolder();
  const { tokens } = await fillStore(storeUrlIn(folder.path), CREDENTIALS, ['wf:store_entry']);
  const latchkey = await startLatchkey(folder.path, { LATCHKEY_CONFIG: join(import.meta.dirname, 'config') });
  const koa = await startServer({
    command: ['test/bench/bare-store.ts'],
    environment: { STORE_FILE: join(folder.path, 'bare.db') },
    readyPath: '/healthz',
  });
  const requests = tokens.map(storing);
  const sides = { ours: { server: latchkey, requests }, theirs: { server: koa, requests } };
  const pair = await measurePair(run.generator, sides, run.lengths);
  await koa.stop();
  await latchkey.stop();
  const store = await openStore(storeUrlIn(folder.path));
  const kept = await (await store.collection(rowDeclarationOf(entry))).count([]);
  await store.close();
  assert.ok(kept >= pair.ours.answers, `${pair.ours.answers} calls were answered, ${kept} records kept`);
  await folder.remove();
  return pair;
}

function storing(token: string): LoadRequest {
  return {
    method: 'POST',
    path: '/api/1.1/wf/store_entry',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ book: 'a' }),
  };
}

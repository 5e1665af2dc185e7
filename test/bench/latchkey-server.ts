import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '../../adapters/open.ts';
import manifest from '../../package.json' with { type: 'json' };
import { artifactDeclaration } from '../../server/access/artifact.ts';
import { callDeclaration } from '../../server/activity/call.ts';
import { type Filled, fillStore } from './filling.ts';
import { type ServerProcess, startServer } from './server-process.ts';

/** What `npm start` runs, without its `exec node`. */
const COMMAND = manifest.scripts.start.split(' ').slice(2);

/** A data folder of its own, which goes when the row is done. */
export async function createFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-bench-'));
  return { path: folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** Latchkey as its README starts it, with its default store in this folder. */
export function startLatchkey(folder: string, more: Record<string, string> = {}): Promise<ServerProcess> {
  const environment = { LATCHKEY_DATA: folder, ...more };
  return startServer({ command: COMMAND, environment, readyPath: '/healthz' });
}

export function storeUrlIn(folder: string): string {
  return `sqlite:${join(folder, 'latchkey.db')}`;
}

export type FilledLatchkey = ServerProcess & { filled: Filled };

/**
 * A server with this many credentials. `stop` also looks whether the store kept what it was to keep: an entry for
 * each of `calls`, a row for each of `tokens`; a server that answers without keeping anything is fast for nothing.
 */
export async function startFilledLatchkey(credentialCount: number) {
  const folder = await createFolder();
  const filled = await fillStore(storeUrlIn(folder.path), credentialCount);
  const server = await startLatchkey(folder.path);
  return {
    ...server,
    filled,
    async stop(answered: { calls?: number; tokens?: number } = {}) {
      await server.stop();
      const store = await openStore(storeUrlIn(folder.path));
      const calls = await (await store.collection(callDeclaration)).count([]);
      const tokens = await (await store.collection(artifactDeclaration)).count([]);
      await store.close();
      await folder.remove();
      if (calls < (answered.calls ?? 0))
        throw new Error(`${answered.calls} calls were answered, ${calls} kept`);
      if (tokens < (answered.tokens ?? 0))
        throw new Error(`${answered.tokens} tokens were given, ${tokens} kept`);
    },
  };
}

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openStore } from '../../adapters/open.ts';
import { callDeclaration } from '../../server/activity/call.ts';
import { artifactDeclaration } from '../../server/oauth/artifact.ts';
import { type Filled, fillStore } from './filling.ts';
import { type ServerProcess, startServer } from './server-process.ts';

const MAIN = fileURLToPath(new URL('../../server/main.ts', import.meta.url));

/** A data folder of its own, which goes when the row is done. */
export async function createFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-bench-'));
  return { path: folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** Latchkey as its README starts it, with its default store in this folder. */
export function startLatchkey(folder: string): Promise<ServerProcess> {
  return startServer({ file: MAIN, environment: { LATCHKEY_DATA: folder }, readyPath: '/healthz' });
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

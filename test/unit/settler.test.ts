import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Worker } from 'node:worker_threads';
import { Unavailable } from '../../adapters/port.ts';
import { openDatabase } from '../../adapters/sqlite/database.ts';
import { createSettler } from '../../adapters/sqlite/settler.ts';

/** What it does with rows is tested through a journal, in test/contract. */
describe('the thread that settles a journal', () => {
  let folder: string;
  let database: string;
  let settler: ReturnType<typeof createSettler>;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'latchkey-settler-'));
    database = join(folder, 'made.db');
    const open = openDatabase(database, 100);
    open.exec('CREATE TABLE rows (id TEXT PRIMARY KEY, doc TEXT)');
    open.close();
    settler = createSettler({ database, table: 'rows', key: 'id', lockTimeoutMs: 100 });
  });

  afterEach(async () => {
    await settler.end();
    rmSync(folder, { recursive: true });
  });

  function journalFile(...ids: string[]): string {
    const file = join(folder, `${ids.join('-')}.jsonl`);
    writeFileSync(file, ids.map((id) => `${JSON.stringify({ id })}\n`).join(''));
    return file;
  }

  function kept(): unknown[] {
    const open = openDatabase(database, 100);
    const rows = open.prepare('SELECT id FROM rows ORDER BY id').all();
    open.close();
    return rows.map(({ id }) => id);
  }

  it('has not done what it was at when it ends, and is begun anew', async () => {
    const file = journalFile('a', 'b');
    process.once('worker', (thread: Worker) => void thread.terminate());
    await assert.rejects(settler.place(file), Unavailable);
    assert.deepEqual(kept(), []);
    await settler.place(file);
    assert.deepEqual(kept(), ['a', 'b']);
  });

  it('takes nothing after its end, not even with a new thread', async () => {
    await settler.place(journalFile('a'));
    await settler.end();
    await assert.rejects(settler.place(journalFile('b')), Unavailable);
    assert.deepEqual(kept(), ['a']);
  });
});

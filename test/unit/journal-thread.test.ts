import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Worker } from 'node:worker_threads';
import { Unavailable } from '../../adapters/port.ts';
import { openDatabase } from '../../adapters/sqlite/database.ts';
import { createJournalThread } from '../../adapters/sqlite/journal/thread.ts';

/** What it does with rows is tested through a journal, in test/contract. */
describe('the thread of a journal', () => {
  let folder: string;
  let database: string;
  let thread: ReturnType<typeof createJournalThread>;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'latchkey-journal-'));
    database = join(folder, 'made.db');
    const open = openDatabase(database, 100);
    open.exec('CREATE TABLE rows (id TEXT PRIMARY KEY, doc TEXT)');
    open.close();
    thread = createJournalThread({ database, table: 'rows', key: 'id', lockTimeoutMs: 100 });
  });

  afterEach(async () => {
    await thread.end();
    rmSync(folder, { recursive: true });
  });

  function journalFile(...ids: string[]): string {
    const file = join(folder, `${ids.join('-')}.jsonl`);
    writeFileSync(file, ids.map((id) => `${JSON.stringify({ id })}\n`).join(''));
    return file;
  }

  function placed(): unknown[] {
    const open = openDatabase(database, 100);
    const rows = open.prepare('SELECT id FROM rows ORDER BY id').all();
    open.close();
    return rows.map(({ id }) => id);
  }

  it('has not done what it was at when it ends, and is begun anew', async () => {
    const file = journalFile('a', 'b');
    process.once('worker', (worker: Worker) => void worker.terminate());
    await assert.rejects(thread.place(file), Unavailable);
    assert.deepEqual(placed(), []);
    await thread.place(file);
    assert.deepEqual(placed(), ['a', 'b']);
  });

  it('takes nothing after its end, not even with a new thread', async () => {
    await thread.place(journalFile('a'));
    await thread.end();
    await assert.rejects(thread.place(journalFile('b')), Unavailable);
    assert.deepEqual(placed(), ['a']);
  });
});

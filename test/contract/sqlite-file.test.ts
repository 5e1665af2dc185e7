import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { after, afterEach, beforeEach, describe, it } from 'node:test';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { openStore } from '../../adapters/open.ts';
import { declare, type Store, Taken, Unavailable, writeOf } from '../../adapters/port.ts';
import { openSqlite } from '../../adapters/sqlite/store.ts';
import { type SlowDisk, slowDisk } from '../support/slow-disk.ts';
import { until } from '../support/until.ts';
import { item, items, logbook, notes } from './items.ts';

/**
 * What only a file has: modes, other processes that write to it, a process killed in the middle, a full disk.
 */
describe('the SQLite file', () => {
  const base = mkdtempSync(join(tmpdir(), 'latchkey-file-'));
  const children: ChildProcess[] = [];
  let folder: string;
  let path: string;
  let store: Store | undefined;

  beforeEach(() => {
    folder = mkdtempSync(join(base, 'd-'));
    path = join(folder, 'made', 'latchkey.db');
  });
  afterEach(() => store?.close());
  after(() => {
    for (const child of children) child.kill('SIGKILL');
    rmSync(base, { recursive: true, force: true });
  });

  async function open(lockTimeoutMs = 5000) {
    store = await openSqlite(path, { lockTimeoutMs });
    return store.collection(items);
  }

  /** Lets all that waits for nothing but its turn come to an end. */
  async function turns(): Promise<void> {
    for (let turn = 0; turn < 20; turn += 1) await nextTurn();
  }

  /** Sees that a write is acknowledged when the disk has it, and not before; answers what it answers. */
  async function answeredByDisk<T>(untilWaiting: SlowDisk['untilWaiting'], write: Promise<T>): Promise<T> {
    let isAcknowledged = false;
    const acknowledged = write.then((answer) => {
      isAcknowledged = true;
      return answer;
    });
    const isOnDisk = await untilWaiting();
    await turns();
    assert.equal(isAcknowledged, false);
    isOnDisk(null);
    return acknowledged;
  }

  function start(command: string, ...args: string[]): ChildProcess {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    children.push(child);
    return child;
  }

  const journalFiles = () =>
    readdirSync(dirname(path))
      .filter((name) => name.endsWith('.jsonl'))
      .map((name) => join(dirname(path), name));

  /** Waits until a row is in the file of its journalled collection, without a read that would settle it. */
  async function untilThere(id: string): Promise<void> {
    const beside = new DatabaseSync(join(dirname(path), 'latchkey-logbook.db'));
    const look = beside.prepare('SELECT id FROM logbook WHERE id = ?');
    await until(`${id} is in its place`, () => look.get(id));
    beside.close();
  }

  const writer = (job: string, name: string) => {
    const script = join(import.meta.dirname, 'writer-process.ts');
    return [process.execPath, script, `sqlite:${path}`, job, name] as const;
  };

  it('is for its owner alone, whatever the umask, and so are the files beside it', async () => {
    const umask = process.umask(0);
    try {
      const rows = await open();
      await rows.insert(item('one'));
      const modes = Object.fromEntries(
        readdirSync(join(folder, 'made')).map((name) => [
          name,
          statSync(join(folder, 'made', name)).mode & 0o777,
        ]),
      );
      assert.deepEqual(modes, { 'latchkey.db': 0o600, 'latchkey.db-shm': 0o600, 'latchkey.db-wal': 0o600 });
      assert.equal(statSync(join(folder, 'made')).mode & 0o777, 0o700);
    } finally {
      process.umask(umask);
    }
  });

  it('forgets what was removed or blanked, also while another process has it open', async () => {
    const rows = await open();
    const secret = 'sesame-open-the-door';
    const long = (start: string) => [`${start} ${'x'.repeat(9000)} ${secret}`];
    await rows.insertMany([
      item('kept'),
      item('short', { group: secret }),
      item('removed', { tags: long('removed') }),
      item('blanked', { tags: long('blanked') }),
    ]);
    await store?.close();
    assert.ok(readFileSync(path).includes(secret));
    const again = await open();
    const other = new DatabaseSync(path);
    other.prepare('SELECT count(*) FROM items').get();
    await again.remove('short');
    await again.remove('removed');
    await again.update('blanked', { set: { tags: [] } });
    await store?.close();
    for (const name of readdirSync(join(folder, 'made'))) {
      assert.ok(!readFileSync(join(folder, 'made', name)).includes(secret), name);
    }
    other.close();
  });

  it('is the one that a link points to, and so is what belongs to it', async () => {
    const real = join(folder, 'volume', 'real.db');
    await (await openSqlite(real)).close();
    mkdirSync(dirname(path));
    symlinkSync(real, path);
    writeFileSync(`${path}-wal`, 'left behind');
    const rows = await open();
    await rows.insert(item('one'));
    await (await (store as Store).journal(logbook)).append(item('two'));
    assert.deepEqual(readdirSync(dirname(path)).sort(), ['latchkey.db', 'latchkey.db-wal']);
    assert.equal(readdirSync(dirname(real)).filter((name) => name.endsWith('.jsonl')).length, 1);
  });

  it('is made private when it was not', async () => {
    path = join(folder, 'latchkey.db');
    writeFileSync(path, '', { mode: 0o666 });
    await open();
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  it('cannot be opened where there is a folder or another kind of file: Unavailable', async () => {
    await assert.rejects(openSqlite(folder), Unavailable);
    path = join(folder, 'latchkey.db');
    writeFileSync(path, 'this is no database, but it is long enough to be taken for one'.repeat(20));
    await assert.rejects(openSqlite(path), Unavailable);
  });

  for (const [name, declaration] of [
    ['item', items],
    ['note', notes],
  ] as const) {
    it(`keeps every acknowledged ${name} when its process is killed`, async () => {
      const child = start(...writer('insert', name));
      const acknowledged: string[] = [];
      for await (const line of createInterface({ input: child.stdout ?? assert.fail() })) {
        acknowledged.push(line);
        if (acknowledged.length === 200) child.kill('SIGKILL');
      }
      store = await openSqlite(path);
      const rows = await store.collection(declaration);
      const kept = new Set((await rows.list({ limit: 100_000 })).map(({ id }) => id));
      assert.deepEqual(
        acknowledged.filter((id) => !kept.has(id)),
        [],
      );
      assert.ok(acknowledged.length >= 200);
    });
  }

  it('takes the writes of several processes at once, and loses none', async () => {
    const rows = await open();
    await rows.insert(item('counter', { size: 0 }));
    const others = ['a', 'b'].map((name) => start(...writer('count', name)));
    const ends = others.map((child) => once(child, 'exit'));
    for (let i = 0; i < 200; i += 1) await rows.update('counter', { add: { size: 1 } });
    assert.deepEqual(await Promise.all(ends), [
      [0, null],
      [0, null],
    ]);
    assert.equal((await rows.get('counter'))?.size, 600);
    assert.equal(await rows.count([['label', 'present']]), 400);
  });

  it('sees at once what another connection changed, though it read the row before', async () => {
    const rows = await open();
    await rows.insertMany([item('one', { label: 'L', code: 7 }), item('two')]);
    const other = await openSqlite(path);
    const others = await other.collection(items);
    const readAll = async () => [
      await rows.get('one'),
      await rows.find('label', 'L'),
      await rows.find('code', 7),
    ];
    for (let rank = 0; rank < 50; rank += 1) {
      await Promise.all([readAll(), readAll()]);
      await others.update('one', { set: { rank } });
      assert.deepEqual(
        (await readAll()).map((row) => row?.rank),
        [rank, rank, rank],
      );
    }
    // Also when it is changed right after it was read, and asked for in the next turn of the event loop.
    const outside = new DatabaseSync(path);
    const rank = outside.prepare("UPDATE items SET doc = json_set(doc, '$.rank', ?) WHERE id = 'one'");
    for (let turn = 100; turn < 110; turn += 1) {
      await rows.get('one');
      rank.run(turn);
      await nextTurn();
      assert.equal((await rows.get('one'))?.rank, turn);
    }
    outside.close();
    await others.update('one', { unset: ['label'] });
    assert.equal(await rows.find('label', 'L'), undefined);
    await others.update('two', { set: { label: 'L' } });
    assert.equal((await rows.find('label', 'L'))?.id, 'two');
    await others.remove('one');
    assert.equal(await rows.get('one'), undefined);
    assert.equal(await rows.find('code', 7), undefined);
    await other.close();
  });

  it('reads what is there after a change that the disk did not take', async () => {
    const rows = await open(50);
    await rows.insert(item('one', { rank: 1 }));
    const other = new DatabaseSync(path);
    await rows.get('one');
    other.exec('BEGIN IMMEDIATE');
    await assert.rejects(rows.update('one', { set: { rank: 2 } }), Unavailable);
    assert.equal((await rows.get('one'))?.rank, 1);
    other.exec('COMMIT');
    other.close();
    await rows.update('one', { set: { rank: 3 } });
    assert.equal((await rows.get('one'))?.rank, 3);
  });

  it('waits for another process that holds the lock, without standing still', async () => {
    const rows = await open();
    await rows.insert(item('before'));
    const other = new DatabaseSync(path);
    other.exec('BEGIN IMMEDIATE');
    let written = false;
    const insert = rows.insert(item('one')).then(() => {
      written = true;
    });
    // Were it to stand still, the lock would be let go of too late for it.
    await turns();
    assert.equal((await rows.get('before'))?.id, 'before');
    assert.equal(written, false);
    other.exec('COMMIT');
    other.close();
    await insert;
    assert.deepEqual(await rows.get('one'), item('one'));
  });

  it('is Unavailable when the lock is held too long, has then done nothing, and recovers', async () => {
    const rows = await open(100);
    const other = new DatabaseSync(path);
    other.exec('BEGIN IMMEDIATE');
    const writes = [
      rows.insert(item('one')),
      rows.insert(item('two')),
      rows.update('none', { add: { size: 1 } }),
    ];
    for (const write of writes) await assert.rejects(write, Unavailable);
    other.exec('COMMIT');
    other.close();
    assert.equal(await rows.count([]), 0);
    await rows.insert(item('one'));
    assert.equal(await rows.count([]), 1);
  });

  it('leaves the other writes of a turn alone when one is refused', async () => {
    const rows = await open();
    await rows.insert(item('one', { label: 'L' }));
    const results = await Promise.allSettled([
      rows.insert(item('two')),
      rows.insert(item('three', { label: 'L' })),
      rows.insert(item('two')),
      rows.update('one', { set: { rank: 1 } }, [['rank', 'absent']]),
      rows.update('one', { set: { rank: 2 } }, [['rank', 'absent']]),
      rows.insert(item('four')),
    ]);
    const outcomes = results.map((result) => (result.status === 'fulfilled' ? 'done' : result.reason.field));
    assert.deepEqual(outcomes, ['done', 'label', 'id', 'done', 'done', 'done']);
    assert.equal((await rows.get('one'))?.rank, 1);
    assert.deepEqual(
      (await rows.list({ limit: 9 })).map(({ id }) => id),
      ['four', 'one', 'two'],
    );
  });

  it('is Unavailable while the file is gone, never makes an empty one in its place, and recovers', async () => {
    const rows = await open();
    await rows.insert(item('one'));
    const kept = await (store as Store).collection(logbook);
    await store?.ping();
    const beside = join(dirname(path), 'latchkey-logbook.db');
    renameSync(beside, `${beside}.away`);
    await assert.rejects(async () => store?.ping(), Unavailable);
    renameSync(`${beside}.away`, beside);
    await store?.ping();
    assert.equal(await kept.count([]), 0);
    renameSync(join(folder, 'made'), join(folder, 'away'));
    await assert.rejects(async () => store?.ping(), Unavailable);
    await assert.rejects(rows.get('one'), Unavailable);
    await assert.rejects(rows.insert(item('two')), Unavailable);
    renameSync(join(folder, 'away'), join(folder, 'made'));
    assert.deepEqual(await rows.get('one'), item('one'));
    await rows.insert(item('two'));
    await store?.ping();
  });

  describe('whose file is taken away or replaced while it is open', () => {
    const rowsOutside = () => {
      const outside = new DatabaseSync(path, { readOnly: true });
      const ids = outside.prepare('SELECT id FROM items ORDER BY id').all();
      outside.close();
      return ids.map(({ id }) => id);
    };
    /** Looks at its place only when it must. */
    async function openBlind() {
      store = await openSqlite(path, { watchEveryMs: 600_000 });
      const rows = await store.collection(items);
      await rows.insert(item('one'));
      return rows;
    }

    it('acknowledges no change that went into a file that is gone', async () => {
      const rows = await openBlind();
      const lighter = await (store as Store).collection(notes);
      rmSync(dirname(path), { recursive: true });
      await assert.rejects(rows.insert(item('two')), /removed or replaced/);
      await assert.rejects(lighter.insert(item('two')), Unavailable);
      await assert.rejects(rows.get('one'), Unavailable);
      assert.equal(existsSync(path), false, 'and makes no empty one');
    });

    it('notices it by itself, tells once, and recovers', async () => {
      const told: unknown[] = [];
      store = await openSqlite(path, { watchEveryMs: 20, onLost: (error) => told.push(error) });
      const rows = await store.collection(items);
      await rows.insert(item('one'));
      const journal = await store.journal(logbook);
      renameSync(dirname(path), join(folder, 'away'));
      await until('both files are told of', () => told.length === 2);
      await assert.rejects(rows.get('one'), Unavailable);
      await assert.rejects(journal.append(item('lost')), Unavailable);
      renameSync(join(folder, 'away'), dirname(path));
      assert.deepEqual(await rows.get('one'), item('one'));
      await rows.insert(item('two'));
      await journal.append(item('three'));
      assert.equal((await (await store.collection(logbook)).get('three'))?.id, 'three');
      assert.equal(told.length, 2);
    });

    it('is Unavailable where nobody can even look at its place, and recovers', async () => {
      const told: unknown[] = [];
      store = await openSqlite(path, { watchEveryMs: 20, onLost: (error) => told.push(error) });
      const rows = await store.collection(items);
      await rows.insert(item('one'));
      renameSync(dirname(path), join(folder, 'away'));
      // A link in a circle: to look behind it fails for everybody, as a folder of another user does for most.
      symlinkSync(dirname(path), dirname(path));
      await until('it is told of', () => told.length === 1);
      await assert.rejects(rows.get('one'), Unavailable);
      await assert.rejects(async () => store?.ping(), Unavailable);
      rmSync(dirname(path));
      renameSync(join(folder, 'away'), dirname(path));
      assert.deepEqual(await rows.get('one'), item('one'));
      await store.ping();
    });

    it('goes on in the file that took its place, such as a copy that was restored', async () => {
      const rows = await openBlind();
      const journal = await (store as Store).journal(logbook);
      const calls = join(dirname(path), 'latchkey-logbook.db');
      for (const file of [path, calls]) {
        const beside = new DatabaseSync(file);
        beside.exec(`VACUUM INTO '${file}.copy'`);
        beside.close();
        await rm(`${file}-wal`, { force: true });
        renameSync(`${file}.copy`, file);
      }
      await assert.rejects(rows.insert(item('two')), Unavailable);
      await rows.insert(item('three'));
      assert.deepEqual(rowsOutside(), ['one', 'three']);
      await store?.ping();
      await journal.append(item('four'));
      assert.equal(await (await (store as Store).collection(logbook)).count([]), 1);
    });

    it('takes no empty file and no other database for its own', async () => {
      const rows = await openBlind();
      rmSync(path);
      writeFileSync(path, '');
      await assert.rejects(rows.insert(item('two')), Unavailable);
      await assert.rejects(rows.insert(item('two')), /empty file/);
      assert.equal(statSync(path).size, 0);
      rmSync(path);
      const other = new DatabaseSync(path);
      other.exec('CREATE TABLE other (id)');
      other.close();
      await assert.rejects(rows.get('one'), Unavailable);
      await assert.rejects(rows.insert(item('two')), Unavailable);
    });

    it('loses nothing that it acknowledged when what stands beside the file is removed', async () => {
      for (const ending of ['-wal', '-shm']) {
        path = join(folder, ending, 'latchkey.db');
        const rows = await openBlind();
        rmSync(`${path}${ending}`);
        const acknowledged = ['one'];
        for (const id of ['two', 'three', 'four']) {
          await rows.insert(item(id)).then(
            () => acknowledged.push(id),
            (error) => assert.ok(error instanceof Unavailable, String(error)),
          );
        }
        assert.ok(acknowledged.includes('four'));
        const there = rowsOutside();
        assert.deepEqual(
          acknowledged.filter((id) => !there.includes(id)),
          [],
        );
        await store?.close();
      }
    });

    it('does not go on behind a link that leads elsewhere by now', async () => {
      const [one, other] = [join(folder, 'one.db'), join(folder, 'other.db')];
      for (const file of [one, other]) await (await openSqlite(file)).close();
      path = join(folder, 'link.db');
      symlinkSync(one, path);
      const rows = await openBlind();
      rmSync(path);
      symlinkSync(other, path);
      await assert.rejects(rows.insert(item('two')), Unavailable);
      await assert.rejects(rows.get('one'), /leads elsewhere/);
    });
  });

  it('has nobody wait longer for a lock than one wait, whoever came before', async () => {
    const limit = 400;
    const rows = await open(limit);
    const beside = await (store as Store).collection(logbook);
    await (await (store as Store).journal(logbook)).append(item('one'));
    for (const id of ['two', 'three', 'four', 'five']) {
      writeFileSync(join(dirname(path), `latchkey-logbook.db-x-${id}.jsonl`), JSON.stringify(item(id)));
    }
    const others = [path, join(dirname(path), 'latchkey-logbook.db')].map((file) => new DatabaseSync(file));
    for (const other of others) other.exec('BEGIN IMMEDIATE');
    const waits: Promise<number>[] = [];
    const wait = async (call: () => Promise<unknown>): Promise<number> => {
      const started = performance.now();
      await assert.rejects(call, Unavailable);
      return performance.now() - started;
    };
    for (let i = 0; i < 8; i += 1) {
      waits.push(
        wait(() => rows.insert(item(`w${i}`))),
        wait(() => beside.count([])),
      );
      await sleep(limit / 4);
    }
    // One that begins to wait while another one's wait ends: two at most, and not as many as came before.
    for (const waited of await Promise.all(waits)) assert.ok(waited < limit * 2.5, `${waited} ms`);
    for (const other of others) other.close();
    await rows.insert(item('after'));
    assert.equal(await beside.count([]), 5);
  });

  const noPrlimit = spawnSync('prlimit', ['--version']).status !== 0 && 'needs prlimit';
  // In halves of a KiB; a file of a journal ends by itself at 500 kB.
  for (const [what, job, limit] of [
    ['row', 'fill', 2000],
    ['row of its journal', 'fillJournal', 700],
  ] as const) {
    it(`is Unavailable while the disk takes no more, and recovers with every ${what}`, {
      skip: noPrlimit,
    }, async () => {
      // A limit on the size of files stands for the full disk; it is lifted from outside once it was felt.
      const child = start('sh', '-c', `ulimit -S -f ${limit} && exec "$@"`, 'sh', ...writer(job, 'row'));
      const lines = createInterface({ input: child.stdout ?? assert.fail() })[Symbol.asyncIterator]();
      assert.equal((await lines.next()).value, 'unavailable');
      spawnSync('prlimit', ['--pid', String(child.pid), '--fsize=unlimited:unlimited']);
      const [, taken, there] = /^(\d+) taken, (\d+) there$/.exec((await lines.next()).value ?? '') ?? [];
      assert.ok(Number(taken) > 10);
      assert.equal(there, taken);
    });
  }

  it('does all of a turn or nothing when the disk is full in the middle of it', {
    skip: noPrlimit,
  }, async () => {
    const child = start('sh', '-c', 'ulimit -S -f 2000 && exec "$@"', 'sh', ...writer('together', 'row'));
    const lines = createInterface({ input: child.stdout ?? assert.fail() })[Symbol.asyncIterator]();
    assert.equal((await lines.next()).value, 'unavailable unavailable unavailable');
    spawnSync('prlimit', ['--pid', String(child.pid), '--fsize=unlimited:unlimited']);
    child.stdin?.write('\n');
    assert.equal((await lines.next()).value, '0 there');
    assert.equal((await lines.next()).value, 'taken taken taken');
  });

  it('finds in the journal of a process that was killed each row that it acknowledged', async () => {
    const child = start(...writer('append', 'r'));
    // Until it is reaped, its process id is still there.
    const ended = once(child, 'exit');
    const acknowledged: string[] = [];
    for await (const line of createInterface({ input: child.stdout ?? assert.fail() })) {
      acknowledged.push(line);
      if (acknowledged.length === 200) child.kill('SIGKILL');
    }
    await ended;
    store = await openSqlite(path);
    const rows = await store.collection(logbook);
    const there = new Set((await rows.list({ limit: 100_000 })).map(({ id }) => id));
    assert.deepEqual(
      acknowledged.filter((id) => !there.has(id)),
      [],
    );
    // More than one when it was quick: a file that is full is followed by another.
    const left = journalFiles();
    assert.ok(left.length > 0);
    for (const file of left) {
      assert.equal(statSync(file).mode & 0o777, 0o600);
      // It may be that of a process on another machine for a while; then it goes.
      appendFileSync(file, '{"id":"half a row');
      utimesSync(file, 1, 1);
    }
    assert.equal(await rows.count([]), there.size);
    assert.deepEqual(journalFiles(), []);
  });

  it('leaves the journal of a running process to that process', async () => {
    const child = start(...writer('append', 'r'));
    for await (const _line of createInterface({ input: child.stdout ?? assert.fail() })) break;
    // It runs, and cannot settle by itself meanwhile.
    child.kill('SIGSTOP');
    store = await openSqlite(path);
    const rows = await store.collection(logbook);
    const appended = journalFiles().flatMap(
      (file) => readFileSync(file, 'utf8').match(/(?<="id":")[^"]+/g) ?? [],
    );
    assert.ok(appended.length > 0);
    assert.equal(await rows.get(appended.at(-1) ?? ''), undefined);
    child.kill('SIGKILL');
  });

  it('takes over at its opening, and from time to time, what processes that died left behind', async () => {
    store = await openSqlite(path);
    await store.collection(logbook);
    await store.close();
    const left = (id: string) =>
      writeFileSync(join(dirname(path), `latchkey-logbook.db-x-${id}.jsonl`), JSON.stringify(item(id)));
    left('one');
    store = await openSqlite(path, { settleEveryMs: 200 });
    await store.journal(logbook);
    await untilThere('one');
    left('two');
    await untilThere('two');
  });

  it('settles a moment after a row was appended, and again for what comes after', async () => {
    store = await openSqlite(path);
    const journal = await store.journal(logbook);
    for (const id of ['one', 'two']) {
      await journal.append(item(id));
      await untilThere(id);
    }
  });

  it('reports what it cannot settle, whether or not anybody reads, and as long as it lasts', async () => {
    const faults: unknown[] = [];
    const onFault = (error: unknown) => faults.push(error);
    store = await openSqlite(path, { lockTimeoutMs: 50, settleAfterMs: 10, settleEveryMs: 100, onFault });
    const [journal, rows] = [await store.journal(logbook), await store.collection(logbook)];
    const other = new DatabaseSync(join(dirname(path), 'latchkey-logbook.db'));
    other.exec('BEGIN IMMEDIATE');
    await journal.append(item('one'));
    await until('the store reports twice', () => faults.length >= 2);
    assert.ok(
      faults.every((fault) => fault instanceof Unavailable),
      String(faults),
    );
    await assert.rejects(rows.count([]), Unavailable);
    other.exec('COMMIT');
    other.close();
    assert.equal(await rows.count([]), 1);
  });

  it('finds rows by an index without looking at all of them', async () => {
    // Their changes do not wait for the disk, which would be measured with them.
    store = await openSqlite(path);
    const rows = await store.collection(notes);
    const text = 'x'.repeat(200);
    for (let i = 0; i < 20_000; i += 1000) {
      const some = Array.from({ length: 1000 }, (_, j) => item(`i${i + j}`, { size: i + j, tags: [text] }));
      await rows.insertMany(some);
    }
    const milliseconds = async (look: () => Promise<unknown>): Promise<number> => {
      const started = performance.now();
      await look();
      return performance.now() - started;
    };
    const page = { order: { by: 'size' as const, descending: true }, limit: 20 };
    const looks: Record<string, () => Promise<unknown>> = {
      unique: () => rows.find('label', 'none'),
      range: () => rows.list({ where: [['rank', '<=', 5]], limit: 100 }),
      several: () =>
        rows.list({
          where: [
            ['group', '=', 'none'],
            ['hot', 'absent'],
          ],
          limit: 100,
        }),
      firstPage: () => rows.list(page),
      laterPage: () => rows.list({ ...page, after: item('i10000', { size: 10_000 }) }),
      count: () => rows.count([['rank', 'in', [1, 2, 3]]]),
      sweep: () => rows.removeMany([['size', '<', 0]], 100),
      update: () => rows.updateMany([['group', '=', 'none']], { set: { hot: true } }),
    };
    const all = await milliseconds(() => rows.list({ where: [['hot', '=', true]], limit: 100 }));
    for (const [name, look] of Object.entries(looks)) {
      const times = [await milliseconds(look), await milliseconds(look), await milliseconds(look)];
      assert.ok(Math.min(...times) < all / 4, `${name}: ${Math.min(...times)} ms, all rows ${all} ms`);
    }
  });

  it('gives an older file the indexes that a newer declaration asks for', async () => {
    store = await openSqlite(path);
    const bare = await store.collection({ name: 'items', schema: items.schema });
    await bare.insert(item('one', { label: 'L' }));
    await store.close();
    store = await openStore(`sqlite:${path}`);
    const rows = await store.collection(items);
    assert.equal((await rows.find('label', 'L'))?.id, 'one');
    await assert.rejects(rows.insert(item('two', { label: 'L' })), /label is taken/);
  });

  it('goes on with the indexes of an older file, and has one for each list of fields', async () => {
    const called = (file: DatabaseSync) =>
      file
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY name")
        .all()
        .map(({ name }) => name);
    mkdirSync(dirname(path));
    const before = new DatabaseSync(path);
    const text = z.string().optional();
    const schema = z.strictObject({ id: z.string(), a: text, b: text, a_b: text });
    const pairs = declare({ name: 'pairs', schema, unique: ['b'], indexes: [['a', 'b'], ['a_b']] });
    const field = (name: string) => `json_extract(doc, '$.${name}')`;
    before.exec(`CREATE TABLE "pairs" (id TEXT PRIMARY KEY NOT NULL, doc TEXT NOT NULL);
      CREATE UNIQUE INDEX "pairs_unique_b" ON "pairs" (${field('b')}) WHERE ${field('b')} IS NOT NULL;
      CREATE INDEX "pairs_by_a_b" ON "pairs" (${field('a_b')}) WHERE ${field('a_b')} IS NOT NULL`);
    store = await openSqlite(path);
    const rows = await store.collection(pairs);
    assert.deepEqual(called(before), ['pairs.by.a,b', 'pairs_by_a_b', 'pairs_unique_b']);
    await rows.insert({ id: 'one', b: 'B' });
    await assert.rejects(rows.insert({ id: 'two', b: 'B' }), /b is taken/);
    before.close();
  });

  it('makes tables that are called as an older file called an index of another one, which stays', async () => {
    mkdirSync(dirname(path));
    const before = new DatabaseSync(path);
    const text = z.string().optional();
    const schema = z.strictObject({ id: z.string(), y: text, z: text });
    const field = (name: string) => `json_extract(doc, '$.${name}')`;
    before.exec(`CREATE TABLE "x" (id TEXT PRIMARY KEY NOT NULL, doc TEXT NOT NULL);
      CREATE UNIQUE INDEX "x_unique_y" ON "x" (${field('y')}) WHERE ${field('y')} IS NOT NULL;
      CREATE INDEX "x_by_y_id" ON "x" (${field('y')}, id) WHERE ${field('y')} IS NOT NULL;
      CREATE INDEX "x_by_y_z" ON "x" (${field('y')}, ${field('z')}) WHERE ${field('y')} IS NOT NULL;
      CREATE INDEX "x_by_z" ON "x" (${field('z')}) WHERE ${field('z')} IS NOT NULL`);
    const indexes = [
      ['y', 'id'],
      ['y', 'z'],
    ] as ('y' | 'z')[][];
    const old = declare({ name: 'x', schema, unique: ['y'], indexes, exact: true });
    const names = ['x_unique', 'x_unique_y', 'x_by_y_z', 'x_by_y_id'];
    const others = names.map((name) => declare({ name, schema, unique: ['y'], indexes, exact: true }));
    store = await openSqlite(path);
    // Whichever comes first, and in a store that is opened again: none is without an index in between.
    const [first, second, ...last] = others;
    for (const one of [first, second, old, ...last, ...others, old]) {
      const rows = await store.collection(one ?? assert.fail());
      await rows.put({ id: 'one', y: 'Y' });
      await assert.rejects(rows.insert({ id: 'two', y: 'Y' }), new Taken(one?.name ?? '', 'y'));
    }
    const made = before
      .prepare("SELECT tbl_name AS of, name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL")
      .all();
    const ofEach = ['x', ...names].map((name) =>
      made.filter((one) => one.of === name).map((one) => one.name),
    );
    for (const [at, name] of ['x', ...names].entries())
      assert.deepEqual(ofEach[at]?.toSorted(), [`${name}.by.y,id`, `${name}.by.y,z`, `${name}.unique.y`]);
    before.close();
  });

  it('stays as it was when a newer declaration cannot be: rows share what is to be unique', async () => {
    store = await openSqlite(path);
    const bare = await store.collection({ name: 'items', schema: items.schema });
    await bare.insertMany([item('one', { label: 'L' }), item('two', { label: 'L' })]);
    await assert.rejects(async () => store?.collection(items), new Taken('items', 'label'));
    await bare.insert(item('three'));
    assert.equal(await bare.count([]), 3);
  });

  it('waits for the disk where the declaration says so, and only there', async () => {
    const rows = await open();
    const lighter = await (store as Store).collection(notes);
    const { waits, untilWaiting, restore } = slowDisk();
    try {
      await Promise.all([lighter.insert(item('one')), lighter.update('one', { set: { rank: 1 } })]);
      assert.equal(waits.length, 0);

      await answeredByDisk(untilWaiting, rows.insert(item('one')));

      const refused = rows.insert(item('two'));
      (await untilWaiting())(new Error('EIO'));
      await assert.rejects(refused, Unavailable);

      // The system may have dropped what it could not write, and calls the next sync done: so the log is put into
      // the file, which SQLite syncs itself. While somebody reads an older state, that cannot be.
      const reader = new DatabaseSync(path);
      reader.exec('BEGIN');
      reader.prepare('SELECT count(*) FROM items').get();
      await assert.rejects(Promise.race([rows.insert(item('three')), sleep(5000)]), Unavailable);
      reader.close();
      await rows.insert(item('four'));
      assert.equal(waits.length, 0);
      const after = rows.insert(item('five'));
      (await untilWaiting())(null);
      await after;
    } finally {
      restore();
    }
  });

  it('waits for the disk with a commit of which one write asks for it, and only then', async () => {
    const [heavy, light] = [items, notes].map((one) => declare({ ...one, committed: true }));
    assert.ok(heavy && light);
    store = await openSqlite(path, STILL);
    const insert = (declaration: typeof heavy, id: string) => writeOf({ declaration, insert: item(id) });
    // So that the tables are there.
    assert.equal(await store.commit([insert(heavy, '0'), insert(light, '0')]), true);
    const { waits, untilWaiting, restore } = slowDisk();
    try {
      const lighter = store.commit([insert(light, '1'), insert(light, '2')]);
      await turns();
      assert.equal(waits.length, 0);
      assert.equal(await lighter, true);
      for (const [declarations, id] of [
        [[heavy, light], '3'],
        [[heavy], '4'],
      ] as const) {
        const done = store.commit(declarations.map((one) => insert(one, id)));
        assert.equal(await answeredByDisk(untilWaiting, done), true);
      }
    } finally {
      for (const isOnDisk of waits) isOnDisk(null);
      restore();
    }
  });

  it('waits for the disk with a row of its journal that asks for it, and only then', async () => {
    store = await openSqlite(path, STILL);
    const [journal, rows] = [await store.journal(logbook), await store.collection(logbook)];
    const { waits, untilWaiting, restore } = slowDisk();
    try {
      await journal.append(item('light'));
      assert.equal(waits.length, 0);
      let isAcknowledged = false;
      const appended = journal.append(item('heavy'), 'disk').then(() => {
        isAcknowledged = true;
      });
      const isOnDisk = await untilWaiting();
      await journal.append(item('lighter'));
      await turns();
      assert.equal(isAcknowledged, false);
      // Its file is done with meanwhile, and stays open under the sync.
      await rows.count([]);
      isOnDisk(null);
      await appended;

      const refused = journal.append(item('refused'), 'disk');
      (await untilWaiting())(new Error('EIO'));
      await assert.rejects(refused, Unavailable);
      const next = journal.append(item('next'), 'disk');
      (await untilWaiting())(null);
      await next;

      // Two in the same file at once, of which the first fails: nobody knows of the other either.
      const first = journal.append(item('refused-too'), 'disk');
      const failFirst = await untilWaiting();
      const second = journal.append(item('refused-beside'), 'disk');
      await turns();
      failFirst(new Error('EIO'));
      await assert.rejects(first, Unavailable);
      await assert.rejects(second, Unavailable);

      // The file is done with while one sync runs and another waits: it stays open for both.
      const third = journal.append(item('third'), 'disk');
      const endThird = await untilWaiting();
      const fourth = journal.append(item('fourth'), 'disk');
      await turns();
      await rows.count([]);
      endThird(null);
      await third;
      (await untilWaiting())(null);
      await fourth;
    } finally {
      restore();
    }
    const there = await rows.list({ limit: 9 });
    assert.deepEqual(
      there.map(({ id }) => id).filter((id) => !id.startsWith('refused')),
      ['fourth', 'heavy', 'light', 'lighter', 'next', 'third'],
    );
  });

  it('has the rows of a journal in a file of their own, so that nothing in its own is disturbed', async () => {
    const rows = await open();
    const [journal, beside] = [
      await (store as Store).journal(logbook),
      await (store as Store).collection(logbook),
    ];
    const watching = new DatabaseSync(path);
    const version = () => watching.prepare('PRAGMA data_version').get()?.data_version;
    await rows.insert(item('one'));
    const before = version();
    await journal.append(item('two'));
    assert.deepEqual([(await beside.get('two'))?.id, version()], ['two', before]);
    await rows.insert(item('three'));
    assert.notEqual(version(), before);
    watching.close();
    await assert.rejects((store as Store).journal(notes), TypeError);
  });

  it('says which of its files cannot be used', async () => {
    await open();
    await store?.close();
    const beside = join(dirname(path), 'latchkey-logbook.db');
    writeFileSync(beside, 'no database '.repeat(1000));
    await open();
    const opening = (store as Store).collection(logbook);
    await assert.rejects(
      opening,
      (error) => error instanceof Unavailable && error.message.startsWith(beside),
    );
  });

  it('does not answer for itself while nothing can be appended to its journal', async () => {
    // The database and all of SQLite's fit under a name of this length, the journal's files do not.
    path = join(folder, `${'x'.repeat(230)}.db`);
    await open();
    await store?.ping();
    const journal = await (store as Store).journal(logbook);
    await assert.rejects(journal.append(item('one')), Unavailable);
    await assert.rejects(async () => store?.ping(), /the journal cannot be written now/);
  });

  it('has its journal’s rows whatever happens around their files', async (test) => {
    store = await openSqlite(path, STILL);
    const rows = await store.collection(logbook);
    const journal = await store.journal(logbook);
    const ids = async () => (await rows.list({ limit: 99 })).map(({ id }) => id);
    // What it does at its opening is over by then.
    assert.deepEqual(await ids(), []);

    // A clock that is set forward makes the file look left behind to others; then it is not written to again.
    await journal.append(item('a'));
    test.mock.method(Date, 'now', () => 4_000_000_000_000);
    await journal.append(item('b'));
    assert.equal(journalFiles().length, 2);
    test.mock.restoreAll();
    assert.deepEqual([await ids(), journalFiles()], [['a', 'b'], []]);

    // Lines that no journal wrote hold up nothing.
    const left = join(dirname(path), `latchkey-logbook.db-${process.pid}-left.jsonl`);
    writeFileSync(left, `{}\n5\nnull\n[]\n{"id":7}\n${JSON.stringify(item('c'))}\n{"id":"ha`);
    assert.deepEqual(await ids(), ['a', 'b', 'c']);

    // What could not be put in its place is tried again.
    await store.close();
    writeFileSync(left, `${JSON.stringify(item('c'))}\n${JSON.stringify(item('d'))}\n`);
    store = await openSqlite(path, { ...STILL, lockTimeoutMs: 50 });
    const beside = join(dirname(path), 'latchkey-logbook.db');
    const other = new DatabaseSync(beside);
    other.exec('BEGIN IMMEDIATE');
    const again = await store.collection(logbook);
    await assert.rejects(again.count([]), Unavailable);
    other.exec('COMMIT');
    other.close();
    assert.equal((await again.get('d'))?.id, 'd');

    // A database that has gone does not come back as an empty one.
    await (await store.journal(logbook)).append(item('e'));
    renameSync(beside, `${beside}.away`);
    await assert.rejects(again.count([]), Unavailable);
    assert.equal(existsSync(beside), false);
    renameSync(`${beside}.away`, beside);
    assert.equal((await again.get('e'))?.id, 'e');
  });
});

/** Settles only for those who read: its timers do not come to it while a test is at work. */
const STILL = { settleAfterMs: 600_000, settleEveryMs: 600_000 };

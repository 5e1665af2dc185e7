import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import mongoose from 'mongoose';
import { openMongodb } from '../../adapters/mongodb/store.ts';
import { type Collection, type Store, TooSlow, Unavailable, type Where } from '../../adapters/port.ts';
import { mongodbStores } from '../support/stores.ts';
import { type Item, item, items } from './items.ts';

/** What only a server over a network has: it goes away, keeps silent, and comes back. */
mongodbStores(({ url }) => {
  const patience = {
    serverSelectionTimeoutMS: 400,
    connectTimeoutMS: 400,
    waitQueueTimeoutMS: 400,
    socketTimeoutMS: 400,
  };
  let address: string;
  let line: Line;
  let store: Store;
  let rows: Collection<Item>;

  before(async () => {
    address = await url();
    line = await startLine(address);
    store = await openMongodb(line.url, patience);
    rows = await store.collection(items);
    await rows.insert(item('one', { label: 'L' }));
  });
  after(async () => {
    await store.close();
    line.cut();
  });

  async function assertUnavailable(): Promise<void> {
    await assert.rejects(rows.get('one'), Unavailable);
    const calls = [
      rows.find('label', 'L'),
      rows.list({ limit: 1 }),
      rows.count([]),
      rows.insert(item('two')),
      rows.insertMany([item('two')]),
      rows.put(item('two')),
      rows.update('one', { add: { size: 1 } }),
      rows.updateMany([], { add: { size: 1 } }),
      rows.remove('one'),
      rows.removeMany([], 10),
      store.ping(),
    ];
    for (const call of await Promise.allSettled(calls)) {
      assert.ok(call.status === 'rejected' && call.reason instanceof Unavailable, JSON.stringify(call));
    }
  }

  it('is Unavailable while the server is away, and recovers by itself', async () => {
    line.cut();
    await assertUnavailable();
    await line.restore();
    assert.deepEqual(await eventually(() => rows.get('one')), item('one', { label: 'L' }));
    await rows.insert(item('three'));
    assert.equal(await rows.count([]), 2);
  });

  it('is Unavailable when the server keeps silent, and recovers by itself', async () => {
    line.hold(true);
    const started = performance.now();
    await assert.rejects(rows.get('one'), Unavailable);
    assert.ok(performance.now() - started < 5000);
    line.hold(false);
    assert.deepEqual(await eventually(() => rows.get('one')), item('one', { label: 'L' }));
  });

  it('answers a call that begins while its connection ends, and goes on', async () => {
    const [near, far] = await connectedPair();
    for (let round = 0; round < 3; round += 1) {
      await eventually(() => Promise.all([rows.get('one'), rows.get('one'), rows.get('one')]));
      // Ends and a word that come in one turn of the event loop. The sockets close in the turns after it, and
      // a call of each of these finds them in another state.
      line.end();
      far.write('x');
      await once(near, 'data');
      const answers: Promise<string>[] = [];
      for (let turn = 0; turn < 4; turn += 1) {
        answers.push(
          rows.get('one').then(
            () => 'there',
            (error) => error.constructor.name,
          ),
        );
        await immediate();
      }
      for (const answer of await Promise.all(answers)) assert.match(answer, /^(there|Unavailable)$/);
    }
    assert.deepEqual(await eventually(() => rows.get('one')), item('one', { label: 'L' }));
    near.destroy();
    far.destroy();
  });

  it('is Unavailable at once when there is no server at the start', async () => {
    const nobody = line.url.replace(/:\d+\//, ':1/');
    await assert.rejects(openMongodb(nobody, patience), Unavailable);
    await assert.rejects(openMongodb('mongodb://no host/x', patience), Unavailable);
  });

  it('ends a list or a count of rows that are searched in time, and nobody else’s', async () => {
    const most = await openMongodb(line.url, { ...patience, socketTimeoutMS: 30_000 }, { searchMsMax: 1 });
    const searched = await most.collection({ ...items, name: 'searched', searched: true });
    const others = await most.collection({ ...items, name: 'searched', indexes: [] });
    await others.insertMany(
      Array.from({ length: 5000 }, (_, n) => item(`${n}`, { tags: ['x'.repeat(100)] })),
    );
    const where: Where<Item> = Array(20).fill(['group', 'lacks', 'y']);
    const ends = [searched.list({ where, limit: 1, skip: 4999 }), searched.count(where)];
    for (const ended of await Promise.allSettled(ends))
      assert.ok(ended.status === 'rejected' && ended.reason instanceof TooSlow, String(ended.status));
    assert.equal(await others.count(where), 5000);
    await most.close();
  });

  it('never says what password the URL holds', async () => {
    const away = line.url.replace('://', '://ann:verysecret@').replace(/:\d+\//, ':1/');
    const wrong = [
      'mongodb://ann:verysecret',
      'mongodb://ann:verysecret@h:99999/x',
      'mongodb://ann:%verysecret@h/x',
    ];
    for (const refused of [away, ...wrong, 'mongodb://ann:verysecret@no host/x', `${away}&nonsense=1`]) {
      const error = await openMongodb(refused, patience).catch((thrown: Error) => thrown);
      assert.ok(error instanceof Unavailable, String(error));
      assert.doesNotMatch(inspect(error, { depth: 10, showHidden: true }), /verysecret/);
    }
  });

  describe('what the database holds', () => {
    let connection: mongoose.Connection;
    before(async () => {
      connection = await mongoose.createConnection(address).asPromise();
    });
    after(() => connection.close());

    const documents = () => connection.collection<{ _id: string } & Record<string, unknown>>('items');

    it('is readable to people: values as they are, but as JSON what not every server takes', async () => {
      const extra = { a: { b: [1, { c: null }], 'd.e': 1 }, f: { 'g.h': 1 }, list: [[1], 'x'], json: [] };
      const nested = { a: { b: [extra.a.b], list: extra.list } };
      await rows.insert(item('doc', { rank: 2, hot: true, tags: ['a'], extra: nested }));
      await rows.insert(item('odd', { extra }));
      assert.deepEqual(await documents().findOne({ _id: 'doc' }), {
        ...{ _id: 'doc', group: 'g', size: 1, rank: 2, hot: true, tags: ['a'] },
        extra: { a: { b: [{ json: '[1,{"c":null}]' }], list: [{ json: '[1]' }, 'x'] } },
      });
      assert.deepEqual((await documents().findOne({ _id: 'odd' }))?.extra, { json: JSON.stringify(extra) });
      assert.deepEqual([(await rows.get('doc'))?.extra, (await rows.get('odd'))?.extra], [nested, extra]);
    });

    it('is read as it was stored before, with all that is nested as JSON', async () => {
      const extra = { a: [1, { json: 'x' }] };
      await documents().insertOne({
        _id: 'old',
        group: 'g',
        size: 1,
        extra: { json: JSON.stringify(extra) },
      });
      assert.deepEqual(await rows.get('old'), item('old', { extra }));
    });

    it('has the indexes of the declaration', async () => {
      const indexes = await connection.collection('items').listIndexes().toArray();
      const keys = indexes.map(({ key, unique }) => `${Object.keys(key).join(' ')}${unique ? ' once' : ''}`);
      assert.deepEqual(keys.sort(), [
        '_id',
        'code once',
        'group size _id',
        'label once',
        'rank _id',
        'size _id',
      ]);
    });
  });
});

/** A line between the store and the server that can be cut, held silent, and restored. */
type Line = { url: string; end(): void; cut(): void; restore(): Promise<void>; hold(silent: boolean): void };

async function startLine(address: string): Promise<Line> {
  const { hostname, port, pathname } = new URL(address);
  const sockets = new Set<Socket>();
  let silent = false;
  let server: Server;

  function join(near: Socket): void {
    const far = connect(Number(port || 27017), hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far);
    far.on('data', (answer) => {
      if (!silent) near.write(answer);
    });
  }

  async function listen(at: number): Promise<number> {
    server = createServer(join).listen(at, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as { port: number }).port;
  }

  const at = await listen(0);
  return {
    // Directly, so that a member of a replica set does not send the driver past this line.
    url: `mongodb://127.0.0.1:${at}${pathname}?directConnection=true`,
    /** Ends every connection; whoever comes next is let in. */
    end() {
      for (const socket of sockets) socket.destroy();
    },
    cut() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
    async restore() {
      await listen(at);
    },
    hold(held) {
      silent = held;
    },
  };
}

/** Two ends of a connection of this process with itself. */
async function connectedPair(): Promise<[near: Socket, far: Socket]> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = connect((server.address() as { port: number }).port, '127.0.0.1');
  const [far] = (await once(server, 'connection')) as [Socket];
  server.close();
  return [near, far];
}

/** The first answer within five seconds. */
async function eventually<T>(call: () => Promise<T>): Promise<T> {
  for (let tries = 0; tries < 50; tries += 1) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      await sleep(100);
    }
  }
  return call();
}

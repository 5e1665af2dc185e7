import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import { openStore } from '../../adapters/open.ts';
import { rowDeclarationOf } from '../../server/data/rows.ts';
import { defineType } from '../../server/data/type.ts';
import { makeConfigFolder } from '../support/config-folder.ts';
import { type ServerProcess, startServerProcess } from '../support/process.ts';
import { eachStore } from '../support/stores.ts';

/** As the server under test declares it. */
const wallet = defineType({
  name: 'wallet',
  description: 'A wallet',
  fields: { label: z.string(), balance: z.int(), note: z.string().optional() },
  unique: ['label'],
});

const WALLETS = ['a', 'b', 'c', 'd'];
const START = 100;

const workflow = (name: string, parameters: string, run: string, returns = 'z.any()') => `
import { defineWorkflow } from 'latchkey';
import { z } from 'zod';
import { wallet } from '../types/wallet.ts';
export const workflow = defineWorkflow({
  name: '${name}', description: 'Tries it', callers: 'anyone', types: { wallet }, returns: ${returns},
  parameters: Object.fromEntries(Object.entries({ ${parameters} }).map(([name, [schema, example]]) => [name, { schema, example, description: name }])),
  async run({ parameters, data, http }) {
    const all = data.wallet.unrestricted;
    const labelled = async (label) => (await all.find({ where: [['label', '=', label]] }))[0];
    ${run}
  },
});
`;

const LABEL = "[z.string(), 'a']";
const FILES = {
  'types/wallet.ts': `
import { always, defineType } from 'latchkey';
import { z } from 'zod';
export const wallet = defineType({
  name: 'wallet', description: 'A wallet', fields: { label: z.string(), balance: z.int(), note: z.string().optional() }, unique: ['label'],
  rules: (record) => [{ name: 'Everybody', when: always, find: true, view: ['label', 'note'], constrain: ['label'], change: ['note'] }],
});
`,
  'workflows/open_wallet.ts': workflow(
    'open_wallet',
    `label: ${LABEL}`,
    `return { id: all.create({ label: parameters.label, balance: ${START} }).id };`,
  ),
  'workflows/balances.ts': workflow(
    'balances',
    '',
    'return Object.fromEntries((await all.find()).map(({ label, balance }) => [label, balance]));',
  ),
  'workflows/move.ts': workflow(
    'move',
    `from: ${LABEL}, to: ${LABEL}, amount: [z.int(), 1]`,
    `const [from, to] = [await labelled(parameters.from), await labelled(parameters.to)];
    await all.change(from, { balance: from.balance - parameters.amount });
    await all.change(to, { balance: to.balance + parameters.amount });
    return {};`,
  ),
  // Somebody else changes what it has read, as often as it reads so many.
  'workflows/outrun.ts': workflow(
    'outrun',
    `url: [z.string(), 'x'], while_below: [z.number(), 1]`,
    `const seen = await labelled('a');
    if (seen.balance < parameters.while_below) await http.fetch(parameters.url);
    // It looks again, which must not hide that the first look is out of date.
    await labelled('a');
    await all.change(seen, { note: 'was ' + seen.balance });
    return {};`,
  ),
  // One of two wallets may have the note, and each run looks at the one and writes to the other.
  'workflows/take_note.ts': workflow(
    'take_note',
    `mine: ${LABEL}, other: ${LABEL}`,
    `const [mine, other] = [await labelled(parameters.mine), await labelled(parameters.other)];
    if (other.note === 'the one') return { taken: false };
    await all.expectUnchanged(other);
    await all.change(mine, { note: 'the one' });
    return { taken: true };`,
  ),
  'workflows/juggle.ts': workflow(
    'juggle',
    '',
    `const made = all.create({ label: 'made', balance: 1 });
    const seen = await all.get(made.id);
    await all.change(made, { balance: seen.balance + 1 });
    await all.change(made.id, { note: 'twice' });
    const gone = all.create({ label: 'gone', balance: 1 });
    await all.delete(gone);
    const a = await labelled('a');
    await all.change(a, { note: 'first' });
    await all.change(a, { note: undefined, balance: a.balance + 5 });
    const changed = await all.get(a.id);
    await all.delete(await labelled('d'));
    return { changed, deleted: (await all.get((await labelled('d')).id)) === undefined, gone: (await all.get(gone.id)) === undefined };`,
  ),
  'workflows/under_rules.ts': workflow(
    'under_rules',
    `what: [z.enum(['note', 'balance', 'delete', 'create', 'both', 'seen']), 'note']`,
    `const [one] = await data.wallet.find({ where: [['label', '=', 'b']] });
    if (parameters.what === 'seen') return one;
    if (parameters.what === 'note' || parameters.what === 'both') await data.wallet.change(one, { note: 'by anybody' });
    if (parameters.what === 'balance' || parameters.what === 'both') await data.wallet.change(one, { balance: 1 });
    if (parameters.what === 'delete') await data.wallet.delete(one);
    if (parameters.what === 'create') data.wallet.create({ label: 'x', balance: 1 });
    return {};`,
  ),
};

eachStore(({ url: storeUrl, isFirst }) => {
  describe('runs that change and remove', () => {
    const config = makeConfigFolder(FILES);
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-changes-'));
    let environment: Record<string, string>;
    let server: ServerProcess;
    before(async () => {
      environment = {
        LATCHKEY_DATA: folder,
        LATCHKEY_STORE: await storeUrl(),
        LATCHKEY_CONFIG: config.folder,
      };
      server = await startServerProcess(environment);
      for (const label of WALLETS) assert.equal((await call('open_wallet', { label })).status, 200);
    });
    after(async () => {
      await server.kill('SIGKILL');
      config.remove();
      rmSync(folder, { recursive: true, force: true });
    });

    async function call(name: string, json: object = {}) {
      const response = await fetch(`${server.url}/api/1.1/wf/${name}`, {
        method: 'POST',
        body: JSON.stringify(json),
        headers: { 'content-type': 'application/json' },
      });
      const { response: done, body } = JSON.parse(await response.text());
      return { status: response.status, done, refused: body };
    }

    const balances = async (): Promise<Record<string, number>> => (await call('balances')).done;
    const sum = async () => Object.values(await balances()).reduce((all, one) => all + one, 0);

    /** Moves at once, each from one wallet to the next or the one after it. */
    const moves = (count: number) =>
      Array.from({ length: count }, (_, index) => ({
        from: WALLETS[index % 4] ?? '',
        to: WALLETS[(index + 1 + (index % 2)) % 4] ?? '',
        amount: 1 + (index % 5),
      }));

    test('move all of the money or none, many of them at once', async () => {
      const expected = await balances();
      const wanted = moves(40);
      const answers = await Promise.all(wanted.map((move) => call('move', move)));
      for (const [index, { from, to, amount }] of wanted.entries()) {
        const { status, refused } = answers[index] ?? {};
        // Runs that met others take turns.
        assert.equal(status, 200, JSON.stringify(refused));
        expected[from] = (expected[from] ?? 0) - amount;
        expected[to] = (expected[to] ?? 0) + amount;
      }
      assert.deepEqual(await balances(), expected);
    });

    test('begin again where others were quicker, and give up after some times', async () => {
      // Another process, whose writes this one knows nothing of.
      const store = await openStore(environment.LATCHKEY_STORE ?? '');
      const wallets = await store.collection(rowDeclarationOf(wallet));
      const [{ id } = { id: '' }] = await wallets.list({ where: [['label', '=', 'a']] as never, limit: 1 });
      const quicker = createServer((_request, response) => {
        const changed = wallets.update(id, { add: { balance: 1, version: 1 } as never });
        changed.then(() => response.end());
      });
      await new Promise<void>((resolve) => quicker.listen(0, '127.0.0.1', resolve));
      const url = `http://127.0.0.1:${(quicker.address() as AddressInfo).port}`;
      const { a = 0 } = await balances();
      const twice = await call('outrun', { url, while_below: a + 2 });
      assert.equal(twice.status, 200, JSON.stringify(twice.refused));
      assert.equal((await balances()).a, a + 2);
      const always = await call('outrun', { url, while_below: 10_000 });
      assert.deepEqual([always.status, always.refused.status], [409, 'CONFLICT']);
      assert.equal((await balances()).a, a + 2 + 5);
      quicker.closeAllConnections();
      quicker.close();
      await store.close();
    });

    test('are held to what they decide by, also where they do not write it', async () => {
      const pairs = Array.from({ length: 6 }, (_, i) =>
        i % 2 === 0 ? { mine: 'c', other: 'd' } : { mine: 'd', other: 'c' },
      );
      const answers = await Promise.all(pairs.map((pair) => call('take_note', pair)));
      const taken = new Set(
        answers.flatMap(({ status, done }, i) => (status === 200 && done.taken ? [pairs[i]?.mine] : [])),
      );
      assert.equal(taken.size, 1, JSON.stringify(answers));
    });

    test('are whole or absent after a kill in the middle of them', async () => {
      const before = await sum();
      // SQLite does a run in one transaction, MongoDB in many steps.
      for (let kill = 0; kill < (isFirst ? 1 : 2); kill += 1) {
        const running = moves(30).map((move) => call('move', move).catch(() => undefined));
        await Promise.any(running);
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 60));
        await server.kill('SIGKILL');
        await Promise.all(running);
        server = await startServerProcess(environment);
        assert.equal(await sum(), before);
      }
      assert.equal(
        (await call('move', { from: 'a', to: 'b', amount: 1 })).status,
        200,
        'nothing is reserved',
      );
    });

    test('are held to the rules, which name the field, or go around them', async () => {
      const seen = (await call('under_rules', { what: 'seen' })).done;
      assert.deepEqual(Object.keys(seen).sort(), ['id', 'label']);
      assert.equal((await call('under_rules', { what: 'note' })).status, 200);
      const { b } = await balances();
      for (const what of ['balance', 'both', 'delete', 'create']) {
        const { status, refused } = await call('under_rules', { what });
        const field = what === 'balance' || what === 'both' ? 'balance' : undefined;
        assert.deepEqual([status, refused?.status, refused?.parameter], [403, 'FORBIDDEN', field], what);
      }
      assert.equal((await balances()).b, b);
    });

    test('see what they staged, and change, create and remove in any order', async () => {
      const { a = 0 } = await balances();
      const { status, done, refused } = await call('juggle');
      assert.equal(status, 200, JSON.stringify(refused));
      assert.deepEqual(
        [done.changed.balance, done.changed.note, done.deleted, done.gone],
        [a + 5, undefined, true, true],
      );
      const now = await balances();
      assert.deepEqual([now.a, now.made, now.gone, now.d], [a + 5, 2, undefined, undefined]);
    });

    test('that would store a value twice that may be there once are refused, and store nothing', async () => {
      const { status, refused } = await call('open_wallet', { label: 'a' });
      assert.deepEqual([status, refused.status], [409, 'CONFLICT']);
      assert.match(refused.message, /label/);
    });
  });
});

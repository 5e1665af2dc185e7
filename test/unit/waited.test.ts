import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import Koa from 'koa';
import { STOPPING } from '../../server/http/stopping.ts';
import { untilStopped, whileWaited } from '../../server/http/waited.ts';

/** Whether somebody waits for an answer. */

const app = new Koa();
/** What the next request does with its signal. */
let act: (ctx: Koa.Context) => Promise<void> = async () => {};
app.use((ctx) => act(ctx));
const server = createServer(app.callback());
let url = '';
before(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => server.close());

const aborted = (signal: AbortSignal) =>
  signal.aborted ? Promise.resolve([]) : once(signal, 'abort').then(() => []);

test('somebody does until they have it, and nobody who has gone', async () => {
  const { promise: answered, resolve: hasAnswered } = Promise.withResolvers<AbortSignal>();
  act = async (ctx) => {
    const signal = whileWaited(ctx);
    ctx.res.once('close', () => hasAnswered(signal));
    ctx.body = 'here';
  };
  assert.equal(await (await fetch(url)).text(), 'here');
  assert.equal((await answered).aborted, false);

  const gone = new AbortController();
  const { promise: left, resolve: hasLeft } = Promise.withResolvers<AbortSignal[]>();
  act = async (ctx) => {
    const signal = whileWaited(ctx);
    gone.abort();
    await aborted(signal);
    // Also where it is asked for only then.
    hasLeft([signal, whileWaited(ctx)]);
  };
  await assert.rejects(fetch(url, { signal: gone.signal }), { name: 'AbortError' });
  for (const { reason } of await left) assert.deepEqual([reason.status, reason.code], [499, 'CALLER_GONE']);
});

test('a stop of the server does not for ever', async () => {
  act = async (ctx) => {
    const signal = whileWaited(ctx);
    ctx.res.emit(STOPPING);
    ctx.body = { status: signal.reason.status, hint: signal.reason.hint };
  };
  assert.deepEqual(await (await fetch(url)).json(), { status: 503, hint: 'Try again in 5 seconds.' });
  act = async (ctx) => {
    const signal = untilStopped(ctx);
    ctx.res.emit(STOPPING);
    ctx.body = signal.reason.hint;
  };
  const undone = await fetch(url, { method: 'POST' });
  assert.equal(await undone.text(), 'Nothing was stored or sent. Try again in 5 seconds.');
});

import { randomBytes } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import Router from '@koa/router';
import Koa from 'koa';

/**
 * Yardstick of a workflow that stores a record: Koa, @koa/router and one INSERT a request, on disk before the answer. No
 * token, no checks, no thread, and nothing kept of the call.
 */

const store = new DatabaseSync(process.env.STORE_FILE ?? '');
store.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
store.exec('CREATE TABLE entry (id TEXT PRIMARY KEY, doc TEXT NOT NULL)');
const insert = store.prepare('INSERT INTO entry VALUES (?, ?)');

async function bodyOf(request: AsyncIterable<Buffer>): Promise<Record<string, unknown>> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  return JSON.parse(Buffer.concat(parts).toString());
}

const router = new Router();
router.get('/healthz', (ctx) => {
  ctx.body = 'ok';
});
router.post('/api/1.1/wf/store_entry', async (ctx) => {
  const { book } = await bodyOf(ctx.req);
  const id = randomBytes(15).toString('base64url');
  insert.run(id, JSON.stringify({ id, book, createdAt: Math.floor(Date.now() / 1000) }));
  ctx.body = { status: 'success', response: { id } };
});

const app = new Koa();
app.use(router.routes());
app.listen(Number(process.env.PORT), '127.0.0.1');

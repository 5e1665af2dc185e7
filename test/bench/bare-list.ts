import { DatabaseSync } from 'node:sqlite';
import Router from '@koa/router';
import Koa from 'koa';

/**
 * Yardstick of a list: Koa, @koa/router and one SELECT in Latchkey's own table, with its rule as somebody would write
 * it there who knows who calls. No token, no checks, and nothing kept of the call.
 */

const store = new DatabaseSync(process.env.STORE_FILE ?? '', { readOnly: true });
const field = (name: string) => `json_extract(doc, '$.${name}')`;
const list = store.prepare(
  `SELECT doc FROM data_entry
   WHERE ${field('book')} = ? AND (${field('createdBy')} = ? OR ${field('state')} = 'open')
   ORDER BY ${field('createdAt')}, id LIMIT ?`,
);

const router = new Router();
router.get('/healthz', (ctx) => {
  ctx.body = 'ok';
});
router.get('/api/1.1/obj/entry', (ctx) => {
  const { constraints = '[]', limit = '50' } = ctx.query;
  const [{ value }] = JSON.parse(String(constraints));
  const rows = list.all(value, 'acc_of_the_caller', Number(limit));
  const results = rows.map(({ doc }) => {
    const { id, createdAt, modifiedAt, createdBy, ...fields } = JSON.parse(String(doc));
    return {
      _id: id,
      ...fields,
      'Created Date': new Date(createdAt * 1000).toISOString(),
      'Modified Date': new Date(modifiedAt * 1000).toISOString(),
      'Created By': createdBy,
    };
  });
  ctx.body = { response: { cursor: 0, results, count: results.length } };
});

const app = new Koa();
app.use(router.routes());
app.listen(Number(process.env.PORT), '127.0.0.1');

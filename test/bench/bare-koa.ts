import Router from '@koa/router';
import Koa from 'koa';

/**
 * Yardstick of the API call: Koa and @koa/router, one route, no token and no database. It answers with the JSON
 * in the environment variable ANSWER, which is what Latchkey answers to the same request.
 */

const answer: unknown = JSON.parse(process.env.ANSWER ?? '{}');

const router = new Router();
router.get('/api/1.1/me', (ctx) => {
  ctx.body = answer;
});

const app = new Koa();
app.use(router.routes());
app.listen(Number(process.env.PORT), '127.0.0.1');

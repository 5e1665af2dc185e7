import Router from '@koa/router';
import type { Store } from '../../adapters/port.ts';

/** For load balancers: `/healthz` says the process lives, `/readyz` that its store answers (else 503). */
export function createHealthRoutes(store: Pick<Store, 'ping'>): Router {
  const router = new Router({ strict: true, sensitive: true });
  router.get('/healthz', (ctx) => {
    ctx.set('Cache-Control', 'no-store');
    ctx.body = { status: 'ok' };
  });
  router.get('/readyz', async (ctx) => {
    ctx.set('Cache-Control', 'no-store');
    await store.ping();
    ctx.body = { status: 'ok' };
  });
  return router;
}

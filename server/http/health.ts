import Router from '@koa/router';

/** For load balancers: `/healthz` says the process lives, `/readyz` that its store takes changes (else 503). */
export function createHealthRoutes(readiness: { check(): Promise<void> }): Router {
  const router = new Router({ strict: true, sensitive: true });
  router.get('/healthz', (ctx) => {
    ctx.set('Cache-Control', 'no-store');
    ctx.body = { status: 'ok' };
  });
  router.get('/readyz', async (ctx) => {
    ctx.set('Cache-Control', 'no-store');
    await readiness.check();
    ctx.body = { status: 'ok' };
  });
  return router;
}

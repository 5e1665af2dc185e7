import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type ApiServer, startApiServer } from '../support/api-server.ts';

const PATH = '/api/1.1/admin/overview';

describe('the overview in the management API', () => {
  let server: ApiServer;
  let token: string;
  before(async () => {
    server = await startApiServer({ clock: () => 1_900_000_000 });
    ({ value: token } = await server.serviceToken(['admin:manage']));
  });
  after(() => server.stop());

  test('is not there for whoever may not manage', async () => {
    for (const value of [
      (await server.token()).value,
      (await server.serviceToken(['admin:portal-links'])).value,
      (await server.serviceToken(['admin'], { admin: false })).value,
    ])
      assert.equal((await server.call(PATH, { token: value })).status, 404);
    assert.equal((await server.call(PATH)).status, 401);
  });

  test('tells calls, latency, sign-ins, what there is and mail', async () => {
    await server.call('/api/1.1/me', { token: (await server.token()).value });
    server.domain.totals.addSignIn('sign_in_refused');
    server.domain.totals.add({ at: 1_900_000_000, status: 500, ms: 60_000 });
    await server.domain.totals.flush();
    const look = () => server.call(`${PATH}?period=week`, { token });
    let { status, body } = await look();
    // On a busy machine it is counted a moment later.
    while (body.response.figures === null) ({ status, body } = await look());
    assert.equal(status, 200);
    const { steps, figures, ...whole } = body.response;
    const { calls, sign_ins, latency, mail } = whole;
    assert.equal(calls.failed, 1);
    assert.ok(calls.success >= 1);
    assert.deepEqual(sign_ins, { success: 0, refused: 1 });
    assert.equal(latency.p95_ms, null);
    assert.deepEqual(mail, { waiting: 0, failed: 0 });
    assert.deepEqual(
      [whole.period, whole.step_seconds, steps.length, steps[0].started, steps[0].latency],
      ['week', 86_400, 7, whole.from, null],
    );
    assert.deepEqual(steps[6].calls, calls);
    assert.deepEqual([figures.counted_at, figures.services], [1_900_000_000, 3]);
    assert.ok(figures.credentials.live > 0);
  });

  test('is of the last 24 hours where nothing is named, and refuses what is no period', async () => {
    const { body } = await server.call(PATH, { token });
    assert.deepEqual([body.response.period, body.response.steps.length], ['day', 24]);
    for (const query of ['period=year', 'period=', 'period=day&period=week', 'from=1']) {
      const refused = await server.call(`${PATH}?${query}`, { token });
      assert.deepEqual([refused.status, refused.body.body.status], [400, 'INVALID_DATA'], query);
    }
  });
});

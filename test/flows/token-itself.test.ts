import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { stateOf } from '../../server/credentials/credential.ts';
import { systemClock } from '../../server/ground/clock.ts';
import { type ApiServer, startApiServer } from '../support/api-server.ts';
import { eachStore } from '../support/stores.ts';

const HOUR = 3600;
const DAY = 86_400;
const TOKEN = '/api/1.1/me/token';
const ROTATE = `${TOKEN}/rotate`;

eachStore(({ url, isFirst }) => {
  describe('a token about itself', () => {
    let api: ApiServer;
    let ahead = 0;
    before(async () => {
      api = await startApiServer({ storeUrl: await url(), clock: () => systemClock() + ahead });
    });
    after(() => api.stop());

    const make = (wanted: Parameters<ApiServer['token']>[0] = {}) =>
      api.token({ expiresAt: systemClock() + 90 * DAY, ...wanted });
    const rotate = (token: string, json?: unknown) => api.call(ROTATE, { method: 'POST', token, json });
    const works = async (token: string) => (await api.call('/api/1.1/me', { token })).status === 200;
    const rowOf = (id: string) => api.domain.rows.credentials.get(id);

    test('is told its settings, and never its value', async () => {
      const { value, credential } = await make({ note: 'in the vault', scopes: ['profile'] });
      const { status, body, text, headers } = await api.call(TOKEN, { token: value });
      assert.equal(status, 200);
      assert.equal(headers.get('cache-control'), 'no-store');
      const { id, name, note, scopes, expires_at, replaced_by } = body.response;
      assert.deepEqual(
        [id, name, note, scopes, expires_at, replaced_by],
        [credential.id, 'Test token', 'in the vault', ['profile'], credential.expiresAt, null],
      );
      assert.ok(!text.includes(value) && !text.includes(credential.hash));
      const head = await api.call(TOKEN, { method: 'HEAD', token: value });
      assert.deepEqual([head.status, head.text], [200, '']);
    });

    test('rotates: the answer has the new value, the old one works for the overlap', async () => {
      const { value, credential } = await make();
      const { status, body } = await rotate(value, { overlap: HOUR });
      assert.equal(status, 200);
      const next = body.response;
      assert.match(next.token, /^lk_pat_[0-9A-Za-z]{36}$/);
      assert.deepEqual([next.name, next.replaces], ['Test token', credential.id]);
      assert.ok(next.old_ends_at - next.created_at === HOUR);
      assert.deepEqual([await works(value), await works(next.token)], [true, true]);
      ahead = HOUR + 1;
      assert.deepEqual([await works(value), await works(next.token)], [false, true]);
      ahead = 0;
    });

    test('has a day of overlap where it says nothing, or what is left', async () => {
      const { value } = await make();
      const { response } = (await rotate(value)).body;
      assert.equal(response.old_ends_at - response.created_at, DAY);
      const short = await make({ expiresAt: systemClock() + HOUR });
      assert.equal((await rotate(short.value, {})).body.response.old_ends_at, short.credential.expiresAt);
      const form = await make();
      const sent = await api.call(ROTATE, {
        method: 'POST',
        token: form.value,
        body: new URLSearchParams({ overlap: '0' }),
      });
      assert.equal(sent.status, 200);
      assert.equal(await works(form.value), false);
    });

    test('has one winner of many rotations at once, and the others are told', async () => {
      const { value, credential } = await make();
      const answers = await Promise.all(Array.from({ length: 6 }, () => rotate(value, { overlap: HOUR })));
      const codes = answers
        .map(({ status, body }) => [status, body.body?.status ?? body.status].join(' '))
        .sort();
      assert.deepEqual(codes, ['200 success', ...Array(5).fill('409 ROTATED_ALREADY')]);
      const rows = await api.domain.tokens.list(credential.accountId);
      assert.equal(rows.filter((row) => stateOf(row, systemClock()) === 'live').length, 2);
      assert.equal((await rotate(value)).body.body.status, 'ROTATED_ALREADY');
    });

    test('revokes itself, and no other', async () => {
      for (const [path, method] of [
        [TOKEN, 'DELETE'],
        [`${TOKEN}/revoke`, 'POST'],
      ] as const) {
        const { value, credential } = await make();
        const other = await make({ accountId: credential.accountId, name: 'Other' });
        const { status, body } = await api.call(path, {
          method,
          token: value,
          json: { id: other.credential.id },
        });
        assert.deepEqual([status, body.response], [200, { id: credential.id, revoked: true }]);
        assert.deepEqual([await works(value), await works(other.value)], [false, true]);
        assert.equal((await api.call(path, { method, token: value })).status, 401);
      }
    });

    test('has its calls on record, done and refused, each once', async () => {
      const { value, credential } = await make();
      await api.call(TOKEN, { token: value });
      await rotate(value, { overlap: -1 });
      await rotate(value, { overlap: HOUR });
      await api.call(TOKEN, { method: 'DELETE', token: value });
      const calls = (await api.calls()).filter(({ tokenId }) => tokenId === credential.id);
      assert.deepEqual(
        calls.map(({ method, path, status, result }) => `${method} ${path} ${status} ${result}`).sort(),
        [
          `DELETE ${TOKEN} 200 success`,
          `GET ${TOKEN} 200 success`,
          `POST ${ROTATE} 200 success`,
          `POST ${ROTATE} 400 INVALID_OVERLAP`,
        ],
      );
    });

    if (!isFirst) return;

    test('takes no overlap that is none, too long, past its end, or somewhere else', async () => {
      const { value, credential } = await make({ expiresAt: systemClock() + 2 * HOUR });
      const bad = [-1, 1.5, 1e99, 31 * DAY, 3 * HOUR, '1h', '', null, true, [60], { seconds: 60 }];
      for (const overlap of bad) {
        const { status, body } = await rotate(value, { overlap });
        assert.deepEqual(
          [status, body.body.status, body.body.parameter],
          [400, 'INVALID_OVERLAP', 'overlap'],
          JSON.stringify(overlap),
        );
      }
      const inQuery = await api.call(`${ROTATE}?overlap=0`, { method: 'POST', token: value });
      assert.equal(inQuery.body.body.status, 'INVALID_OVERLAP');
      assert.match((await rotate(value, { data: { overlap: 0 } })).body.body.message, /inside data/);
      assert.equal((await rotate(value, [1])).body.body.status, 'INVALID_DATA');
      assert.equal((await rowOf(credential.id))?.replacedBy, undefined);
    });

    test('is refused when it is dead, paused, or no personal access token', async () => {
      const now = systemClock();
      const dead = [
        await make({ expiresAt: now - 1 }),
        await make({ revokedAt: now - 1 }),
        await make({ pausedAt: now - 1 }),
      ];
      const service = await api.serviceToken(['wf:create_transaction']);
      for (const [path, method] of [
        [TOKEN, 'GET'],
        [TOKEN, 'DELETE'],
        [ROTATE, 'POST'],
        [`${TOKEN}/revoke`, 'POST'],
      ] as const) {
        assert.equal((await api.call(path, { method })).status, 401, path);
        for (const { value, credential } of dead) {
          assert.equal((await api.call(path, { method, token: value })).body.body.status, 'invalid_token');
          assert.deepEqual([(await rowOf(credential.id))?.revokedAt], [credential.revokedAt]);
        }
        const refused = await api.call(path, { method, token: service.value });
        assert.deepEqual([refused.status, refused.body.body.status], [403, 'FORBIDDEN'], path);
      }
    });

    test('has its methods, and no address below or beside it', async () => {
      const { value } = await make();
      for (const [path, method, allow] of [
        [TOKEN, 'POST', 'GET, HEAD, DELETE, OPTIONS'],
        [ROTATE, 'GET', 'POST, OPTIONS'],
        [ROTATE, 'DELETE', 'POST, OPTIONS'],
        [`${TOKEN}/revoke`, 'GET', 'POST, OPTIONS'],
      ] as const) {
        const { status, headers } = await api.call(path, { method, token: value });
        assert.deepEqual([status, headers.get('allow')], [405, allow], `${method} ${path}`);
        const options = await api.call(path, { method: 'OPTIONS' });
        assert.deepEqual([options.status, options.headers.get('allow')], [204, allow]);
      }
      for (const path of [
        `${TOKEN}/`,
        `${TOKEN}/pause`,
        `${TOKEN}/constructor`,
        `${TOKEN}s`,
        `${TOKEN}/tok_x`,
      ]) {
        assert.equal((await api.call(path, { token: value })).status, 404, path);
      }
      assert.ok(await works(value));
    });
  });
});

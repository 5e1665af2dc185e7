import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Client } from '../../server/credentials/client.ts';
import { networkBuckets } from '../../server/ground/limiter.ts';
import { type Agent, createAgent } from '../support/browserless.ts';
import { openPeople, type People } from '../support/people.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { eachStore } from '../support/stores.ts';

const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
const HOUR = 3600;

/** What strangers can have written: nobody is signed in, so it must be little, small, and gone soon. */
eachStore(({ url: storeUrl }) => {
  describe('without anybody signed in', () => {
    let server: TestServer;
    let people: People;
    let client: Client;
    before(async () => {
      server = await startTestServer({ storeUrl: await storeUrl() });
      people = await openPeople(server);
      const account = await people.account();
      const wanted = { account, name: 'Ledger', redirectUris: ['https://app.example.com/callback'] };
      const made = await people.domain.apps.create(
        { ...wanted, confidential: false, scopes: ['openid'] },
        { kind: 'operator' },
      );
      client = made.client;
    });
    after(async () => {
      await people.close();
      await server.stop();
    });

    const rowsOf = (model: string) =>
      people.domain.rows.artifacts.list({ where: [['model', '=', model]], limit: 500 });

    function authorize(agent: Agent, change: Record<string, string> = {}, path = '/oauth/authorize') {
      const query = new URLSearchParams({
        client_id: client.id,
        redirect_uri: 'https://app.example.com/callback',
        response_type: 'code',
        scope: 'openid',
        code_challenge: CHALLENGE,
        code_challenge_method: 'S256',
        ...change,
      });
      return agent.get(`${path}?${query}`);
    }

    /** A browser that goes on sending the cookie of a session that was ended, which the server once signed. */
    async function browserOfFormerSession() {
      const { agent } = await people.person();
      const names = ['latchkey_session', 'latchkey_session.sig'];
      const cookies = names.map((name) => [name, agent.cookie(name) ?? ''] as const);
      await agent.post('/sign-out', {});
      return (): Agent => {
        for (const [name, value] of cookies) agent.setCookie(name, value);
        return agent;
      };
    }

    it('an authorization request is one row, for an hour, and no session', async () => {
      const [sessions, waiting] = [await rowsOf('Session'), await rowsOf('Interaction')];
      const { location } = await authorize(createAgent(server.url));
      assert.match(location, /^\/interaction\//);
      assert.equal((await rowsOf('Session')).length, sessions.length);
      const known = new Set(waiting.map(({ id }) => id));
      const added = (await rowsOf('Interaction')).filter(({ id }) => !known.has(id));
      assert.equal(added.length, 1);
      const [row] = added;
      assert.ok(row !== undefined && row.expiresAt <= people.domain.clock() + HOUR);
    });

    it('neither signing out nor a cookie of former times writes a session', async () => {
      const former = await browserOfFormerSession();
      const before = (await rowsOf('Session')).length;
      for (const agent of [former, () => createAgent(server.url)]) {
        for (const path of ['/oauth/end-session', '/oauth/end-session/', '/oauth/END-SESSION']) {
          await agent().get(`${path}?client_id=${client.id}&state=x`);
          await agent().post(path, { client_id: client.id });
        }
        await agent().post('/oauth/end-session/confirm', { xsrf: 'x', logout: 'yes' });
        await agent().get('/oauth/end-session/success');
        await authorize(agent(), { prompt: 'none' });
        await authorize(agent());
      }
      assert.equal((await rowsOf('Session')).length, before);
    });

    it('requests that wait are bounded for a network, however the path is spelled', async () => {
      const limit = { limit: 1000, windowSeconds: 600 };
      const fill = ['127.0.0.1', '::1'].flatMap((address) => networkBuckets('waiting', address, limit));
      for (const [name, of] of fill.filter((_, index) => index < 2)) {
        for (let turn = 0; turn < 1000; turn += 1)
          await people.domain.limiter.count(name, of).catch(() => {});
      }
      const before = (await rowsOf('Interaction')).length;
      for (const path of ['/oauth/authorize', '/oauth/authorize/', '/oauth/AUTHORIZE']) {
        const refused = await authorize(createAgent(server.url), {}, path);
        assert.ok([429, 404].includes(refused.status), `${path}: ${refused.status}`);
        if (refused.status !== 429) continue;
        assert.ok(Number(refused.headers.get('retry-after')) > 0);
        assert.match(refused.text, /too many attempts/);
        assert.equal(refused.location, '');
      }
      assert.equal((await rowsOf('Interaction')).length, before);
      assert.doesNotMatch(server.logged(), /unexpected/);
    });
  });
});

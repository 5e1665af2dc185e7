import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openPeople, type Person } from '../support/people.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

type Line = { requestId?: string; msg?: string } & Record<string, unknown>;

describe('the log', () => {
  let server: TestServer;
  let people: Awaited<ReturnType<typeof openPeople>>;
  let person: Person;
  before(async () => {
    server = await startTestServer();
    people = await openPeople(server);
    person = await people.person();
  });
  after(async () => {
    await people.close();
    await server.stop();
  });

  /** What was logged of one request. */
  function linesOf(response: { headers: Headers }): Line[] {
    const requestId = response.headers.get('x-request-id');
    assert.match(requestId ?? '', /^[0-9a-z]{7}-[0-9a-f-]{36}$/);
    const lines = server.logged().trim().split('\n');
    return lines.map((line) => JSON.parse(line) as Line).filter((line) => line.requestId === requestId);
  }

  it('has one line a request, with its id and the credential that it came with', async () => {
    const { value, credential } = await people.domain.tokens.mint(
      {
        account: person.account,
        name: 'Laptop',
        scopes: ['profile'],
        expiresAt: people.domain.clock() + 3600,
      },
      { kind: 'operator' },
    );
    const response = await fetch(`${server.url}/api/1.1/me?why=not`, {
      headers: { authorization: `Bearer ${value}` },
    });
    const [line, ...more] = linesOf(response);
    assert.deepEqual(more, []);
    const { time, ms, requestId: _requestId, ...said } = line ?? {};
    assert.deepEqual(said, {
      level: 30,
      msg: 'request',
      method: 'GET',
      path: '/api/1.1/me',
      status: 200,
      from: '127.0.0.1',
      credential: credential.id,
    });
    assert.ok(typeof ms === 'number' && Math.abs(Date.parse(String(time)) - Date.now()) < 60_000);
  });

  it('names the client secret at the token endpoint, and why a client was refused', async () => {
    const { client, secret } = await people.domain.services.create(
      {
        account: person.account,
        name: 'Courier',
        scopes: ['profile'],
        actsFor: 'account',
        resourceServer: false,
      },
      { kind: 'operator' },
    );
    const ask = (clientSecret: string) =>
      fetch(`${server.url}/oauth/token`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'client_credentials',
          client_id: client.id,
          client_secret: clientSecret,
        }),
      });
    const [given] = linesOf(await ask(secret.value));
    assert.deepEqual([given?.status, given?.credential], [200, secret.credential.id]);
    const refused = linesOf(await ask('lk_cs_wrong'));
    assert.deepEqual(
      refused.map(({ msg, error, status }) => [msg, error ?? status]),
      [
        ['refused', 'invalid_client'],
        ['request', 401],
      ],
    );
  });

  it('holds no query, and no id of a sign-in that waits', async () => {
    const page = await person.agent.get('/interaction/some-secret-uid?token=another-secret');
    const [line] = linesOf(page);
    assert.equal(line?.path, '/interaction/:uid');
    assert.doesNotMatch(server.logged(), /some-secret|another-secret/);
  });
});

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { textOf } from '../support/page-text.ts';
import { openPeople, type People, type Person } from '../support/people.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { createKeptMail } from '../support/smtp.ts';

const PATH = '/admin/credentials';
const actor = { kind: 'operator' } as const;

describe('tokens and secrets in the console', () => {
  let server: TestServer;
  let people: People;
  let admin: Person;
  before(async () => {
    server = await startTestServer();
    people = await openPeople(server);
    admin = await people.person({ admin: true });
  });
  after(async () => {
    await people.close();
    await server.stop();
  });

  const mint = async (account: Person['account'], name = 'Build server') => {
    const expiresAt = people.domain.clock() + 86_400;
    return people.domain.tokens.mint({ account, name, scopes: ['profile'], expiresAt }, actor);
  };
  const service = async (account: Person['account']) =>
    people.domain.services.create(
      { account, name: 'Sync', scopes: ['profile'], actsFor: 'account', resourceServer: false },
      actor,
    );
  const search = async (form: Record<string, string>) => {
    const page = await admin.agent.post(PATH, { kind: '', state: '', ...form });
    return page.location === '' ? page : admin.agent.get(page.location);
  };
  const idsIn = ({ text }: { text: string }) =>
    [...text.matchAll(/\/admin\/credentials\/((?:tok|sec)_\w+)"/g)].map(([, id]) => id);

  test('are found by last four, owner, ids and state, and by no pattern', async () => {
    const owner = await people.account();
    const { credential, value } = await mint(owner);
    const { client, secret } = await service(owner);
    const [id, secretId] = [credential.id, secret.credential.id];
    for (const q of [credential.lastFour, `lk_pat_${credential.firstFour}…${value.slice(-4)}`, id])
      assert.ok(idsIn(await search({ q })).includes(id), q);
    for (const q of [owner.email.toUpperCase(), owner.id])
      assert.deepEqual(idsIn(await search({ q })).sort(), [id, secretId].sort(), q);
    assert.deepEqual(idsIn(await search({ q: client.id })), [secretId]);
    assert.deepEqual(idsIn(await search({ q: owner.id, kind: 'client_secret' })), [secretId]);
    assert.deepEqual(idsIn(await search({ q: owner.id, state: 'paused' })), []);
    assert.ok(!idsIn(await search({ kind: 'client_secret' })).includes(id));
    for (const q of ['%', '%%%%', '$ne', '.*', 'nobody@example.com', '____'])
      assert.match((await search({ q })).text, /Nothing is found by this/, q);
    for (const [state, expected] of [
      ['live', true],
      ['revoked', false],
    ] as const)
      assert.equal(idsIn(await search({ state })).includes(id), expected, state);
  });

  test('are found by a whole value, which stands in no address, no page and no log', async () => {
    const owner = await people.account();
    const { credential, value } = await mint(owner, 'Leaked');
    const { client, secret } = await service(owner);
    const posted = await admin.agent.post(PATH, { q: ` ${value} ` });
    assert.equal(posted.location, `${PATH}/${credential.id}`);
    assert.equal(
      (await admin.agent.post(PATH, { q: secret.value })).location,
      `${PATH}/${secret.credential.id}`,
    );
    const page = await admin.agent.get(posted.location);
    assert.match(textOf(page.text), new RegExp(`Leaked .*Owner ${owner.email}`));
    const pasted = await admin.agent.get(`${PATH}?q=${value}`);
    const unknown = await admin.agent.post(PATH, { q: `${value.slice(0, -1)}_` });
    assert.equal(unknown.status, 404);
    assert.match(unknown.text, /Nothing is found by this/);
    for (const { text } of [page, pasted, unknown]) {
      assert.ok(!text.includes(value.slice(0, -1)));
      assert.ok(!text.includes(credential.hash));
    }
    assert.ok(!server.logged().includes(value.slice(7, -1)));
    const access = await fetch(`${server.url}/oauth/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: client.id,
        client_secret: secret.value,
      }),
    });
    const { access_token: q } = (await access.json()) as { access_token: string };
    const { location } = await admin.agent.post(PATH, { q });
    assert.equal(location, `${PATH}?q=${client.id}&done=access_token`);
    assert.match((await admin.agent.get(location)).text, /an access token which this client was given/);
    const stranger = await people.person();
    assert.equal((await stranger.agent.post(PATH, { q: value })).status, 404);
  });

  test('are shown with what they are, their use and what was done to them', async () => {
    const owner = await people.account();
    const { credential, value } = await mint(owner);
    await fetch(`${server.url}/api/1.1/me`, { headers: { authorization: `Bearer ${value}` } });
    const text = textOf((await admin.agent.get(`${PATH}/${credential.id}`)).text);
    assert.match(text, /Personal access token Owner .* State Live Value lk_pat_.* Allows/);
    assert.match(text, /In the last 30 days it made 1 call/);
    assert.match(text, /GET \/api\/1\.1\/me Build server Success .*Token made Build server Done/);
    const { client, secret } = await service(owner);
    const ofSecret = textOf((await admin.agent.get(`${PATH}/${secret.credential.id}`)).text);
    assert.match(
      ofSecret,
      new RegExp(`Client secret Owner .*Service Sync ${client.id} State Live .*Revoke…`),
    );
    assert.doesNotMatch(ofSecret, /Pause…/);
    assert.equal((await admin.agent.get(`${PATH}/${secret.credential.id}/pause`)).status, 404);
    assert.equal((await admin.agent.get(`${PATH}/tok_none`)).status, 404);
  });

  test('are paused, resumed and revoked with a reason that the owner is mailed and reads', async () => {
    const owner = await people.person();
    const { credential } = await mint(owner.account);
    const path = `${PATH}/${credential.id}`;
    const state = async () => textOf((await admin.agent.get(path)).text).match(/State (\w+)/)?.[1];
    const silent = await admin.agent.post(`${path}/pause`, { reason: ' ' });
    assert.equal(silent.status, 400);
    assert.match(silent.text, /A reason is missing/);
    assert.equal(await state(), 'Live');
    // What the owner paused they could resume: an admin takes it over.
    await owner.agent.post(`/tokens/${credential.id}/pause`, {});
    assert.match((await admin.agent.get(path)).text, new RegExp(`${path}/pause`));
    const once = { reason: 'Odd calls', form_id: crypto.randomUUID() };
    for (const _ of [1, 2])
      assert.equal((await admin.agent.post(`${path}/pause`, once)).location, `${path}?done=pause`);
    assert.equal(await state(), 'Paused');
    assert.equal((await admin.agent.post(`${path}/pause`, { reason: 'Again' })).status, 409);
    const own = await owner.agent.get(`/tokens/${credential.id}`);
    assert.match(own.text, /only an admin resumes it/);
    assert.ok(!own.text.includes('/resume'));
    assert.equal((await owner.agent.post(`/tokens/${credential.id}/resume`, {})).status, 403);
    const chosen = { token: credential.id, act: 'resume', confirmed: 'yes' };
    await owner.agent.post('/tokens', chosen);
    assert.equal(await state(), 'Paused');
    await admin.agent.post(`${path}/resume`, { reason: 'They were ours' });
    assert.equal(await state(), 'Live');
    await admin.agent.post(`${path}/revoke`, { reason: 'Found on a forum' });
    assert.equal(await state(), 'Revoked');
    const { text } = await owner.agent.get('/activity');
    for (const words of ['Token paused', 'Token resumed', 'Token revoked'])
      assert.match(text, new RegExp(`${words}, by an admin of this site \\(reason: [A-Z]`));
    const mail = createKeptMail(server.mailFolder);
    for (const [subject, reason] of [
      [/^Token paused: Build server$/, 'Odd calls'],
      [/^Token revoked: Build server$/, 'Found on a forum'],
    ] as const) {
      const { text = '' } = await mail.waitFor({ to: owner.account.email, subject });
      assert.match(text, new RegExp(`From: an admin of this site \\(reason: ${reason}\\)`));
    }
  });

  test('are revoked together, those of several owners, and only with a reason', async () => {
    const [ann, bob] = [await people.account(), await people.account()];
    const tokens = [await mint(ann, 'A'), await mint(ann, 'B'), await mint(bob, 'C')];
    const { secret } = await service(bob);
    const ids = [...tokens.map(({ credential }) => credential.id), secret.credential.id];
    const query = ids.map((id) => `credential=${id}`).join('&');
    const page = await admin.agent.get(`${PATH}/revoke?${query}`);
    assert.match(textOf(page.text), new RegExp(`Revoke these 4\\? .*${ann.email}.*${bob.email}`));
    const revoke = (reason: string, credentials = ids.join(',')) =>
      admin.agent.post(`${PATH}/revoke`, { credentials, reason });
    assert.equal((await revoke('')).status, 400);
    assert.equal((await revoke('Why not', `${ids.join(',')},tok_none`)).status, 404);
    const rows = () => Promise.all(ids.map((id) => people.domain.rows.credentials.get(id)));
    assert.ok((await rows()).every((row) => row?.revokedAt === undefined));
    assert.equal((await revoke('Left the company')).location, `${PATH}?done=chosen`);
    assert.ok((await rows()).every((row) => row?.revokedAt !== undefined));
    const subjects = async (to: string) =>
      (await people.domain.rows.outbox.list({ where: [['to', '=', to]], limit: 20 }))
        .map(({ subject }) => subject)
        .filter((subject) => /revoked/.test(subject));
    assert.deepEqual(await subjects(ann.email), ['2 personal access tokens were revoked']);
    assert.equal((await subjects(bob.email)).length, 2);
  });
});

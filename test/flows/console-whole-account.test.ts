import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { systemClock } from '../../server/ground/clock.ts';
import { FRESH_SIGN_IN_SECONDS } from '../../server/ground/limits.ts';
import { THING_ACTS, type ThingKind } from '../../server/management/account-things.ts';
import { openPeople, type People, type Person } from '../support/people.ts';
import { createThings } from '../support/routes.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

describe('the whole of one account in the console', () => {
  let server: TestServer;
  let people: People;
  let admin: Person;
  let ann: Person;
  let ids: Record<ThingKind, string>;
  let appId: string;
  /** How far the server's clock is ahead. */
  let aheadSeconds = 0;
  before(async () => {
    server = await startTestServer({ clock: () => systemClock() + aheadSeconds });
    people = await openPeople(server);
    admin = await people.person({ admin: true });
    ann = await people.person();
    const things = await createThings(server.url, people.domain, ann);
    const id = (name: string) => things[name] ?? assert.fail(name);
    appId = id('/developer/:id');
    ids = {
      tokens: id('/tokens/:id'),
      services: id('/services/:id'),
      secrets: id('/services/:secretId'),
      grants: id('/apps/:id'),
      sessions: id('/account/:uid'),
      identities: id('/account/:id'),
    };
  });
  after(async () => {
    await people.close();
    await server.stop();
  });

  const pathOf = (kind: string, act: string, of = ann.account.id) =>
    `/admin/accounts/${of}/${kind}/${ids[kind as ThingKind]}/${act}`;
  const page = async () => (await admin.agent.get(`/admin/accounts/${ann.account.id}`)).text;

  test('shows each thing with what can be done to it', async () => {
    const text = await page();
    for (const [kind, act] of [
      ['tokens', 'pause'],
      ['tokens', 'revoke'],
      ['services', 'pause'],
      ['services', 'revoke'],
      ['secrets', 'revoke'],
      ['grants', 'end'],
      ['sessions', 'end'],
      ['identities', 'remove'],
    ] as const) {
      assert.ok(text.includes(`href="${pathOf(kind, act)}"`), `${kind} ${act}`);
    }
    for (const path of [
      `/admin/apps/${appId}`,
      `/admin/services/${ids.services}`,
      `/admin/credentials/${ids.tokens}`,
      `/admin/credentials/${ids.secrets}`,
      `/admin/activity?account=${ann.account.id}`,
      `/admin/audit?account=${ann.account.id}`,
    ]) {
      assert.ok(text.includes(`href="${path}"`), path);
      assert.equal((await admin.agent.get(path)).status, 200, path);
    }
    assert.match(text, /Latest activity[\s\S]*Signed in[\s\S]*With a password/);
    assert.match(text, /What was done to it by others[\s\S]*Account made[\s\S]*The operator/);
  });

  test('finds nothing of one account under another, and no act that there is not', async () => {
    const stranger = await people.account();
    for (const kind of Object.keys(ids)) {
      const [act = ''] = THING_ACTS[kind as ThingKind];
      for (const path of [
        pathOf(kind, act, stranger.id),
        pathOf(kind, act, 'acc_none'),
        pathOf(kind, 'mint'),
        pathOf(kind, act).replace(ids[kind as ThingKind], '$ne'),
      ]) {
        assert.equal((await admin.agent.get(path)).status, 404, path);
        assert.equal((await admin.agent.post(path, { reason: 'Test' })).status, 404, path);
      }
    }
    assert.equal((await admin.agent.get(pathOf('constructor', 'end'))).status, 404);
    // A secret is no token, though both are credentials.
    const path = pathOf('tokens', 'revoke').replace(ids.tokens, ids.secrets);
    assert.equal((await admin.agent.post(path, { reason: 'Test' })).status, 404);
  });

  test('each act wants a fresh sign-in, and the account that was shown its form', async () => {
    const paths = [
      `/admin/accounts/${ann.account.id}/suspend`,
      pathOf('tokens', 'revoke'),
      `/admin/services/${ids.services}/pause`,
      `/admin/services/${ids.services}/edit`,
      `/admin/services/${ids.services}/secrets/${ids.secrets}/revoke`,
      '/admin/services/new',
      `/admin/credentials/${ids.tokens}/revoke`,
      `/admin/credentials/revoke?credential=${ids.tokens}`,
      `/admin/apps/${appId}/cut-off`,
      '/admin/invitations/new',
      '/admin/mail/retry?id=any',
    ];
    const reason = 'Test';
    for (const path of paths) {
      const other = await admin.agent.post(path, { reason, viewer: ann.account.email });
      assert.deepEqual([other.status, /opened by another account/.test(other.text)], [409, true], path);
    }
    aheadSeconds = FRESH_SIGN_IN_SECONDS + 1;
    for (const path of paths) {
      for (const page of [await admin.agent.get(path), await admin.agent.post(path, { reason })])
        assert.match(page.location, /^\/sign-in\?fresh=1&/, path);
    }
    aheadSeconds = 0;
    assert.equal((await people.domain.accounts.get(ann.account.id))?.suspendedAt, undefined);
  });

  test('each act needs a reason, is done, and is read by the account with it', async () => {
    // The secret before its service, which takes it along.
    for (const [kind, acts] of Object.entries(THING_ACTS).reverse()) {
      for (const act of acts) {
        const path = pathOf(kind, act);
        assert.match((await admin.agent.get(path)).text, /<h1>[^<]*person/, path);
        assert.equal((await admin.agent.post(path, { reason: '' })).status, 400, path);
        const done = await admin.agent.post(path, { reason: `Why ${kind} ${act}` });
        assert.equal(done.location, `/admin/accounts/${ann.account.id}?done=${kind}-${act}`, done.text);
        assert.match((await admin.agent.get(done.location)).text, /notice done/, path);
        const again = (await admin.agent.post(path, { reason: 'Again' })).status;
        assert.ok([404, 409].includes(again), `${path}: ${again}`);
      }
    }
    const { domain, signIn } = people;
    const accountId = ann.account.id;
    assert.notEqual((await domain.tokens.get({ accountId, id: ids.tokens })).revokedAt, undefined);
    assert.notEqual((await domain.services.get({ accountId, id: ids.services })).revokedAt, undefined);
    assert.deepEqual(await domain.grants.list(accountId), []);
    assert.deepEqual(await domain.identities.list(accountId), []);
    assert.equal((await ann.agent.get('/tokens')).status, 303);
    const { text } = await (await signIn(ann.account.email)).get('/activity');
    for (const [what, why] of [
      ['Token paused', 'tokens pause'],
      ['Token revoked', 'tokens revoke'],
      ['Service resumed', 'services resume'],
      ['Secret revoked', 'secrets revoke'],
      ['App cut off', 'grants end'],
      ['Session ended', 'sessions end'],
      ['Way to sign in removed', 'identities remove'],
    ]) {
      assert.ok(text.includes(`${what}, by an admin of this site (reason: Why ${why})`), what);
    }
    assert.ok((await page()).includes(admin.account.email));
  });

  test('says of an account that a portal link brought by whom', async () => {
    const { domain } = people;
    const brought = {
      email: 'brought@example.com',
      admin: false,
      externalId: 'user-7',
      vouchedBy: ids.services,
    };
    const { id } = await domain.accounts.create(brought, { kind: 'client', id: ids.services });
    await domain.rows.accounts.update(id, { set: { metadata: { plan: 'gold' } } });
    const { text } = await admin.agent.get(`/admin/accounts/${id}`);
    assert.match(text, /plan: gold/);
    assert.match(text, /user-7/);
    assert.match(text, /Brought by[\s\S]*The service Own, on its word/);
    assert.match(text, /Not set/);
  });

  test('lists and ends what a portal link began', async () => {
    const { domain } = people;
    const { id } = await domain.accounts.create(
      { email: 'portal@example.com', admin: false },
      { kind: 'operator' },
    );
    const now = domain.clock();
    const sender = async (name: string) => {
      const scopes = ['admin:portal-links'];
      const rights = { scopes, actsFor: 'app', resourceServer: false, reason: 'Its users' } as const;
      const wanted = { ...rights, account: admin.account, name, expiresAt: now + 86_400 };
      return (await domain.services.create(wanted, { kind: 'operator' })).client;
    };
    const [shop, paused] = [await sender('Shop'), await sender('Old shop')];
    await domain.services.pause(paused, { kind: 'operator' });
    const session = { accountId: id, page: 'tokens' as const, returnUrl: 'https://app.example.com/' };
    for (const [name, expiresAt, securityVersion, madeBy] of [
      ['good', now + 60, 0, shop.id],
      ['over', now - 1, 0, shop.id],
      ['before', now + 60, 7, shop.id],
      ['stopped', now + 60, 0, paused.id],
    ] as const) {
      await domain.rows.portalSessions.insert({
        ...session,
        id: name,
        startedAt: now,
        expiresAt,
        securityVersion,
        madeBy,
      });
    }
    const path = (name: string, of = id) => `/admin/accounts/${of}/sessions/${name}/end`;
    const { text } = await admin.agent.get(`/admin/accounts/${id}`);
    assert.match(text, /Portal link to tokens/);
    for (const name of ['good', 'over', 'before', 'stopped'])
      assert.equal(text.includes(`href="${path(name)}"`), name === 'good', name);
    for (const name of ['over', 'before', 'stopped'])
      assert.equal((await admin.agent.get(path(name))).status, 404, name);
    const reason = 'It left the screen open';
    assert.equal((await admin.agent.post(path('good', ann.account.id), { reason })).status, 404);
    const done = await admin.agent.post(path('good'), { reason });
    assert.equal(done.location, `/admin/accounts/${id}?done=sessions-end`);
    assert.equal(await domain.rows.portalSessions.get('good'), undefined);
    assert.match((await admin.agent.get(done.location)).text, /Session ended[\s\S]*It left the screen open/);
  });
});

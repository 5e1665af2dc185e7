import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, describe, it } from 'node:test';
import Koa from 'koa';
import { reaches, type WantedPortalLink } from '../../server/access/portal-links.ts';
import type { Account } from '../../server/accounts/account.ts';
import type { Client } from '../../server/credentials/client.ts';
import { Problem } from '../../server/ground/errors.ts';
import { PORTAL_LINK_SECONDS, PORTAL_SESSION_SECONDS } from '../../server/ground/limits.ts';
import { createPortalSessions } from '../../server/pages/portal-session.ts';
import { actor, openTestDomain, type TestDomain } from '../support/domain.ts';

/** What a portal link opens, for how long, and for whom the word of an app is enough. */

const RETURN_URL = 'https://shop.example.com/account';
const FROM = { from: '192.0.2.1', requestId: 'r' };

describe('portal links', () => {
  let domain: TestDomain;
  let owner: Account;
  let shop: Client;
  before(async () => {
    domain = await openTestDomain({ settings: { portalReturnUrls: [RETURN_URL] } });
    owner = await domain.account('root@example.com', true);
  });
  after(() => domain.stop());
  beforeEach(async () => {
    const rights = { scopes: ['admin:portal-links'], actsFor: 'app', reason: 'Its users' } as const;
    const wanted = { ...rights, resourceServer: false, account: owner, name: 'Shop' };
    const expiresAt = domain.clock() + 86_400;
    shop = (await domain.services.create({ ...wanted, expiresAt }, actor)).client;
  });

  let count = 0;
  async function make(wanted: Partial<WantedPortalLink> = {}) {
    count += 1;
    const email = `visitor${count}@example.com`;
    const whole = {
      page: 'tokens',
      returnUrl: RETURN_URL,
      ...(wanted.externalId ? {} : { email }),
      ...wanted,
    } as const;
    const made = await domain.portalLinks.create(whole, { kind: 'client', id: shop.id }, owner.id);
    return { ...made, token: new URL(made.url).searchParams.get('token') ?? '' };
  }
  const open = async (token: string) => (await domain.portalLinks.open({ token, formId: 'f' }, FROM)).value;
  const refused = (code: string) => (error: unknown) => error instanceof Problem && error.code === code;

  it('reach the paths of their page, and none that only begins like it', () => {
    for (const [page, path, does] of [
      ['tokens', '/tokens', true],
      ['tokens', '/tokens/tok_1/revoke', true],
      ['tokens/new', '/tokens', true],
      ['tokens', '/tokens-of-all', false],
      ['apps', '/approve', false],
      ['activity', '/activity.csv', true],
      ['activity', '/activity.csvx', false],
      ['tokens', '/activity.csv', false],
      ['tokens', '/account', false],
      ['tokens', '/', false],
    ] as const)
      assert.equal(reaches(page, path), does, `${page} ${path}`);
  });

  it('are over, and their sessions, in the second in which they end', async () => {
    const { token } = await make();
    domain.pass(PORTAL_LINK_SECONDS);
    await assert.rejects(domain.portalLinks.find(token), refused('LINK_DEAD'));
    const value = await open((await make()).token);
    domain.pass(PORTAL_SESSION_SECONDS - 1);
    assert.ok((await domain.portalLinks.session(value))?.account !== undefined);
    domain.pass(1);
    assert.equal((await domain.portalLinks.session(value))?.account, undefined);
  });

  it('have sessions that admins see as long as they open something, and end under their own account alone', async () => {
    const { token, account } = await make();
    await open(token);
    const [session, ...more] = await domain.portalSessionList.list(account.id);
    assert.deepEqual(more, []);
    const endAs = (accountId: string) =>
      domain.portalSessionList.endOneAs(actor, { accountId, id: session?.id ?? '' });
    assert.equal(await endAs(owner.id), false);
    await domain.services.pause({ accountId: owner.id, id: shop.id }, actor);
    assert.deepEqual(await domain.portalSessionList.list(account.id), []);
    await domain.rows.clients.update(shop.id, { unset: ['pausedAt'] });
    assert.equal((await domain.portalSessionList.list(account.id)).length, 1);
    assert.deepEqual([await endAs(account.id), await endAs(account.id)], [true, false]);
  });

  it('open nothing of an account that is suspended by then', async () => {
    const { token, account } = await make();
    await domain.rows.accounts.update(account.id, { set: { suspendedAt: domain.clock() } });
    await assert.rejects(domain.portalLinks.find(token), refused('ACCOUNT_SUSPENDED'));
  });

  it('are made for nobody who signs in by an identity provider, and no id is given to two accounts', async () => {
    const ann = await domain.account('ann@example.com');
    await domain.rows.identities.insert({
      ...{ id: 'idn_1', accountId: ann.id, issuer: 'https://accounts.google.com', subject: '1' },
      ...{ email: ann.email, createdAt: 1 },
    } as never);
    await assert.rejects(make({ email: ann.email }), refused('HAS_OWN_SIGN_IN'));
    const { account } = await make({ email: 'bob@example.com', externalId: 'shop:1' });
    assert.equal((await make({ externalId: 'shop:1' })).account.id, account.id);
    await assert.rejects(
      make({ email: 'bob@example.com', externalId: 'shop:2' }),
      refused('OTHER_EXTERNAL_ID'),
    );
    // Also where the account was read before it had one.
    const { externalId, ...before } = account;
    await assert.rejects(
      domain.vouchedAccounts.nameExternally(before as Account, 'shop:3', actor),
      refused('OTHER_EXTERNAL_ID'),
    );
    assert.equal((await domain.rows.accounts.get(account.id))?.externalId, 'shop:1');
  });

  it('leave a cookie that no page of another origin and no open line sees, and that is gone at the end', async () => {
    const { portalLinks } = domain;
    const value = await open((await make()).token);
    const cookiesOf = async (production: boolean) => {
      const sessions = createPortalSessions({ portalLinks, settings: { production } });
      const app = new Koa().use(async (ctx) => {
        if (ctx.path === '/start') sessions.start(ctx, value);
        else ctx.body = String(await sessions.end(ctx));
      });
      const server = createServer(app.callback());
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      try {
        const [start = ''] = (await fetch(`${url}/start`)).headers.getSetCookie();
        const end = await fetch(url, { headers: { cookie: start.split(';')[0] ?? '' } });
        return { start, end: end.headers.getSetCookie()[0], returnUrl: await end.text() };
      } finally {
        server.closeAllConnections();
        server.close();
      }
    };
    const { start, end, returnUrl } = await cookiesOf(true);
    assert.match(start, /^__Host-latchkey_portal=[\w-]{43}; Path=\/;.*Secure/i);
    assert.match(start, /HttpOnly/i);
    assert.match(start, /SameSite=Lax/i);
    assert.match(end ?? '', /^__Host-latchkey_portal=; .*(Max-Age=0|Expires=Thu, 01 Jan 1970)/i);
    assert.equal(returnUrl, RETURN_URL);
    // Whoever kept the value has nothing by it.
    assert.equal(await portalLinks.session(value), undefined);
    assert.match((await cookiesOf(false)).start, /^latchkey_portal=(?!.*Secure)/i);
  });
});

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { networkOfDevice } from '../../server/access/known-devices.ts';
import { boundedUserAgent, browserOf } from '../../server/access/user-agent.ts';
import type { Account } from '../../server/accounts/account.ts';
import { openTestDomain, type TestDomain } from '../support/domain.ts';
import { eachStore } from '../support/stores.ts';

const CHROME =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36';
const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0';
const DAY = 86_400;

eachStore(({ url }) => {
  describe('known devices', () => {
    let domain: TestDomain;
    let people = 0;

    before(async () => {
      domain = await openTestDomain({ storeUrl: await url() });
    });
    after(() => domain.stop());

    const newPerson = () => {
      people += 1;
      return domain.account(`device${people}@example.com`);
    };

    const signIn = (account: Account, wanted: { userAgent?: string; from?: string; cookie?: string } = {}) =>
      domain.knownDevices.note({
        ...{ account, userAgent: CHROME, from: '198.51.100.7', cookie: '', requestId: 'r' },
        ...wanted,
      });

    const mails = async ({ email }: Account) => (await domain.mailed(email)).length;

    test('tells of a new device once, and not of the first one', async () => {
      const account = await newPerson();
      await signIn(account);
      assert.equal(await mails(account), 0);
      await signIn(account, { userAgent: FIREFOX });
      await signIn(account, { userAgent: FIREFOX });
      assert.equal(await mails(account), 1);
      assert.deepEqual(await domain.audited(account.id), [
        `account.created ${account.email}`,
        'session.new_device Firefox 130 on Linux',
      ]);
      const [mail] = await domain.rows.outbox.list({ where: [['to', '=', account.email]], limit: 2 });
      assert.match(mail?.text ?? '', /Signed in: .*\nFrom: 198\.51\.100\.7\nBrowser: Firefox 130 on Linux/);
      assert.match(mail?.text ?? '', /choose a new password.*\/account\/access/s);
    });

    test('knows it by browser and network, or by its cookie, of this account alone', async () => {
      const account = await newPerson();
      const cookie = await signIn(account);
      await signIn(account, { from: '198.51.100.200', userAgent: CHROME.replace('131', '132') });
      // Elsewhere and another browser by its own word, but it has the cookie.
      assert.equal(await signIn(account, { from: '203.0.113.9', userAgent: FIREFOX, cookie }), cookie);
      assert.equal(await mails(account), 0);
      const other = await newPerson();
      await signIn(other);
      assert.notEqual(await signIn(other, { from: '192.0.2.1', cookie }), cookie);
      assert.equal(await mails(other), 1);
      assert.ok(!(await domain.dump()).includes(cookie));
    });

    test('adopts no value that it did not make itself', async () => {
      const account = await newPerson();
      await signIn(account);
      const planted = 'p'.repeat(43);
      assert.notEqual(await signIn(account, { cookie: planted }), planted);
      await signIn(account, { cookie: planted, from: '203.0.113.9' });
      assert.equal(await mails(account), 1);
    });

    test('tells once of two sign-ins at the same moment', async () => {
      const account = await newPerson();
      await signIn(account);
      await Promise.all(Array.from({ length: 6 }, () => signIn(account, { userAgent: FIREFOX })));
      assert.equal(await mails(account), 1);
    });

    test('tells again of a device that was away for too long', async () => {
      const account = await newPerson();
      const cookie = await signIn(account);
      domain.pass(401 * DAY);
      await signIn(account, { cookie });
      assert.equal(await mails(account), 1);
    });

    test('the mail is not lost where the process dies before it is in the outbox', async (t) => {
      const account = await newPerson();
      await signIn(account);
      const { outbox } = domain.rows;
      const broken = t.mock.method(outbox, 'insertMany', async () => {
        throw new Error('the process is gone');
      });
      await signIn(account, { userAgent: FIREFOX });
      broken.mock.restore();
      assert.equal(await mails(account), 0);
      domain.pass(60);
      await domain.effects.sweep();
      await signIn(account, { userAgent: FIREFOX });
      assert.equal(await mails(account), 1);
    });

    test('holds few rows and sends few mails, however many devices somebody pretends to have', async () => {
      const account = await newPerson();
      await signIn(account);
      for (let net = 0; net < 70; net += 1) await signIn(account, { from: `10.0.${net}.1` });
      const rows = await domain.rows.knownDevices.count([['accountId', '=', account.id]]);
      assert.ok(rows <= 61, String(rows));
      const sent = await mails(account);
      assert.ok(sent > 1 && sent <= 22, String(sent));
      await signIn(account, { from: '10.0.69.2' });
      assert.equal(await mails(account), sent);
    });

    test('go with their account', async () => {
      const account = await newPerson();
      await signIn(account);
      await domain.removal.remove(account, { kind: 'operator' });
      assert.equal(await domain.rows.knownDevices.count([['accountId', '=', account.id]]), 0);
    });
  });
});

test('a browser is named in words of ours, whatever it says', () => {
  assert.equal(browserOf(CHROME).label, 'Chrome 131 on Windows 10');
  assert.equal(browserOf(FIREFOX).label, 'Firefox 130 on Linux');
  for (const hostile of [
    undefined,
    '',
    'Pay at evil.example/1.2 ',
    '<b>/1 ',
    '('.repeat(100_000),
    'Android '.repeat(50_000),
  ]) {
    const begun = performance.now();
    assert.match(browserOf(hostile).label, /^(Unknown browser|Android Browser) on (unknown system|Android)$/);
    assert.ok(performance.now() - begun < 100);
  }
  assert.equal(boundedUserAgent('x'.repeat(5_000)).length, 400);
});

test('a network is cut at /24 and /48', () => {
  assert.equal(networkOfDevice('198.51.100.7'), networkOfDevice('198.51.100.250'));
  assert.notEqual(networkOfDevice('198.51.100.7'), networkOfDevice('198.51.101.7'));
  assert.equal(networkOfDevice('::ffff:198.51.100.7'), networkOfDevice('198.51.100.9'));
  assert.equal(networkOfDevice('2001:db8:1:2::3'), networkOfDevice('2001:db8:1:ffff::1'));
  assert.notEqual(networkOfDevice('2001:db8:1::3'), networkOfDevice('2001:db8:2::3'));
  assert.equal(networkOfDevice('no address'), 'no address');
});

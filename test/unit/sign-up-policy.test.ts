import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { requireEmail } from '../../server/accounts/email.ts';
import type { IdentityClaims } from '../../server/accounts/newcomers.ts';
import { NO_ACCOUNT } from '../../server/activity/audit.ts';
import type { Actor } from '../../server/ground/actor.ts';
import { Problem, type ProblemCode } from '../../server/ground/errors.ts';
import { MAILED_INVITATION_SECONDS } from '../../server/ground/limits.ts';
import { type OwnerSettings, readSettings, WrongSettings } from '../../server/ground/settings.ts';
import { isOfDomains } from '../../server/ground/sign-up-setting.ts';
import { actor, openTestDomain, type TestDomain } from '../support/domain.ts';
import { eachStore } from '../support/stores.ts';

const PASSWORD = 'correct horse battery staple';
const NEWCOMER: Actor = { kind: 'account', from: '192.0.2.9' };

function problem(code: ProblemCode) {
  return (error: unknown) => error instanceof Problem && error.code === code && error.hint !== '';
}

function signUpOf(environment: Record<string, string>, signUp?: OwnerSettings['signUp']) {
  const owner = { secret: 'x'.repeat(32), ...(signUp === undefined ? {} : { signUp }) };
  return readSettings(owner, environment).signUp;
}

describe('the setting signUp', () => {
  test('is a word, domains, or domains between commas, each in the spelling of addresses', () => {
    assert.equal(signUpOf({}), 'anyone');
    assert.equal(signUpOf({ LATCHKEY_SIGN_UP: 'invited' }, 'nobody'), 'invited');
    assert.deepEqual(signUpOf({ LATCHKEY_SIGN_UP: 'Example.COM., *.example.org,example.com' }), {
      domains: ['example.com', '*.example.org'],
    });
    assert.deepEqual(signUpOf({}, { domains: ['Bücher.example', 'ｅxample.com'] }), {
      domains: ['xn--bcher-kva.example', 'example.com'],
    });
  });

  for (const wrong of [
    'anybody',
    'Anyone',
    'example',
    '*',
    '*.',
    '*.com.*',
    '@example.com',
    'a@example.com',
    'example.com/x',
    '%61.example',
    '127.0.0.1',
    'a..example',
    ',',
    'x*.example.com',
  ]) {
    test(`is refused as ${JSON.stringify(wrong)}`, () => {
      const line = /^LATCHKEY_SIGN_UP is ".*": wanted anyone, invited, nobody or domains/;
      assert.throws(
        () => signUpOf({ LATCHKEY_SIGN_UP: wrong }),
        (error) => error instanceof WrongSettings && error.lines.some((one) => line.test(one)),
      );
    });
  }

  test('is refused without a domain, and with another key', () => {
    const cases = [{ domains: [] }, { domains: ['example.com'], also: 1 }, 1, null] as never[];
    for (const signUp of cases) {
      assert.throws(
        () => readSettings({ secret: 'x'.repeat(32), signUp }, {}),
        (error) =>
          error instanceof WrongSettings &&
          error.lines.some((one) => /^signUp is|signUp\.also is set, .*known are signUp\.domains$/.test(one)),
      );
    }
  });

  const domains = ['example.com', '*.example.org'];
  const addresses: [string, boolean][] = [
    ['ann@example.com', true],
    ['Ann@EXAMPLE.com', true],
    ['ann@ｅxample.com', true],
    ['ann@sub.example.com', false],
    ['ann@notexample.com', false],
    ['ann@example.com.evil.example', false],
    ['example.com@evil.example', false],
    ['ann@exаmple.com', false],
    ['ann@a.example.org', true],
    ['ann@a.b.example.org', true],
    ['ann@example.org', false],
    ['ann@evilexample.org', false],
  ];
  for (const [address, fits] of addresses) {
    test(`${fits ? 'takes' : 'does not take'} ${address}`, () => {
      assert.equal(isOfDomains(requireEmail(address).key, domains), fits);
    });
  }
});

eachStore(({ engine, url }) => {
  describe(`who may sign up (${engine})`, () => {
    async function withDomain(
      settings: OwnerSettings,
      work: (domain: TestDomain) => Promise<void>,
    ): Promise<void> {
      const domain = await openTestDomain({ storeUrl: await url(), settings });
      try {
        await work(domain);
      } finally {
        await domain.stop();
      }
    }

    const ask = (domain: TestDomain, email: string) =>
      domain.signUps.ask({ email, password: PASSWORD, returnTo: '/', from: '192.0.2.9' });

    const bySignIn = (domain: TestDomain, email: string) => {
      const claims: IdentityClaims = {
        issuer: 'https://accounts.google.com',
        subject: `sub of ${email}`,
        email,
        emailVerified: true,
        name: undefined,
      };
      const newcomer = { claims, email: requireEmail(email), knownId: undefined };
      return domain.newcomers.create(newcomer, (id) => ({ ...NEWCOMER, id }));
    };

    async function linkTo(domain: TestDomain, to: string): Promise<string> {
      const mails = await domain.rows.outbox.list({
        where: [['to', '=', to]],
        order: { by: 'createdAt', descending: true },
        limit: 1,
      });
      return /invitation\?token=([\w-]+)/.exec(mails[0]?.text ?? '')?.[1] ?? '';
    }

    const accept = (domain: TestDomain, token: string, password = PASSWORD) =>
      domain.mailedInvitations.accept({ token, password, name: 'Ann' }, NEWCOMER);

    test('nobody: no way makes an account but the operator’s', () =>
      withDomain({ signUp: 'nobody' }, async (domain) => {
        await assert.rejects(ask(domain, 'ann@example.com'), problem('SIGN_UP_CLOSED'));
        await assert.rejects(bySignIn(domain, 'ann@example.com'), problem('SIGN_UP_CLOSED'));
        await assert.rejects(
          domain.mailedInvitations.invite('ann@example.com', actor),
          problem('SIGN_UP_CLOSED'),
        );
        assert.equal((await domain.rows.identities.list({ limit: 5 })).length, 0);
        await domain.accounts.create({ email: 'ann@example.com', admin: false }, actor);
      }));

    test('domains: by password and by the identity provider, for their addresses only', () =>
      withDomain({ signUp: { domains: ['example.com'] } }, async (domain) => {
        await ask(domain, 'ann@example.com');
        await bySignIn(domain, 'Bob@Example.com');
        for (const email of ['ann@sub.example.com', 'ann@example.net']) {
          await assert.rejects(ask(domain, email), problem('SIGN_UP_CLOSED'));
          await assert.rejects(bySignIn(domain, email), problem('SIGN_UP_CLOSED'));
        }
        // Who was invited is told to nobody who has not proved the address.
        await domain.mailedInvitations.invite('guest@example.net', actor);
        await assert.rejects(ask(domain, 'guest@example.net'), problem('SIGN_UP_CLOSED'));
        await bySignIn(domain, 'guest@example.net');
      }));

    test('invited: by the mailed link, once, and not after its time', () =>
      withDomain({ signUp: 'invited' }, async (domain) => {
        await assert.rejects(ask(domain, 'ann@example.com'), problem('SIGN_UP_CLOSED'));
        await assert.rejects(bySignIn(domain, 'ann@example.com'), problem('SIGN_UP_CLOSED'));
        await domain.mailedInvitations.invite('Ann@example.com', actor);
        const token = await linkTo(domain, 'Ann@example.com');
        assert.ok(
          !(await domain.rows.mailedInvitations.list({ limit: 5 })).some((row) =>
            JSON.stringify({ ...row, pending: '' }).includes(token),
          ),
        );
        await assert.rejects(accept(domain, token, 'short'), problem('WEAK_PASSWORD'));
        const made = await Promise.allSettled([1, 2, 3].map(() => accept(domain, token)));
        assert.equal(made.filter(({ status }) => status === 'fulfilled').length, 1);
        await assert.rejects(accept(domain, token), problem('LINK_DEAD'));
        await assert.rejects(
          domain.mailedInvitations.invite('ann@example.com', actor),
          problem('EMAIL_TAKEN'),
        );

        await domain.mailedInvitations.invite('bob@example.com', actor);
        const first = await linkTo(domain, 'bob@example.com');
        domain.pass(60);
        await domain.mailedInvitations.invite('bob@example.com', actor);
        const second = await linkTo(domain, 'bob@example.com');
        await assert.rejects(accept(domain, first), problem('LINK_DEAD'));
        await assert.rejects(accept(domain, second.slice(0, -1)), problem('LINK_DAMAGED'));
        domain.pass(MAILED_INVITATION_SECONDS);
        await assert.rejects(accept(domain, second), problem('LINK_DEAD'));
        await assert.rejects(bySignIn(domain, 'bob@example.com'), problem('SIGN_UP_CLOSED'));
        await domain.mailedInvitations.invite('bob@example.com', actor);
        const account = await bySignIn(domain, 'bob@example.com');
        assert.equal(account.email, 'bob@example.com');
        await assert.rejects(accept(domain, await linkTo(domain, 'bob@example.com')), problem('LINK_DEAD'));
      }));

    test('an invitation that was withdrawn opens nothing, whichever way, and is on record', () =>
      withDomain({ signUp: 'invited' }, async (domain) => {
        // More in a row than notices are mailed one by one: each is a link that somebody waits for.
        for (let number = 1; number <= 25; number += 1) {
          await domain.mailedInvitations.invite(`guest${number}@example.com`, actor);
        }
        const token = await linkTo(domain, 'guest25@example.com');
        const open = () => domain.rows.mailedInvitations.count([['expiresAt', '>', domain.clock()]]);
        assert.equal(await open(), 25);
        const hashing = assert.rejects(accept(domain, token), problem('LINK_DEAD'));
        await domain.mailedInvitations.withdraw('Guest25@example.com', actor);
        await hashing;
        await assert.rejects(accept(domain, token), problem('LINK_DEAD'));
        await assert.rejects(bySignIn(domain, 'guest25@example.com'), problem('SIGN_UP_CLOSED'));
        for (const email of ['guest25@example.com', 'nobody@example.com']) {
          await assert.rejects(domain.mailedInvitations.withdraw(email, actor), problem('NOT_FOUND'));
        }
        assert.equal(await open(), 24);
        assert.equal((await domain.audited(NO_ACCOUNT)).at(-1), 'invitation.withdrawn guest25@example.com');
        assert.equal((await domain.audited(NO_ACCOUNT)).length, 26);
        domain.pass(MAILED_INVITATION_SECONDS);
        assert.equal(await open(), 0);
      }));

    test('a link that was mailed while anybody might sign up opens nothing once nobody may', async () => {
      const storeUrl = await url();
      const open = await openTestDomain({ storeUrl });
      await ask(open, 'ann@example.com');
      const [mail] = await open.rows.outbox.list({ limit: 1 });
      const token = /token=([\w-]+)/.exec(mail?.text ?? '')?.[1] ?? '';
      await open.stop();
      const closed = await openTestDomain({ storeUrl, settings: { signUp: 'nobody' } });
      const typed = { token, password: PASSWORD };
      await assert.rejects(closed.signUps.complete(typed, NEWCOMER), problem('SIGN_UP_CLOSED'));
      await closed.stop();
    });

    test('only admins and the operator make clients where the settings say so, for others too', () =>
      withDomain({ register: { apps: 'admins', services: 'admins' } }, async (domain) => {
        const ann = await domain.account('ann@example.com');
        const boss = await domain.account('boss@example.com', true);
        const service = {
          name: 'S',
          scopes: ['wf:create_transaction'],
          actsFor: 'account' as const,
          resourceServer: false,
        };
        const app = {
          name: 'A',
          redirectUris: ['https://app.example.com/cb'],
          scopes: ['openid'],
          confidential: true,
        };
        const by = ({ id }: { id: string }): Actor => ({ kind: 'account', id });
        await assert.rejects(
          domain.services.create({ ...service, account: ann }, by(ann)),
          problem('ADMINS_ONLY'),
        );
        await assert.rejects(domain.apps.create({ ...app, account: ann }, by(ann)), problem('ADMINS_ONLY'));
        assert.throws(() => domain.services.requireMayCreate(ann), problem('ADMINS_ONLY'));
        assert.throws(() => domain.apps.requireMayCreate(ann), problem('ADMINS_ONLY'));
        await domain.services.create({ ...service, account: boss }, by(boss));
        await domain.apps.create({ ...app, account: boss }, by(boss));
        await domain.services.create({ ...service, account: ann }, actor);
        await domain.services.create({ ...service, account: ann }, { ...by(boss), reason: 'For the shop' });
      }));
  });
});

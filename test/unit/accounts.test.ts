import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { Unavailable } from '../../adapters/port.ts';
import { createResets } from '../../server/access/resets.ts';
import type { Account } from '../../server/accounts/account.ts';
import { createAccounts } from '../../server/accounts/accounts.ts';
import { Problem } from '../../server/ground/errors.ts';
import { hashOf } from '../../server/ground/opaque.ts';
import { actor, openTestDomain, type TestDomain } from '../support/domain.ts';
import { eachStore } from '../support/stores.ts';

const PASSWORD = 'four words that rhyme';
const OTHER_PASSWORD = 'five words that do not';
const from = '192.0.2.7';

eachStore(({ url, isFirst }) => {
  // Hundreds of guesses; test/unit/limiter.test.ts holds both engines to the counting itself.
  const itAtLength = isFirst ? it : it.skip;

  let domain: TestDomain;
  /** Each test has an address of its own, so that they do not meet in a limiter. */
  let email: string;
  let count = 0;
  /** Of PASSWORD, made once: it is the dearest thing here. */
  let hash: Promise<string> | undefined;

  before(async () => {
    domain = await openTestDomain({ storeUrl: await url() });
  });
  after(() => domain.stop());
  beforeEach(() => {
    count += 1;
    email = `ann-${count}@example.com`;
    // A new quarter of an hour: what was counted in the last test is over.
    domain.pass(3600);
  });

  const problem = (code: string, status?: number) => (error: unknown) =>
    error instanceof Problem && error.code === code && (status === undefined || error.status === status);

  async function makeAccount(): Promise<Account> {
    hash ??= domain.passwords.hash(PASSWORD);
    return domain.accounts.create({ email, passwordHash: await hash, admin: false }, actor);
  }

  /** The secret in the newest mail to an address that has a link with one. */
  async function mailedToken(to: string): Promise<string> {
    const mails = await domain.rows.outbox.list({
      where: [['to', '=', to]],
      order: { by: 'createdAt', descending: true },
      limit: 20,
    });
    const tokens = mails.map((mail) => /[?&]token=([\w-]+)/.exec(mail.text)?.[1]);
    const token = tokens.find((one) => one !== undefined);
    assert.ok(token, `no link in the mails to ${to}`);
    return token;
  }

  /** As if so much had been counted in this bucket's window of now. */
  async function fill(bucket: string, windowSeconds: number, counted: number): Promise<void> {
    const startsAt = Math.floor(domain.clock() / windowSeconds) * windowSeconds;
    const id = hashOf(`${bucket}\n${windowSeconds}\n${startsAt}`);
    await domain.rows.limiterWindows.put({ id, count: counted, expiresAt: startsAt + windowSeconds });
  }

  describe('accounts', () => {
    it('are one for an address, however it is spelled', async () => {
      const account = await makeAccount();
      assert.equal((await domain.accounts.findByEmail(` ANN-${count}@Example.com`))?.id, account.id);
      await assert.rejects(
        domain.accounts.create({ email: email.toUpperCase(), admin: false }, actor),
        problem('EMAIL_TAKEN', 409),
      );
    });

    it('of two made at once for an address are one', async () => {
      const made = await Promise.allSettled([1, 2, 3, 4].map(() => domain.account(email)));
      assert.equal(made.filter(({ status }) => status === 'fulfilled').length, 1);
    });

    it('are audited as made by themselves when a person signs up', async () => {
      const account = await domain.accounts.create({ email, admin: false }, { kind: 'account', from });
      const [entry] = await domain.rows.audit.list({ where: [['accountId', '=', account.id]], limit: 10 });
      assert.deepEqual(entry?.actor, { kind: 'account', id: account.id, from });
      assert.equal(entry?.action, 'account.created');
    });
  });

  describe('checking a password', () => {
    it('answers the account', async () => {
      const account = await makeAccount();
      assert.equal((await domain.accounts.checkPassword({ email, password: PASSWORD, from })).id, account.id);
    });

    it('is the same refusal for a wrong password, an unknown address, no password and no address', async () => {
      await makeAccount();
      await domain.account(`federated-${count}@example.com`);
      const refusals: unknown[] = [];
      for (const tried of [
        email,
        'nobody@example.com',
        `federated-${count}@example.com`,
        '{"$ne":null}',
        '',
      ]) {
        await domain.accounts
          .checkPassword({ email: tried, password: OTHER_PASSWORD, from })
          .catch((error) => {
            refusals.push({
              status: error.status,
              code: error.code,
              message: error.message,
              hint: error.hint,
            });
          });
      }
      assert.equal(refusals.length, 5);
      for (const refusal of refusals) assert.deepEqual(refusal, refusals[0]);
    });

    it('is refused after ten wrong ones, the right one then too, also side by side', async () => {
      await makeAccount();
      const atOnce = isFirst ? 40 : 16;
      const guesses = Array.from({ length: atOnce }, () =>
        domain.accounts.checkPassword({ email, password: OTHER_PASSWORD, from }),
      );
      const reasons = (await Promise.allSettled(guesses)).map(
        (one) => one.status === 'rejected' && one.reason.code,
      );
      assert.equal(reasons.filter((code) => code === 'WRONG_CREDENTIALS').length, 10);
      assert.equal(reasons.filter((code) => code === 'TOO_MANY_ATTEMPTS').length, atOnce - 10);
      await assert.rejects(
        domain.accounts.checkPassword({ email, password: PASSWORD, from }),
        problem('TOO_MANY_ATTEMPTS', 429),
      );
      // Somebody else's guesses lock nobody out elsewhere.
      await domain.accounts.checkPassword({ email, password: PASSWORD, from: '198.51.100.1' });
    });

    itAtLength('limits an address that nobody has in the same way', async () => {
      const wrong = withVerify(async () => ({ right: false, outdated: false }));
      const guess = () => wrong.checkPassword({ email, password: 'x', from });
      for (let turn = 0; turn < 10; turn += 1) await assert.rejects(guess(), problem('WRONG_CREDENTIALS'));
      await assert.rejects(guess(), problem('TOO_MANY_ATTEMPTS', 429));
    });

    itAtLength('counts one network over many addresses, and a /64 as one', async () => {
      const wrong = withVerify(async () => ({ right: false, outdated: false }));
      let refused = 0;
      for (let turn = 0; turn < 60; turn += 1) {
        await wrong
          .checkPassword({ email: `n${turn}@example.com`, password: 'x', from: `2001:db8::${turn}` })
          .catch((error) => {
            if (error.status === 429) refused += 1;
          });
      }
      assert.equal(refused, 10);
    });

    itAtLength('counts one person who guesses on for nobody else of their network', async () => {
      await makeAccount();
      const wrong = withVerify(async () => ({ right: false, outdated: false }));
      const guess = () => wrong.checkPassword({ email: 'other@example.com', password: 'x', from });
      for (let turn = 0; turn < 60; turn += 1) await assert.rejects(guess());
      await domain.accounts.checkPassword({ email, password: PASSWORD, from });
    });

    itAtLength('refuses known and unknown addresses alike where a network guessed too much', async () => {
      await makeAccount();
      await domain.accounts.checkPassword({ email, password: PASSWORD, from });
      const wrong = withVerify(async () => ({ right: false, outdated: false }));
      for (let turn = 0; turn < 60; turn += 1) {
        await assert.rejects(wrong.checkPassword({ email: `n${turn}@example.com`, password: 'x', from }));
      }
      for (const tried of [email, 'new@example.com']) {
        const guess = wrong.checkPassword({ email: tried, password: 'x', from });
        await assert.rejects(guess, problem('TOO_MANY_ATTEMPTS', 429));
      }
    });

    itAtLength('counts guesses of an hour, a day and a month, from wherever they come', async () => {
      const wrong = withVerify(async () => ({ right: false, outdated: false }));
      let place = 0;
      const guess = () => {
        place += 1;
        return wrong.checkPassword({ email, password: 'x', from: `198.51.100.${place}` });
      };
      for (const [limit, seconds] of [
        [100, 3600],
        [300, 86_400],
        [1000, 30 * 86_400],
      ] as const) {
        // To the beginning of a window, so that all that was counted before is over but for what is longer.
        domain.pass(seconds - (domain.clock() % seconds));
        await fill(`password:${email}`, seconds, limit - 2);
        for (let turn = 0; turn < 2; turn += 1) await assert.rejects(guess(), problem('WRONG_CREDENTIALS'));
        await assert.rejects(guess(), problem('TOO_MANY_ATTEMPTS', 429));
        domain.pass(seconds - 1);
        if (seconds > 3600) await assert.rejects(guess(), problem('TOO_MANY_ATTEMPTS', 429));
        domain.pass(1);
        await assert.rejects(guess(), problem('WRONG_CREDENTIALS'));
      }
    });

    itAtLength('counts the guesses of one place for a day too, where the place is known', async () => {
      await makeAccount();
      await domain.accounts.checkPassword({ email, password: PASSWORD, from });
      const wrong = withVerify(async () => ({ right: false, outdated: false }));
      domain.pass(86_400 - (domain.clock() % 86_400));
      let made = 0;
      for (let turn = 0; turn < 90; turn += 1) {
        await wrong.checkPassword({ email, password: 'x', from }).catch(({ code }) => {
          if (code === 'WRONG_CREDENTIALS') made += 1;
        });
        if (turn % 12 === 11) domain.pass(15 * 60);
      }
      assert.equal(made, 50);
    });

    itAtLength('counts addresses of one mailbox together, and IPv6 networks of one line', async () => {
      const wrong = withVerify(async () => ({ right: false, outdated: false }));
      const guess = (tag: string, place: string) =>
        wrong.checkPassword({ email: email.replace('@', `${tag}@`), password: 'x', from: place });
      for (let turn = 0; turn < 10; turn += 1) {
        await assert.rejects(guess(`+${turn}`, from), problem('WRONG_CREDENTIALS'));
      }
      await assert.rejects(guess('+another', from), problem('TOO_MANY_ATTEMPTS', 429));
      await assert.rejects(guess('', from), problem('TOO_MANY_ATTEMPTS', 429));
      let made = 0;
      for (let turn = 0; turn < 120; turn += 1) {
        await guess(`.other${turn}`, `2001:db8:7:${turn.toString(16)}::1`).catch(({ code }) => {
          if (code === 'WRONG_CREDENTIALS') made += 1;
        });
      }
      assert.equal(made, 100);
    });

    it('counts right ones in a bucket of their own, since they cost the same work', async () => {
      const account = await makeAccount();
      const right = withVerify(async () => ({ right: true, outdated: false }));
      const signIn = () => right.checkPassword({ email, password: PASSWORD, from });
      await fill(`right-password:${email}`, 15 * 60, 398);
      for (let turn = 0; turn < 2; turn += 1) assert.equal((await signIn()).id, account.id);
      await assert.rejects(signIn(), problem('TOO_MANY_ATTEMPTS', 429));
      domain.pass(15 * 60);
      await signIn();
    });

    itAtLength(
      'counts the guesses that a service passes on for each e-mail, and knows its people',
      async () => {
        await makeAccount();
        const service = 'svc_backend';
        const wrong = withVerify(async () => ({ right: false, outdated: false }));
        await domain.accounts.checkPassword({ email, password: PASSWORD, service });
        for (let turn = 0; turn < 110; turn += 1) {
          await assert.rejects(wrong.checkPassword({ email, password: 'x', from: `198.51.100.${turn}` }));
        }
        await domain.accounts.checkPassword({ email, password: PASSWORD, service });
        for (let turn = 0; turn < 10; turn += 1) {
          await assert.rejects(wrong.checkPassword({ email, password: 'x', service }));
        }
        await assert.rejects(
          domain.accounts.checkPassword({ email, password: PASSWORD, service }),
          problem('TOO_MANY_ATTEMPTS', 429),
        );
      },
    );

    itAtLength('does not count right ones', async () => {
      await makeAccount();
      for (let turn = 0; turn < 12; turn += 1) {
        await domain.accounts.checkPassword({ email, password: PASSWORD, from });
      }
    });

    it('takes no right ones for guesses that come at the same moment, and lets no more guesses pass', async () => {
      const account = await makeAccount();
      const right = withVerify(async () => ({ right: true, outdated: false }));
      const wrong = withVerify(async () => ({ right: false, outdated: false }));
      const atOnce = isFirst ? 20 : 12;
      for (const place of [{ from }, { service: 'svc_backend' }]) {
        const attempt = { email, password: PASSWORD, ...place };
        const made = await Promise.all(Array.from({ length: atOnce }, () => right.checkPassword(attempt)));
        assert.ok(made.every(({ id }) => id === account.id));
      }
      const guesses = Array.from({ length: atOnce }, () =>
        wrong.checkPassword({ email, password: 'x', from }),
      );
      const codes = (await Promise.allSettled(guesses)).map((one) => 'reason' in one && one.reason.code);
      assert.equal(codes.filter((code) => code === 'WRONG_CREDENTIALS').length, 10);
    });

    it('says that an account is suspended only to who knows the password', async () => {
      const account = await makeAccount();
      await domain.accounts.suspend(account.id, actor);
      const check = (password: string) => domain.accounts.checkPassword({ email, password, from });
      await assert.rejects(check(OTHER_PASSWORD), problem('WRONG_CREDENTIALS'));
      await assert.rejects(check(PASSWORD), problem('ACCOUNT_SUSPENDED', 403));
      assert.equal(await domain.accounts.suspend(account.id, actor), undefined);
      await domain.accounts.restore(account.id, actor);
      await check(PASSWORD);
      const actions = (await domain.audited(account.id)).map((line) => line.split(' ')[0]);
      assert.deepEqual(actions.sort(), [
        'account.created',
        'account.restored',
        'account.sign_in_refused',
        'account.suspended',
      ]);
    });

    it('fails when the password was changed while it was being checked', async () => {
      const account = await makeAccount();
      const passwordHash = await domain.passwords.hash(OTHER_PASSWORD);
      const passwords = {
        ...domain.passwords,
        async verify(password: string, phc: string | undefined) {
          const verdict = await domain.passwords.verify(password, phc);
          await domain.rows.accounts.update(account.id, { set: { passwordHash } });
          return verdict;
        },
      };
      const accounts = createAccounts({ ...domain, accounts: domain.rows.accounts, passwords });
      await assert.rejects(
        accounts.checkPassword({ email, password: PASSWORD, from }),
        problem('WRONG_CREDENTIALS'),
      );
    });

    const withVerify = (verify: typeof domain.passwords.verify) =>
      createAccounts({
        ...domain,
        accounts: domain.rows.accounts,
        passwords: { ...domain.passwords, verify },
      });

    itAtLength('counts nothing while no guess can be made', async () => {
      await makeAccount();
      const busy = withVerify(async () => {
        throw new Error('no place in the queue');
      });
      for (let turn = 0; turn < 12; turn += 1) {
        await assert.rejects(busy.checkPassword({ email, password: PASSWORD, from }), /no place/);
      }
      await domain.accounts.checkPassword({ email, password: PASSWORD, from });
    });

    itAtLength('goes on from where the person signed in before, however many strangers guess', async () => {
      await makeAccount();
      await domain.accounts.checkPassword({ email, password: PASSWORD, from });
      const wrong = withVerify(async () => ({ right: false, outdated: false }));
      for (let turn = 0; turn < 101; turn += 1) {
        const guess = wrong.checkPassword({ email, password: 'x', from: `198.51.100.${turn}` });
        await assert.rejects(guess, problem(turn < 100 ? 'WRONG_CREDENTIALS' : 'TOO_MANY_ATTEMPTS'));
      }
      await domain.accounts.checkPassword({ email, password: PASSWORD, from });
      const elsewhere = domain.accounts.checkPassword({ email, password: PASSWORD, from: '203.0.113.1' });
      await assert.rejects(elsewhere, problem('TOO_MANY_ATTEMPTS', 429));
    });
  });

  describe('setting a password', () => {
    it('is for who was let in with the one that stands, also side by side', async () => {
      const account = await makeAccount();
      const both = await Promise.allSettled(
        [OTHER_PASSWORD, 'six more words to pick'].map((one) =>
          domain.accounts.setPassword(account, one, actor),
        ),
      );
      const lost = both.filter((one) => one.status === 'rejected').map((one) => one.reason);
      assert.deepEqual(
        lost.map(({ code, status }) => [code, status]),
        [['CHANGED_MEANWHILE', 409]],
      );
      const now = await domain.accounts.get(account.id);
      assert.ok(now);
      assert.equal(now.securityVersion, 1);
      // The same hash does not make up for another number.
      const stale = { ...now, securityVersion: undefined };
      await assert.rejects(
        domain.accounts.setPassword(stale, PASSWORD, actor),
        problem('CHANGED_MEANWHILE', 409),
      );
      await domain.accounts.suspend(account.id, actor);
      await assert.rejects(
        domain.accounts.setPassword(now, PASSWORD, actor),
        problem('ACCOUNT_SUSPENDED', 403),
      );
    });

    it('is done five times an hour at most', async () => {
      let account = await makeAccount();
      for (let turn = 0; turn < 5; turn += 1) {
        account = await domain.accounts.setPassword(account, `${OTHER_PASSWORD} ${turn}`, actor);
      }
      const sixth = domain.accounts.setPassword(account, PASSWORD, actor);
      await assert.rejects(sixth, problem('TOO_MANY_ATTEMPTS', 429));
      domain.pass(3600);
      await domain.accounts.setPassword(account, PASSWORD, actor);
    });
  });

  describe('sign-ups', () => {
    const ask = (password = PASSWORD) =>
      domain.signUps.ask({ email, password, returnTo: '/interaction/x/continue', from });

    it('become an account behind the mailed link with the password that was chosen, once', async () => {
      await ask();
      assert.equal(await domain.accounts.findByEmail(email), undefined);
      const token = await mailedToken(email);
      await assert.rejects(
        domain.signUps.complete({ token, password: OTHER_PASSWORD }, { kind: 'account', from }),
        problem('WRONG_CREDENTIALS'),
      );
      const done = await domain.signUps.complete({ token, password: PASSWORD }, { kind: 'account', from });
      assert.equal(done.account.email, email);
      assert.equal(done.account.admin, false);
      assert.equal(done.returnTo, '/interaction/x/continue');
      await assert.rejects(domain.signUps.find(token), problem('LINK_DEAD'));
      await domain.accounts.checkPassword({ email, password: PASSWORD, from });
    });

    it('of a stranger with my address give the stranger nothing (GHSA-g38m-r43w-p2q7)', async () => {
      await ask(OTHER_PASSWORD);
      const strangers = await mailedToken(email);
      domain.pass(1);
      await ask(PASSWORD);
      const mine = await mailedToken(email);
      await assert.rejects(
        domain.signUps.complete({ token: strangers, password: PASSWORD }, { kind: 'account' }),
        problem('WRONG_CREDENTIALS'),
      );
      await domain.signUps.complete({ token: mine, password: PASSWORD }, { kind: 'account' });
      await assert.rejects(domain.signUps.find(strangers), problem('LINK_DEAD'));
      await assert.rejects(
        domain.accounts.checkPassword({ email, password: OTHER_PASSWORD, from }),
        problem('WRONG_CREDENTIALS'),
      );
    });

    it('of one link followed twice at once make one account', async () => {
      await ask();
      const token = await mailedToken(email);
      const done = await Promise.allSettled(
        [1, 2, 3].map(() => domain.signUps.complete({ token, password: PASSWORD }, { kind: 'account' })),
      );
      assert.equal(done.filter(({ status }) => status === 'fulfilled').length, 1);
      assert.equal(await domain.rows.accounts.count([['emailKey', '=', email]]), 1);
    });

    it('for a known address mail its owner, and leave no link that works', async () => {
      await makeAccount();
      await ask(OTHER_PASSWORD);
      const mails = await domain.rows.outbox.list({ where: [['to', '=', email]], limit: 10 });
      assert.equal(mails.length, 1);
      assert.match(mails[0]?.subject ?? '', /already have an account/);
      assert.doesNotMatch(mails[0]?.text ?? '', /token=/);
    });

    it('die after a day', async () => {
      await ask();
      const token = await mailedToken(email);
      domain.pass(24 * 60 * 60);
      await assert.rejects(domain.signUps.find(token), problem('LINK_DEAD'));
    });

    it('mail an address five times an hour at most', async () => {
      for (let turn = 0; turn < 5; turn += 1) await ask();
      await assert.rejects(ask(), problem('TOO_MANY_ATTEMPTS', 429));
    });

    itAtLength('of strangers elsewhere leave an address its own', async () => {
      const askFrom = (place: string) =>
        domain.signUps.ask({ email, password: PASSWORD, returnTo: '/', from: place });
      for (let turn = 0; turn < 5; turn += 1) await askFrom('203.0.113.9');
      await assert.rejects(askFrom('203.0.113.9'), problem('TOO_MANY_ATTEMPTS', 429));
      for (let turn = 0; turn < 5; turn += 1) await ask();
      await assert.rejects(askFrom('203.0.113.10'), problem('TOO_MANY_ATTEMPTS', 429));
    });

    itAtLength('take ten passwords an hour and thirty a day behind one link', async () => {
      // To the beginning of a day, so that all of it falls into one.
      domain.pass(86_400 - (domain.clock() % 86_400));
      await ask();
      const token = await mailedToken(email);
      const complete = (password: string) =>
        domain.signUps.complete({ token, password }, { kind: 'account', from });
      const link = `verify:${hashOf(token)}`;
      for (const [seconds, limit] of [
        [3600, 10],
        [86_400, 30],
      ] as const) {
        await fill(link, seconds, limit - 2);
        for (let turn = 0; turn < 2; turn += 1) {
          await assert.rejects(complete(OTHER_PASSWORD), problem('WRONG_CREDENTIALS'));
        }
        await assert.rejects(complete(OTHER_PASSWORD), problem('TOO_MANY_ATTEMPTS', 429));
        domain.pass(3600);
      }
      await assert.rejects(complete(OTHER_PASSWORD), problem('TOO_MANY_ATTEMPTS', 429));
    });

    it('count one mailbox once, whatever its tag', async () => {
      for (let turn = 0; turn < 6; turn += 1) {
        const tagged = email.replace('@', `+${turn}@`);
        const asked = domain.signUps.ask({ email: tagged, password: PASSWORD, returnTo: '/', from });
        await (turn < 5 ? asked : assert.rejects(asked, problem('TOO_MANY_ATTEMPTS', 429)));
      }
    });

    it('leave neither the password nor the link in their rows', async () => {
      await ask();
      const token = await mailedToken(email);
      const rows = JSON.stringify(await domain.rows.signUps.list({ limit: 100 }));
      assert.ok(!rows.includes(token) && !rows.includes(PASSWORD));
    });
  });

  describe('resets', () => {
    /** Asks, and waits for what is done behind the answer. */
    async function ask(): Promise<void> {
      await domain.resets.ask({ email, returnTo: '/tokens', from });
      await domain.resets.settled();
    }
    const complete = (token: string, password: string, revokeToo = false) =>
      domain.resets.complete({ token, password, revokeToo }, { kind: 'account', from });
    const parts = () => ({
      ...domain,
      resets: domain.rows.resets,
      accountRows: domain.rows.accounts,
      sessions: domain.sessionList,
    });

    it('set the new password, once, and mail that it was changed', async () => {
      const account = await makeAccount();
      await ask();
      const token = await mailedToken(email);
      await assert.rejects(complete(token, 'short'), problem('WEAK_PASSWORD'));
      const done = await Promise.allSettled([1, 2, 3].map(() => complete(token, OTHER_PASSWORD)));
      assert.equal(done.filter(({ status }) => status === 'fulfilled').length, 1);
      await domain.accounts.checkPassword({ email, password: OTHER_PASSWORD, from });
      await assert.rejects(domain.resets.find(token), problem('LINK_DEAD'));
      assert.deepEqual((await domain.mailed(email)).sort(), [
        'Reset your password for Latchkey',
        'Your password for Latchkey was changed',
      ]);
      assert.ok(
        (await domain.audited(account.id)).some((line) => line.startsWith('account.password_changed')),
      );
    });

    it('end sessions, and tokens only where that was wanted', async () => {
      const account = await makeAccount();
      const expiresAt = domain.clock() + 86_400;
      const { value } = await domain.tokens.mint(
        { account, name: 'kept', scopes: ['profile'], expiresAt },
        actor,
      );
      const session = (id: string) =>
        domain.rows.artifacts.insert({
          id,
          model: 'Session',
          payload: {},
          accountId: account.id,
          uid: id,
          createdAt: domain.clock(),
          expiresAt,
        });
      await session('session-1');
      await ask();
      await complete(await mailedToken(email), OTHER_PASSWORD);
      assert.deepEqual(await domain.sessionList.list(account.id), []);
      assert.ok(!('refused' in (await domain.bearers.find(value))));
      domain.pass(1);
      await ask();
      await complete(await mailedToken(email), PASSWORD, true);
      assert.deepEqual(
        await domain.bearers.find(value).then((found) => 'refused' in found && found.refused),
        'revoked',
      );
    });

    it('leave nobody a way in where that was wanted', async () => {
      const account = await makeAccount();
      const service = await domain.services.create(
        { account, name: 'Courier', scopes: ['profile'], actsFor: 'account', resourceServer: false },
        actor,
      );
      const app = await domain.apps.create(
        {
          account,
          name: 'Planner',
          redirectUris: ['https://app.example.com/callback'],
          confidential: true,
          scopes: ['profile'],
        },
        actor,
      );
      const subject = { issuer: 'https://accounts.google.com', subject: `sub-${count}` };
      await domain.identities.link({ ...subject, account, email }, actor);
      const good = async () => [
        (await domain.clients.checkSecret(service.client.id, service.secret.value)) !== undefined,
        (await domain.clients.checkSecret(app.client.id, app.secret?.value ?? '')) !== undefined,
        (await domain.identities.find(subject)) !== undefined,
      ];
      await ask();
      await complete(await mailedToken(email), OTHER_PASSWORD);
      assert.deepEqual(await good(), [true, true, true]);
      domain.pass(1);
      await ask();
      await complete(await mailedToken(email), PASSWORD, true);
      assert.deepEqual(await good(), [false, false, false]);
      assert.notEqual(
        await domain.apps.get({ accountId: account.id, id: app.client.id }),
        undefined,
        'people go on using the app',
      );
    });

    it('revoke what was to be revoked, also where they are cut short in the middle', async () => {
      const account = await makeAccount();
      const expiresAt = domain.clock() + 86_400;
      const wanted = { account, name: 'tool', scopes: ['profile'], expiresAt };
      const { value } = await domain.tokens.mint(wanted, actor);
      const refused = async () => 'refused' in (await domain.bearers.find(value));
      const tokens = {
        async revokeAll(): Promise<number> {
          throw new Error('the process dies here');
        },
      };
      await ask();
      const dying = createResets({ ...parts(), tokens });
      const token = await mailedToken(email);
      await assert.rejects(
        dying.complete({ token, password: OTHER_PASSWORD, revokeToo: true }, actor),
        /dies/,
      );
      await domain.resets.sweep();
      assert.equal(await refused(), false, 'the request that is at it has its time');
      domain.pass(31);
      await domain.jobs.runOnce();
      assert.equal(await refused(), true);
      assert.equal((await domain.accounts.get(account.id))?.revokeAllAt, undefined);
      // Done once: what is made from now on stays.
      const current = (await domain.accounts.get(account.id)) ?? account;
      const next = await domain.tokens.mint({ ...wanted, account: current }, actor);
      domain.pass(31);
      await domain.jobs.runOnce();
      assert.ok(!('refused' in (await domain.bearers.find(next.value))));
    });

    itAtLength('keep the link while no password can be hashed', async () => {
      await makeAccount();
      await ask();
      const token = await mailedToken(email);
      const passwords = {
        ...domain.passwords,
        hash: async () => {
          throw new Error('no place in the queue');
        },
      };
      const busy = createResets({ ...parts(), passwords });
      const attempt = () => busy.complete({ token, password: OTHER_PASSWORD, revokeToo: false }, actor);
      for (let turn = 0; turn < 12; turn += 1) await assert.rejects(attempt(), /no place/);
      await complete(token, OTHER_PASSWORD);
    });

    it('die after half an hour, and when the password became another one', async () => {
      const account = await makeAccount();
      await ask();
      const late = await mailedToken(email);
      domain.pass(30 * 60);
      await assert.rejects(complete(late, OTHER_PASSWORD), problem('LINK_DEAD'));
      await ask();
      const early = await mailedToken(email);
      await domain.accounts.setPassword(account, OTHER_PASSWORD, actor);
      await assert.rejects(complete(early, 'yet another phrase'), problem('LINK_DEAD'));
    });

    it('mail nobody for an unknown address', async () => {
      await ask();
      assert.deepEqual(await domain.mailed(email), []);
    });

    it('are answered before anything is looked up, and done before the end', async () => {
      const account = await makeAccount();
      let lookedUp = false;
      const gate = Promise.withResolvers<void>();
      const accounts = {
        ...domain.accounts,
        async findByEmail() {
          lookedUp = true;
          await gate.promise;
          return account;
        },
      };
      const slow = createResets({ ...parts(), accounts });
      await slow.ask({ email, returnTo: '/tokens', from });
      assert.equal(lookedUp, false);
      const settled = slow.settled();
      gate.resolve();
      await settled;
      assert.equal((await domain.mailed(email)).length, 1);
    });

    it('let somebody without a password set one, and say so', async () => {
      await domain.account(email);
      await ask();
      const [mail] = await domain.rows.outbox.list({ where: [['to', '=', email]], limit: 1 });
      assert.match(mail?.text ?? '', /has no password: you sign in with another account/);
      await complete(await mailedToken(email), PASSWORD);
      await domain.accounts.checkPassword({ email, password: PASSWORD, from });
    });

    it('are not for suspended accounts, before or after the mail (CVE-2026-9798)', async () => {
      const account = await makeAccount();
      await ask();
      const token = await mailedToken(email);
      await domain.accounts.suspend(account.id, actor);
      await assert.rejects(complete(token, OTHER_PASSWORD), problem('ACCOUNT_SUSPENDED', 403));
      await assert.rejects(domain.resets.find(token), problem('ACCOUNT_SUSPENDED', 403));
      const before = (await domain.mailed(email)).length;
      await ask();
      assert.equal((await domain.mailed(email)).length, before);
    });
  });

  describe('the first admin', () => {
    it('is made by the newest link, once, and by nothing afterwards', async () => {
      const fresh = await openTestDomain({ storeUrl: await url() });
      try {
        const { invitations, accounts } = fresh;
        const tokenOf = async () =>
          new URL((await invitations.firstAdminLink()) ?? '').searchParams.get('invitation') ?? '';
        const old = await tokenOf();
        const token = await tokenOf();
        const accept = (given: string, address = 'root@example.com', password = PASSWORD) =>
          invitations.accept({ token: given, email: address, password }, { kind: 'account', from });
        assert.ok(token.length >= 30);
        assert.ok(!(await fresh.dump()).includes(token));
        await assert.rejects(accept(old), problem('LINK_DEAD'));
        await assert.rejects(accept(''), problem('LINK_DAMAGED'));
        await assert.rejects(accept(token, 'root@example.com', 'short'), problem('WEAK_PASSWORD'));
        await fresh.account('taken@example.com');
        await assert.rejects(accept(token, 'taken@example.com'), problem('WRONG_CREDENTIALS'));
        const made = await Promise.allSettled([1, 2, 3].map((n) => accept(token, `root-${n}@example.com`)));
        assert.equal(made.filter(({ status }) => status === 'fulfilled').length, 1);
        assert.equal(await fresh.rows.accounts.count([['admin', '=', true]]), 1);
        assert.equal(await invitations.firstAdminLink(), undefined);
        await assert.rejects(invitations.requireOpen(token), problem('LINK_DEAD'));
        assert.equal(await accounts.anyAdmin(), true);
      } finally {
        await fresh.stop();
      }
    });

    it('made another way closes the link', async () => {
      const fresh = await openTestDomain({ storeUrl: await url() });
      try {
        const link = new URL((await fresh.invitations.firstAdminLink()) ?? '');
        await fresh.account('root@example.com', true);
        await assert.rejects(
          fresh.invitations.requireOpen(link.searchParams.get('invitation') ?? ''),
          problem('LINK_DEAD'),
        );
      } finally {
        await fresh.stop();
      }
    });
  });

  describe('identities', () => {
    const issuer = 'https://accounts.google.com';
    const link = (account: Account, subject: string) =>
      domain.identities.link({ issuer, subject, account, email: account.email }, actor);

    it('belong to one account, and the owner is told', async () => {
      const account = await makeAccount();
      const other = await domain.account(`other-${count}@example.com`);
      await link(account, `sub-${count}`);
      assert.equal(
        (await domain.identities.find({ issuer, subject: `sub-${count}` }))?.accountId,
        account.id,
      );
      assert.equal(
        await domain.identities.find({ issuer: 'https://evil.example', subject: `sub-${count}` }),
        undefined,
      );
      await assert.rejects(link(other, `sub-${count}`), problem('IDENTITY_TAKEN', 409));
      assert.deepEqual(await domain.mailed(email), ['Google can now sign in to your account at Latchkey']);
    });

    it('are not linked for somebody who was let in before the password became another one', async () => {
      const account = await makeAccount();
      await domain.accounts.setPassword(account, OTHER_PASSWORD, actor);
      await assert.rejects(link(account, `sub-${count}`), problem('CHANGED_MEANWHILE', 409));
      assert.deepEqual(await domain.identities.list(account.id), []);
    });

    it('can be taken away by their owner only, and not the last way to sign in', async () => {
      const account = await domain.account(email);
      const other = await domain.account(`other-${count}@example.com`);
      await link(account, `sub-${count}`);
      const [identity] = await domain.identities.list(account.id);
      assert.ok(identity);
      await assert.rejects(
        domain.identities.unlink({ accountId: other.id, id: identity.id }, actor),
        problem('NOT_FOUND', 404),
      );
      await assert.rejects(
        domain.identities.unlink({ accountId: account.id, id: identity.id }, actor),
        problem('LAST_WAY_TO_SIGN_IN', 409),
      );
      await domain.accounts.setPassword(account, PASSWORD, actor);
      assert.equal(await domain.identities.unlink({ accountId: account.id, id: identity.id }, actor), true);
      assert.deepEqual(await domain.identities.list(account.id), []);
      assert.ok((await domain.audited(account.id)).some((line) => line.startsWith('identity.unlinked')));
    });

    it('stay until the mail that tells of their end is on its way', async () => {
      const account = await domain.account(email);
      await link(account, `sub-${count}`);
      await domain.accounts.setPassword(account, PASSWORD, actor);
      const [identity] = await domain.identities.list(account.id);
      const which = { accountId: account.id, id: identity?.id ?? '' };
      const { outbox } = domain.rows;
      const { insertMany } = outbox;
      outbox.insertMany = () => Promise.reject(new Unavailable('the outbox is away'));
      await assert.rejects(domain.identities.unlink(which, actor), Unavailable);
      outbox.insertMany = insertMany;
      assert.equal((await domain.identities.list(account.id)).length, 1);
      const told = async () =>
        (await domain.mailed(email)).filter((subject) => /no longer/.test(subject)).length;
      assert.equal(await told(), 0);
      assert.equal(await domain.identities.unlink(which, actor), true);
      assert.ok((await told()) > 0);
    });
  });
});

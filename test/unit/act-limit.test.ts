import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Account } from '../../server/accounts/account.ts';
import type { Actor } from '../../server/ground/actor.ts';
import { Problem } from '../../server/ground/errors.ts';
import { openTestDomain, type TestDomain } from '../support/domain.ts';
import { sqliteStores } from '../support/stores.ts';

const HOUR = 3600;
/** See server/effects/act-limit.ts. */
const ACTS_IN_AN_HOUR = 120;
/** All but one. */
const EACH_OF_A_DAY = Array.from({ length: 299 }, (_, index) => index);

// Hundreds of rows, walked page by page above the port, which test/contract holds both engines to.
sqliteStores(({ url }) => {
  describe('acts that mail', () => {
    let domain: TestDomain;
    let count = 0;
    before(async () => {
      domain = await openTestDomain({ storeUrl: await url() });
    });
    after(() => domain.stop());

    const isFull = (error: unknown) => error instanceof Problem && error.code === 'TOO_MANY_ATTEMPTS';

    async function person(): Promise<{ account: Account; by: Actor }> {
      count += 1;
      const account = await domain.account(`person${count}@example.com`);
      return { account, by: { kind: 'account', id: account.id, from: '192.0.2.7' } };
    }

    function makeToken({ account, by }: { account: Account; by: Actor }, name: string) {
      const expiresAt = domain.clock() + 86_400;
      return domain.tokens.mint({ account, name, scopes: ['profile'], expiresAt }, by);
    }

    /** Makes and ends tokens until an account may make none for now. */
    async function exhaust(one: { account: Account; by: Actor }): Promise<number> {
      for (let made = 0; ; made += 1) {
        try {
          const { credential } = await makeToken(one, `token ${made}`);
          await domain.tokens.revoke({ accountId: one.account.id, id: credential.id }, one.by);
        } catch (error) {
          assert.ok(isFull(error), String(error));
          return made;
        }
      }
    }

    it('are bounded for an account, whatever they make, and free again in the next hour', async () => {
      const ann = await person();
      const { account, by } = ann;
      const app = await domain.apps.create(
        {
          account,
          name: 'Ledger',
          redirectUris: ['https://a.example/'],
          confidential: true,
          scopes: ['openid'],
        },
        by,
      );
      const service = { account, name: 'Courier', scopes: ['profile'], actsFor: 'account' as const };
      const courier = await domain.services.create({ ...service, resourceServer: false }, by);
      const made = await exhaust(ann);
      // App and service count with the tokens; their first secrets, of which no mail tells, do not.
      assert.equal(made, ACTS_IN_AN_HOUR - 2);
      const which = { kind: 'app', accountId: account.id, clientId: app.client.id } as const;
      await assert.rejects(domain.secrets.add({ ...which, name: 'another' }, by), isFull);
      await assert.rejects(domain.services.create({ ...service, resourceServer: false }, by), isFull);
      const edit = { account, id: courier.client.id, name: 'Post', scopes: ['profile'] };
      await assert.rejects(domain.services.update(edit, by), isFull);
      const change = {
        accountId: account.id,
        id: app.client.id,
        name: 'Ledger',
        redirectUris: ['https://b.example/'],
      };
      await assert.rejects(domain.apps.update({ ...change, scopes: ['openid'] }, by), isFull);
      const link = {
        issuer: 'https://accounts.google.com',
        subject: account.id,
        account,
        email: account.email,
      };
      await assert.rejects(domain.identities.link(link, by), isFull);
      // It mails nothing, and would bury the history of the account all the same.
      await assert.rejects(domain.accounts.setName(account, 'Ann', by), isFull);

      // Others, the operator, and what ends something go on.
      await makeToken(await person(), 'mine');
      await makeToken({ account, by: { kind: 'operator' } }, 'by the operator');
      await domain.apps.remove({ accountId: account.id, id: app.client.id }, by);
      assert.equal(await domain.tokens.revokeAll(account.id, by), 1);
      domain.pass(HOUR);
      await makeToken(ann, 'an hour later');
    });

    it('are bounded for a day too', async () => {
      domain.pass(86_400 - (domain.clock() % 86_400));
      const bob = await person();
      const day = { limit: 300, windowSeconds: 86_400 };
      await Promise.all(EACH_OF_A_DAY.map(() => domain.limiter.count(`acts:${bob.account.id}`, day)));
      domain.pass(5 * HOUR);
      assert.equal(await exhaust(bob), 1);
    });

    it('that change nothing are not counted', async () => {
      const eve = await person();
      await makeToken(eve, 'taken');
      for (let turn = 0; turn < ACTS_IN_AN_HOUR + 5; turn += 1) {
        await assert.rejects(makeToken(eve, 'taken'), (error: Problem) => error.code === 'NAME_TAKEN');
      }
      await makeToken(eve, 'free');
    });

    it('many at a time become one mail for the rest, at the end of it', async () => {
      domain.pass(86_400 - (domain.clock() % 86_400));
      const { account, by } = await person();
      const revoke = async (id: string) => domain.tokens.revoke({ accountId: account.id, id }, by);
      for (let made = 0; made < 20; made += 1) {
        const { credential } = await makeToken({ account, by }, `token ${made}`);
        await revoke(credential.id);
      }
      const isSummary = (subject: string) => subject.startsWith('Many changes');
      const first = await domain.mailed(account.email);
      assert.equal(first.filter(isSummary).length, 1);
      assert.equal(first.length, 21);
      const summary = (
        await domain.rows.outbox.list({ where: [['to', '=', account.email]], limit: 50 })
      ).find(({ subject }) => isSummary(subject));
      assert.equal(summary?.dueAt, domain.clock() + 600);
      assert.match(summary?.text ?? '', /\/activity/);
      // The record has each of them, and the next ten minutes are told one by one again.
      assert.equal((await domain.audited(account.id)).length, 41);
      domain.pass(600);
      await makeToken({ account, by }, 'later');
      assert.equal((await domain.mailed(account.email)).filter((subject) => !isSummary(subject)).length, 21);
    });

    it('never hide in a summary who may sign in', async () => {
      const { account, by } = await person();
      for (let made = 0; made < 25; made += 1) await makeToken({ account, by }, `token ${made}`);
      const link = {
        issuer: 'https://accounts.google.com',
        subject: account.id,
        account,
        email: account.email,
      };
      await domain.identities.link(link, by);
      await domain.accounts.setPassword(account, 'four words that rhyme', by);
      const subjects = (await domain.mailed(account.email)).join('\n');
      assert.match(subjects, /password .* was changed/);
      assert.match(subjects, /Google/);
    });
  });
});

import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { Unavailable } from '../../adapters/port.ts';
import type { Account } from '../../server/accounts/account.ts';
import { nextReminder } from '../../server/credentials/credential.ts';
import { createFirstReminders, createReminders } from '../../server/credentials/reminders.ts';
import { actor, openTestDomain, type TestDomain } from '../support/domain.ts';
import { eachStore } from '../support/stores.ts';

const DAY = 86_400;
const HOUR = 3600;

eachStore(({ url, isFirst }) => {
  describe('reminders', () => {
    let domain: TestDomain;
    afterEach(() => domain.stop());

    async function open(): Promise<Account> {
      domain = await openTestDomain({ storeUrl: await url() });
      return domain.account('ann@example.com');
    }

    const mint = (account: Account, name: string, days: number) =>
      domain.tokens.mint(
        { account, name, scopes: ['profile'], expiresAt: domain.clock() + days * DAY },
        actor,
      );

    /** Subjects of the reminders so far. */
    const reminders = async () =>
      (await domain.mailed('ann@example.com')).filter((subject) => /expires? /.test(subject));

    const remind = (changed: object = {}) =>
      createReminders({
        ...domain,
        clients: domain.rows.clients,
        credentials: domain.rows.credentials,
        ...changed,
      });

    /** Reminds four times a day, for so many days. */
    async function play(days: number, run: () => Promise<unknown> = () => remind().run(domain.clock())) {
      for (let left = days * DAY; left > 0; left -= 6 * HOUR) {
        domain.pass(6 * HOUR);
        await run();
      }
    }

    // Months of looks four times a day: what they find is the same on both stores.
    if (isFirst)
      it('come 90, 30, 7 and 1 days before the end, each once, as fit the life', async () => {
        const ann = await open();
        await mint(ann, 'Half a year', 180);
        await mint(ann, 'A month', 30);
        await mint(ann, 'A week', 7);
        await play(181);
        assert.deepEqual(await reminders(), [
          'Your token A week expires in 1 day',
          'Your token A month expires in 7 days',
          'Your token A month expires in 1 day',
          'Your token Half a year expires in 90 days',
          'Your token Half a year expires in 30 days',
          'Your token Half a year expires in 7 days',
          'Your token Half a year expires in 1 day',
        ]);
      });

    if (isFirst)
      it('are one mail for all that fall due together', async () => {
        const ann = await open();
        for (let number = 1; number <= 5; number += 1) await mint(ann, `Token ${number}`, 2);
        // By the jobs of the server itself, which know when.
        await play(2, domain.jobs.runOnce);
        assert.deepEqual(await reminders(), ['5 of your tokens and secrets expire soon']);
      });

    it('leave out what was revoked, replaced, or has nobody to renew it, and take in secrets', async () => {
      const ann = await open();
      const expiresAt = domain.clock() + 30 * DAY;
      const { credential } = await mint(ann, 'Revoked', 30);
      await domain.tokens.revoke({ accountId: ann.id, id: credential.id }, actor);
      const old = await mint(ann, 'Rotated', 30);
      const wanted = {
        name: 'Stripe',
        scopes: ['profile'],
        actsFor: 'account',
        resourceServer: false,
      } as const;
      await domain.services.create({ ...wanted, account: ann, expiresAt }, actor);
      domain.pass(22 * DAY);
      const which = { accountId: ann.id, id: old.credential.id };
      await domain.tokens.rotate(which, { account: ann, overlapSeconds: 8 * DAY }, actor);
      await play(8);
      assert.deepEqual(await reminders(), [
        'Your secret Stripe: Secret 1 expires in 7 days',
        'Your secret Stripe: Secret 1 expires in 1 day',
      ]);
    });

    it('come for what was made before there were any, filled in once and wherever a process dies', async () => {
      const ann = await open();
      const { credentials } = domain.rows;
      const made = [];
      // More than a batch has room for, but on FerretDB, which reads all of a collection for most questions.
      const clonesMade = isFirst ? 250 : 110;
      for (let number = 0; number < 3; number += 1) made.push(await mint(ann, `Old ${number}`, 40));
      const [first] = made;
      const clones = Array.from({ length: clonesMade }, (_, number) => ({
        ...(first?.credential ?? assert.fail()),
        ...{
          id: `tok_${number}`,
          hash: `hash ${number}`,
          accountId: 'another',
          liveName: undefined,
          place: undefined,
          remindAt: undefined,
        },
      }));
      await credentials.insertMany(clones);
      const { credential: revoked } = await mint(ann, 'Revoked', 40);
      await domain.tokens.revoke({ accountId: ann.id, id: revoked.id }, actor);
      const own = [...made.map(({ credential }) => credential), revoked];
      for (const { id } of own) await credentials.update(id, { unset: ['remindAt'] });
      const firstReminders = (left: { writes: number }) =>
        createFirstReminders({
          clock: domain.clock,
          credentials: {
            ...credentials,
            update: (...given: Parameters<typeof credentials.update>) => {
              left.writes -= 1;
              if (left.writes < 0) throw new Unavailable('the process died');
              return credentials.update(...given);
            },
          } as typeof credentials,
        });
      await assert.rejects(firstReminders({ writes: clonesMade / 2 }).run(), Unavailable);
      // Two processes in turn, each from its own place.
      const others = [firstReminders({ writes: clonesMade / 3 }), firstReminders({ writes: 300 })];
      for (const { run } of [...others, ...others]) await run().catch(() => undefined);
      await domain.jobs.runOnce();
      const ends = domain.clock() + 40 * DAY;
      assert.equal(await credentials.count([['remindAt', '=', ends - 30 * DAY]]), clonesMade + 3);
      assert.equal((await credentials.get(revoked.id))?.remindAt, undefined);
      // It was done once: nobody looks at all rows again.
      await credentials.update(clones[0]?.id ?? '', { unset: ['remindAt'] });
      await domain.jobs.runOnce();
      assert.equal(await credentials.count([['remindAt', 'present']]), clonesMade + 2);
      await credentials.removeMany([['accountId', '=', 'another']], 300);
      await play(12);
      assert.deepEqual(await reminders(), ['3 of your tokens and secrets expire soon']);
    });

    it('go out once where a process dies in the middle, wherever that is', async () => {
      const ann = await open();
      for (let number = 1; number <= 5; number += 1) await mint(ann, `Token ${number}`, 30);
      domain.pass(23 * DAY + 60);
      const dueAt = domain.clock();
      for (let writes = 0; writes <= 5; writes += 1) {
        let left = writes;
        const effects = {
          ...domain.effects,
          update: (...given: Parameters<typeof domain.effects.update>) => {
            left -= 1;
            if (left < 0) throw new Unavailable('the process died');
            return domain.effects.update(...given);
          },
        } as typeof domain.effects;
        await remind({ effects })
          .run(dueAt)
          .catch(() => undefined);
      }
      assert.deepEqual(await reminders(), ['5 of your tokens and secrets expire soon']);
    });
  });
});

it('never come in the first fifth of a life, and never twice for one time', () => {
  const end = 100 * DAY;
  const from = (createdAt: number, after = createdAt) => nextReminder({ createdAt, expiresAt: end }, after);
  assert.deepEqual(
    [from(0), from(92 * DAY), from(95 * DAY), from(0, end - 30 * DAY), from(0, end - DAY)],
    [end - 30 * DAY, end - DAY, end - DAY, end - 7 * DAY, end],
  );
  assert.equal(nextReminder({ createdAt: 0, expiresAt: undefined }, 5), undefined);
});

import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { Unavailable } from '../../adapters/port.ts';
import type { Account } from '../../server/accounts/account.ts';
import type { Answer } from '../../server/credentials/review.ts';
import { createReviews } from '../../server/credentials/reviews.ts';
import { Problem } from '../../server/ground/errors.ts';
import { actor, openTestDomain, type TestDomain } from '../support/domain.ts';
import { eachStore } from '../support/stores.ts';

const DAY = 86_400;
const BY_LINK = { kind: 'account', from: '192.0.2.9' } as const;

eachStore(({ url }) => {
  describe('the monthly review', () => {
    let domain: TestDomain;
    afterEach(() => domain.stop());

    async function open(): Promise<{ ann: Account; root: Account }> {
      domain = await openTestDomain({ storeUrl: await url() });
      const root = await domain.account('root@example.com', true);
      return { ann: await domain.account('ann@example.com'), root };
    }

    const mint = (account: Account, name: string, days = 90) =>
      domain.tokens.mint(
        { account, name, scopes: ['profile'], expiresAt: domain.clock() + days * DAY },
        actor,
      );

    const service = (account: Account, name: string, wanted: object = {}) =>
      domain.services.create(
        { account, name, scopes: ['profile'], actsFor: 'account', resourceServer: false, ...wanted },
        actor,
      );

    const ALL = () => ({
      scopes: ['admin'],
      actsFor: 'app',
      reason: 'Backups',
      expiresAt: domain.clock() + 90 * DAY,
    });

    const parts = (changed: object = {}) =>
      createReviews({
        ...domain,
        ...domain.rows,
        accountRows: domain.rows.accounts,
        accounts: domain.accounts,
        ...changed,
      });

    type Made = Pick<ReturnType<typeof parts>, 'works'>;
    const monthly = (dueAt = domain.clock(), { works }: Made = domain.reviews) => runAll(works[0], dueAt);
    const end = (dueAt = domain.clock(), { works }: Made = domain.reviews) => runAll(works[1], dueAt);
    async function runAll({ run }: Made['works'][number], dueAt: number): Promise<void> {
      while (await run(dueAt));
    }

    const textsOf = async (to: string, subject: RegExp) => {
      const order = { by: 'createdAt' } as const;
      const mails = await domain.rows.outbox.list({ where: [['to', '=', to]], order, limit: 1000 });
      return mails.filter((mail) => subject.test(mail.subject)).map(({ text }) => text);
    };

    /** The links of the last review in somebody's mailbox, by name and answer. */
    async function linksOf(to: string): Promise<Record<string, { id: string; token: string }>> {
      const text = (await textsOf(to, /still need/)).at(-1) ?? '';
      const links: Record<string, { id: string; token: string }> = {};
      let name = '';
      for (const line of text.split('\n')) {
        name = /^(.*) \((?:token|service|secret of an app)\): /.exec(line)?.[1] ?? name;
        const link = /^(Keep|Pause|Revoke) \((.*)\)$/.exec(line)?.[2];
        if (link === undefined) continue;
        const query = new URL(link).searchParams;
        links[name] = { id: query.get('id') ?? '', token: query.get('token') ?? '' };
      }
      return links;
    }

    const answer = (link: { id: string; token: string } | undefined, said: Answer) =>
      domain.reviews.answer({ ...(link ?? assert.fail('no link')), answer: said }, BY_LINK);

    const answersOf = async (account: Account) =>
      (await domain.reviews.list(account.id)).flatMap(({ items }) =>
        items.map(({ name, answer: said, answeredBy }) => [name, said, answeredBy?.kind]),
      );

    it('names what is unused, never used, all-powerful, long-lived or about to end, and nothing else', async () => {
      const { ann, root } = await open();
      const used = await mint(ann, 'Used', 120);
      const idle = await mint(ann, 'Idle', 120);
      await mint(ann, 'Forgotten', 120);
      await mint(ann, 'Long', 360);
      await mint(ann, 'Ends', 50);
      await service(ann, 'Eternal');
      await service(root, 'Root', ALL());
      const { credential } = await mint(ann, 'Paused', 120);
      await domain.tokens.pause({ accountId: ann.id, id: credential.id }, actor);
      const bait = { account: root, name: 'Bait', scopes: ['profile'], honey: true };
      await domain.tokens.mint({ ...bait, expiresAt: domain.clock() + 360 * DAY }, actor);
      const app = { name: 'Shop', redirectUris: ['https://shop.example/cb'], scopes: ['openid'] };
      await domain.apps.create({ ...app, account: ann, confidential: true }, actor);
      domain.lastUsed.noteCredential(idle.credential, '192.0.2.1');
      await domain.lastUsed.flush();
      domain.pass(40 * DAY);
      for (const { credential: row } of [used, await mint(ann, 'Today', 7)]) {
        domain.lastUsed.noteCredential(row, '192.0.2.1');
      }
      await domain.lastUsed.flush();

      const named: string[] = [];
      for await (const { account, findings } of domain.reviews.preview()) {
        named.push(...findings.map((one) => `${account.email} ${one.name}: ${one.reasons.join(' ')}`));
      }
      assert.deepEqual(named.toSorted(), [
        'ann@example.com Ends: never_used expiring',
        'ann@example.com Eternal: never_used long_lived',
        'ann@example.com Forgotten: never_used',
        'ann@example.com Idle: unused',
        'ann@example.com Long: never_used long_lived',
        'ann@example.com Shop: Secret 1: never_used long_lived',
        'root@example.com Root: all_powerful never_used',
      ]);
      assert.deepEqual(await domain.rows.reviews.list({ limit: 9 }), []);
      await monthly();
      assert.equal((await textsOf('ann@example.com', /these 6 credentials/)).length, 1);
      const [digest] = await textsOf('root@example.com', /^Review of credentials, [A-Z][a-z]+ 20\d\d$/);
      assert.match(digest ?? '', /Accounts asked: 2\nCredentials named: 7\nWith admin rights: 1\n/);
      assert.match(digest ?? '', /Root of root@example\.com: has admin rights/);
    });

    it('is answered by the mailed links: kept, paused, revoked, each once and on record', async () => {
      const { ann } = await open();
      for (const name of ['A', 'B', 'C']) await mint(ann, name);
      await service(ann, 'S');
      domain.pass(10 * DAY);
      await monthly();
      const links = await linksOf('ann@example.com');
      const hidden = Object.values(links).map(({ token }) => token);
      assert.equal(new Set(hidden).size, 4);
      const rows = JSON.stringify(await domain.rows.reviews.list({ limit: 9 }));
      assert.ok(hidden.every((token) => !rows.includes(token)));
      // A mail scanner follows all of them.
      for (const link of Object.values(links)) await domain.reviews.find(link);
      assert.ok((await answersOf(ann)).every(([, said]) => said === undefined));

      await answer(links.A, 'keep');
      await answer(links.B, 'pause');
      await answer(links.C, 'revoke');
      await answer(links.S, 'pause');
      const states = (await domain.tokens.list(ann.id)).map(({ name, pausedAt, revokedAt }) => [
        name,
        pausedAt !== undefined,
        revokedAt !== undefined,
      ]);
      assert.deepEqual(states.toSorted(), [
        ['A', false, false],
        ['B', true, false],
        ['C', false, true],
      ]);
      assert.ok((await domain.services.list(ann.id))[0]?.pausedAt);
      assert.deepEqual((await answersOf(ann)).toSorted(), [
        ['A', 'keep', 'account'],
        ['B', 'pause', 'account'],
        ['C', 'revoke', 'account'],
        ['S', 'pause', 'account'],
      ]);
      // Its owner takes it along, without what opens the links.
      let taken = '';
      for await (const piece of await domain.accountData.take(ann, actor)) taken += piece;
      assert.match(
        taken,
        /"reviews":\[\n.*"reasons":\["never_used"\],"answer":"revoke","answered_at":"2030-/,
      );
      assert.ok(!/linkHash|link_hash/.test(taken));
      const audited = (await domain.audited(ann.id)).filter((entry) => /^review/.test(entry));
      assert.deepEqual(
        audited.toSorted(),
        ['A', 'B', 'C', 'S'].map((name) => `review.answered ${name}`),
      );
    });

    it('names each thing from the day on that is said, and nothing that opens nothing or ends by itself', async () => {
      const { ann, root } = await open();
      const start = domain.clock();
      const { credential: used } = await mint(ann, 'Used', 180);
      domain.lastUsed.noteCredential(used, '192.0.2.1');
      await domain.lastUsed.flush();
      await mint(ann, 'Never', 180);
      const { credential: old } = await mint(ann, 'Rotated', 180);
      const renewal = { account: ann, overlapSeconds: 20 * DAY };
      await domain.tokens.rotate({ accountId: ann.id, id: old.id }, renewal, actor);
      const paused = await service(ann, 'Paused');
      await domain.services.pause({ accountId: ann.id, id: paused.client.id }, actor);
      await domain.tokens.issue(
        {
          account: ann,
          name: 'Issued',
          scopes: ['profile'],
          expiresAt: start + 37 * DAY,
          service: { id: 'svc_1', name: 'S' },
          replace: true,
          overlapSeconds: 0,
        } as never,
        actor,
      );
      await mint(root, 'Ends', 37);
      const namedAt = async (seconds: number) => {
        domain.pass(start + seconds - domain.clock());
        const lines: string[] = [];
        for await (const { findings } of domain.reviews.preview())
          lines.push(...findings.map(({ name, reasons }) => `${name}: ${reasons.join(' ')}`));
        return lines.toSorted();
      };
      assert.deepEqual(await namedAt(7 * DAY - 1), []);
      assert.deepEqual(await namedAt(7 * DAY), [
        'Ends: never_used expiring',
        'Issued: never_used',
        'Never: never_used',
        'Rotated: never_used',
      ]);
      assert.ok(!(await namedAt(30 * DAY - 1)).includes('Used: unused'));
      assert.ok((await namedAt(30 * DAY)).includes('Used: unused'));
      await mint(ann, 'Longer', 181);
      domain.pass(7 * DAY);
      assert.ok((await namedAt(37 * DAY)).includes('Longer: never_used long_lived'));
    });

    it('carries out an answer once, in the name of its owner, also where it was so already', async () => {
      const { ann } = await open();
      const { credential } = await mint(ann, 'A');
      const { credential: other } = await mint(ann, 'B');
      await mint(ann, 'C');
      const { credential: ended } = await mint(ann, 'D');
      domain.pass(10 * DAY);
      await monthly();
      const links = await linksOf('ann@example.com');
      await domain.tokens.pause({ accountId: ann.id, id: other.id }, actor);
      await answer(links.B, 'pause');
      await domain.tokens.revoke({ accountId: ann.id, id: ended.id }, actor);
      await answer(links.D, 'pause');
      await answer(links.A, 'pause');
      await domain.tokens.resume({ accountId: ann.id, id: credential.id }, actor);
      await answer(links.C, 'keep');
      assert.equal((await domain.rows.credentials.get(credential.id))?.pausedAt, undefined);
      const [review] = await domain.reviews.list(ann.id);
      // Nothing of it is left to be done.
      assert.equal(review?.actAt, undefined);
      for (const { answeredBy } of review?.items ?? []) assert.equal(answeredBy?.id, ann.id);
    });

    it('pauses nothing that is answered while its time ends', async () => {
      const { root } = await open();
      await service(root, 'Root', ALL());
      domain.pass(20 * DAY);
      await monthly();
      const { Root: link } = await linksOf('root@example.com');
      const dueAt = domain.clock() + 30 * DAY;
      const accounts = {
        ...domain.accounts,
        get: async (id: string) => {
          const account = await domain.accounts.get(id);
          await answer(link, 'keep').catch(() => undefined);
          return account;
        },
      };
      await end(dueAt, parts({ accounts }));
      assert.deepEqual(await answersOf(root), [['Root', 'keep', 'account']]);
    });

    it('refuses links that were used, are late, cut off, swapped or of somebody suspended, and changes nothing', async () => {
      const { ann, root } = await open();
      await mint(ann, 'A');
      await mint(ann, 'B');
      await mint(root, 'R');
      const bait = { account: root, name: 'Bait', scopes: ['profile'], honey: true };
      await domain.tokens.mint({ ...bait, expiresAt: domain.clock() + 360 * DAY }, actor);
      const app = { name: 'Shop', redirectUris: ['https://shop.example/cb'], scopes: ['openid'] };
      await domain.apps.create({ ...app, account: ann, confidential: true }, actor);
      domain.pass(10 * DAY);
      await monthly();
      const { A, B, ...others } = await linksOf('ann@example.com');
      const { R } = await linksOf('root@example.com');
      assert.ok(A && B && R);
      await answer(A, 'keep');
      await assert.rejects(answer(A, 'revoke'), { code: 'LINK_DEAD', message: /was kept on/ });
      await assert.rejects(answer({ ...B, token: B.token.slice(0, -1) }, 'revoke'), { code: 'LINK_DAMAGED' });
      await assert.rejects(answer({ id: R.id, token: B.token }, 'revoke'), { code: 'LINK_DEAD' });
      await assert.rejects(answer({ id: '__proto__', token: B.token }, 'revoke'), { code: 'LINK_DAMAGED' });
      await assert.rejects(answer(others['Shop: Secret 1'], 'pause'), { code: 'NOTHING_TO_DO' });
      await domain.accounts.suspend(ann.id, actor);
      await assert.rejects(answer(B, 'revoke'), { code: 'ACCOUNT_SUSPENDED' });
      await domain.accounts.restore(ann.id, actor);
      domain.pass(14 * DAY);
      await assert.rejects(answer(B, 'revoke'), { code: 'LINK_DEAD', message: /too old/ });
      assert.ok((await domain.tokens.list(ann.id)).every(({ revokedAt }) => revokedAt === undefined));
    });

    it('carries out later what is bounded at the moment, without holding up others', async () => {
      const { ann } = await open();
      const { credential } = await mint(ann, 'A');
      domain.pass(10 * DAY);
      await monthly();
      const { A = assert.fail('no link') } = await linksOf('ann@example.com');
      const busy = new Problem({
        status: 429,
        code: 'TOO_MANY_ATTEMPTS',
        message: 'Too many.',
        hint: 'Wait.',
      });
      const tokens = { ...domain.tokens, revoke: () => Promise.reject(busy) };
      await parts({ tokens }).answer({ ...A, answer: 'revoke' }, BY_LINK);
      domain.pass(31);
      await parts({ tokens }).sweep();
      const row = () => domain.rows.credentials.get(credential.id);
      assert.equal((await row())?.revokedAt, undefined);
      await domain.reviews.sweep();
      assert.ok((await row())?.revokedAt);
    });

    it('takes one of many answers at the same moment, and does just that one', async () => {
      const { ann } = await open();
      await mint(ann, 'A');
      await mint(ann, 'B');
      domain.pass(10 * DAY);
      await monthly();
      const { A, B } = await linksOf('ann@example.com');
      const said: Answer[] = ['keep', 'revoke', 'pause', 'revoke', 'keep', 'pause'];
      const results = await Promise.allSettled([...said.map((one) => answer(A, one)), answer(B, 'revoke')]);
      const won = said.filter((_, at) => results[at]?.status === 'fulfilled');
      assert.equal(won.length, 1);
      assert.equal(results.at(-1)?.status, 'fulfilled');
      const [a, b] = (await domain.tokens.list(ann.id)).toSorted((one, other) =>
        one.name < other.name ? -1 : 1,
      );
      const did = a?.revokedAt !== undefined ? 'revoke' : a?.pausedAt !== undefined ? 'pause' : 'keep';
      assert.equal(did, won[0]);
      assert.ok(b?.revokedAt);
    });

    it('pauses what is all-powerful and unused when nobody answered for two weeks, and says so', async () => {
      const { ann, root } = await open();
      await mint(ann, 'Idle');
      const { client } = await service(root, 'Idle root', ALL());
      const kept = await service(root, 'Kept root', ALL());
      const busy = await service(root, 'Busy root', ALL());
      domain.pass(10 * DAY);
      await monthly();
      await answer((await linksOf('root@example.com'))['Kept root'], 'keep');
      domain.pass(13 * DAY);
      await end();
      domain.lastUsed.noteCredential(busy.secret.credential, '192.0.2.1');
      await domain.lastUsed.flush();
      const paused = async () =>
        (await domain.services.list(root.id)).filter(({ pausedAt }) => pausedAt).map(({ id }) => id);
      assert.deepEqual(await paused(), []);
      domain.pass(DAY);
      await end();
      assert.deepEqual(await paused(), [client.id]);
      assert.ok((await domain.tokens.list(ann.id)).every(({ pausedAt }) => pausedAt === undefined));
      assert.deepEqual((await textsOf('root@example.com', /[Pp]aused/)).length, 1);
      const audited = (await domain.audited(root.id)).filter((entry) => entry.startsWith('service.paused'));
      assert.deepEqual(audited, ['service.paused Idle root']);
      // Resumed, it stays so: what was closed is closed.
      await domain.services.resume({ accountId: root.id, id: client.id }, actor);
      await end();
      await domain.jobs.runOnce();
      assert.deepEqual([await paused(), (await answersOf(root)).length], [[], 3]);
      assert.ok(kept.client.id !== client.id && busy.client.id !== client.id);
    });

    it('is mailed, answered and closed once wherever a process dies', async () => {
      const { ann, root } = await open();
      const tokens = await Promise.all(['A', 'B'].map((name) => mint(ann, name)));
      const { client } = await service(root, 'Root', ALL());
      domain.pass(10 * DAY);
      /** Does the work over and over, each time with one more write before the process dies. */
      const dying = async (work: (made: ReturnType<typeof parts>) => Promise<unknown>) => {
        for (let writes = 0; writes <= 8; writes += 1) {
          let left = writes;
          const counted = <T extends object>(of: T): T =>
            new Proxy(of, {
              get(target, name) {
                const method = Reflect.get(target, name);
                const isWrite = /^(insert|update|pause|revoke)/.test(String(name));
                if (!isWrite || typeof method !== 'function') return method;
                return (collection: unknown, ...given: unknown[]) => {
                  left -= 1;
                  if (left < 0) throw new Unavailable('the process died');
                  return method.call(target, collection === reviews ? rows.reviews : collection, ...given);
                };
              },
            });
          const { effects, tokens: some, services, rows } = domain;
          const reviews = counted(rows.reviews);
          const made = parts({
            effects: counted(effects),
            tokens: counted(some),
            services: counted(services),
            reviews,
          });
          await work(made).catch((error: unknown) => assert.ok(error instanceof Unavailable, String(error)));
        }
      };
      await dying((made) => monthly(1_900_864_000, made));
      assert.deepEqual(
        [
          (await textsOf('ann@example.com', /still need/)).length,
          (await textsOf('root@example.com', /still need/)).length,
          (await textsOf('root@example.com', /^Review of/)).length,
        ],
        [1, 1, 1],
      );
      const { A } = await linksOf('ann@example.com');
      assert.ok(A);
      await dying((made) =>
        made.answer({ ...A, answer: 'revoke' }, BY_LINK).catch((error: unknown) => {
          if (error instanceof Unavailable) throw error;
        }),
      );
      domain.pass(60);
      await domain.reviews.sweep();
      assert.ok((await domain.rows.credentials.get(tokens[0]?.credential.id ?? ''))?.revokedAt);
      domain.pass(14 * DAY);
      await dying((made) => end(domain.clock(), made));
      domain.pass(60);
      await domain.reviews.sweep();
      assert.ok((await domain.rows.clients.get(client.id))?.pausedAt);
      assert.equal((await textsOf('root@example.com', /^Paused/)).length, 1);
      const audited = (await domain.audited(root.id)).filter((entry) => entry.startsWith('service.paused'));
      assert.equal(audited.length, 1);
      const review = (await domain.reviews.list(ann.id))[0];
      assert.deepEqual([review?.actAt, review?.closesAt], [undefined, undefined]);
    });

    it('asks again about what was kept, and says when that was', async () => {
      const { ann } = await open();
      const { credential } = await mint(ann, 'A', 120);
      await mint(ann, 'B', 120);
      for (const keeps of [true, true, false]) {
        domain.pass(31 * DAY);
        await monthly();
        if (keeps) await answer((await linksOf('ann@example.com')).A, 'keep');
        // By who is signed in, not by the mailed link.
        const [review] = await domain.reviews.list(ann.id);
        const which = { id: review?.id ?? '', accountId: ann.id, itemId: credential.id };
        const again = domain.reviews.answer({ ...which, answer: 'pause' }, BY_LINK);
        await (keeps ? assert.rejects(again, { code: 'LINK_DEAD', message: /was kept on/ }) : again);
      }
      const asked = (await textsOf('ann@example.com', /still need/)).flatMap(
        (text) => /^A .*$/m.exec(text)?.[0] ?? [],
      );
      assert.deepEqual(
        asked.map((line) => /kept .*$/.exec(line)?.[0]),
        [undefined, 'kept 31 days ago', 'kept 31 days ago'],
      );
      assert.ok((await domain.rows.credentials.get(credential.id))?.pausedAt);
      const [review] = await domain.reviews.list(ann.id);
      const foreign = { id: review?.id ?? '', accountId: 'acc_other', itemId: credential.id };
      await assert.rejects(domain.reviews.find(foreign), { code: 'NOT_FOUND' });
    });

    it('comes once a month for two years, from two processes at the same time', async () => {
      const { ann, root } = await open();
      await service(ann, 'Eternal');
      const others = [domain.reviews, parts()];
      let months = 0;
      for (let day = 0; day < 730; day += 1) {
        domain.pass(DAY);
        if (new Date(domain.clock() * 1000).getUTCDate() === 1) {
          months += 1;
          await Promise.all(others.map((made) => monthly(domain.clock(), made)));
        }
        if (day % 7 === 0) await Promise.all(others.map((made) => end(domain.clock(), made)));
      }
      assert.equal(months, 24);
      assert.equal((await textsOf('ann@example.com', /still need/)).length, 24);
      assert.equal((await textsOf('root@example.com', /^Review of/)).length, 24);
      const kept = await domain.reviews.list(ann.id);
      assert.deepEqual([kept.length, new Set(kept.map(({ month }) => month)).size], [24, 24]);
      assert.deepEqual(await domain.reviews.list(root.id), []);
    });

    it('comes by the jobs of the server on the first of the month', async () => {
      const { ann } = await open();
      await mint(ann, 'A', 300);
      // 17 March 2030, and the first days of two months behind it.
      for (const days of [0, 1, 14, 1, 1, 29, 1]) {
        domain.pass(days * DAY);
        await domain.jobs.runOnce();
      }
      assert.equal((await textsOf('ann@example.com', /still need/)).length, 2);
    });
  });
});

import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { Account } from '../../server/accounts/account.ts';
import { countAdminUse } from '../../server/activity/admin-use.ts';
import type { Credential } from '../../server/credentials/credential.ts';
import { stateOf } from '../../server/credentials/credential.ts';
import { Problem } from '../../server/ground/errors.ts';
import { ADMIN_SECRET_DAYS_MAX } from '../../server/ground/limits.ts';
import { actor, openTestDomain, type TestDomain } from '../support/domain.ts';
import { eachStore } from '../support/stores.ts';

const DAY = 86_400;

eachStore(({ url }) => {
  describe('services', () => {
    let domain: TestDomain;
    afterEach(() => domain.stop());

    async function open(): Promise<Account> {
      domain = await openTestDomain({ storeUrl: await url() });
      return domain.account('ann@example.com');
    }

    const create = (account: Account, wanted: object = {}) =>
      domain.services.create(
        {
          account,
          name: 'Courier',
          scopes: ['wf:create_transaction'],
          actsFor: 'account',
          resourceServer: false,
          ...wanted,
        },
        actor,
      );

    const isGood = async (clientId: string, value: string) =>
      (await domain.clients.checkSecret(clientId, value)) !== undefined;

    async function secretOf(id: string): Promise<Credential> {
      const row = await domain.rows.credentials.get(id);
      assert.ok(row);
      return row;
    }

    it('comes with one secret, of which only the hash is kept', async () => {
      const ann = await open();
      const { client, secret } = await create(ann);
      assert.match(client.id, /^svc_[0-9A-Za-z]{20}$/);
      assert.match(secret.value, /^lk_cs_[0-9A-Za-z]{36}$/);
      assert.equal(await domain.clients.checkSecret(client.id, secret.value), secret.credential.id);
      assert.ok(!(await domain.dump()).includes(secret.value.slice('lk_cs_'.length)));
      assert.deepEqual(await domain.mailed('ann@example.com'), ['New service: Courier']);
      assert.deepEqual((await domain.audited(ann.id)).toSorted(), [
        'account.created ann@example.com',
        'secret.created Courier: Secret 1',
        'service.created Courier',
      ]);
    });

    it('is paused once and resumed once, with an entry and a mail each; a revoked one is neither', async () => {
      const ann = await open();
      const { client, secret } = await create(ann);
      const which = { accountId: ann.id, id: client.id };
      const twice = (act: 'pause' | 'resume') =>
        Promise.all([1, 2].map(() => domain.services[act](which, actor)));
      assert.deepEqual((await twice('pause')).toSorted(), [false, true]);
      assert.ok(!(await isGood(client.id, secret.value)));
      assert.deepEqual((await twice('resume')).toSorted(), [false, true]);
      assert.ok(await isGood(client.id, secret.value));
      const audited = (await domain.audited(ann.id)).filter((entry) => /paused|resumed/.test(entry));
      assert.deepEqual(audited.toSorted(), ['service.paused Courier', 'service.resumed Courier']);
      const subjects = (await domain.mailed('ann@example.com')).filter((one) => !one.startsWith('New'));
      assert.deepEqual(subjects.toSorted(), ['Service paused: Courier', 'Service resumed: Courier']);
      const elsewhere = { accountId: 'acc_other', id: client.id };
      await assert.rejects(domain.services.pause(elsewhere, actor), { status: 404 });
      await domain.services.revoke(which, actor);
      await assert.rejects(domain.services.pause(which, actor), { status: 404 });
    });

    it('gives ordinary accounts no more than their own (A9)', async () => {
      const ann = await open();
      const expiresAt = domain.clock() + DAY;
      await refuses(create(ann, { actsFor: 'app' }), 'actsFor', 403);
      await refuses(create(ann, { resourceServer: true }), 'actsFor', 403);
      await refuses(create(ann, { scopes: ['admin'], reason: 'x', actsFor: 'app', expiresAt }), 'scopes');
      for (const scopes of [[], ['openid'], ['wf:nothing'], ['admin'], ['wf:issue_token']]) {
        await refuses(create(ann, { scopes }), 'scopes');
      }
      assert.deepEqual(await domain.services.list(ann.id), []);
    });

    it('wants a reason and an end within 90 days for the admin scope', async () => {
      await open();
      const root = await domain.account('root@example.com', true);
      const admin = { scopes: ['admin'], actsFor: 'app', reason: 'Nightly import' };
      const now = domain.clock();
      await refuses(create(root, { ...admin, reason: ' ', expiresAt: now + DAY }), 'reason');
      await refuses(create(root, { ...admin, actsFor: 'account', expiresAt: now + DAY }), 'actsFor');
      await refuses(create(root, admin), 'expires');
      await refuses(create(root, { ...admin, expiresAt: now + 90 * DAY + 1 }), 'expires');
      await refuses(create(root, { ...admin, expiresAt: now }), 'expires');
      const { client } = await create(root, { ...admin, expiresAt: now + 90 * DAY });
      assert.equal(client.reason, 'Nightly import');
      const which = { kind: 'service' as const, accountId: root.id, clientId: client.id };
      await refuses(domain.secrets.add({ ...which, name: 'B' }, actor), 'expires');
      const far = { ...which, name: 'B', expiresAt: now + 91 * DAY };
      await refuses(domain.secrets.add(far, actor), 'expires');
      const rotated = await domain.secrets.rotate({ ...which, overlapSeconds: 0 }, actor);
      assert.equal(rotated.credential.expiresAt, now + 90 * DAY);
    });

    it('wants the same for an admin scope that is narrow, and gives it to admins alone', async () => {
      const ann = await open();
      const root = await domain.account('root@example.com', true);
      const now = domain.clock();
      for (const scope of ['admin:wf:issue_token', 'admin:data:transaction:read']) {
        const narrow = { scopes: [scope], actsFor: 'app', reason: 'Logs in', expiresAt: now + 90 * DAY };
        await refuses(create(ann, { ...narrow, actsFor: 'account' }), 'scopes');
        await refuses(create(root, { ...narrow, reason: '' }), 'reason');
        await refuses(create(root, { ...narrow, actsFor: 'account' }), 'actsFor');
        await refuses(create(root, { ...narrow, expiresAt: undefined }), 'expires');
        await refuses(create(root, { ...narrow, expiresAt: now + 90 * DAY + 1 }), 'expires');
        const { client } = await create(root, narrow);
        const which = { kind: 'service' as const, accountId: root.id, clientId: client.id };
        await refuses(domain.secrets.add({ ...which, name: 'B' }, actor), 'expires');
        await assert.rejects(domain.admins.demote(root, actor), { status: 409 });
        await domain.services.revoke({ accountId: root.id, id: client.id }, actor);
      }
      for (const scopes of [
        ['admin:wf:nothing'],
        ['admin:'],
        ['admin:data:transaction'],
        ['admin:profile'],
      ]) {
        const reason = { reason: 'x', actsFor: 'app', expiresAt: now + DAY };
        await refuses(create(root, { ...reason, scopes }), 'scopes');
      }
    });

    it('takes admin scopes away from a service that is there, and gives it none', async () => {
      await open();
      const root = await domain.account('root@example.com', true);
      const made = { actsFor: 'app', reason: 'Nightly import', expiresAt: domain.clock() + DAY };
      const { client } = await create(root, { ...made, scopes: ['admin'] });
      const edit = (scopes: string[]) =>
        domain.services.update({ account: root, id: client.id, name: 'Courier', scopes }, actor);
      const narrow = ['admin:wf:issue_token'];
      assert.deepEqual((await edit(narrow)).scopes, narrow);
      await refuses(edit(['admin']), 'scopes');
      await refuses(edit([...narrow, 'admin:wf:create_transaction']), 'scopes');
      assert.deepEqual((await edit(['profile'])).scopes, ['profile']);
      await refuses(edit(narrow), 'scopes');
    });

    it('gives a secret with an admin scope an end at each rotation, also where no record of one before is left', async () => {
      await open();
      const root = await domain.account('root@example.com', true);
      const made = { actsFor: 'app', reason: 'Import', scopes: ['admin:wf:issue_token'] };
      const { client, secret } = await create(root, { ...made, expiresAt: domain.clock() + 9 * DAY });
      const which = { kind: 'service' as const, accountId: root.id, clientId: client.id };
      const rotate = async () =>
        (await domain.secrets.rotate({ ...which, overlapSeconds: 0 }, actor)).credential;
      domain.pass(DAY);
      const next = await rotate();
      assert.equal(next.expiresAt, domain.clock() + 9 * DAY);
      for (const { id } of [secret.credential, next]) await domain.rows.credentials.remove(id);
      assert.equal((await rotate()).expiresAt, domain.clock() + ADMIN_SECRET_DAYS_MAX * DAY);
    });

    it('counts how often it was used as an admin lately, among a bounded number of calls', async () => {
      const ann = await open();
      const service = { id: 'svc_1', accountId: ann.id };
      const now = domain.clock();
      const call = (at: number, more: object = {}) => {
        const names = {
          accountId: ann.id,
          clientId: 'svc_1',
          tokenId: 'at_1',
          tokenKind: 'k',
          tokenName: 'n',
        };
        const called = { method: 'GET', path: '/', status: 200, result: 'success', from: '', requestId: '' };
        return { ...names, ...domain.recorder.entry(names, called), at, privacyBypassed: true, ...more };
      };
      await domain.rows.calls.insertMany([
        call(now),
        call(now, { count: 3 }),
        call(now, { privacyBypassed: undefined }),
        call(now, { clientId: 'svc_2' }),
        call(now - 31 * DAY),
      ]);
      const use = () => countAdminUse({ ...domain, calls: domain.rows.calls }, service, now);
      assert.deepEqual(await use(), { count: 4, isAll: true });
      await domain.rows.calls.insertMany(Array.from({ length: 1000 }, () => call(now)));
      const many = await use();
      assert.ok(!many.isAll && many.count >= 999, JSON.stringify(many));
      // What is counted by the day knows of more calls than are looked at.
      for (const at of [now, now - 2 * DAY, now - 31 * DAY])
        domain.callCounts.add(call(at, { count: 4000, tokenId: `at_${at}` }));
      domain.callCounts.add(call(now, { count: 500, tokenId: 'at_2', privacyBypassed: undefined }));
      await domain.callCounts.flush();
      assert.deepEqual(await use(), { count: 8000, isAll: false });
    });

    it('does not take the mails of a workflow that touches data for notices', async () => {
      const ann = await open();
      const entry = {
        accountId: ann.id,
        actor,
        action: 'data.touched',
        targetId: 's',
        targetName: 'w',
        count: 1,
      };
      for (let turn = 0; turn < 22; turn += 1) {
        const mail = [{ to: 'x@example.com', subject: `Mail ${turn}`, text: '', html: '' }];
        await domain.runs.commit({ writes: [], mail, audit: [entry] }, undefined);
      }
      assert.equal((await domain.mailed('x@example.com')).filter((one) => /^Mail \d/.test(one)).length, 22);
    });

    it('offers narrow admin scopes to no token and to no app, not even to an admin’s', async () => {
      await open();
      const root = await domain.account('root@example.com', true);
      const expiresAt = domain.clock() + DAY;
      for (const scope of ['admin:wf:create_transaction', 'admin:data:transaction:write']) {
        const token = { account: root, name: 'T', scopes: [scope], expiresAt };
        await refuses(domain.tokens.mint(token, actor), 'scopes');
        const app = { account: root, name: 'A', redirectUris: ['https://a.example/'], scopes: [scope] };
        await refuses(domain.apps.create({ ...app, confidential: true }, actor), 'scopes');
      }
    });

    it('lets an admin make one that only asks about tokens', async () => {
      await open();
      const root = await domain.account('root@example.com', true);
      const { client } = await create(root, { scopes: [], resourceServer: true });
      assert.deepEqual([client.resourceServer, client.scopes], [true, []]);
    });

    it('takes a secret for its own client only, while both are live', async () => {
      const ann = await open();
      const one = await create(ann, { expiresAt: domain.clock() + DAY });
      const other = await create(ann, { name: 'Other' });
      assert.equal(await isGood(one.client.id, one.secret.value), true);
      assert.equal(await isGood(other.client.id, one.secret.value), false);
      assert.equal(await isGood('svc_missing', one.secret.value), false);
      for (const value of [
        '',
        one.secret.value.slice(0, -1),
        `${one.secret.value} `,
        one.secret.credential.hash,
      ]) {
        assert.equal(await isGood(one.client.id, value), false);
      }
      domain.pass(DAY);
      assert.equal(await isGood(one.client.id, one.secret.value), false);
    });

    it('takes no personal token for a secret', async () => {
      const ann = await open();
      const { client } = await create(ann);
      const expiresAt = domain.clock() + DAY;
      const { value } = await domain.tokens.mint(
        { account: ann, name: 'T', scopes: ['profile'], expiresAt },
        actor,
      );
      assert.equal(await isGood(client.id, value), false);
    });

    it('keeps several named secrets, five at most', async () => {
      const ann = await open();
      const { client, secret } = await create(ann);
      const which = { kind: 'service' as const, accountId: ann.id, clientId: client.id };
      const added = await domain.secrets.add({ ...which, name: 'Second machine' }, actor);
      assert.equal(await isGood(client.id, secret.value), true);
      assert.equal(await isGood(client.id, added.value), true);
      await refuses(domain.secrets.add({ ...which, name: 'Second machine' }, actor), 'name', 409);
      for (const name of ['3', '4', '5']) await domain.secrets.add({ ...which, name }, actor);
      await refuses(domain.secrets.add({ ...which, name: '6' }, actor), 'name', 409);
      await refuses(domain.secrets.rotate({ ...which, overlapSeconds: DAY }, actor), 'name', 409);
      const id = added.credential.id;
      assert.equal(await domain.secrets.revoke({ ...which, id }, actor), true);
      assert.equal(await domain.secrets.revoke({ ...which, id }, actor), false);
      assert.equal(await isGood(client.id, added.value), false);
      assert.equal(await isGood(client.id, secret.value), true);
      await domain.secrets.add({ ...which, name: '6' }, actor);
    });

    it('rotates: the same life, and the others end after the overlap at the latest', async () => {
      const ann = await open();
      const start = domain.clock();
      const { client, secret } = await create(ann, { expiresAt: start + 30 * DAY });
      const which = { kind: 'service' as const, accountId: ann.id, clientId: client.id };
      const soon = await domain.secrets.add({ ...which, name: 'Soon', expiresAt: start + 1800 }, actor);
      domain.pass(60);
      const next = await domain.secrets.add(
        { ...which, name: 'Next', expiresAt: domain.clock() + 10 * DAY },
        actor,
      );
      const made = await domain.secrets.rotate({ ...which, overlapSeconds: 3600 }, actor);
      assert.equal(made.credential.expiresAt, domain.clock() + 10 * DAY);
      assert.equal((await secretOf(secret.credential.id)).expiresAt, domain.clock() + 3600);
      assert.equal((await secretOf(next.credential.id)).expiresAt, domain.clock() + 3600);
      assert.equal((await secretOf(soon.credential.id)).expiresAt, start + 1800);
      domain.pass(3599);
      assert.equal(await isGood(client.id, secret.value), true);
      domain.pass(1);
      assert.equal(await isGood(client.id, secret.value), false);
      assert.equal(await isGood(client.id, made.value), true);
    });

    it('rotates again in the same second without losing the life or the name', async () => {
      const ann = await open();
      const { client } = await create(ann, { expiresAt: domain.clock() + 30 * DAY });
      const which = {
        kind: 'service' as const,
        accountId: ann.id,
        clientId: client.id,
        overlapSeconds: 3600,
      };
      await domain.secrets.add({ ...which, name: 'Secret 3', expiresAt: domain.clock() + 30 * DAY }, actor);
      const first = await domain.secrets.rotate(which, actor);
      const second = await domain.secrets.rotate(which, actor);
      assert.equal(second.credential.expiresAt, domain.clock() + 30 * DAY);
      assert.notEqual(first.credential.name, second.credential.name);
      const lives = (await domain.secrets.list(which)).filter(
        (row) => stateOf(row, domain.clock()) === 'live',
      );
      assert.equal(lives.length, 4);
      assert.deepEqual(
        lives.map((row) => (row.expiresAt ?? 0) - domain.clock()).toSorted((a, b) => a - b),
        [3600, 3600, 3600, 30 * DAY],
      );
    });

    it('revokes the others at once when no overlap is wanted', async () => {
      const ann = await open();
      const { client, secret } = await create(ann);
      const which = { kind: 'service' as const, accountId: ann.id, clientId: client.id };
      const made = await domain.secrets.rotate({ ...which, overlapSeconds: 0 }, actor);
      assert.equal(made.credential.expiresAt, undefined);
      assert.equal(await isGood(client.id, secret.value), false);
      assert.equal((await secretOf(secret.credential.id)).revokedAt, domain.clock());
      assert.equal(await isGood(client.id, made.value), true);
      const revoked = (await domain.audited(ann.id)).filter((line) => line.startsWith('secret.revoked'));
      assert.equal(revoked.length, 1);
    });

    it('refuses an overlap that is none', async () => {
      const ann = await open();
      const { client } = await create(ann);
      const which = { kind: 'service' as const, accountId: ann.id, clientId: client.id };
      for (const overlapSeconds of [-1, 0.5, Number.NaN, 30 * DAY + 1]) {
        await refuses(domain.secrets.rotate({ ...which, overlapSeconds }, actor), 'overlap');
      }
      assert.equal((await domain.secrets.list(which)).length, 1);
    });

    it('ends parallel rotations with every secret but the new ones cut short', async () => {
      const ann = await open();
      const { client, secret } = await create(ann);
      const which = { kind: 'service' as const, accountId: ann.id, clientId: client.id };
      await Promise.allSettled([
        domain.secrets.rotate({ ...which, overlapSeconds: 3600 }, actor),
        domain.secrets.rotate({ ...which, overlapSeconds: 7200 }, actor),
      ]);
      assert.equal((await secretOf(secret.credential.id)).expiresAt, domain.clock() + 3600);
    });

    it('dies with all its secrets, once', async () => {
      const ann = await open();
      const { client, secret } = await create(ann);
      const which = { accountId: ann.id, id: client.id };
      const ofClient = { kind: 'service' as const, accountId: ann.id, clientId: client.id };
      const added = await domain.secrets.add({ ...ofClient, name: 'B' }, actor);
      const answers = await Promise.all(
        Array.from({ length: 4 }, () => domain.services.revoke(which, actor)),
      );
      assert.equal(answers.filter(Boolean).length, 1);
      for (const { value } of [secret, added]) assert.equal(await isGood(client.id, value), false);
      assert.equal((await domain.clients.get(client.id))?.revokedAt, domain.clock());
      assert.ok((await secretOf(secret.credential.id)).revokedAt);
      await assert.rejects(domain.secrets.add({ ...ofClient, name: 'C' }, actor), { status: 404 });
      await assert.rejects(domain.secrets.rotate({ ...ofClient, overlapSeconds: 0 }, actor), {
        status: 404,
      });
      assert.equal(
        (await domain.audited(ann.id)).filter((line) => line.startsWith('service.revoked')).length,
        1,
      );
    });

    it('looks at the client even when a secret outlived it', async () => {
      const ann = await open();
      const { client, secret } = await create(ann);
      await domain.rows.clients.update(client.id, { set: { revokedAt: domain.clock() } });
      assert.equal((await secretOf(secret.credential.id)).revokedAt, undefined);
      assert.equal(await isGood(client.id, secret.value), false);
    });

    it('keeps what is another account’s out of reach (A9)', async () => {
      const ann = await open();
      const bob = await domain.account('bob@example.com');
      const { client, secret } = await create(ann);
      const ofClient = { kind: 'service' as const, accountId: bob.id, clientId: client.id };
      const which = { accountId: bob.id, id: client.id };
      await assert.rejects(domain.services.get(which), { status: 404 });
      assert.deepEqual(await domain.services.list(bob.id), []);
      assert.deepEqual(await domain.secrets.list(ofClient), []);
      await assert.rejects(domain.services.revoke(which, actor), { status: 404 });
      const id = secret.credential.id;
      for (const attempt of [
        () => domain.secrets.add({ ...ofClient, name: 'B' }, actor),
        () => domain.secrets.rotate({ ...ofClient, overlapSeconds: 0 }, actor),
        () => domain.secrets.revoke({ ...ofClient, id }, actor),
      ]) {
        await assert.rejects(attempt(), { status: 404 });
      }
      // A client of one's own does not open another's secret.
      const own = await create(bob);
      const mixed = { kind: 'service' as const, accountId: bob.id, clientId: own.client.id, id };
      await assert.rejects(domain.secrets.revoke(mixed, actor), { status: 404 });
      assert.equal(await isGood(client.id, secret.value), true);
    });

    it('gives no secret to who was let in before the password became another one', async () => {
      const ann = await open();
      const { client, secret } = await create(ann);
      const now = await domain.accounts.setPassword(ann, 'four words that rhyme', actor);
      const which = { kind: 'service' as const, accountId: ann.id, clientId: client.id, account: ann };
      const lost = { status: 409, code: 'CHANGED_MEANWHILE' };
      await assert.rejects(create(ann, { name: 'Late' }), lost);
      await assert.rejects(domain.secrets.add({ ...which, name: 'Late' }, actor), lost);
      await assert.rejects(domain.secrets.rotate({ ...which, overlapSeconds: 0 }, actor), lost);
      const secrets = await domain.secrets.list(which);
      const live = secrets.filter((row) => stateOf(row, domain.clock()) === 'live');
      assert.deepEqual(
        live.map(({ id }) => id),
        [secret.credential.id],
      );
      const services = await domain.services.list(ann.id);
      assert.deepEqual(services.map(({ name, revokedAt }) => [name, revokedAt !== undefined]).toSorted(), [
        ['Courier', false],
        ['Late', true],
      ]);
      await domain.secrets.add({ ...which, account: now, name: 'In time' }, actor);
    });

    it('notes the use of a secret', async () => {
      const ann = await open();
      const { client, secret } = await create(ann);
      await domain.clients.checkSecret(client.id, secret.value, '192.0.2.5');
      await domain.lastUsed.flush();
      const row = await secretOf(secret.credential.id);
      assert.deepEqual([row.lastUsedAt, row.lastUsedFrom], [domain.clock(), '192.0.2.5']);
    });
  });
});

async function refuses(promise: Promise<unknown>, parameter: string, status = 400): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof Problem, String(error));
    assert.deepEqual([error.parameter, error.status], [parameter, status]);
    return true;
  });
}

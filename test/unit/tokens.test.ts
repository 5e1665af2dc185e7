import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { Unavailable } from '../../adapters/port.ts';
import { createLastUsed } from '../../server/access/last-used.ts';
import type { Account } from '../../server/accounts/account.ts';
import { stateOf } from '../../server/credentials/credential.ts';
import { createTokens } from '../../server/credentials/tokens.ts';
import { Problem } from '../../server/ground/errors.ts';
import { actor, openTestDomain, type TestDomain } from '../support/domain.ts';
import { eachStore } from '../support/stores.ts';

const DAY = 86_400;

eachStore(({ url, isFirst }) => {
  describe('personal access tokens', () => {
    let domain: TestDomain;
    afterEach(() => domain.stop());

    async function open(settings = {}): Promise<Account> {
      domain = await openTestDomain({ storeUrl: await url(), settings });
      return domain.account('ann@example.com');
    }

    const mint = (account: Account, wanted: object = {}) =>
      domain.tokens.mint(
        {
          account,
          name: 'Build server',
          scopes: ['profile'],
          expiresAt: domain.clock() + 90 * DAY,
          ...wanted,
        },
        actor,
      );

    it('gives the value out once and keeps only its hash', async () => {
      const ann = await open();
      const { credential, value } = await mint(ann, { scopes: ['wf:create_transaction', 'profile'] });
      assert.match(value, /^lk_pat_[0-9A-Za-z]{36}$/);
      assert.deepEqual(credential.scopes, ['wf:create_transaction', 'profile']);
      assert.equal(
        `${credential.firstFour}…${credential.lastFour}`,
        `${value.slice(7, 11)}…${value.slice(-4)}`,
      );
      assert.equal((await domain.tokens.findByValue(value))?.id, credential.id);
      const dump = await domain.dump();
      assert.ok(dump.includes(credential.id));
      assert.ok(!dump.includes(value) && !dump.includes(value.slice('lk_pat_'.length)));
    });

    it('rotates: same settings, a new value, and the old one for its overlap', async () => {
      const ann = await open();
      const old = await mint(ann, { note: 'in the vault' });
      const which = { accountId: ann.id, id: old.credential.id };
      domain.pass(DAY);
      const made = await domain.tokens.rotate(which, { account: ann, overlapSeconds: DAY }, actor);
      const [now, next] = await Promise.all([
        domain.tokens.get(which),
        domain.tokens.get({ ...which, id: made.credential.id }),
      ]);
      assert.notEqual(made.value, old.value);
      assert.deepEqual(
        [next.name, next.scopes, next.note, next.replaces, next.expiresAt, next.place, next.liveName],
        [
          'Build server',
          ['profile'],
          'in the vault',
          old.credential.id,
          domain.clock() + 90 * DAY,
          old.credential.place,
          old.credential.liveName,
        ],
      );
      assert.deepEqual(
        [now.replacedBy, now.expiresAt, now.place, now.liveName],
        [next.id, domain.clock() + DAY, undefined, undefined],
      );
      assert.ok((await domain.mailed('ann@example.com')).includes('Token rotated: Build server'));
    });

    it('has one winner of many rotations at once, and refuses those of what has ended', async () => {
      const ann = await open();
      const { credential } = await mint(ann);
      const which = { accountId: ann.id, id: credential.id };
      const rotate = (overlapSeconds = 0) =>
        domain.tokens.rotate(which, { account: ann, overlapSeconds }, actor);
      const tries = await Promise.allSettled(Array.from({ length: 12 }, () => rotate()));
      const lost = tries.flatMap((one) => (one.status === 'rejected' ? [one.reason as Problem] : []));
      assert.deepEqual(
        [lost.length, new Set(lost.map(({ code }) => code))],
        [11, new Set(['ROTATED_ALREADY'])],
      );
      const rows = await domain.tokens.list(ann.id);
      assert.deepEqual(
        rows.map((row) => stateOf(row, domain.clock())),
        ['live', 'revoked'],
      );
      await assert.rejects(rotate(), { code: 'ROTATED_ALREADY' });
      await assert.rejects(rotate(31 * DAY), { code: 'INVALID_OVERLAP' });
    });

    it('has one new value where two deliver it, as after the death of a process half way', async () => {
      const ann = await open();
      const { credential } = await mint(ann);
      const which = { accountId: ann.id, id: credential.id };
      const made = await domain.tokens.rotate(which, { account: ann, overlapSeconds: DAY }, actor);
      const next = await domain.tokens.get({ ...which, id: made.credential.id });
      const pending = { audit: [], mail: [], successor: { ...next } };
      const left = { pending, pendingAt: domain.clock(), pendingId: 'left behind' };
      await domain.rows.credentials.update(credential.id, { set: left }, []);
      // Another change delivers first what is in its way.
      assert.equal(await domain.tokens.revoke(which, actor), true);
      await domain.rows.credentials.update(credential.id, { set: left }, []);
      domain.pass(60);
      await domain.effects.sweep();
      assert.equal((await domain.rows.credentials.get(credential.id))?.pendingId, undefined);
      assert.deepEqual(await domain.tokens.get({ ...which, id: next.id }), next);
      assert.equal((await domain.tokens.list(ann.id)).length, 2);
    });

    it('has no new value with what an edit at the same moment took away, or with a name that it gave up', async () => {
      const ann = await open();
      for (const isEditFirst of [true, false]) {
        const name = `At once ${isEditFirst}`;
        const { credential } = await mint(ann, { name, scopes: ['profile', 'wf:create_transaction'] });
        const which = { accountId: ann.id, id: credential.id };
        const less = { name: `${name}!`, note: '', scopes: ['profile'], onlyNarrower: true };
        const acts = [
          () => domain.tokens.edit(which, less, actor),
          () => domain.tokens.rotate(which, { account: ann, overlapSeconds: 0 }, actor),
        ];
        if (!isEditFirst) acts.reverse();
        const tries = await Promise.allSettled(acts.map((act) => act()));
        assert.deepEqual(tries.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
        const [edited] = isEditFirst ? tries : tries.toReversed();
        const rows = (await domain.tokens.list(ann.id)).filter((row) => row.name.startsWith(name));
        const live = rows.filter((row) => stateOf(row, domain.clock()) === 'live');
        const wanted = edited?.status === 'fulfilled' ? less : credential;
        assert.deepEqual(
          live.map((row) => [row.name, row.scopes.toSorted()]),
          [[wanted.name, wanted.scopes.toSorted()]],
        );
      }
    });

    it('has no new value where it was paused or revoked just before', async () => {
      const ann = await open();
      for (const act of ['pause', 'revoke'] as const) {
        const { credential } = await mint(ann, { name: act });
        const which = { accountId: ann.id, id: credential.id };
        const [ended, rotated] = await Promise.allSettled([
          domain.tokens[act](which, actor),
          domain.tokens.rotate(which, { account: ann, overlapSeconds: 0 }, actor),
        ]);
        assert.equal(ended.status, 'fulfilled', act);
        // SQLite writes in the order of the calls; elsewhere the rotation may come first.
        if (isFirst) assert.equal(rotated.status, 'rejected', act);
        const live = (await domain.tokens.list(ann.id)).filter(
          (row) => stateOf(row, domain.clock()) === 'live',
        );
        const given = rotated.status === 'fulfilled' ? [rotated.value.credential.id] : [];
        assert.deepEqual(
          live.map(({ id }) => id),
          given,
          act,
        );
        await domain.tokens.revokeAll(ann.id, actor);
      }
    });

    it('leaves no new value to who was suspended since they were let in', async () => {
      const ann = await open();
      const { credential } = await mint(ann);
      const which = { accountId: ann.id, id: credential.id };
      await domain.accounts.suspend(ann.id, actor);
      await assert.rejects(domain.tokens.rotate(which, { account: ann, overlapSeconds: 0 }, actor), {
        code: 'CHANGED_MEANWHILE',
      });
      await domain.accounts.restore(ann.id, actor);
      const states = (await domain.tokens.list(ann.id)).map((row) => stateOf(row, domain.clock()));
      assert.deepEqual(states, ['revoked', 'revoked']);
    });

    it('leaves one that a service issued its name, by which the service finds it', async () => {
      const ann = await open();
      const wanted = {
        ...{ account: ann, name: 'Sync', scopes: ['profile'], service: { id: 'svc_1', name: 'Sync' } },
        ...{ expiresAt: domain.clock() + 90 * DAY, replace: true, overlapSeconds: 0 },
      };
      const { credential } = await domain.tokens.issue(wanted, actor);
      const which = { accountId: ann.id, id: credential.id };
      const edit = (name: string) =>
        domain.tokens.edit(which, { name, note: 'seen', scopes: ['profile'] }, actor);
      await assert.rejects(edit('Mine'), { code: 'INVALID_NAME' });
      assert.equal((await edit('Sync')).note, 'seen');
    });

    it('lets one that its service has replaced not outlive that by a rotation', async () => {
      const ann = await open();
      const wanted = {
        ...{ account: ann, name: 'Sync', scopes: ['profile'], service: { id: 'svc_1', name: 'Sync' } },
        ...{ expiresAt: domain.clock() + 90 * DAY, replace: true, overlapSeconds: 3600 },
      };
      const [old, next] = [
        await domain.tokens.issue(wanted, actor),
        await domain.tokens.issue(wanted, actor),
      ];
      const which = { accountId: ann.id, id: old.credential.id };
      await assert.rejects(domain.tokens.rotate(which, { account: ann }, actor), { code: 'ROTATED_ALREADY' });
      assert.equal((await domain.tokens.get(which)).replacedBy, next.credential.id);
      await domain.tokens.rotate({ ...which, id: next.credential.id }, { account: ann }, actor);
      domain.pass(3600);
      assert.ok('refused' in (await domain.bearers.find(old.value)));
    });

    it('gives a new value no life that the settings do not allow by now', async () => {
      const ann = await open();
      const own = domain.settings.tokens;
      const before = { ...own };
      try {
        Object.assign(own, { allowNever: true, maxDays: 400 });
        const made = [
          await mint(ann, { expiresAt: undefined }),
          await mint(ann, { name: 'Long', expiresAt: domain.clock() + 400 * DAY }),
        ];
        Object.assign(own, { allowNever: false, maxDays: 30 });
        for (const { credential } of made) {
          const which = { accountId: ann.id, id: credential.id };
          const next = await domain.tokens.rotate(which, { account: ann }, actor);
          assert.equal(next.credential.expiresAt, domain.clock() + 30 * DAY);
        }
      } finally {
        Object.assign(own, before);
      }
    });

    it('lets an old value live for a day or until its end, and never past it', async () => {
      const ann = await open();
      const { credential } = await mint(ann, { expiresAt: domain.clock() + 3600 });
      const which = { accountId: ann.id, id: credential.id };
      const rotate = (overlapSeconds?: number) =>
        domain.tokens.rotate(which, { account: ann, overlapSeconds }, actor);
      await assert.rejects(rotate(3601), { code: 'INVALID_OVERLAP', status: 400, parameter: 'overlap' });
      assert.equal((await domain.tokens.get(which)).replacedBy, undefined);
      await rotate();
      assert.equal((await domain.tokens.get(which)).expiresAt, credential.expiresAt);
    });

    it('gives no more scopes where only fewer are allowed, also when some were taken meanwhile', async () => {
      const ann = await open();
      const { credential } = await mint(ann, { scopes: ['profile', 'wf:create_transaction'] });
      const which = { accountId: ann.id, id: credential.id };
      const edit = (scopes: string[], onlyNarrower = true) =>
        domain.tokens.edit(which, { name: 'Build server', note: '', scopes, onlyNarrower }, actor);
      await edit(['profile']);
      await assert.rejects(edit(['profile', 'wf:create_transaction']), { code: 'NOT_LIVE' });
      const tries = await Promise.allSettled([edit(['profile']), edit(['wf:create_transaction'], false)]);
      assert.ok(tries.some(({ status }) => status === 'fulfilled'));
      assert.equal((await domain.tokens.get(which)).scopes.length, 1);
    });

    it('pauses and resumes, and a paused one keeps its name', async () => {
      const ann = await open();
      const { credential } = await mint(ann);
      const which = { accountId: ann.id, id: credential.id };
      const state = async () => stateOf(await domain.tokens.get(which), domain.clock());
      assert.deepEqual(
        [await domain.tokens.pause(which, actor), await domain.tokens.pause(which, actor), await state()],
        [true, false, 'paused'],
      );
      await assert.rejects(mint(ann), { code: 'NAME_TAKEN' });
      await assert.rejects(domain.tokens.rotate(which, { account: ann, overlapSeconds: 0 }, actor), {
        code: 'NOT_LIVE',
      });
      assert.deepEqual(
        [await domain.tokens.resume(which, actor), await domain.tokens.resume(which, actor), await state()],
        [true, false, 'live'],
      );
      await domain.tokens.revoke(which, actor);
      await assert.rejects(domain.tokens.pause(which, actor), { code: 'NOT_LIVE' });
      await assert.rejects(domain.tokens.resume(which, actor), { code: 'NOT_LIVE' });
    });

    it('is resumed by its owner only where no admin paused it', async () => {
      const ann = await open();
      const { credential } = await mint(ann);
      const which = { accountId: ann.id, id: credential.id };
      const owner = { kind: 'account', id: ann.id } as const;
      const admin = { kind: 'account', id: 'acc_admin', reason: 'Odd calls' } as const;
      const paused = async () => (await domain.tokens.get(which)).pausedAt !== undefined;
      await domain.tokens.pause(which, owner);
      // An admin takes over the pause of the owner, once.
      assert.deepEqual(
        [await domain.tokens.pause(which, admin), await domain.tokens.pause(which, admin)],
        [true, false],
      );
      assert.equal(await domain.tokens.pause(which, owner), false);
      await assert.rejects(domain.tokens.resume(which, owner), { code: 'ADMINS_ONLY', status: 403 });
      assert.equal(await paused(), true);
      assert.equal(await domain.tokens.resume(which, admin), true);
      // Nothing of it is left: what the owner pauses they resume.
      await domain.tokens.pause(which, owner);
      assert.deepEqual([await domain.tokens.resume(which, owner), await paused()], [true, false]);
      // Whoever is an admin resumes their own on its page.
      await domain.tokens.pause(which, actor);
      await domain.accounts.promote(ann, actor);
      assert.equal(await domain.tokens.resume(which, owner), true);
    });

    it('changes name, note and scopes, and takes no name that another one holds', async () => {
      const ann = await open();
      const { credential } = await mint(ann, { note: 'here' });
      await mint(ann, { name: 'Other' });
      const which = { accountId: ann.id, id: credential.id };
      const edit = (wanted: object) =>
        domain.tokens.edit(
          which,
          { name: 'Build server', scopes: ['profile'], note: 'here', ...wanted },
          actor,
        );
      const changed = await edit({ name: 'Deployer', scopes: ['wf:create_transaction'], note: '' });
      assert.deepEqual(
        [changed.name, changed.scopes, changed.note],
        ['Deployer', ['wf:create_transaction'], undefined],
      );
      await mint(ann);
      await assert.rejects(edit({ name: 'Other' }), { code: 'NAME_TAKEN' });
      await assert.rejects(edit({ scopes: ['admin'] }), { code: 'invalid_scope' });
      await domain.tokens.rotate(which, { account: ann, overlapSeconds: DAY }, actor);
      await assert.rejects(edit({ name: 'Late' }), { code: 'NOT_LIVE' });
    });

    it('audits and mails each making and revoking', async () => {
      const ann = await open();
      const { credential } = await mint(ann);
      await domain.tokens.revoke({ accountId: ann.id, id: credential.id }, actor);
      assert.deepEqual((await domain.audited(ann.id)).toSorted(), [
        'account.created ann@example.com',
        'token.created Build server',
        'token.revoked Build server',
      ]);
      assert.deepEqual((await domain.mailed('ann@example.com')).toSorted(), [
        'New personal access token: Build server',
        'Token revoked: Build server',
      ]);
      const row = await domain.rows.credentials.get(credential.id);
      assert.equal(row?.pending, undefined);
    });

    it('refuses scopes that are not the account’s to give, the admin’s too', async () => {
      const ann = await open();
      const root = await domain.account('root@example.com', true);
      for (const account of [ann, root]) {
        for (const scopes of [
          [],
          ['admin'],
          ['profile', 'admin'],
          ['openid'],
          ['wf:nothing'],
          ['PROFILE'],
          [''],
        ]) {
          await refuses(mint(account, { scopes }), 'scopes');
        }
      }
      assert.deepEqual(await domain.tokens.list(ann.id), []);
    });

    it('lets no field reach the row but the ones it knows (A1)', async () => {
      const ann = await open();
      const forged = {
        accountId: 'acc_other',
        userId: 'x',
        kind: 'client_secret',
        hash: 'x',
        clientId: 'x',
        id: 'x',
      };
      const { credential } = await mint(ann, { ...forged, revokedAt: 1, liveName: 'x', lastUsedAt: 1 });
      const row = await domain.rows.credentials.get(credential.id);
      assert.equal(row?.accountId, ann.id);
      assert.equal(row?.kind, 'personal_access_token');
      assert.equal(row?.clientId, undefined);
      assert.equal(row?.revokedAt, undefined);
      assert.equal(row?.lastUsedAt, undefined);
    });

    it('holds names to one line of 1 to 80 characters', async () => {
      const ann = await open();
      for (const name of ['', '  ', 'x'.repeat(81), 'a\nb', 'a\0b', 'a\u202eb', 'a\u200bb', '\ud800']) {
        await refuses(mint(ann, { name }), 'name');
      }
      assert.equal((await mint(ann, { name: '  Ünïcode ✓ 🚀 ' })).credential.name, 'Ünïcode ✓ 🚀');
      assert.equal((await mint(ann, { name: 'x'.repeat(80) })).credential.name.length, 80);
    });

    it('needs an expiry, within the longest life', async () => {
      const ann = await open();
      const now = domain.clock();
      for (const expiresAt of [
        undefined,
        now,
        now - 1,
        now + 400 * DAY + 1,
        now + 0.5,
        Number.NaN,
        Infinity,
      ]) {
        await refuses(mint(ann, { expiresAt }), 'expires');
      }
      assert.equal((await mint(ann, { expiresAt: now + 400 * DAY })).credential.expiresAt, now + 400 * DAY);
    });

    it('makes one that never expires only where the settings allow it', async () => {
      const ann = await open({ tokens: { allowNever: true, maxDays: 30, defaultDays: 7 } });
      assert.equal((await mint(ann, { expiresAt: undefined })).credential.expiresAt, undefined);
      await refuses(mint(ann, { name: 'B', expiresAt: domain.clock() + 31 * DAY }), 'expires');
    });

    it('gives a name once while its token lives, per account', async () => {
      const ann = await open();
      const bob = await domain.account('bob@example.com');
      const first = await mint(ann);
      await refuses(mint(ann), 'name', 409);
      await mint(bob);
      await domain.tokens.revoke({ accountId: ann.id, id: first.credential.id }, actor);
      await mint(ann);
    });

    it('takes the name from a token that has expired', async () => {
      const ann = await open();
      const first = await mint(ann, { expiresAt: domain.clock() + DAY });
      domain.pass(DAY);
      const second = await mint(ann, { expiresAt: domain.clock() + DAY });
      const rows = await domain.tokens.list(ann.id);
      assert.deepEqual(
        rows.map((row) => [row.id, stateOf(row, domain.clock())]),
        [
          [second.credential.id, 'live'],
          [first.credential.id, 'expired'],
        ],
      );
    });

    it('lets one of many mints of the same name win', async () => {
      const ann = await open();
      const results = await Promise.allSettled(Array.from({ length: 8 }, () => mint(ann)));
      assert.equal(results.filter((result) => result.status === 'fulfilled').length, 1);
      assert.equal((await domain.tokens.list(ann.id)).length, 1);
    });

    it('stops at 100 live tokens; dead ones do not count', async () => {
      const ann = await open();
      const { credential } = await mint(ann, { name: 'The hundredth' });
      const { kind, firstFour, lastFour, accountId, scopes, createdAt, expiresAt } = credential;
      const same = { kind, firstFour, lastFour, accountId, scopes, createdAt, expiresAt };
      const row = (id: string, wanted: object = {}) => ({ ...same, id, hash: id, name: id, ...wanted });
      const now = domain.clock();
      await domain.rows.credentials.insertMany([
        ...Array.from({ length: 99 }, (_, number) => row(`live${number}`)),
        row('revoked', { revokedAt: now }),
        row('expired', { expiresAt: now }),
      ]);
      await refuses(mint(ann), 'name', 409);
      await domain.tokens.revoke({ accountId: ann.id, id: credential.id }, actor);
      await mint(ann);
    });

    it('keeps what is another account’s out of reach', async () => {
      const ann = await open();
      const bob = await domain.account('bob@example.com');
      const { credential, value } = await mint(ann);
      const which = { accountId: bob.id, id: credential.id };
      await assert.rejects(domain.tokens.get(which), { status: 404, code: 'NOT_FOUND' });
      await assert.rejects(domain.tokens.revoke(which, actor), { status: 404, code: 'NOT_FOUND' });
      assert.equal(await domain.tokens.revokeAll(bob.id, actor), 0);
      assert.deepEqual(await domain.tokens.list(bob.id), []);
      assert.equal((await domain.tokens.findByValue(value))?.revokedAt, undefined);
    });

    it('revokes once, whoever asks at the same time', async () => {
      const ann = await open();
      const { credential, value } = await mint(ann);
      const which = { accountId: ann.id, id: credential.id };
      const answers = await Promise.all(Array.from({ length: 6 }, () => domain.tokens.revoke(which, actor)));
      assert.equal(answers.filter(Boolean).length, 1);
      assert.equal(
        (await domain.audited(ann.id)).filter((line) => line.startsWith('token.revoked')).length,
        1,
      );
      assert.equal((await domain.tokens.findByValue(value))?.revokedAt, domain.clock());
    });

    it('revokes all at once, with one mail for all of them', async () => {
      const ann = await open();
      const made = [
        await mint(ann, { name: 'A' }),
        await mint(ann, { name: 'B' }),
        await mint(ann, { name: 'C' }),
      ];
      await domain.tokens.revoke({ accountId: ann.id, id: made[0]?.credential.id ?? '' }, actor);
      assert.equal(await domain.tokens.revokeAll(ann.id, actor), 2);
      assert.equal(await domain.tokens.revokeAll(ann.id, actor), 0);
      for (const { value } of made) assert.ok((await domain.tokens.findByValue(value))?.revokedAt);
      const subjects = await domain.mailed('ann@example.com');
      assert.equal(subjects.filter((subject) => subject.includes('were revoked')).length, 1);
      assert.equal(
        (await domain.audited(ann.id)).filter((line) => line.startsWith('token.revoked')).length,
        3,
      );
    });

    it('revokes at once what is made while it looks', async () => {
      const ann = await open();
      await mint(ann, { name: 'A' });
      let isFirstLook = true;
      const accounts = {
        async get(id: string) {
          if (isFirstLook) await mint(ann, { name: 'B' });
          isFirstLook = false;
          return domain.accounts.get(id);
        },
      };
      const tokens = createTokens({ ...domain, credentials: domain.rows.credentials, accounts });
      assert.equal(await tokens.revokeAll(ann.id, actor), 2);
    });

    it('makes none for who was let in before the password became another one, or the suspension', async () => {
      const ann = await open();
      const now = await domain.accounts.setPassword(ann, 'four words that rhyme', actor);
      await assert.rejects(mint(ann), { status: 409, code: 'CHANGED_MEANWHILE' });
      await mint(now, { name: 'B' });
      await domain.accounts.suspend(ann.id, actor);
      await assert.rejects(mint(now, { name: 'C' }), { status: 409, code: 'CHANGED_MEANWHILE' });
      const states = (await domain.tokens.list(ann.id)).map((row) => [
        row.name,
        stateOf(row, domain.clock()),
      ]);
      assert.deepEqual(states.toSorted(), [
        ['B', 'live'],
        ['Build server', 'revoked'],
        ['C', 'revoked'],
      ]);
    });

    it('finds nothing for a value that is not whole, and none of another kind (A24)', async () => {
      const ann = await open();
      const { value } = await mint(ann);
      const service = await domain.services.create(
        { account: ann, name: 'S', scopes: ['profile'], actsFor: 'account', resourceServer: false },
        actor,
      );
      const hash = (await domain.tokens.findByValue(value))?.hash ?? '';
      const wrong = [
        value.slice(0, -1),
        `${value}0`,
        ` ${value}`,
        `${value}\n`,
        value.toLowerCase(),
        hash,
        '',
      ];
      for (const one of [...wrong, service.secret.value]) {
        assert.equal(await domain.tokens.findByValue(one), undefined);
      }
    });

    if (isFirst)
      it('lists live ones before dead ones, and never without live ones for the number of dead ones', async () => {
        const ann = await open();
        const kept = await mint(ann, { name: 'Kept' });
        for (let number = 0; number < 60; number += 1) {
          domain.pass(1);
          const { credential } = await mint(ann, { name: `T ${number}` });
          await domain.tokens.revoke({ accountId: ann.id, id: credential.id }, actor);
        }
        const rows = await domain.tokens.list(ann.id);
        assert.equal(rows[0]?.id, kept.credential.id);
        assert.equal(rows[1]?.name, 'T 59');
        assert.equal(rows.length, 51);
      });

    it('notes the last use at most once a minute and never backwards', async () => {
      const ann = await open();
      const { credential } = await mint(ann);
      const start = domain.clock();
      const read = async () =>
        (await domain.rows.credentials.get(credential.id)) ?? assert.fail('it is gone');
      const usedAfter = async (lastUsed: typeof domain.lastUsed, from: string, row = read()) => {
        lastUsed.noteCredential(await row, from);
        await lastUsed.flush();
        const { lastUsedAt, lastUsedFrom } = await read();
        return [lastUsedAt, lastUsedFrom];
      };
      assert.deepEqual(await usedAfter(domain.lastUsed, '192.0.2.1'), [start, '192.0.2.1']);
      domain.pass(59);
      assert.deepEqual(await usedAfter(domain.lastUsed, '192.0.2.2'), [start, '192.0.2.1']);
      const before = await read();
      domain.pass(1);
      assert.deepEqual(await usedAfter(domain.lastUsed, '192.0.2.3'), [start + 60, '192.0.2.3']);
      // Another process, which read the row before that, and one whose clock is behind.
      for (const clock of [domain.clock, () => start + 30]) {
        const other = createLastUsed({ ...domain.rows, clock });
        for (const row of [credential, before, await read()]) {
          assert.deepEqual(await usedAfter(other, '192.0.2.9', Promise.resolve(row)), [
            start + 60,
            '192.0.2.3',
          ]);
        }
      }
    });

    it('costs one write for a thousand uses, also while it is being written or the store is away', async () => {
      const ann = await open();
      const { credential } = await mint(ann);
      let writes = 0;
      let isAway = true;
      const { credentials, artifacts } = domain.rows;
      const counted: typeof credentials = {
        ...credentials,
        update(...change) {
          if (isAway) return Promise.reject(new Unavailable('away'));
          writes += 1;
          return credentials.update(...change);
        },
      };
      const lastUsed = createLastUsed({ credentials: counted, artifacts, clock: domain.clock });
      lastUsed.noteCredential(credential, '192.0.2.1');
      await assert.rejects(lastUsed.flush(), Unavailable);
      isAway = false;
      for (let turn = 0; turn < 1000; turn += 1) {
        const row = (await credentials.get(credential.id)) ?? credential;
        lastUsed.noteCredential(row, '192.0.2.1');
        if (turn % 100 === 0) {
          const flushed = [lastUsed.flush(), lastUsed.flush()];
          lastUsed.noteCredential(row, '192.0.2.1');
          await Promise.all(flushed);
        }
      }
      await lastUsed.flush();
      assert.equal(writes, 1);
    });
  });
});

async function refuses(promise: Promise<unknown>, parameter: string, status = 400): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof Problem, String(error));
    assert.deepEqual([error.parameter, error.status], [parameter, status]);
    assert.ok(error.hint.length > 10);
    return true;
  });
}

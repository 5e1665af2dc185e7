import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Credential } from '../../server/credentials/credential.ts';
import type { CredentialsAsked } from '../../server/management/credential-list.ts';
import { openTestDomain, type TestDomain } from '../support/domain.ts';
import { eachStore } from '../support/stores.ts';

const ID = 'abcdefghij0123456789';

eachStore(({ url }) => {
  describe('the tokens and secrets of everybody', () => {
    let domain: TestDomain;
    let now: number;
    before(async () => {
      domain = await openTestDomain({ storeUrl: await url() });
      now = domain.clock();
      await domain.rows.accounts.insert({
        ...{ id: 'acc_1', email: 'Ann@example.com', emailKey: 'ann@example.com', admin: false },
        createdAt: now,
      });
      await domain.rows.credentials.insertMany([
        row('tok_live', 1),
        row('tok_paused_later', 2, { pausedAt: now - 5 }),
        row('tok_paused', 3, { pausedAt: now - 9 }),
        row('tok_expired', 4, { expiresAt: now - 7 }),
        row('tok_expired_paused', 5, { expiresAt: now - 3, pausedAt: now - 20 }),
        row('tok_idle', 6, { createdAt: now - 9 * 86_400, narrowing: { idleDays: 7 } }),
        row('tok_revoked', 7, { revokedAt: now - 6 }),
        row('tok_revoked_paused', 8, { revokedAt: now - 2, pausedAt: now - 30, accountId: 'acc_2' }),
        row('tok_revoked_expired', 9, { revokedAt: now - 4, expiresAt: now - 1 }),
        row('sec_a', 10, { kind: 'client_secret', clientId: 'svc_c', scopes: [] }),
        row('sec_b', 11, { kind: 'client_secret', clientId: 'svc_b', scopes: [], revokedAt: now - 8 }),
      ]);
    });
    after(() => domain.stop());

    const row = (id: string, second: number, wanted: Partial<Credential> = {}): Credential => ({
      ...{ id, kind: 'personal_access_token', hash: id, firstFour: 'abcd', lastFour: `wxy${second % 5}` },
      ...{ name: id, accountId: 'acc_1', scopes: ['profile'], expiresAt: now + 99 },
      ...{ createdAt: now - 1000 + second, ...wanted },
    });

    /** All pages of a list, two rows a page. */
    async function idsOf(asked: CredentialsAsked): Promise<string[]> {
      const ids: string[] = [];
      let cursor = '';
      for (;;) {
        const { rows, next } = await domain.credentialList.list(asked, { cursor, limit: 2 });
        ids.push(...rows.map(({ id }) => id));
        if (next === undefined) return ids;
        cursor = next;
      }
    }

    it('are told apart by state, each listed by when it came into it', async () => {
      for (const [state, expected] of [
        ['live', ['sec_a', 'tok_live']],
        ['paused', ['tok_paused_later', 'tok_paused']],
        ['expired', ['tok_expired_paused', 'tok_expired']],
        ['revoked', ['tok_revoked_paused', 'tok_revoked_expired', 'tok_revoked', 'sec_b']],
        ['never_used', ['sec_a', 'tok_live']],
        ['unused', []],
      ] as const) {
        assert.deepEqual(await idsOf({ state }), expected, state);
      }
    });

    it('are listed as unused when their last use lies a month back, honey tokens apart', async () => {
      const { credentials } = domain.rows;
      const madeAt = now - 31 * 86_400;
      const unused = { createdAt: madeAt, lastUsedAt: now - 30 * 86_400 };
      const others = [
        row('tok_used', 20, { lastUsedAt: now - 30 * 86_400 + 1 }),
        row('tok_unused', 21, unused),
        row('tok_unused_honey', 22, { ...unused, honey: true }),
        row('tok_unused_revoked', 23, { ...unused, revokedAt: now }),
        row('tok_unused_older', 12, { ...unused, createdAt: madeAt - 1 }),
      ];
      await credentials.insertMany(others);
      assert.deepEqual(await idsOf({ state: 'unused' }), ['tok_unused', 'tok_unused_older']);
      assert.deepEqual(await idsOf({ state: 'unused', accountId: 'acc_1' }), [
        'tok_unused',
        'tok_unused_older',
      ]);
      for (const { id } of others) await credentials.remove(id);
    });

    it('are listed by kind, owner, client and what is left of a value, alone and together', async () => {
      for (const [asked, expected] of [
        [{ kind: 'client_secret' }, ['sec_a', 'sec_b']],
        [{ kind: 'client_secret', state: 'live' }, ['sec_a']],
        [{ clientId: 'svc_b' }, ['sec_b']],
        [{ accountId: 'acc_2' }, ['tok_revoked_paused']],
        [{ accountId: 'acc_2', state: 'paused' }, []],
        [{ accountId: 'acc_1', state: 'paused' }, ['tok_paused', 'tok_paused_later']],
        [{ accountId: 'acc_1', state: 'expired' }, ['tok_expired_paused', 'tok_expired', 'tok_idle']],
        [{ accountId: 'acc_1', state: 'revoked' }, ['tok_revoked_expired', 'tok_revoked', 'sec_b']],
        [{ lastFour: 'wxy1' }, ['sec_b', 'tok_live', 'tok_idle']],
        [{ lastFour: 'wxy1', kind: 'client_secret' }, ['sec_b']],
        [{ lastFour: 'wxy1', accountId: 'acc_2' }, []],
        [{ id: 'tok_live' }, ['tok_live']],
        [{ id: 'tok_live', state: 'revoked' }, []],
      ] as const) {
        assert.deepEqual(await idsOf(asked), expected, JSON.stringify(asked));
      }
      assert.equal((await idsOf({ kind: 'personal_access_token' })).length, 9);
      assert.equal(new Set(await idsOf({})).size, 11);
    });

    it('are asked for by what people type', async () => {
      for (const [typed, expected] of [
        [`tok_${ID}`, { id: `tok_${ID}` }],
        [`sec_${ID}`, { id: `sec_${ID}` }],
        [`svc_${ID}`, { clientId: `svc_${ID}` }],
        [`app_${ID}`, { clientId: `app_${ID}` }],
        [`acc_${ID}`, { accountId: `acc_${ID}` }],
        ['tok_short', undefined],
        ['aNN@example.com', { accountId: 'acc_1' }],
        ['wxy1', { lastFour: 'wxy1' }],
        ['bob@example.com', undefined],
        ['wxy', undefined],
        ['wx%1', undefined],
        ['{"$ne":1}', undefined],
      ] as const) {
        assert.deepEqual(await domain.credentialList.read(typed), expected, typed);
      }
    });
  });
});

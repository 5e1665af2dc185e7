import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { AuditEntry } from '../../server/activity/audit.ts';
import type { Call } from '../../server/activity/call.ts';
import { momentOf } from '../../server/activity/entry-ids.ts';
import type { ChangesAsked } from '../../server/management/audit-list.ts';
import type { CallsAsked } from '../../server/management/call-list.ts';
import { openTestDomain, type TestDomain } from '../support/domain.ts';
import { eachStore } from '../support/stores.ts';

const START = 1_890_000_000;
const NO_CALLS = { account: '', credential: '', result: '', address: '', adminUse: false };
const NO_CHANGES = { account: '', actor: '', action: '', target: '', address: '', withReason: false };

eachStore(({ url: storeUrl, isFirst }) => {
  describe('the entries of everybody', () => {
    let domain: TestDomain;
    before(async () => {
      domain = await openTestDomain({ storeUrl: await storeUrl() });
      await domain.rows.calls.insertMany(CALLS);
      await domain.rows.audit.insertMany(CHANGES);
      await domain.jobs.runOnce();
    });
    after(() => domain.stop());

    /** All rows of all pages, by their number. */
    async function numbers(
      list: (page: { cursor: string; limit: number }) => Promise<{
        rows: readonly { id: string }[];
        next: string | undefined;
      }>,
    ): Promise<number[]> {
      const ids: string[] = [];
      let cursor: string | undefined = '';
      for (let pages = 0; cursor !== undefined && pages < 20; pages += 1) {
        const { rows, next } = await list({ cursor, limit: 2 });
        ids.push(...rows.map(({ id }) => id));
        cursor = next;
      }
      return ids.map((id) => Number(id.at(-1)));
    }
    const calls = (asked: Partial<CallsAsked>) =>
      numbers((page) => domain.callList.list({ ...NO_CALLS, ...asked }, page));
    const changes = (asked: Partial<ChangesAsked>) =>
      numbers((page) => domain.auditList.list({ ...NO_CHANGES, ...asked }, page));

    /** Two in each second. */
    const call = (number: number, wanted: Partial<Call> = {}): Call => {
      const at = START + Math.floor(number / 2);
      return {
        ...{ id: `call_${momentOf(at)}${number}`, at, accountId: 'acc_1', tokenId: 'tok_1' },
        ...{ tokenKind: 'personal_access_token', tokenName: 'T', method: 'GET', path: '/x', status: 200 },
        ...{ result: 'success', from: '192.0.2.1', requestId: `${momentOf(at)}-${number}`, ...wanted },
      };
    };
    const wrong = (status: number, result: string) => ({ status, result, refused: true });
    const CALLS = [
      call(0),
      call(1, { accountId: 'acc_2', tokenId: 'tok_2' }),
      call(2, wrong(403, 'insufficient_scope')),
      call(3, { ...wrong(403, 'insufficient_scope'), accountId: 'acc_2', tokenId: 'tok_2' }),
      call(4, { ...wrong(500, 'INTERNAL'), privacyBypassed: true }),
      call(5, { accountId: 'acc_2', tokenId: 'at_1', clientId: 'app_1' }),
      call(6, { tokenId: 'at_2', clientId: 'app_1', from: '2001:db8::1' }),
      call(7),
    ];
    const CALL_FILTERS: [Partial<CallsAsked>, number[]][] = [
      [{}, [7, 6, 5, 4, 3, 2, 1, 0]],
      [{ account: 'acc_1' }, [7, 6, 4, 2, 0]],
      [{ credential: 'tok_2' }, [3, 1]],
      [{ credential: 'app_1' }, [6, 5]],
      [{ credential: 'app_1', account: 'acc_1' }, [6]],
      [{ result: 'success' }, [7, 6, 5, 1, 0]],
      [{ result: 'refused' }, [3, 2]],
      [{ result: 'refused', account: 'acc_2' }, [3]],
      [{ result: 'refused', credential: 'tok_1' }, [2]],
      [{ result: 'failed' }, [4]],
      [{ result: 'INTERNAL' }, [4]],
      [{ address: '2001:db8::1' }, [6]],
      [{ adminUse: true }, [4]],
      [{ from: START + 1, before: START + 3 }, [5, 4, 3, 2]],
      [{ from: START + 1, before: START + 3, account: 'acc_1' }, [4, 2]],
      [{ from: START + 1, before: START + 2, result: 'refused' }, [3, 2]],
      [{ from: START + 3, before: START + 1 }, []],
      [{ from: 10 ** 12 }, []],
      [{ before: 10 ** 12 }, [7, 6, 5, 4, 3, 2, 1, 0]],
      [{ requestId: `${momentOf(START + 1)}-3` }, [3]],
      [{ requestId: `${momentOf(START + 1)}-3`, account: 'acc_1' }, []],
      [{ requestId: 'x' }, []],
      [{ account: 'nobody@example.com' }, []],
    ];
    for (const [asked, expected] of CALL_FILTERS)
      it(`calls by ${JSON.stringify(asked)}`, async () => assert.deepEqual(await calls(asked), expected));

    const change = (number: number, wanted: Partial<AuditEntry> = {}): AuditEntry => {
      const at = START + Math.floor(number / 2);
      return {
        ...{ id: `${momentOf(at)}${number}`, at, accountId: 'acc_1', action: 'token.created' },
        ...{ actor: { kind: 'account', id: 'acc_1', from: '192.0.2.1', requestId: `${momentOf(at)}-1` } },
        ...{ targetId: 'tok_1', targetName: 'T', ...wanted },
      };
    };
    // Older than the way to find them by who did it.
    const CHANGES = [
      change(0, { actor: { kind: 'operator' }, action: 'account.created', targetId: 'acc_1' }),
      change(1),
      change(2, { actor: { kind: 'account', id: 'acc_2', reason: 'Leaked' }, action: 'token.revoked' }),
      change(3, { accountId: 'acc_2', actor: { kind: 'client', id: 'svc_1', reason: 'R' } }),
      change(4, { accountId: 'acc_2', actor: { kind: 'account', id: 'acc_2' }, targetId: 'tok_2' }),
    ];
    const CHANGE_FILTERS: [Partial<ChangesAsked>, number[]][] = [
      [{}, [4, 3, 2, 1, 0]],
      [{ account: 'acc_2' }, [4, 3]],
      [{ actor: 'acc_2' }, [4, 2]],
      [{ actor: 'operator' }, [0]],
      [{ actor: 'svc_1' }, [3]],
      [{ actor: 'acc_2', account: 'acc_1' }, [2]],
      [{ action: 'token.created' }, [4, 3, 1]],
      [{ action: 'token.created', account: 'acc_1' }, [1]],
      [{ target: 'tok_1' }, [3, 2, 1]],
      [{ target: 'tok_1', actor: 'acc_1' }, [1]],
      [{ withReason: true }, [3, 2]],
      [{ address: '192.0.2.1' }, [1]],
      [{ from: START + 1, before: START + 2 }, [3, 2]],
      [{ from: START + 1, before: START + 2, actor: 'acc_2' }, [2]],
      [{ requestId: `${momentOf(START)}-1` }, [1]],
    ];
    for (const [asked, expected] of CHANGE_FILTERS)
      it(`changes by ${JSON.stringify(asked)}`, async () => assert.deepEqual(await changes(asked), expected));

    // Thousands of rows, and the same above both stores.
    if (!isFirst) return;

    it('reads so many rows for a page and no more, and goes on from there', async () => {
      const many = Array.from({ length: 3500 }, (_, number) => ({
        ...call(9, { at: START - 100 }),
        id: `call_${momentOf(START - 100)}${10_000 + number}`,
      }));
      await domain.rows.calls.insertMany(many);
      const asked = { ...NO_CALLS, address: '203.0.113.1' };
      const first = await domain.callList.list(asked, { cursor: '', limit: 50 });
      assert.deepEqual([first.rows, first.isPartial], [[], true]);
      const second = await domain.callList.list(asked, { cursor: first.next ?? '', limit: 50 });
      assert.deepEqual([second.rows, second.isPartial, second.next], [[], false, undefined]);
    });

    it('begin at the end of a period for a cursor from behind it', async () => {
      const { next = '' } = await domain.callList.list(NO_CALLS, { cursor: '', limit: 1 });
      const { rows } = await domain.callList.list(
        { ...NO_CALLS, before: START + 1 },
        { cursor: next, limit: 2 },
      );
      assert.deepEqual(
        rows.map(({ at }) => at),
        [START, START],
      );
    });
  });
});

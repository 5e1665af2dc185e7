import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { writeOf } from '../../adapters/port.ts';
import type { Call } from '../../server/activity/call.ts';
import { momentOf } from '../../server/activity/entry-ids.ts';
import { secretIn, textOf } from '../support/page-text.ts';
import { openPeople, type Person } from '../support/people.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { eachStore } from '../support/stores.ts';

/** Younger than what the retention of the settings takes. */
const DAY = 86_400;
const DAYS_AGO = Math.floor(Date.now() / 1000) - 10 * 86_400;

eachStore(({ url: storeUrl, isFirst }) => {
  describe('/activity', () => {
    let server: TestServer;
    let people: Awaited<ReturnType<typeof openPeople>>;

    before(async () => {
      server = await startTestServer({ storeUrl: await storeUrl() });
      people = await openPeople(server);
    });
    after(async () => {
      await people.close();
      await server.stop();
    });

    async function mint(person: Person, name: string, scopes = ['profile']) {
      const form = { name, scopes, expires: '90', note: '', date: '' };
      const page = await person.agent.make('/tokens/new', form);
      const value = secretIn(page.text, 'lk_pat_');
      const row = await people.domain.tokens.findByValue(value);
      return { value, id: row?.id ?? '' };
    }

    const call = (token: string, path: string, init: RequestInit = {}) =>
      fetch(`${server.url}${path}`, { ...init, headers: { authorization: `Bearer ${token}` } });

    const activityOf = async (person: Person, query = '') =>
      (await person.agent.get(`/activity${query}`)).text;

    /** Rows of the table, each as text. */
    const rowsOf = (html: string) =>
      (/<tbody([\s\S]*)<\/tbody>/.exec(html)?.[1] ?? '')
        .split('<tr')
        .slice(1)
        .map((row) => textOf(`<main${row}`));

    function entry(person: Person, number: number, wanted: Partial<Call> = {}): Call {
      return {
        id: `call_${String(number).padStart(4, '0')}`,
        at: DAYS_AGO + Math.floor(number / 3),
        accountId: person.account.id,
        tokenId: 'tok_x',
        tokenKind: 'personal_access_token',
        tokenName: `Call number ${number}.`,
        method: 'GET',
        path: '/api/1.1/me',
        status: 200,
        result: 'success',
        from: '192.0.2.1',
        requestId: 'r',
        ...wanted,
      };
    }

    test('lists calls and changes in words, newest first', async () => {
      const person = await people.person();
      const { value } = await mint(person, 'Script');
      assert.equal((await call(value, '/api/1.1/me')).status, 200);
      const refused = await call(value, '/api/1.1/wf/create_transaction', { method: 'POST' });
      assert.equal(refused.status, 403);
      const rows = rowsOf(await activityOf(person));
      const found = (pattern: RegExp) =>
        assert.ok(
          rows.some((row) => pattern.test(row)),
          `${pattern} in\n${rows.join('\n')}`,
        );
      found(
        /^GET \/api\/1\.1\/me Script Success \d+ ms \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC 127\.0\.0\.1 \S{10,}$/,
      );
      found(
        /POST \/api\/1\.1\/wf\/create_transaction Script Refused [a-z ]+ \(403\) .* UTC 127\.0\.0\.1 \S+$/,
      );
      found(/^Token made Script Done .* UTC 127\.0\.0\.1 \S+$/);
      found(/Account made, by the operator/);
      const requestId = ((await refused.json()) as { body: { requestId: string } }).body.requestId;
      assert.ok(rows.some((row) => row.endsWith(requestId)));
    });

    test('names who made a change that was not the person themselves, and no other person', async () => {
      const person = await people.person();
      const admin = await people.person({ admin: true });
      const other = await people.person();
      const { domain } = people;
      const wanted = { account: admin.account, scopes: ['profile'], resourceServer: false };
      const { client } = await domain.services.create(
        { ...wanted, name: 'Stripe', actsFor: 'app' },
        { kind: 'operator' },
      );
      const token = { account: person.account, scopes: ['profile'], expiresAt: domain.clock() + 86_400 };
      const actors = [
        [{ kind: 'client', id: client.id }, 'Token made, by the service Stripe'],
        [{ kind: 'client', id: 'svc_gone' }, 'Token made, by a service or app that is gone'],
        [{ kind: 'client' }, 'Token made, by a service or app that is gone'],
        [{ kind: 'account', id: admin.account.id }, 'Token made, by an admin of this site'],
        [{ kind: 'account', id: other.account.id }, 'Token made, by another account'],
        [{ kind: 'account', id: person.account.id }, 'Token made By'],
        [{ kind: 'system' }, 'Token made, by this site itself'],
      ] as const;
      for (const [index, [actor]] of actors.entries()) {
        await domain.tokens.mint({ ...token, name: `By${index}` }, actor);
      }
      const page = await activityOf(person);
      const rows = rowsOf(page);
      for (const [, words] of actors)
        assert.ok(
          rows.some((row) => row.startsWith(words)),
          words,
        );
      assert.ok(!page.includes(admin.account.email) && !page.includes(other.account.email));
    });

    describe('filtered', () => {
      let person: Person;
      const TODAY = Math.floor(Date.now() / 1000);
      const CALLS: Partial<Call>[] = [
        { at: TODAY, tokenId: 'tok_a', requestId: `${momentOf(TODAY)}-first` },
        { at: TODAY, tokenId: 'tok_b', status: 403, result: 'insufficient_scope', refused: true },
        { at: TODAY - 8 * DAY, status: 400, result: 'MISSING_DATA', refused: true },
        { at: TODAY - 8 * DAY, status: 503, result: 'UNAVAILABLE', refused: true },
        { at: TODAY - 40 * DAY, requestId: `${momentOf(TODAY - 41 * DAY)}-forged` },
        { at: TODAY - 100 * DAY, status: 400, result: 'MISSING_DATA', refused: true },
      ];
      before(async () => {
        person = await people.person();
        await people.domain.rows.calls.insertMany(
          CALLS.map((wanted, number) => entry(person, 30_000 + number, wanted)),
        );
      });

      const day = (daysAgo: number) => new Date((TODAY - daysAgo * DAY) * 1000).toISOString().slice(0, 10);
      const FILTERS: [query: string, calls: number[], changes: boolean][] = [
        ['', [0, 1, 2, 3, 4, 5], true],
        ['?result=success', [0, 4], true],
        ['?result=refused', [1, 2, 5], false],
        ['?result=failed', [3], false],
        ['?result=MISSING_DATA', [2, 5], false],
        ['?result=missing_data', [], false],
        ['?period=today', [0, 1], true],
        ['?period=7', [0, 1], true],
        ['?period=30', [0, 1, 2, 3], true],
        ['?period=90', [0, 1, 2, 3, 4], true],
        ['?period=30&result=MISSING_DATA', [2], false],
        [`?period=date&from=${day(40)}&to=${day(8)}`, [2, 3, 4], false],
        [`?period=date&to=${day(9)}`, [4, 5], false],
        [`?period=date&from=${day(8)}`, [0, 1, 2, 3], true],
        [`?period=date&from=${day(1)}&to=${day(8)}`, [], false],
        [`?period=7&from=${day(100)}`, [0, 1], true],
        [`?request=${momentOf(TODAY)}-first`, [0], false],
        [`?request=${momentOf(TODAY)}-first&result=refused`, [], false],
        [`?request=${momentOf(TODAY)}-first&period=date&to=${day(1)}`, [], false],
        [`?request=${momentOf(TODAY)}-fir`, [], false],
        [`?request=${momentOf(TODAY - 41 * DAY)}-forged`, [], false],
        ['?request=r', [], false],
        // What is none of the choices asks for nothing.
        ['?period=date&from=2026-02-30&to=x', [0, 1, 2, 3, 4, 5], true],
        ['?period=8&result=%00&request=%22%3E', [0, 1, 2, 3, 4, 5], true],
      ];
      for (const [query, calls, changes] of FILTERS) {
        test(query || 'by nothing', async () => {
          const text = await activityOf(person, query);
          const rows = rowsOf(text);
          const numbers = rows
            .flatMap((row) => /Call number (\d+)\./.exec(row)?.[1] ?? [])
            .map((number) => Number(number) - 30_000);
          assert.deepEqual(numbers.toSorted(), calls);
          assert.equal(
            rows.some((row) => row.startsWith('Account made')),
            changes,
          );
        });
      }

      test('twice by the same is a mistake', async () => {
        for (const name of ['result', 'period', 'request', 'from'])
          assert.equal(
            (await person.agent.get(`/activity?period=date&${name}=a&${name}=b`)).status,
            400,
            name,
          );
      });

      test('keeps the choices, and leads to more of the same code', async () => {
        const text = await activityOf(person, '?period=30&result=MISSING_DATA');
        assert.match(text, /<option value="MISSING_DATA" selected>Refused or failed: missing data/);
        assert.match(text, /<option value="30" selected>/);
        assert.match(text, /href="\/activity\?result=MISSING_DATA&amp;period=30"/);
      });

      test('finds a call by the id that its caller was told', async () => {
        const { value, id } = await mint(person, 'Asked');
        const answer = await call(value, '/api/1.1/me');
        await call(value, '/api/1.1/me');
        const asked = answer.headers.get('x-request-id') ?? '';
        const rows = rowsOf(await activityOf(person, `?request=${asked}&credential=${id}`));
        assert.equal(rows.length, 1);
        assert.ok(rows[0]?.endsWith(asked));
      });

      // Thousands of rows: that a page goes on from its cursor is the same on both stores, and tried below.
      if (!isFirst) return;

      test('reads so many rows for a page and no more, and goes on from there', async () => {
        const many = Array.from({ length: 3600 }, (_, number) =>
          entry(person, 20_000 + number, { at: TODAY - 200 * DAY, tokenId: 'tok_m' }),
        );
        await people.domain.rows.calls.insertMany([
          ...many,
          entry(person, 30_099, { at: TODAY - 201 * DAY, status: 500, result: 'INTERNAL', refused: true }),
          entry(person, 30_098, { at: TODAY - 202 * DAY }),
        ]);
        const list = (after: string) =>
          people.domain.activity.list({
            accountId: person.account.id,
            result: 'success',
            from: TODAY - 202 * DAY,
            before: TODAY - 199 * DAY,
            limit: 4000,
            after,
          });
        const first = await list('');
        assert.deepEqual([first.entries.length, first.isPartial], [3000, true]);
        const second = await list(first.next ?? '');
        assert.deepEqual([second.entries.length, second.isPartial, second.next], [601, false, undefined]);
        const failed = rowsOf(await activityOf(person, `?result=INTERNAL`));
        assert.equal(failed.length, 1);
      });
    });

    test('draws the calls of each day, of one’s own credentials', async () => {
      const person = await people.person();
      const { id } = await mint(person, 'Drawn');
      const today = Math.floor(Date.now() / 1000);
      const counts = people.domain.callCounts;
      const add = (wanted: Partial<Call>) =>
        counts.add(entry(person, 0, { at: today, tokenId: id, ...wanted }));
      for (let turn = 0; turn < 1203; turn += 1) add({});
      add({ status: 403, result: 'insufficient_scope' });
      add({ status: 500, result: 'INTERNAL', at: today - 3 * DAY });
      add({ at: today - 50 * DAY, tokenId: 'tok_other' });
      await counts.flush();
      const chart = async (query: string) => {
        const text = await activityOf(person, query);
        assert.doesNotMatch(text, / style=/);
        return [/aria-label="Calls a day: ([^.]*)/.exec(text)?.[1], text.split('<title>20').length - 1];
      };
      const all = '1,205 calls, 2 of them refused or failed';
      assert.deepEqual(await chart(''), [all, 30]);
      assert.deepEqual(await chart('?period=today'), ['1,204 calls, 1 of them refused or failed', 1]);
      assert.deepEqual(await chart('?period=90'), ['1,206 calls, 2 of them refused or failed', 90]);
      assert.deepEqual(await chart(`?period=90&credential=${id}`), [all, 90]);
      assert.deepEqual(await chart('?result=failed'), ['1 call, 1 of them refused or failed', 30]);
      assert.deepEqual(await chart('?period=date&from=1990-01-01'), [
        '1,206 calls, 2 of them refused or failed',
        400,
      ]);
      const late = '?period=date&from=2190-01-01';
      assert.deepEqual(await chart(late), [undefined, 0]);
      assert.match(textOf(await activityOf(person, late)), /No calls in this period\./);
      for (const query of ['?result=INTERNAL', '?request=0tp4r4v-x', '?after=1.a'])
        assert.deepEqual(await chart(query), [undefined, 0]);
      const routes = rowsOf(await activityOf(person, `?credential=${id}`));
      assert.ok(routes.includes('GET /api/1.1/me success 1,203'), routes.join('\n'));
      // What went wrong is told apart without colours, and the numbers of each bar stand in a table.
      const drawn = await activityOf(person);
      assert.match(drawn, /<pattern id="stripes"/);
      assert.match(textOf(drawn), /Success Refused or failed .*Calls by day Day Calls Refused or failed/);
      assert.match(textOf(drawn), / 1,204 1 /);
      const stranger = await people.person();
      assert.match(
        textOf(await activityOf(stranger, `?credential=${id}`)),
        /No calls from .* to [-0-9]+; the last minute is not counted yet/,
      );
      assert.match(
        textOf(await activityOf(stranger, '?period=today')),
        /No calls on 20\d\d-\d\d-\d\d; the last minute is not counted yet\./,
      );
    });

    describe('as a file', () => {
      const csv = async (person: Person, query = '') => {
        const answer = await person.agent.get(`/activity.csv${query}`);
        assert.equal(answer.status, 200);
        assert.match(answer.headers.get('content-type') ?? '', /^text\/csv/);
        assert.match(
          answer.headers.get('content-disposition') ?? '',
          /^attachment; filename="activity-\d{4}-\d\d-\d\d\.csv"$/,
        );
        return answer.text;
      };

      test('has what the list has, filtered like it', async () => {
        const person = await people.person();
        const other = await people.person();
        await people.domain.rows.calls.insertMany([
          entry(person, 50_001, { ms: 12, privacyBypassed: true, hidden: 3 }),
          entry(person, 50_002, { status: 400, result: 'MISSING_DATA', refused: true, count: 3 }),
          entry(other, 50_003),
        ]);
        const [head, ...lines] = (await csv(person)).trimEnd().split('\r\n');
        assert.equal(
          head,
          '"time","what","about","result","code","status","ms","calls","from","request_id","admin_use","records_hidden"',
        );
        // Two processes made them, in one second perhaps.
        const changes = lines.slice(0, 2).join('\n');
        assert.match(changes, /,"Signed in","With a password","Done",/);
        assert.match(
          changes,
          /"\d{4}-[\d-]+T[\d:.]+Z","Account made, by the operator",".*","Done","","","","","","","",""/,
        );
        assert.equal(
          lines[3]?.slice(27),
          '"GET /api/1.1/me","Call number 50001.","Success","","200","12","1","192.0.2.1","r","yes","3"',
        );
        assert.equal(lines.length, 4);
        const refused = (await csv(person, '?result=MISSING_DATA')).trimEnd().split('\r\n');
        assert.equal(refused.length, 2);
        assert.match(refused[1] ?? '', /"Refused","MISSING_DATA","400","","3"/);
      });

      if (!isFirst) return;

      for (const name of ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', 'a"b,c', '=HYPERLINK("http://x")']) {
        test(`runs nothing where a token is called ${JSON.stringify(name)}`, async () => {
          const person = await people.person();
          await people.domain.rows.calls.insert(
            entry(person, 50_100 + name.length, {
              id: `call_csv${name.length}${name.charCodeAt(0)}`,
              tokenName: name,
            }),
          );
          const kept = /^[=+\-@\t]/.test(name) ? `'${name}` : name;
          assert.ok((await csv(person)).includes(`,"${kept.replaceAll('"', '""')}",`));
        });
      }

      test('ends after ten thousand entries', async () => {
        const person = await people.person();
        const many = Array.from({ length: 10_020 }, (_, number) => entry(person, 60_000 + number));
        await people.domain.rows.calls.insertMany(many);
        const lines = (await csv(person)).trimEnd().split('\r\n');
        assert.equal(lines.length, 10_001);
        assert.equal(new Set(lines).size, 10_001);
      });
    });

    test('shows one token or one service when asked, with its changes', async () => {
      const person = await people.person();
      const one = await mint(person, 'One');
      const two = await mint(person, 'Two');
      await call(one.value, '/api/1.1/me');
      await call(two.value, '/api/1.1/me');
      const rows = rowsOf(await activityOf(person, `?credential=${one.id}`));
      assert.deepEqual(
        rows.map((row) => row.includes(' One ')),
        [true, true],
      );
      // One of a name goes by that, several by what is left of their values too.
      const which = { accountId: person.account.id, id: two.id };
      const wanted = { account: person.account, overlapSeconds: 60 };
      const { value } = await people.domain.tokens.rotate(which, wanted, { kind: 'operator' });
      const options = await activityOf(person);
      for (const label of ['One', `Two …${two.value.slice(-4)}`, `Two …${value.slice(-4)}`])
        assert.ok(options.includes(`>Token: ${label}</option>`), label);
      const form = { name: 'Courier', scopes: 'profile', expires: '30', date: '' };
      const page = await person.agent.make('/services/new', form);
      const id = /svc_\w{20}/.exec(page.text)?.[0] ?? '';
      const text = await activityOf(person, `?credential=${id}`);
      assert.match(text, new RegExp(`<option value="${id}" selected>Service: Courier`));
      assert.deepEqual(
        rowsOf(text)
          .map((row) => /Service made|Secret made/.exec(row)?.[0])
          .toSorted(),
        ['Secret made', 'Service made'],
      );
    });

    test('pages through everything once, calls and changes in one order', async () => {
      const person = await people.person();
      const numbers = Array.from({ length: 120 }, (_, number) => number);
      await people.domain.rows.calls.insertMany(numbers.map((number) => entry(person, number)));
      const seen: string[] = [];
      let path = '/activity';
      for (let turn = 0; turn < 10 && path !== ''; turn += 1) {
        const { text } = await person.agent.get(path);
        const rows = rowsOf(text);
        assert.ok(rows.length <= 50);
        seen.push(...rows);
        path = /href="([^"]+)" rel="next"/.exec(text)?.[1] ?? '';
      }
      assert.equal(seen.length, 122);
      assert.equal(new Set(seen).size, 122);
      const order = seen.map((row) => Number(/Call number (\d+)\./.exec(row)?.[1] ?? 999));
      assert.deepEqual(order, [999, 999, ...numbers.toReversed()]);
    });

    test('never shows what is another account’s', async () => {
      const person = await people.person();
      const other = await people.person();
      const { id } = await mint(other, 'Theirs');
      await people.domain.rows.calls.insert(entry(other, 7001, { tokenId: id }));
      for (const query of ['', `?credential=${id}`, `?accountId=${other.account.id}`, '?credential=tok_x']) {
        assert.doesNotMatch(await activityOf(person, query), /Theirs|number 7001/);
      }
      assert.match(await activityOf(other), /number 7001/);
      assert.match(await activityOf(other, `?credential=${id}`), /number 7001/);
    });

    test('starts at the newest for a cursor that is none', async () => {
      const person = await people.person();
      for (const after of [
        'x',
        '1',
        '1.',
        '.x',
        '99999999999999.x',
        "1.x' or 1=1",
        '1.{"$gt":""}',
        '-1.x',
        '1.x\0',
      ]) {
        const page = await person.agent.get(`/activity?after=${encodeURIComponent(after)}`);
        assert.equal(page.status, 200, after);
        assert.match(textOf(page.text), /Account made/);
      }
      assert.equal((await person.agent.get('/activity?after=1.a&after=2.b')).status, 400);
    });

    test('shows one entry for the calls of a minute with a revoked token, and how many they were', async () => {
      const person = await people.person();
      const { value, id } = await mint(person, 'Lost');
      await people.domain.tokens.revoke({ accountId: person.account.id, id }, { kind: 'operator' });
      for (let turn = 0; turn < 20; turn += 1) {
        assert.equal((await call(value, '/api/1.1/me')).status, 401);
      }
      const refused = rowsOf(await activityOf(person)).filter((row) => row.includes('Refused'));
      assert.equal(refused.length, 1, refused.join('\n'));
      await people.domain.rows.calls.insert(
        entry(person, 9001, { tokenId: id, status: 401, result: 'invalid_token', count: 4211 }),
      );
      assert.match(
        textOf(await activityOf(person, `?credential=${id}`)),
        /Refused invalid token \(401\), 4,211 calls within a minute/,
      );
    });

    test('says what an admin’s service stored for the account, how often, and why it may', async () => {
      const person = await people.person();
      const { account } = await people.person({ admin: true });
      const { client } = await people.domain.services.create(
        {
          account,
          name: 'Importer',
          scopes: ['admin:wf:create_transaction'],
          actsFor: 'app',
          resourceServer: false,
          reason: 'Nightly <import>',
          expiresAt: people.domain.clock() + 86_400,
        },
        { kind: 'operator' },
      );
      const actor = { kind: 'client' as const, id: client.id, reason: client.reason };
      const touch = { id: 'touch_1', accountId: person.account.id, actor, action: 'data.touched' };
      const audit = [{ ...touch, targetId: client.id, targetName: 'create_transaction', count: 1 }];
      const { declaration } = people.domain.types.get('transaction') ?? assert.fail();
      const fields = { createdAt: 1, account: 'a', phone: '1', amount_cents: 1 };
      for (let turn = 0; turn < 3; turn += 1) {
        const write = writeOf({ declaration, insert: { id: `obj_${turn}`, ...fields } });
        await people.domain.runs.commit({ writes: [write], mail: [], audit }, undefined);
      }
      const [newest = ''] = rowsOf(await activityOf(person));
      assert.match(
        newest,
        /^Data of the account written, 3 times within a minute, by the service Importer \(reason: Nightly <import>\) create_transaction Done Privacy rules passed over/,
      );
      // One that acts for the app need not have said why.
      const plain = { ...touch, id: 'touch_2', actor: { kind: 'client', id: client.id } as const };
      await people.domain.effects.commit([], {
        audit: [{ ...plain, targetId: client.id, targetName: 'note' }],
      });
      const [later = ''] = rowsOf(await activityOf(person));
      assert.match(
        later,
        /^Data of the account written, by the service Importer note Done Privacy rules passed over/,
      );
    });

    test('marks a call that passed over privacy rules, and escapes what callers chose', async () => {
      const person = await people.person();
      const path = '/api/1.1/<script>alert(1)</script>';
      await people.domain.rows.calls.insert(
        entry(person, 8001, { path, privacyBypassed: true, hidden: 3, status: 503, result: 'UNAVAILABLE' }),
      );
      const text = await activityOf(person);
      assert.doesNotMatch(text, /<script>alert/);
      assert.match(textOf(text), /Failed unavailable \(503\) Privacy rules passed over for 3 records/);
    });
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { systemClock } from '../../server/ground/clock.ts';
import type { Agent } from '../support/browserless.ts';
import { codeIn, secretIn, textOf } from '../support/page-text.ts';
import { PASSWORD, type Person } from '../support/people.ts';
import { siteOfBlock } from '../support/site.ts';
import { eachStore } from '../support/stores.ts';
import { until } from '../support/until.ts';

const DAY = 86_400;

eachStore(({ url: storeUrl, once }) => {
  describe('/tokens', () => {
    const site = siteOfBlock(storeUrl);

    const form = (wanted: Record<string, string | string[]> = {}) => ({
      name: 'Build server',
      scopes: ['wf:create_transaction', 'profile'],
      expires: '90',
      note: '',
      date: '',
      ...wanted,
    });

    async function mint(agent: Agent, wanted: Record<string, string | string[]> = {}) {
      const page = await agent.make('/tokens/new', form(wanted));
      assert.equal(page.status, 200, textOf(page.text));
      return { page, value: secretIn(page.text, 'lk_pat_') };
    }

    const tokensOf = (person: Person) => site.domain.tokens.list(person.account.id);

    /** Leaves of a revoke link in a list. */
    const revokePathIn = (html: string) => /\/tokens\/tok_[0-9A-Za-z]+\/revoke/.exec(html)?.[0] ?? '';

    once('says what to do first when there is none', async () => {
      const { agent } = await site.person();
      const page = await agent.get('/tokens');
      assert.match(textOf(page.text), /No tokens yet .*Make a token/);
      assert.match(page.text, /href="\/tokens\/new"/);
    });

    test('shows a new token once, kept by no cache, and then only its ends', async () => {
      const person = await site.person();
      const { page, value } = await mint(person.agent);
      assert.equal(page.headers.get('cache-control'), 'no-store');
      assert.equal(page.location, '');
      const list = await person.agent.get('/tokens');
      assert.ok(!list.text.includes(value));
      assert.match(
        textOf(list.text),
        new RegExp(`Build server lk_pat_${value.slice(7, 11)}…${value.slice(-4)} `),
      );
      assert.match(textOf(list.text), /Record a transaction .* in 90 days \([-\d]+ [\d:]+ UTC\) Never/);
      assert.ok(!site.logged().includes(value.slice('lk_pat_'.length)));
    });

    once('says of a token which service issued it, here and in the activity', async () => {
      const person = await site.person();
      const admin = await site.person({ admin: true });
      const { client } = await site.domain.services.create(
        {
          account: admin.account,
          name: 'Mobile <sign-in>',
          scopes: ['profile'],
          actsFor: 'app',
          resourceServer: false,
        },
        { kind: 'operator' },
      );
      const wanted = {
        account: person.account,
        service: client,
        name: 'Phone',
        scopes: ['profile'],
        expiresAt: systemClock() + DAY,
        replace: true,
        overlapSeconds: 0,
      };
      for (let turn = 0; turn < 2; turn += 1) {
        await site.domain.tokens.issue(wanted, { kind: 'client', id: client.id });
      }
      const list = textOf((await person.agent.get('/tokens')).text);
      assert.equal(list.match(/Phone lk_pat_\S+ issued by the service Mobile <sign-in>/g)?.length, 2, list);
      const activity = textOf((await person.agent.get('/activity')).text);
      assert.match(activity, /Token made, by the service Mobile <sign-in> Phone/);
      assert.match(activity, /Token replaced, by the service Mobile <sign-in> Phone/);
    });

    once('gives a curl line that works as it stands', async () => {
      const { agent } = await site.person();
      const { page, value } = await mint(agent);
      const line = codeIn(page.text);
      assert.ok(line.startsWith('curl '));
      const words = [...line.matchAll(/'([^']*)'/g)].map((match) => match[1] ?? '');
      const [authorization = '', contentType = '', body = '', url = ''] = words;
      assert.deepEqual(
        [authorization, contentType],
        [`Authorization: Bearer ${value}`, 'Content-Type: application/json'],
      );
      const response = await fetch(url, {
        method: 'POST',
        headers: { authorization: `Bearer ${value}`, 'content-type': 'application/json' },
        body,
      });
      assert.equal(response.status, 200, await response.text());
    });

    once('gives a curl line for a token that may run no workflow', async () => {
      const { agent } = await site.person();
      const { page, value } = await mint(agent, { scopes: ['profile'] });
      assert.equal(
        codeIn(page.text),
        `curl \\\n  -H 'Authorization: Bearer ${value}' \\\n  '${site.url}/api/1.1/me'`,
      );
    });

    test('lists when a token was last used', async () => {
      const { agent } = await site.person();
      const { value } = await mint(agent);
      assert.equal(await site.callMe(value), 200);
      const list = await until('the list says when and from where', async () => {
        const text = textOf((await agent.get('/tokens')).text);
        return /just now \([-\d]+ [\d:]+ UTC\) from 127\.0\.0\.1/.test(text) && text;
      });
      assert.match(list, /exact to the minute/);
    });

    test('revokes after a question; the very next call is refused', async () => {
      const person = await site.person();
      const { value } = await mint(person.agent);
      assert.equal(await site.callMe(value), 200);
      const path = revokePathIn((await person.agent.get('/tokens')).text);
      const question = await person.agent.get(path);
      assert.match(textOf(question.text), /Revoke the token “Build server”\? .*stops working .*Last used/);
      assert.equal(await site.callMe(value), 200);
      const answer = await person.agent.post(path, {});
      assert.deepEqual([answer.status, answer.location], [303, '/tokens?done=revoked']);
      assert.equal(await site.callMe(value), 401);
      const list = await person.agent.get('/tokens?done=revoked');
      assert.match(textOf(list.text), /The token was revoked\./);
      assert.match(textOf(list.text), /Expired and revoked tokens .*Build server .*Revoked just now/);
      // Once more does no harm, and the name is free.
      assert.equal((await person.agent.post(path, {})).status, 303);
      await mint(person.agent);
    });

    test('revokes all at once', async () => {
      const person = await site.person();
      const values = [];
      for (const name of ['A', 'B', 'C']) values.push((await mint(person.agent, { name })).value);
      const question = await person.agent.get('/tokens/revoke-all');
      assert.match(textOf(question.text), /Revoke all 3 tokens\? .*These are: [ABC], [ABC], [ABC]\./);
      assert.equal((await person.agent.post('/tokens/revoke-all', {})).location, '/tokens?done=revoked-all');
      for (const value of values) assert.equal(await site.callMe(value), 401);
      assert.equal((await person.agent.get('/tokens/revoke-all')).location, '/tokens');
    });

    once('keeps what was typed when something is wrong, says what, and makes nothing', async () => {
      const person = await site.person();
      const cases: [Record<string, string | string[]>, number, RegExp][] = [
        [{ name: ' ' }, 400, /A name is missing/],
        [{ name: 'x'.repeat(81) }, 400, /This name cannot be used/],
        [{ scopes: [] }, 400, /No scope is chosen/],
        [{ scopes: ['admin'] }, 400, /not yours to give/],
        [{ scopes: ['lk_pat_abc'] }, 400, /The scope "\(removed\)" is not there/],
        [{ expires: '' }, 400, /No expiry is chosen/],
        [{ expires: '0' }, 400, /No expiry is chosen/],
        [{ expires: '401' }, 400, /too far away/],
        [{ expires: '9999' }, 400, /too far away/],
        [{ expires: 'never' }, 400, /needs an expiry/],
        [{ expires: 'date', date: '2026-02-30' }, 400, /This is no date/],
        [{ expires: 'date', date: '2020-01-01' }, 400, /past/],
        [{ expires: 'date', date: '' }, 400, /This is no date/],
      ];
      for (const [wrong, status, words] of cases) {
        const page = await person.agent.post('/tokens/new', form({ note: 'In <the> vault', ...wrong }));
        assert.equal(page.status, status, JSON.stringify(wrong));
        assert.match(textOf(page.text), words);
        assert.match(textOf(page.text), /Nothing was saved\./);
        assert.ok(page.text.includes('value="In &lt;the&gt; vault"'));
        assert.match(page.text, /aria-invalid="true"|has-problem/);
      }
      assert.deepEqual(await tokensOf(person), []);
      const kept = await person.agent.post(
        '/tokens/new',
        form({ expires: '7', scopes: ['profile'], name: '' }),
      );
      assert.match(kept.text, /value="profile" checked/);
      assert.doesNotMatch(kept.text, /value="wf:create_transaction" checked/);
      assert.match(kept.text, /<option value="7" selected>/);
    });

    once('says all that is wrong at once, at each place, and puts the focus on the first', async () => {
      const { agent } = await site.person();
      const wrong = { name: '', scopes: [], expires: 'date', date: 'x', note: 'x'.repeat(501) };
      for (const [sent, words] of [
        [wrong, [/A name is missing/, /No scope is chosen/, /This is no date/, /This note cannot be used/]],
        [
          { ...wrong, expires: '9999', name: 'Good' },
          [/No scope is chosen/, /too far away/, /This note cannot be used/],
        ],
      ] as const) {
        const page = await agent.post('/tokens/new', sent as never);
        assert.equal(page.status, 400);
        for (const one of words) {
          // Above the form, and at the field.
          assert.equal(textOf(page.text).split(one).length - 1, 2, String(one));
        }
        assert.equal(page.text.match(/class="wrong"/g)?.length, words.length);
        const [focused = ''] = /<(?:input|select|textarea)[^>]* autofocus[^>]*>/.exec(page.text) ?? [];
        assert.match(focused, sent.name === '' ? / name="name"/ : / name="scopes"/);
        assert.doesNotMatch(page.text, /<[^>]* autofocus[^>]* autofocus/);
      }
      assert.match((await agent.get('/tokens/new')).text, /<input id="name"[^>]* autofocus/);
    });

    test('refuses a second live token of the same name', async () => {
      const person = await site.person();
      await mint(person.agent);
      const page = await person.agent.post('/tokens/new', form());
      assert.equal(page.status, 409);
      assert.match(textOf(page.text), /You have a live token of this name/);
      assert.doesNotMatch(page.text, /lk_pat_[0-9A-Za-z]{36}/);
      assert.equal((await tokensOf(person)).length, 1);
    });

    once('ignores every field that it did not ask for (A1)', async () => {
      const person = await site.person();
      const other = await site.person();
      const forged = {
        userId: other.account.id,
        accountId: other.account.id,
        ownerId: other.account.id,
        expiresAt: '9999999999',
        rateLimit: '0',
        kind: 'client_secret',
        'scopes[]': 'admin',
        'name[$ne]': '',
      };
      await mint(person.agent, forged);
      assert.deepEqual(await tokensOf(other), []);
      const [row] = await tokensOf(person);
      assert.deepEqual(row?.scopes, ['wf:create_transaction', 'profile']);
      assert.ok(Math.abs((row?.expiresAt ?? 0) - systemClock() - 90 * DAY) < 60);
    });

    once('takes a date as the end of that day', async () => {
      const person = await site.person();
      const date = new Date((systemClock() + 10 * DAY) * 1000).toISOString().slice(0, 10);
      await mint(person.agent, { expires: 'date', date });
      const [row] = await tokensOf(person);
      assert.equal(row?.expiresAt, Date.parse(`${date}T00:00:00Z`) / 1000 + DAY);
    });

    once('asks for a fresh sign-in after five minutes and comes back with the form filled in', async () => {
      const person = await site.person();
      site.ahead = 301;
      try {
        const get = await person.agent.get('/tokens/new');
        assert.match(get.location, /^\/sign-in\?fresh=1&return_to=%2Ftokens%2Fnew$/);
        const typed = form({ name: 'Nächtlich & fein', note: 'x', scopes: ['profile'], expires: '30' });
        const post = await person.agent.post('/tokens/new', typed);
        assert.equal(post.status, 303);
        assert.deepEqual(await tokensOf(person), []);
        const returnTo = new URL(post.location, site.url).searchParams.get('return_to') ?? '';
        const { email } = person.account;
        const signIn = await person.agent.post('/sign-in', {
          email,
          password: PASSWORD,
          fresh: '1',
          return_to: returnTo,
        });
        assert.equal(signIn.location, returnTo);
        const page = await person.agent.get(signIn.location);
        assert.match(page.text, /value="Nächtlich &amp; fein"/);
        assert.match(page.text, /value="profile" checked/);
        assert.doesNotMatch(page.text, /value="wf:create_transaction" checked/);
        assert.match(page.text, /<option value="30" selected>/);
        await mint(person.agent, typed);
        // Looking and revoking need no fresh sign-in.
        site.ahead = 2 * 301;
        const list = await person.agent.get('/tokens');
        assert.equal(list.status, 200);
        assert.equal((await person.agent.post(revokePathIn(list.text), {})).location, '/tokens?done=revoked');
      } finally {
        site.ahead = 0;
      }
    });

    test('folds expired tokens away and refuses them', async () => {
      const person = await site.person();
      const { value } = await mint(person.agent, { expires: '7' });
      // Not from its first day on: what is soon is measured against its life.
      assert.doesNotMatch(textOf((await person.agent.get('/tokens')).text), /Expires soon/);
      site.ahead = 5 * DAY;
      assert.doesNotMatch(textOf((await person.agent.get('/tokens')).text), /Expires soon/);
      site.ahead = 6 * DAY + 3600;
      assert.match(
        textOf((await person.agent.get('/tokens')).text),
        /in 23 hours \([-\d]+ [\d:]+ UTC\) Expires soon/,
      );
      site.ahead = 7 * DAY + 60;
      try {
        const page = textOf((await person.agent.get('/tokens')).text);
        assert.match(
          page,
          /No live tokens .*Expired and revoked tokens .*Build server .*Expired 1 minute ago/,
        );
        assert.equal(await site.callMe(value), 401);
      } finally {
        site.ahead = 0;
      }
    });

    once('escapes what people write', async () => {
      const { agent } = await site.person();
      const name = '<img src=x onerror=alert(1)>"\'`';
      const { page } = await mint(agent, { name, note: '</textarea><script>alert(1)</script>' });
      const list = await agent.get('/tokens');
      const question = await agent.get(revokePathIn(list.text));
      for (const { text } of [page, list, question]) {
        assert.doesNotMatch(text, /<img|<script>/);
        assert.match(text, /&lt;img src=x onerror=alert\(1\)&gt;/);
      }
    });

    once('knows its own done codes only', async () => {
      const { agent } = await site.person();
      for (const code of ['nonsense', '<script>', '__proto__', 'toString', 'constructor']) {
        const page = await agent.get(`/tokens?done=${encodeURIComponent(code)}`);
        assert.equal(page.status, 200);
        assert.doesNotMatch(page.text, /class="notice/);
      }
      assert.equal((await agent.get('/tokens?done=a&done=b')).status, 400);
    });
  });
});

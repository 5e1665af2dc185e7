import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { stateOf } from '../../server/credentials/credential.ts';
import { systemClock } from '../../server/ground/clock.ts';
import { createAgent } from '../support/browserless.ts';
import { secretIn, textOf } from '../support/page-text.ts';
import type { Person } from '../support/people.ts';
import { siteOfBlock } from '../support/site.ts';
import { eachStore } from '../support/stores.ts';
import { until } from '../support/until.ts';

const HOUR = 3600;
const DAY = 86_400;
const actor = { kind: 'operator' } as const;

eachStore(({ url: storeUrl, isFirst }) => {
  describe('the life of a token', () => {
    const site = siteOfBlock(storeUrl);
    afterEach(() => {
      site.ahead = 0;
    });

    const mint = (person: Person, wanted: { name?: string; scopes?: string[]; lifeSeconds?: number } = {}) =>
      site.domain.tokens.mint(
        {
          account: person.account,
          name: wanted.name ?? 'Build server',
          scopes: wanted.scopes ?? ['profile'],
          expiresAt: systemClock() + (wanted.lifeSeconds ?? 90 * DAY),
        },
        actor,
      );

    const rowOf = async (id: string) => {
      const row = await site.domain.rows.credentials.get(id);
      return row ?? assert.fail(`no row ${id}`);
    };
    const stateNow = async (id: string) => stateOf(await rowOf(id), systemClock() + site.ahead);

    test('is rotated: a new value, shown once, and the old one for as long as was chosen', async () => {
      const person = await site.person();
      const { agent } = person;
      const { credential, value } = await mint(person);
      const path = `/tokens/${credential.id}`;
      assert.match(textOf((await agent.get(path)).text), /State Live .*Rotate… Edit… .*Pause/);
      const form = textOf((await agent.get(`${path}/rotate`)).text);
      assert.match(form, /Not at all: refuse it at once 1 hour 1 day 7 days 30 days/);
      assert.match((await agent.get(`${path}/rotate`)).text, /value="86400" selected/);
      const made = await agent.make(`${path}/rotate`, { overlap: String(HOUR) });
      assert.equal(made.status, 200, textOf(made.text));
      const next = secretIn(made.text, 'lk_pat_');
      assert.match(textOf(made.text), /has a new value .*Old value ends in 1 hour/);
      assert.deepEqual([await site.callMe(value), await site.callMe(next)], [200, 200]);
      site.ahead = HOUR + 1;
      assert.deepEqual([await site.callMe(value), await site.callMe(next)], [401, 200]);
    });

    test('says whether and from where the old value is still used, and ends it early', async () => {
      const person = await site.person();
      const { agent } = person;
      const { credential, value } = await mint(person);
      const made = await site.domain.tokens.rotate(
        { accountId: person.account.id, id: credential.id },
        { account: person.account },
        actor,
      );
      const page = `/tokens/${made.credential.id}`;
      assert.match(textOf((await agent.get(page)).text), /The old value .*no call was made with it/);
      await site.callMe(value);
      await site.callMe(value);
      await until('the use is on record', async () =>
        /it made 2 calls.* Address Calls Last 127\.0\.0\.1 2 /.test(textOf((await agent.get(page)).text)),
      );
      assert.match(textOf((await agent.get('/tokens')).text), /Build server Old value lk_pat_/);
      assert.match(textOf((await agent.get('/account/access')).text), /Build server Old value /);
      assert.match(
        textOf((await agent.get('/tokens/revoke-all')).text),
        /(?<!\))Build server,.*Build server \(old value\)|Build server \(old value\), Build server\./,
      );
      const old = await agent.get(`/tokens/${credential.id}`);
      assert.match(textOf(old.text), /This is an old value\..*still works/);
      assert.ok(old.text.includes(`href="/tokens/${credential.id}/revoke"`));
      const question = textOf((await agent.get(`/tokens/${credential.id}/revoke`)).text);
      assert.match(question, /End the old value of “Build server”\?.*The new value goes on working/);
      await agent.post(`/tokens/${credential.id}/revoke`, {});
      assert.deepEqual([await site.callMe(value), await site.callMe(made.value)], [401, 200]);
      assert.doesNotMatch(textOf((await agent.get(page)).text), /The old value/);
    });

    test('says before a revocation what the token was used for in the last 30 days', async () => {
      const person = await site.person();
      const { credential, value } = await mint(person);
      const revoke = `/tokens/${credential.id}/revoke`;
      assert.match(
        textOf((await person.agent.get(revoke)).text),
        /No call was made with it in the last 30 days/,
      );
      for (let turn = 0; turn < 3; turn += 1) await site.callMe(value);
      await fetch(`${site.url}/api/1.1/wf/nothing`, { headers: { authorization: `Bearer ${value}` } });
      await until('the use is on record', async () =>
        /it made 4 calls: GET \/api\/1\.1\/me 3 times GET \/api\/1\.1\/wf\/nothing once/.test(
          textOf((await person.agent.get(revoke)).text),
        ),
      );
    });

    // What these acts write is tried on both stores by the tests of the domain.
    if (!isFirst) return;

    test('is paused and resumed, and the list says so', async () => {
      const person = await site.person();
      const { agent } = person;
      const { credential, value } = await mint(person);
      const path = `/tokens/${credential.id}`;
      const paused = await agent.post(`${path}/pause`, {});
      assert.deepEqual([paused.status, paused.location], [303, `${path}?done=paused`]);
      assert.equal(await site.callMe(value), 401);
      assert.match(textOf((await agent.get('/tokens')).text), /Build server Paused lk_pat_/);
      assert.match(textOf((await agent.get(paused.location)).text), /The token is paused\. .*Edit… .*Resume/);
      // Twice does no harm.
      assert.equal((await agent.post(`${path}/pause`, {})).status, 303);
      const refused = await agent.get(`${path}/rotate`);
      assert.equal(refused.status, 409);
      assert.match(textOf(refused.text), /It is paused\. Resume it first/);
      assert.equal((await agent.post(`${path}/rotate`, { overlap: '0' })).status, 409);
      assert.equal((await agent.post(`${path}/resume`, {})).location, `${path}?done=resumed`);
      assert.equal(await site.callMe(value), 200);
    });

    test('loses scopes at once, and gets more after a fresh sign-in with the form kept', async () => {
      const person = await site.person();
      const { agent } = person;
      const { credential } = await mint(person, { scopes: ['profile', 'wf:create_transaction'] });
      const path = `/tokens/${credential.id}/edit`;
      const typed = { name: 'Deployer', note: 'in the vault' };
      site.ahead = HOUR;
      assert.match((await agent.get(path)).text, /value="Build server"/);
      const fewer = await agent.post(path, { ...typed, scopes: 'profile' });
      assert.deepEqual([fewer.status, fewer.location], [303, `/tokens/${credential.id}?done=changed`]);
      const { name, note, scopes } = await rowOf(credential.id);
      assert.deepEqual([name, note, scopes], ['Deployer', 'in the vault', ['profile']]);

      const wider = await agent.post(path, {
        ...typed,
        name: 'Wider',
        scopes: ['profile', 'wf:create_transaction'],
      });
      assert.match(wider.location, /^\/sign-in\?fresh=1/);
      assert.deepEqual((await rowOf(credential.id)).scopes, ['profile']);
      const back = new URL(wider.location, site.url).searchParams.get('return_to') ?? '';
      const form = await agent.get(back);
      assert.match(form.text, /value="Wider"/);
      assert.match(form.text, /value="wf:create_transaction" checked/);
      site.ahead = 0;
      assert.equal(
        (await agent.post(path, { ...typed, scopes: ['profile', 'wf:create_transaction'] })).status,
        303,
      );
      assert.equal((await rowOf(credential.id)).scopes.length, 2);
      const wrong = await agent.post(path, { ...typed, name: '', scopes: 'profile' });
      assert.equal(wrong.status, 400);
    });

    test('is not rotated without a fresh sign-in, which comes back to the choice that was made', async () => {
      const person = await site.person();
      const { credential } = await mint(person);
      const path = `/tokens/${credential.id}/rotate`;
      site.ahead = HOUR;
      for (const answer of [
        await person.agent.get(path),
        await person.agent.post(path, { overlap: '0' }),
        await person.agent.post(path, {}),
      ]) {
        assert.equal(answer.status, 303);
        assert.match(answer.location, /^\/sign-in\?fresh=1&return_to=%2Ftokens%2Ftok_\w+%2Frotate/);
      }
      const { location } = await person.agent.post(path, { overlap: '3600' });
      const back = new URL(location, site.url).searchParams.get('return_to') ?? '';
      site.ahead = 0;
      assert.match((await person.agent.get(back)).text, /value="3600" selected/);
      assert.equal((await rowOf(credential.id)).replacedBy, undefined);
    });

    test('is rotated once by two forms, and by one form that is sent twice', async () => {
      const person = await site.person();
      const { agent } = person;
      const one = await mint(person);
      const path = `/tokens/${one.credential.id}/rotate`;
      await agent.get(path);
      const answers = await Promise.all([1, 2, 3, 4].map(() => agent.post(path, { overlap: '0' })));
      assert.deepEqual(answers.map(({ status }) => status).sort(), [303, 409, 409, 409]);

      const other = await mint(person, { name: 'Other' });
      const again = `/tokens/${other.credential.id}/rotate`;
      const [, form_id = ''] = /name="form_id" value="([^"]+)"/.exec((await agent.get(again)).text) ?? [];
      const sent = await Promise.all([1, 2].map(() => agent.post(again, { overlap: '0', form_id })));
      assert.deepEqual(
        sent.map(({ status }) => status),
        [303, 303],
      );
      assert.equal(sent[0]?.location, sent[1]?.location);
      const rows = await site.domain.tokens.list(person.account.id);
      assert.equal(rows.filter((row) => stateOf(row, systemClock()) === 'live').length, 2);
    });

    test('takes no overlap that is none, too long, or past its end', async () => {
      const person = await site.person();
      const { agent } = person;
      const { credential } = await mint(person, { lifeSeconds: 2 * HOUR });
      const path = `/tokens/${credential.id}/rotate`;
      const form = await agent.get(path);
      assert.match(textOf(form.text), /1 hour Until it expires by itself, in 2 hours/);
      assert.match(form.text, /value="end" selected/);
      for (const overlap of ['', '-1', '1.5', 'x', String(2 * HOUR + 60), String(31 * DAY), '99999999999']) {
        const refused = await agent.post(path, { overlap });
        assert.equal(refused.status, 400, overlap);
        assert.match(textOf(refused.text), /overlap/);
      }
      assert.equal((await rowOf(credential.id)).replacedBy, undefined);
      await agent.make(path, { overlap: 'end' });
      assert.equal((await rowOf(credential.id)).expiresAt, credential.expiresAt);
    });

    test('is left as it is by a stranger', async () => {
      const person = await site.person();
      const { agent } = await site.person();
      const { credential } = await mint(person);
      const path = `/tokens/${credential.id}`;
      for (const page of ['', '/rotate', '/edit', '/revoke']) {
        assert.equal((await agent.get(`${path}${page}`)).status, 404, page);
      }
      const typed = { name: 'Mine', note: '', scopes: 'profile', overlap: '0' };
      for (const act of ['rotate', 'edit', 'pause', 'resume', 'revoke']) {
        assert.equal((await agent.post(`${path}/${act}`, typed)).status, 404, act);
      }
      assert.equal(await stateNow(credential.id), 'live');
    });

    test('is not changed once it has ended, and its renewal is a new token, filled in', async () => {
      const person = await site.person();
      const { agent } = person;
      const short = await mint(person, { name: 'Short', lifeSeconds: 60 });
      const revoked = await mint(person, { name: 'Gone' });
      await site.domain.tokens.revoke({ accountId: person.account.id, id: revoked.credential.id }, actor);
      site.ahead = 120;
      for (const { credential } of [short, revoked]) {
        const path = `/tokens/${credential.id}`;
        const before = await rowOf(credential.id);
        assert.equal((await agent.get(path)).status, 200);
        const renewal = await agent.get(`${path}/rotate`);
        assert.equal(renewal.status, 409);
        const [, url = ''] = /href="(\/tokens\/new\?form=[^"]+)"/.exec(renewal.text) ?? [];
        assert.match((await agent.get(url)).text, new RegExp(`value="${credential.name}"`));
        assert.equal((await agent.get(`${path}/edit`)).status, 409);
        const typed = { name: 'Mine', note: '', scopes: 'profile', overlap: '0' };
        for (const act of ['rotate', 'edit', 'pause', 'resume']) {
          assert.equal((await agent.post(`${path}/${act}`, typed)).status, 409, act);
        }
        assert.deepEqual(await rowOf(credential.id), before);
      }
    });

    describe('several at once', () => {
      async function three(person: Person) {
        const made = [];
        for (const name of ['One', 'Two', 'Three']) made.push(await mint(person, { name }));
        return made.map(({ credential }) => credential.id);
      }
      const statesOf = (ids: readonly string[]) => Promise.all(ids.map(stateNow));

      test('are paused, resumed and revoked after a question, with one mail', async () => {
        const person = await site.person();
        const { agent } = person;
        const [one = '', two = '', third = ''] = await three(person);
        const list = await agent.get('/tokens');
        assert.equal(list.text.match(/type="checkbox" name="token"/g)?.length, 3);
        for (const [act, before, after] of [
          ['pause', ['live', 'live', 'live'], ['paused', 'paused', 'live']],
          ['resume', ['paused', 'paused', 'live'], ['live', 'live', 'live']],
          ['revoke', ['live', 'live', 'live'], ['revoked', 'revoked', 'live']],
        ] as const) {
          const question = await agent.post('/tokens', { act, token: [one, two] });
          assert.equal(question.status, 200);
          assert.match(textOf(question.text), /2 tokens\? These are: (One, Two|Two, One)\./);
          assert.deepEqual(await statesOf([one, two, third]), before);
          const done = await agent.post('/tokens', { act, token: [one, two], confirmed: 'yes' });
          assert.deepEqual([done.status, done.location], [303, `/tokens?done=chosen-${act}`]);
          assert.match(textOf((await agent.get(done.location)).text), /The chosen tokens/);
          assert.deepEqual(await statesOf([one, two, third]), after);
        }
        // Who was signed out in another tab finds their choice again.
        const elsewhere = await site.signIn(person.account.email);
        const signIn = await createAgent(site.url).post('/tokens', { act: 'pause', token: [third] });
        const back = new URL(signIn.location, site.url).searchParams.get('return_to') ?? '';
        const more = await mint(person, { name: 'Four' });
        const kept = (await elsewhere.get(back)).text;
        assert.match(kept, new RegExp(`value="${third}"[^>]* checked`));
        assert.doesNotMatch(kept, new RegExp(`value="${more.credential.id}"[^>]* checked`));
        await site.mail.waitFor({
          to: person.account.email,
          subject: /^2 personal access tokens were revoked/,
        });
      });

      test('are left alone where one is not theirs, or nothing fits', async () => {
        const person = await site.person();
        const stranger = await site.person();
        const [one = '', two = ''] = await three(person);
        const foreign = (await mint(stranger, { name: 'Foreign' })).credential.id;
        for (const confirmed of ['', 'yes']) {
          const answer = await person.agent.post('/tokens', {
            act: 'revoke',
            token: [one, foreign],
            confirmed,
          });
          assert.equal(answer.status, 404);
        }
        const nothing = [
          [{ act: 'pause' }, /No token is chosen/],
          [{ act: 'resume', token: [one, two] }, /None of the chosen tokens is paused, but/],
          [{ act: 'rotate', token: one }, /Nothing to do is chosen/],
          [{ act: 'constructor', token: one, confirmed: 'yes' }, /Nothing to do is chosen/],
          [{ token: one }, /Nothing to do is chosen/],
        ] as const;
        for (const [form, says] of nothing) {
          const answer = await person.agent.post('/tokens', form as Record<string, string | string[]>);
          assert.equal(answer.status, 400);
          assert.match(textOf(answer.text), says);
          assert.match(answer.text, /Your live tokens/);
        }
        const other = await person.agent.post('/tokens', {
          ...{ act: 'revoke', token: [one], confirmed: 'yes' },
          viewer: stranger.account.email,
        });
        assert.equal(other.status, 409);
        assert.deepEqual(await statesOf([one, two, foreign]), ['live', 'live', 'live']);
      });
    });
  });
});

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { Account } from '../../server/accounts/account.ts';
import { runCommand } from '../../server/cli/program.ts';
import { createAgent } from '../support/browserless.ts';
import { textOf } from '../support/page-text.ts';
import type { Person } from '../support/people.ts';
import { siteOfBlock } from '../support/site.ts';
import { eachStore } from '../support/stores.ts';

const DAY = 86_400;

/** What programs on the way make of a link: cut, broken over two lines, escaped once more, in capitals. */
function damagesOf(path: string): string[] {
  return [
    path.replace('&answer=keep', ''),
    path.replace(/&token=.*/, ''),
    path.replace(/(token=[^&]+)[^&]{3}/, '$1'),
    path.replace(/(token=[^&]{9})/, '$1=%0D%0A'),
    path.replace(/(id=[^&]{9})/, '$1=%0D%0A'),
    path.replace(/(id=[^&]{9})[^&]*/, '$1'),
    path.replace('id=', 'id=3D'),
    path.replace('token=', 'token=3D'),
    path.replaceAll('&', '&amp;'),
    `${path}.`,
    `/review?${path.slice(8).toUpperCase()}`,
  ];
}

eachStore(({ url: storeUrl, isFirst }) => {
  if (!isFirst) return;
  describe('the mailed links of a review', () => {
    const site = siteOfBlock(storeUrl);

    /** Tokens that nobody used in the days since they were made. */
    async function forgotten(account: Account, names: readonly string[]): Promise<void> {
      for (const name of names) {
        const expiresAt = site.domain.clock() + 90 * DAY;
        const wanted = { account, name, scopes: ['profile'], expiresAt };
        const { credential } = await site.domain.tokens.mint(wanted, { kind: 'operator' });
        const createdAt = credential.createdAt - 9 * DAY;
        await site.domain.rows.credentials.update(credential.id, { set: { createdAt } });
      }
    }

    let pat: Person;
    let sam: Person;
    // One review for all: its mails are sent by the server, which looks every few seconds.
    before(async () => {
      pat = await site.person();
      sam = await site.person();
      for (const { account } of [pat, sam]) await forgotten(account, ['Old']);
      await site.domain.reviews.works[0].run(site.domain.clock());
    });

    /** Paths of the mailed links, in the order of names and answers. */
    async function linksTo({ email }: Account): Promise<string[]> {
      const { text = '' } = await site.mail.waitFor({ to: email, subject: /still need/ });
      return [...text.matchAll(/\((http\S+\/review\?\S+)\)/g)].map(([, link = '']) =>
        link.slice(site.url.length),
      );
    }

    const fieldsOf = (path: string) => Object.fromEntries(new URLSearchParams(path.split('?')[1]));
    const stateOf = async ({ id }: Account) =>
      (await site.domain.tokens.list(id)).map(({ pausedAt, revokedAt }) =>
        revokedAt ? 'revoked' : pausedAt ? 'paused' : 'live',
      );

    test('show a page, and do what it says after a click, once, without a sign-in', async () => {
      const { account, agent } = pat;
      const [keep = '', pause = '', revoke = ''] = await linksTo(account);
      const nobody = createAgent(site.url);
      // A mail scanner looks at each of them.
      for (const path of [keep, pause, revoke]) {
        assert.equal((await nobody.get(path)).status, 200);
        assert.equal((await fetch(site.url + path, { method: 'HEAD' })).status, 200);
      }
      assert.deepEqual(await stateOf(account), ['live']);
      const page = await nobody.get(pause);
      assert.match(textOf(page.text), /Pause “Old”\? .*never used in the 9 days since.*Keep it instead/);
      const formId = /name="form_id" value="([^"]+)"/.exec(page.text)?.[1] ?? '';
      const click = () => nobody.post('/review', { ...fieldsOf(pause), form_id: formId });
      const clicks = await Promise.all([click(), click()]);
      assert.deepEqual(
        clicks.map(({ location }) => location),
        ['/review?done=pause', '/review?done=pause'],
      );
      assert.match(textOf((await nobody.get('/review?done=pause')).text), /It was paused/);
      assert.deepEqual(await stateOf(account), ['paused']);
      for (const path of [keep, pause, revoke]) {
        const again = await nobody.get(path);
        assert.deepEqual([again.status, /was paused on/.test(textOf(again.text))], [400, true]);
        assert.match(again.text, /href="\/account\/reviews">Go to your reviews</);
        assert.equal((await nobody.post('/review', fieldsOf(path))).status, 400);
      }
      assert.deepEqual(await stateOf(account), ['paused']);
      const pastPage = (await agent.get('/account/reviews')).text;
      const past = textOf(pastPage);
      const [{ id = '' } = {}] = await site.domain.tokens.list(account.id);
      assert.match(pastPage, new RegExp(`<a href="/tokens/${id}">Old</a>`));
      assert.match(
        past,
        /[A-Z][a-z]+ 20\d\d Mailed .*Answer here or by the links of the mail; both end in 1\d days/,
      );
      assert.match(past, /Old token never used in the 9 days since it was made paused .*from 127\.0\.0\.1/);
    });

    test('are refused where somebody else is signed in, from another site, late and without an answer', async () => {
      const { account, agent } = sam;
      const [keep = '', , revoke = ''] = await linksTo(account);
      for (const damaged of damagesOf(keep)) {
        const page = await createAgent(site.url).get(damaged);
        assert.equal(page.status, 400, damaged);
        assert.match(textOf(page.text), /This link is damaged/, damaged);
      }
      const stranger = (await site.person()).agent;
      const page = await stranger.get(revoke);
      assert.deepEqual([page.status, /is for another account/.test(textOf(page.text))], [403, true]);
      assert.equal((await stranger.post('/review', fieldsOf(revoke))).status, 403);
      assert.ok(!(await stranger.get('/account/reviews')).text.includes('Old'));
      const elsewhere = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
      assert.equal((await agent.post('/review', fieldsOf(revoke), elsewhere)).status, 403);
      for (const answer of ['', 'destroy', '__proto__']) {
        assert.equal((await agent.post('/review', { ...fieldsOf(revoke), answer })).status, 400);
      }
      site.ahead = 14 * DAY;
      try {
        const nobody = createAgent(site.url);
        const late = await nobody.get(revoke);
        assert.deepEqual([late.status, /too old/.test(textOf(late.text))], [400, true]);
        assert.equal((await nobody.post('/review', fieldsOf(revoke))).status, 400);
      } finally {
        site.ahead = 0;
      }
      assert.deepEqual(await stateOf(account), ['live']);
      assert.equal((await agent.post('/review', fieldsOf(revoke))).location, '/review?done=revoke');
      assert.deepEqual(await stateOf(account), ['revoked']);
    });

    test('never stand in the log', () => {
      assert.ok(site.logged().includes('/review'));
      assert.ok(!site.logged().includes('token='));
    });

    test('latchkey review lists who answered what, and with --dry-run what would be asked now', async () => {
      const { account } = await site.person();
      await forgotten(account, ['Cron <job>']);
      const {
        data,
        store,
        secret: _secret,
      } = site.domain.settings as { data: string; store: string; secret?: unknown };
      const run = async (...args: string[]) => {
        let said = '';
        const out = (text: string) => {
          said += text;
        };
        const env = { LATCHKEY_DATA: data, LATCHKEY_STORE: store };
        const stdin = process.stdin;
        const code = await runCommand(['review', ...args], { env, stdin, out, err: out });
        assert.equal(code, 0, said);
        return said;
      };
      const before = await site.domain.rows.reviews.count([]);
      const now = JSON.parse(await run('--dry-run', '--json', '--account', account.email));
      assert.deepEqual(
        now.map(({ name, reasons, kind }: Record<string, unknown>) => ({ name, reasons, kind })),
        [{ name: 'Cron <job>', reasons: ['never_used'], kind: 'token' }],
      );
      assert.match(await run('--dry-run'), /Cron <job> +never used in the 9 days/);
      assert.equal(await site.domain.rows.reviews.count([]), before);
      const past = JSON.parse(await run('--json'));
      assert.deepEqual(past.map(({ answer }: { answer: string }) => answer).toSorted(), ['pause', 'revoke']);
      assert.match(await run(), /Old .*pause .*account/);
    });

    test('have the same answers on a page, for its owner alone', async () => {
      const { account, agent } = await site.person();
      const stranger = (await site.person()).agent;
      await forgotten(account, ['Cron', 'Till']);
      // Reviewed on a day of its own, so that the others have theirs.
      await site.domain.reviews.works[0].run(site.domain.clock() + 31 * DAY);
      const page = (await agent.get('/account/reviews')).text;
      assert.match(
        textOf(page),
        /Cron token never used in the 9 days since it was made Keep Cron Pause Cron Revoke Cron/,
      );
      const links = [...page.matchAll(/href="(\/review\?[^"]+)"/g)].map(([, url = '']) =>
        url.replaceAll('&amp;', '&'),
      );
      assert.equal(links.length, 6);
      const [revoke = ''] = links.filter((url) => url.endsWith('revoke'));
      const states = () => stateOf(account).then((all) => all.toSorted());
      for (const link of links) assert.equal((await agent.get(link)).status, 200);
      assert.equal((await fetch(site.url + revoke, { method: 'HEAD', redirect: 'manual' })).status, 303);
      const nobody = createAgent(site.url);
      const signIn = '/sign-in?return_to=';
      assert.equal((await nobody.get(revoke)).location, `${signIn}${encodeURIComponent(revoke)}`);
      const posted = await nobody.post('/review', fieldsOf(revoke));
      assert.equal(posted.location, `${signIn}${encodeURIComponent('/account/reviews')}`);
      assert.equal((await stranger.get(revoke)).status, 404);
      assert.equal((await stranger.post('/review', fieldsOf(revoke))).status, 404);
      assert.equal((await agent.post('/review', { ...fieldsOf(revoke), item: 'tok_none' })).status, 404);
      assert.deepEqual(await states(), ['live', 'live']);
      assert.equal((await agent.post('/review', fieldsOf(revoke))).location, '/review?done=revoke');
      const again = await agent.post('/review', fieldsOf(revoke));
      assert.deepEqual([again.status, /was revoked on/.test(textOf(again.text))], [400, true]);
      assert.deepEqual(await states(), ['live', 'revoked']);
      assert.match(textOf((await agent.get('/account/reviews')).text), /made revoked .*from 127\.0\.0\.1/);
    });
  });
});

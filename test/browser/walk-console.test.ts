import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Page } from 'playwright-core';
import { momentOf } from '../../server/activity/entry-ids.ts';
import { checkWidth } from '../support/chromium.ts';
import type { Person } from '../support/people.ts';
import { BROWSERS, openWalk, type Walk } from './steps.ts';

const PAGES = ['', '/accounts', '/services', '/credentials', '/activity', '/audit', '/mail', '/settings'];
const CALLS = 30;
const TABS_MAX = 60;

describe('the console, in a browser', () => {
  let walk: Walk;
  let admin: Person;
  before(async () => {
    walk = await openWalk();
    admin = await walk.people.person({ admin: true });
    const { domain } = walk.people;
    const email = `${'long-'.repeat(12)}@${'b'.repeat(60)}.example.com`;
    const owner = await domain.accounts.create({ email, admin: false }, { kind: 'operator' });
    await domain.rows.calls.insertMany(
      Array.from({ length: CALLS }, (_, number) => {
        const whose = { tokenId: 'tok_x', tokenKind: 'personal_access_token', tokenName: 'n'.repeat(60) };
        const [status, result] = number % 2 === 0 ? [200, 'success'] : [403, 'insufficient_scope'];
        const entry = domain.recorder.entry(
          { ...whose, accountId: owner.id, privacyBypassed: true },
          {
            ...{ method: 'POST', path: '/api/1.1/wf/create_transaction', status, result, ms: 12 },
            ...{
              from: '2001:db8:85a3:1111:2222:8a2e:370:7334',
              requestId: `${momentOf(walk.now())}-${crypto.randomUUID()}`,
            },
          },
        );
        return number === 0 ? { ...entry, hidden: 10_000 } : entry;
      }),
    );
  });
  after(() => walk?.close());

  for (const { title, javaScript } of BROWSERS) {
    it(`ends the token whose last characters were found somewhere, by keyboard, ${title}`, async () => {
      const { account } = await walk.people.person();
      const wanted = { account, scopes: ['profile'], expiresAt: walk.now() + 86_400, note: '' };
      const { credential, value } = await walk.people.domain.tokens.mint(
        { ...wanted, name: 'Laptop' },
        { kind: 'operator' },
      );
      await walk.visit({ javaScript, as: admin.agent }, async (visitor) => {
        const { page } = visitor;
        await visitor.open('/admin');
        await tabTo(page, 'Tokens and secrets');
        await page.keyboard.press('Enter');
        await visitor.arrive('Tokens and secrets');
        await tabTo(page, 'Search');
        await page.keyboard.type(credential.lastFour);
        await page.keyboard.press('Enter');
        await page.getByRole('link', { name: 'Laptop' }).waitFor();
        await tabTo(page, 'Laptop');
        await page.keyboard.press('Enter');
        await visitor.arrive('Laptop');
        await visitor.look('admin-credential');
        await tabTo(page, 'Revoke…');
        await page.keyboard.press('Enter');
        await visitor.arrive(/^Revoke the token “Laptop”/);
        await visitor.look('admin-credential-revoke');
        await tabTo(page, 'Reason');
        await page.keyboard.type('It stood in a public repository');
        await page.keyboard.press('Enter');
        await page.getByText('It is revoked, and refused from now on.').waitFor();
        assert.equal((await walk.callMe(value)).status, 401);
      });
    });
  }

  for (const { title, javaScript } of BROWSERS) {
    it(`says what somebody may do with a record, by keyboard, ${title}`, async () => {
      const { domain, person } = walk.people;
      const { account } = await person();
      const { value } = await domain.tokens.mint(
        { account, scopes: ['data:transaction:read'], expiresAt: walk.now() + 86_400, name: 'Phone' },
        { kind: 'operator' },
      );
      const record = { account: 'savings', phone: '+1', amount_cents: 5, createdBy: admin.account.id };
      const id = `obj_${title.replace(' ', '')}`;
      await domain.types.get('transaction')?.rows.insert({ ...record, id, createdAt: 1 } as never);
      await walk.visit({ javaScript, as: admin.agent }, async (visitor) => {
        const { page } = visitor;
        await visitor.open('/admin/workflows');
        await tabTo(page, 'Rules of transaction, and what they let somebody do');
        await page.keyboard.press('Enter');
        await visitor.arrive('Type transaction');
        await visitor.look('admin-type', 'main');
        await tabTo(page, 'Who (optional)');
        await page.keyboard.type(value);
        await tabTo(page, 'Record (optional)');
        await page.keyboard.type(id);
        await page.keyboard.press('Enter');
        await page.getByText(`createdBy is ${admin.account.id}`).waitFor();
        assert.ok(!page.url().includes(value));
        await visitor.reads(
          'the token “Phone”',
          'lacks the scope data:transaction:write',
          'Answered by its id No',
        );
        await visitor.look('admin-type-explained', 'main');
        await tabTo(page, 'Who (optional)');
        await page.keyboard.type('?');
        await page.keyboard.press('Enter');
        await page.getByText('This names nobody.').waitFor();
        await visitor.look('admin-type-refused');
      });
    });
  }

  it('says of each page that it is of the console, and each can be used by everybody on any screen', () =>
    walk.visit({ javaScript: true, as: admin.agent }, async (visitor) => {
      for (const path of PAGES) {
        await visitor.open(`/admin${path}`);
        assert.match(await visitor.page.title(), / · Admin · /);
        await visitor.look(`admin${path.replaceAll('/', '-')}`, path === '' ? 'main' : 'side');
      }
      await visitor.open('/admin/audit?cursor=nonsense');
      await visitor.look('admin-refused');
      await visitor.press('Go to “Audit”');
      await visitor.arrive('Audit');
    }));

  it('has twenty-five calls on a screen and a half, however long the names are, and all of one on its page', () =>
    walk.visit({ javaScript: true, as: admin.agent }, async ({ page, ...visitor }) => {
      await page.setViewportSize({ width: 1280, height: 800 });
      await visitor.open('/admin/activity');
      const box = await page.locator('tbody tr').nth(24).boundingBox();
      assert.ok(box !== null && box.y + box.height <= 1200, `${box?.y} px`);
      await checkWidth(page, 1280);
      await checkWidth(page, 1024);
      await page
        .locator('tbody tr', { hasText: 'create_transaction' })
        .first()
        .getByRole('link')
        .last()
        .click();
      await page.getByText('From, request id').waitFor();
      await visitor.reads('tok_x', / [0-9a-z]{7}-[\w-]{36} /, 'Privacy rules passed over');
    }));
});

/** What has the focus, and the line around it. */
const FOCUSED = `[
  (document.activeElement.labels?.[0] ?? document.activeElement).textContent.trim().replace(/\\s+/g, ' '),
  getComputedStyle(document.activeElement).outlineStyle,
]`;

/** Presses Tab until the field, link or button with this name has the focus, which each that had it showed. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let pressed = 0; pressed < TABS_MAX; pressed += 1) {
    const [words, outline] = await page.evaluate<[string, string]>(FOCUSED);
    if (pressed > 0) assert.notEqual(outline, 'none', words);
    if (words === name) return;
    await page.keyboard.press('Tab');
  }
  assert.fail(`${name} was not reached by ${TABS_MAX} tabs`);
}

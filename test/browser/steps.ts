import assert from 'node:assert/strict';
import type { BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { systemClock } from '../../server/ground/clock.ts';
import type { Agent } from '../support/browserless.ts';
import { checkAccessibility, checkWidth, launchBrowser, screenshot } from '../support/chromium.ts';
import { startGoogle, type TestGoogle } from '../support/google.ts';
import { openPeople } from '../support/people.ts';
import { startTestServer } from '../support/server.ts';
import { createKeptMail, linkIn } from '../support/smtp.ts';

/** Longer than any step takes where two busy cores are shared. */
const STEP_MS_MAX = 15_000;

/** The two kinds of browser that every walk is made in. */
export const BROWSERS = [
  { title: 'with JavaScript', javaScript: true },
  { title: 'without JavaScript', javaScript: false },
] as const;

export type Walk = Awaited<ReturnType<typeof openWalk>>;
export type Visitor = ReturnType<typeof createVisitor>;

/** A browser, a server on SQLite with its people and mails, and on request the provider that plays Google. */
export async function openWalk(options: { google?: boolean } = {}) {
  let ahead = 0;
  const [browser, google] = await Promise.all([
    launchBrowser(),
    options.google === true ? startGoogle() : undefined,
  ]);
  const server = await startTestServer({
    clock: () => systemClock() + ahead,
    settings: google === undefined ? {} : { google: google.settings },
  });
  const people = await openPeople(server);
  const mail = createKeptMail(server.mailFolder);

  return {
    server,
    people,

    /** The provider that plays Google. */
    get google(): TestGoogle {
      return google ?? assert.fail('this walk was opened without Google');
    },

    /** The server's time, epoch seconds. */
    now: () => systemClock() + ahead,

    /** Lets time pass, so that what is fresh grows old. */
    wait(seconds: number): void {
      ahead += seconds;
    },

    /** The link in the newest mail to somebody. */
    mailedLink: async (to: string, subject: string) => linkIn(await mail.waitFor({ to, subject })),

    /** Calls the API as a program does. */
    callMe: (token: string) =>
      fetch(`${server.url}/api/1.1/me`, { headers: { authorization: `Bearer ${token}` } }),

    /** One person's browser window, closed afterwards. It must have had nothing to complain of. */
    async visit(
      given: { javaScript: boolean; as?: Agent; options?: BrowserContextOptions },
      use: (visitor: Visitor) => Promise<void>,
    ): Promise<void> {
      const context = await browser.newContext({
        baseURL: server.url,
        javaScriptEnabled: given.javaScript,
        reducedMotion: 'reduce',
        ...given.options,
      });
      context.setDefaultTimeout(STEP_MS_MAX);
      try {
        if (given.as !== undefined) await takeCookies(context, given.as, server.url);
        const page = await context.newPage();
        const complaints = listen(page, server.url);
        await use(createVisitor(page, given.javaScript));
        assert.deepEqual(complaints, []);
      } finally {
        await context.close();
      }
    },

    async close(): Promise<void> {
      await browser.close();
      await people.close();
      await server.stop();
      await google?.stop();
      assert.doesNotMatch(server.logged(), /"msg":"unexpected"/);
    },
  };
}

/** Somebody at a browser: reads headings, fills in labels, presses what is written on buttons and links. */
function createVisitor(page: Page, javaScript: boolean) {
  const named = (name: string | RegExp) => {
    const exact = typeof name === 'string';
    return page.getByRole('button', { name, exact }).or(page.getByRole('link', { name, exact }));
  };

  const visitor = {
    page,
    javaScript,

    open: async (path: string) => void (await page.goto(path)),

    /** Waits until the page with this heading is there. */
    async arrive(heading: string | RegExp): Promise<void> {
      const exact = typeof heading === 'string';
      await page.getByRole('heading', { level: 1, name: heading, exact }).waitFor();
      await page.waitForLoadState();
    },

    async fill(fields: Record<string, string>): Promise<void> {
      for (const [label, value] of Object.entries(fields)) {
        await page.getByLabel(label, { exact: true }).fill(value);
      }
    },

    press: async (name: string | RegExp) => await named(name).click(),

    /** What is written on the page, in one line. */
    text: async () => (await page.locator('main').allInnerTexts()).join(' ').replace(/\s+/g, ' '),

    async reads(...wanted: (string | RegExp)[]): Promise<void> {
      const text = await visitor.text();
      for (const one of wanted) {
        assert.ok(typeof one === 'string' ? text.includes(one) : one.test(text), `${one} is not in: ${text}`);
      }
    },

    isOffered: async (name: string | RegExp) => (await named(name).count()) > 0,

    /**
     * Looks at the page as it stands: accessible, nothing to scroll sideways, nothing that a template forgot;
     * and keeps a picture where they are asked for, of the main pages a dark one too. Pages differ without JavaScript only by what
     * the script does, and axe needs it: there the width is looked at.
     */
    async look(name: string, kind: 'main' | 'side' = 'side'): Promise<void> {
      assert.match(await page.title(), / · Latchkey$/);
      assert.equal(await page.getByRole('heading', { level: 1 }).count(), 1);
      assert.doesNotMatch(await visitor.text(), /undefined|\[object|NaN|function /);
      if (javaScript) {
        await checkAccessibility(page);
        await screenshot(page, name, kind === 'main' ? ['light', 'dark'] : ['light']);
      }
      await checkWidth(page);
    },
  };
  return visitor;
}

/** Signs in at the form that is open. */
export async function fillSignIn(visitor: Visitor, who: { email: string; password: string }): Promise<void> {
  await visitor.fill({ 'E-mail': who.email, Password: who.password });
  await visitor.press('Sign in');
}

/** Chooses an account at the provider that plays Google. */
export async function chooseAtGoogle(visitor: Visitor, email: string): Promise<void> {
  await visitor.arrive('Choose an account');
  await visitor.fill({ 'E-mail': email });
  await visitor.press('Continue');
}

/**
 * What a line for curl asks for, to be sent by fetch: `-H`, `-d`, `--data-urlencode`, `-u` and the address.
 */
export function requestOf(line: string): Request {
  const words = [...line.matchAll(/'([^']*)'|[^\s'\\]+/g)].map(([word, quoted]) => quoted ?? word);
  assert.equal(words.shift(), 'curl', line);
  const headers = new Headers();
  const data: string[] = [];
  let url = '';
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const value = word.startsWith('-') ? (words.shift() ?? assert.fail(line)) : word;
    const [name = '', ...rest] = value.split(word === '-H' ? ': ' : '=');
    if (word === '-H') headers.set(name, rest.join(': '));
    else if (word === '-u') headers.set('authorization', `Basic ${Buffer.from(value).toString('base64')}`);
    else if (word === '-d') data.push(value);
    else if (word === '--data-urlencode') data.push(`${name}=${encodeURIComponent(rest.join('='))}`);
    else url = value;
  }
  if (data.length === 0) return new Request(url, { headers });
  if (!headers.has('content-type')) headers.set('content-type', 'application/x-www-form-urlencoded');
  return new Request(url, { method: 'POST', headers, body: data.join('&') });
}

async function takeCookies(context: BrowserContext, agent: Agent, url: string): Promise<void> {
  const cookies = Object.entries(agent.cookies()).map(([nameAndPath, value]) => {
    const [name = ''] = nameAndPath.split(' ');
    return { name, value, url, httpOnly: true };
  });
  await context.addCookies(cookies);
}

/** What a page must never do: break its policy, fail, or ask another site for anything. */
function listen(page: Page, url: string): string[] {
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    // A refused form is a page with its status, which Chromium notes as well.
    const refusedPage = message.location().url === page.url() && /status of 4\d\d/.test(message.text());
    if (message.type() === 'error' && !refusedPage) complaints.push(message.text());
  });
  page.on('response', (response) => {
    if (response.status() >= 500) complaints.push(`${response.status()} ${response.url()}`);
  });
  page.on('request', (request) => {
    const isOurs = page.url().startsWith(url);
    const leaves = !request.isNavigationRequest() && !request.url().startsWith(url);
    if (isOurs && leaves) complaints.push(`${page.url()} asks for ${request.url()}`);
  });
  return complaints;
}

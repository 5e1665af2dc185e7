import { createAgent, type Page } from '../support/browserless.ts';
import { formOf, headingOf, noticesOf } from './page.ts';
import { expect, type Telling } from './telling.ts';

export type Browser = ReturnType<typeof createBrowser>;

/** A page as it was shown in the end, or the address on another site that the browser was sent to. */
export type Shown = { markup: string; status: number; path: string; sentTo: string };

/**
 * Where a request should end: at a page of this site (by default the one asked for, with 200), or at another
 * site. Pages are told apart by their paths, since their words may change.
 */
export type Wanted = { at?: string | RegExp; status?: number } | 'elsewhere';

const REDIRECTS_MAX = 10;

/** One person's browser: opens pages and sends their forms, telling each request and what came of it. */
export function createBrowser(url: string, telling: Telling) {
  const agent = createAgent(url);

  function tellOf(page: Page): void {
    if (page.location !== '') {
      telling.keepSecretsOf(queryOf(page.location, url));
      telling.sentTo(page.status, page.location);
      return;
    }
    telling.answered(page.status, `“${headingOf(page.text)}”`);
    for (const notice of noticesOf(page.text)) telling.quote(notice);
  }

  async function get(path: string): Promise<Page> {
    telling.keepSecretsOf(queryOf(path, url));
    telling.askedFor('GET', path);
    return agent.get(path);
  }

  /** On through redirects for as long as they stay on this site. */
  async function settle(first: Page): Promise<Shown> {
    let page = first;
    tellOf(page);
    for (let turn = 0; turn < REDIRECTS_MAX && page.location.startsWith('/'); turn += 1) {
      page = await get(page.location);
      tellOf(page);
    }
    expect(page.status < 500, `the server answered ${page.status}`);
    return { markup: page.text, status: page.status, path: pathnameOf(page.path), sentTo: page.location };
  }

  return {
    async open(path: string, wanted: Wanted = {}): Promise<Shown> {
      return requireEnd(await settle(await get(path)), path, wanted);
    },

    /** Types into the form of a page and sends it. A field that the form does not have is a surprise. */
    async send(
      from: Shown,
      action: string,
      typed: Record<string, string | string[]>,
      wanted: Wanted = {},
    ): Promise<Shown> {
      const form = formOf(from.markup, action);
      expect(form !== undefined, `wanted a form for ${action} on “${headingOf(from.markup)}”`);
      for (const name of Object.keys(typed)) {
        expect(form.names.has(name), `wanted a field ${name} in the form for ${action}`);
      }
      telling.keepSecretsOf([...form.values].map(([name, values]) => [name, values[0]]));
      telling.keepSecretsOf(Object.entries(typed));
      const fields = { ...Object.fromEntries(form.values), ...typed };
      telling.asked(`POST ${action}   ${shownFields(fields)}`.trimEnd());
      return requireEnd(await settle(await agent.post(action, fields)), action, wanted);
    },
  };
}

function requireEnd(shown: Shown, asked: string, wanted: Wanted): Shown {
  const heading = headingOf(shown.markup);
  const found = shown.sentTo === '' ? `“${heading}” at ${shown.path} with ${shown.status}` : shown.sentTo;
  if (wanted === 'elsewhere') {
    expect(shown.sentTo !== '', `wanted to be sent to another site, got ${found}`);
    return shown;
  }
  const { at = pathnameOf(asked), status = 200 } = wanted;
  const fits = typeof at === 'string' ? shown.path === at : at.test(shown.path);
  expect(fits && shown.status === status, `wanted the page at ${at} with ${status}, got ${found}`);
  return shown;
}

function pathnameOf(path: string): string {
  return path.split('?')[0] ?? '';
}

function shownFields(fields: Record<string, string | string[]>): string {
  return Object.entries(fields)
    .flatMap(([name, values]) => [values].flat().map((value) => ({ name, value })))
    .filter(({ name, value }) => value !== '' && name !== 'form_id')
    .map(({ name, value }) => `${name}=${value}`)
    .join('  ');
}

function queryOf(address: string, base: string): Iterable<[string, string]> {
  return URL.parse(address, base)?.searchParams ?? [];
}

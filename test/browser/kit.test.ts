import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { html, render } from '../../views/html.ts';
import {
  checkAccessibility,
  checkWidth,
  launchBrowser,
  type Scheme,
  screenshot,
} from '../support/chromium.ts';
import { previewPages, startPreview } from './kit-preview.ts';

const SCHEMES: readonly Scheme[] = ['light', 'dark'];
const DEVICES: Record<string, BrowserContextOptions> = {
  wide: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 375, height: 812 }, hasTouch: true, isMobile: true },
};
/** The darkest and one of the brightest accents that the settings let pass. */
const ACCENTS = ['#000000', '#767676'];
/**
 * What a finger aims at. Links in running text are excepted (WCAG 2.5.5), boxes have their label as target.
 */
const TARGETS =
  'button:visible, .button:visible, nav a, summary, select, textarea, ' +
  'input:visible:not([type=radio], [type=checkbox])';

describe('the pages of the kit', () => {
  let browser: Browser;
  let preview: Awaited<ReturnType<typeof startPreview>>;

  before(async () => {
    [browser, preview] = await Promise.all([launchBrowser(), startPreview()]);
  });
  after(async () => {
    await browser?.close();
    await preview?.stop();
  });

  async function withPage(options: BrowserContextOptions, use: (page: Page) => Promise<void>): Promise<void> {
    const context = await browser.newContext({ reducedMotion: 'reduce', ...options });
    try {
      await use(await context.newPage());
    } finally {
      await context.close();
    }
  }

  for (const [device, options] of Object.entries(DEVICES)) {
    for (const colorScheme of SCHEMES) {
      it(`are accessible, ${device}, ${colorScheme}`, () =>
        withPage({ ...options, colorScheme }, async (page) => {
          for (const name of Object.keys(previewPages)) {
            await page.goto(`${preview.url}/${name}`);
            await checkAccessibility(page);
          }
        }));
    }
  }

  for (const accent of ACCENTS) {
    it(`keep their contrast with the accent ${accent}`, async () => {
      const own = await startPreview(accent);
      try {
        for (const colorScheme of SCHEMES) {
          await withPage({ colorScheme }, async (page) => {
            for (const name of ['tokens', 'sign-in']) {
              await page.goto(`${own.url}/${name}`);
              await checkAccessibility(page);
            }
          });
        }
      } finally {
        await own.stop();
      }
    });
  }

  it('do not scroll sideways at 320 px', () =>
    withPage(DEVICES.phone ?? {}, async (page) => {
      for (const name of Object.keys(previewPages)) {
        await page.goto(`${preview.url}/${name}`);
        await checkWidth(page, 320);
      }
    }));

  it('give a finger 44 px, and no button that fills the screen', () =>
    withPage(DEVICES.phone ?? {}, async (page) => {
      for (const name of Object.keys(previewPages)) {
        await page.goto(`${preview.url}/${name}`);
        const heights = await page.locator(TARGETS).evaluateAll((targets) =>
          targets.map((target) => ({
            text: target.textContent,
            isButton: target.matches('button, .button'),
            height: target.getBoundingClientRect().height,
          })),
        );
        const wrong = heights.filter(({ height, isButton }) => height < 44 || (isButton && height > 80));
        assert.deepEqual(wrong, [], name);
      }
    }));

  it('break no rule of their own policy', () =>
    withPage({}, async (page) => {
      const complaints: string[] = [];
      page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
      page.on('pageerror', (error) => complaints.push(error.message));
      for (const name of Object.keys(previewPages)) {
        await page.goto(`${preview.url}/${name}`);
        await screenshot(page, `kit-${name}`, SCHEMES);
      }
      assert.deepEqual(complaints, []);
    }));

  it('copy a secret with a click, and say so', () =>
    withPage({ permissions: ['clipboard-read', 'clipboard-write'] }, async (page) => {
      await page.goto(`${preview.url}/made`);
      await page.getByRole('button', { name: 'Copy Token' }).click();
      await page.getByRole('button', { name: 'Copied' }).waitFor();
      const copied = await page.evaluate('navigator.clipboard.readText()');
      assert.equal(copied, await page.getByLabel('Token', { exact: true }).inputValue());
    }));

  it('come out of a real parser as they went in, whatever people write', () =>
    withPage({}, async (page) => {
      // A parser drops NUL and turns CR into LF by itself: those two are not about escaping.
      const unit = fc.constantFrom(...('<>&"\'`=/ \n\t;-!abé😀'.match(/./gsu) ?? []));
      const texts = fc.sample(fc.string({ unit, maxLength: 40 }), 500);
      const rows = texts.map((text) => html`<i title="${text}" lang='${text}'>${text}</i>`);
      await page.setContent(render(html`<main>${rows}</main>`));
      const found = await page
        .locator('main > i')
        .evaluateAll((elements) =>
          elements.map((element) => [
            element.textContent,
            element.getAttribute('title'),
            element.getAttribute('lang'),
          ]),
        );
      assert.deepEqual(
        found,
        texts.map((text) => [text, text, text]),
      );
    }));

  it('offer no copy button that could not work, and everything else, without JavaScript', () =>
    withPage({ javaScriptEnabled: false }, async (page) => {
      await page.goto(`${preview.url}/made`);
      assert.equal(await page.getByRole('button', { name: /^Copy/ }).count(), 0);
      assert.match(await page.getByLabel('Token', { exact: true }).inputValue(), /^lk_pat_/);
    }));
});

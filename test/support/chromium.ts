import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import axe from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';

const run = promisify(execFile);
const ARTIFACTS = resolve(import.meta.dirname, '../.artifacts');

/**
 * The two widths that pages are looked at; 320 px, the narrowest that must not scroll sideways, comes beside
 * them.
 */
const VIEWPORTS = { wide: { width: 1280, height: 800 }, phone: { width: 375, height: 812 } } as const;

export type Scheme = 'light' | 'dark';

/** What Chromium must not do in a test: use a GPU, greet, or call home. As root it has no sandbox. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--font-render-hinting=none',
];

/**
 * A headless Chromium that came whole from npm (@sparticuz/chromium: Linux on x64). Elsewhere set CHROMIUM to
 * the path of a Chromium or Chrome. The caller closes it.
 */
export async function launchBrowser(): Promise<Browser> {
  const own = process.env.CHROMIUM;
  if (own !== undefined && own !== '') return chromium.launch({ executablePath: own, args: FLAGS });
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error('set CHROMIUM to the path of a Chromium or Chrome: the packaged one is for Linux on x64');
  }
  const home = await unpackedChromium();
  const executablePath = join(home, 'chromium');
  return chromium.launch({ executablePath, args: FLAGS, env: await environmentFor(home, executablePath) });
}

/**
 * Unpacks the browser once, beside its final place, so that test files that start together cannot meet half
 * of it.
 */
async function unpackedChromium(): Promise<string> {
  const packageJson = join(
    dirname(createRequire(import.meta.url).resolve('@sparticuz/chromium')),
    '../../package.json',
  );
  const { version } = JSON.parse(await readFile(packageJson, 'utf8')) as { version: string };
  const home = join(ARTIFACTS, `chromium-${version}`);
  if (existsSync(home)) return home;

  await mkdir(ARTIFACTS, { recursive: true });
  const draft = await mkdtemp(join(ARTIFACTS, 'unpacking-'));
  const code = "import('@sparticuz/chromium').then((made) => made.default.executablePath())";
  // The package unpacks to the temporary folder, and its libraries only where it believes to be on Lambda.
  const env = { ...process.env, TMPDIR: draft, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x' };
  await run(process.execPath, ['-e', code], { env, cwd: import.meta.dirname });
  await writeFile(join(draft, 'fonts.conf'), fontSettings(home));
  try {
    await rename(draft, home);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (!existsSync(home)) throw error;
  }
  return home;
}

/**
 * The package's font first, so that screenshots look the same on every machine; the machine's own for the
 * rest.
 */
function fontSettings(home: string): string {
  const alias = ([generic, font]: readonly string[]) =>
    `<alias binding="same"><family>${generic}</family><prefer><family>${font}</family></prefer></alias>`;
  const aliases = [
    ['system-ui', 'Open Sans'],
    ['sans-serif', 'Open Sans'],
    ['monospace', 'DejaVu Sans Mono'],
  ].map(alias);
  return `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>
<dir>${home}/fonts</dir><dir>/usr/share/fonts</dir><cachedir>${home}/fonts-cache</cachedir>
${aliases.join('\n')}</fontconfig>`;
}

/** The machine's libraries where it has them all, the package's where not. */
async function environmentFor(home: string, executablePath: string): Promise<Record<string, string>> {
  const given = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  const env = { ...Object.fromEntries(given), FONTCONFIG_FILE: join(home, 'fonts.conf') };
  try {
    await run(executablePath, ['--version', '--no-sandbox'], { env });
    return env;
  } catch {
    return { ...env, LD_LIBRARY_PATH: join(home, 'al2023', 'lib') };
  }
}

/**
 * Holds the page, as it stands, to WCAG 2.2 AA and to axe's best practices. Fails with one line for each
 * violation. axe is handed over by the debugger, so that a strict policy of the page does not stop it.
 */
export async function checkAccessibility(page: Page): Promise<void> {
  await page.evaluate(axe.source);
  const violations = await page.evaluate(async () => {
    const { axe: injected } = globalThis as unknown as { axe: typeof axe };
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    const found = await injected.run({ runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] });
    return found.violations.flatMap(({ id, help, nodes }) =>
      nodes.map((node) => `${id}: ${help}: ${node.target.join(' ')}: ${node.failureSummary ?? ''}`),
    );
  });
  assert.deepEqual(violations, [], `not accessible: ${page.url()}`);
}

/**
 * Fails where anything of the page lies outside a window of this width, so that one would have to scroll
 * sideways.
 */
export async function checkWidth(page: Page, width = 320): Promise<void> {
  const before = page.viewportSize();
  await page.setViewportSize({ width, height: 700 });
  const outside = await page.evaluate((limit) => {
    const { document, window } = globalThis as unknown as PageWindow;
    if (document.documentElement.scrollWidth <= limit) return [];
    const all = [...document.querySelectorAll('body *')];
    const out = all.filter((element) => element.getBoundingClientRect().right > limit + window.scrollX);
    return ['page', ...out.map((element) => `${element.tagName.toLowerCase()}.${element.className}`)];
  }, width);
  assert.deepEqual(outside, [], `wider than ${width} px: ${page.url()}`);
  if (before !== null) await page.setViewportSize(before);
}

/**
 * With SCREENSHOTS set, saves the whole page, wide and as on a phone, as
 * test/.artifacts/screenshots/NAME-{wide,phone}[-dark].png: they are for people to look at, and take time.
 */
export async function screenshot(
  page: Page,
  name: string,
  schemes: readonly Scheme[] = ['light'],
): Promise<void> {
  if (process.env.SCREENSHOTS === undefined) return;
  const before = page.viewportSize();
  for (const scheme of schemes) {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    for (const [look, viewport] of Object.entries(VIEWPORTS)) {
      await page.setViewportSize(viewport);
      const file = `${name}-${look}${scheme === 'dark' ? '-dark' : ''}.png`;
      await page.screenshot({ path: join(ARTIFACTS, 'screenshots', file), fullPage: true });
    }
  }
  await page.emulateMedia({ colorScheme: null });
  if (before !== null) await page.setViewportSize(before);
}

/** The little of the browser's own types that is used here; the server's code has none of them. */
type PageElement = { tagName: string; className: string; getBoundingClientRect(): { right: number } };
type PageWindow = {
  document: {
    documentElement: { scrollWidth: number };
    querySelectorAll(selector: string): Iterable<PageElement>;
  };
  window: { scrollX: number };
};

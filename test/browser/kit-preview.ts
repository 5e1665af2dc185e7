import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, resolve } from 'node:path';
import { chooseAccountPage } from '../../views/choose-account.ts';
import { type Html, html, render } from '../../views/html.ts';
import { buttonLink, buttons, googleLink, postForm, submit } from '../../views/kit/buttons.ts';
import { checkbox, checkboxGroup, radioGroup, select } from '../../views/kit/choices.ts';
import { code, codeBlock, secretBox } from '../../views/kit/code.ts';
import { field, textArea } from '../../views/kit/fields.ts';
import { confirmPage } from '../../views/kit/form-pages.ts';
import { badge, emptyState, notice } from '../../views/kit/notices.ts';
import { bulletList, dangerZone, disclosure, divider, keyValues, section } from '../../views/kit/sections.ts';
import { ACTIONS, dataTable, pager } from '../../views/kit/tables.ts';
import { relativeTime } from '../../views/kit/times.ts';
import { layout, type Site } from '../../views/layout.ts';
import { problemPage } from '../../views/problem.ts';
import { goneSecretPage } from '../../views/secrets.ts';
import { welcomePage } from '../../views/welcome.ts';

const ASSETS = resolve(import.meta.dirname, '../../views/assets');
const TYPES: Record<string, string> = {
  '.css': 'text/css',
  '.js': 'text/javascript',
  '.svg': 'image/svg+xml',
};
/** As strict as the pages of the server are. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; frame-ancestors 'none'";

const site: Site = {
  appName: 'Tally',
  accentColour: '#0b57d0',
  logoUrl: '/assets/favicon.svg',
  provider: 'Google',
};
const viewer = { email: 'maria.fernandez-oliveira@accounting.example.com', admin: true };
const NOW = 1_780_000_000;
const DAY = 86_400;
const LONG_WORD = 'W'.repeat(24);
const SECRET = 'lk_pat_0123456789abcdefghijABCDEFGHIJ012345';

const SCOPES = [
  { value: 'wf:create_transaction', label: 'Create a transaction', hint: code('wf:create_transaction') },
  { value: 'wf:list_transactions', label: 'List your transactions', hint: code('wf:list_transactions') },
  { value: 'profile', label: 'See who you are', hint: code('profile') },
];

function tokensPage(): Html {
  const row = (name: string, state: Html, expiresAt: number, usedAt: number | undefined) => [
    html`${name} ${state}<br><code>lk_pat_9fK2…x7Qa</code>`,
    bulletList(['Create a transaction', 'See who you are']),
    relativeTime(expiresAt, NOW),
    usedAt === undefined ? 'Never' : relativeTime(usedAt, NOW),
    html`<a class="button quiet" href="/tokens/tok_1/revoke">Revoke<span class="unseen"> ${name}</span></a>`,
  ];
  return layout(site, {
    title: 'Tokens',
    heading: 'Personal access tokens',
    lead: 'A token lets a script or a tool of yours use Tally as you. Make one for each of them.',
    action: { label: 'New token', url: '/tokens/new' },
    viewer,
    current: '/tokens',
    body: html`${notice('done', 'Its next call will be refused.', 'The token was revoked.')}
${dataTable({
  caption: 'Your personal access tokens',
  columns: ['Name', 'May', 'Expires', 'Last used', ACTIONS],
  rows: [
    row('Nightly export', badge('active', 'Active'), NOW + 89 * DAY, NOW - 180),
    row('Laptop', badge('expiring', 'Expires soon'), NOW + 6 * DAY, NOW - 3 * DAY),
    row(
      'a-very-long-name-without-any-space-that-somebody-pasted-from-a-build-server',
      badge('expired', 'Expired'),
      NOW - DAY,
      undefined,
    ),
    row('Old phone', badge('revoked', 'Revoked'), NOW + 40 * DAY, NOW - 60 * DAY),
  ],
})}
${pager({ olderUrl: '?after=tok_1' })}`,
  });
}

function emptyPage(): Html {
  return layout(site, {
    title: 'Services',
    lead: 'Client credentials for a third-party service that calls the API by itself.',
    viewer,
    current: '/services',
    body: emptyState({
      title: 'No services yet',
      text: 'A service gets a client ID and a secret, and asks for access tokens with them.',
      action: { label: 'New service', url: '/services/new' },
    }),
  });
}

function newTokenPage(): Html {
  const form = [
    field({
      label: 'Name',
      name: 'name',
      value: 'Laptop',
      required: true,
      problem: 'You have a token of this name. Choose another one.',
      hint: 'What will use it: “Nightly export”, “Laptop”.',
    }),
    checkboxGroup({
      label: 'What it may do',
      name: 'scopes',
      options: SCOPES,
      values: ['profile'],
      hint: 'Only what it needs.',
      problem: 'Choose at least one.',
    }),
    select({
      label: 'Expires',
      name: 'expiry',
      value: '90',
      options: [
        { value: '7', label: 'in 7 days' },
        { value: '90', label: 'in 90 days' },
        { value: 'date', label: 'on a date' },
      ],
    }),
    field({ label: 'Date', name: 'date', type: 'date', hint: 'At most 400 days from now.' }),
    textArea({ label: 'Addresses', name: 'addresses', value: '203.0.113.0/24\n2001:db8::/32' }),
    buttons(submit('Make token'), buttonLink('Cancel', '/tokens')),
  ];
  return layout(site, {
    title: 'New token',
    viewer,
    current: '/tokens',
    body: [
      notice('problem', 'Look at the two marked fields.', 'The token was not made.'),
      postForm({ action: '/tokens/new', body: form }),
    ],
  });
}

const CURL = `curl -X POST https://id.example.com/api/1.1/wf/create_transaction \\
  -H 'Authorization: Bearer ${SECRET}' \\
  -H 'Content-Type: application/json' \\
  -d '{"account":"savings","phone":"+44 20 7946 0000","amount":12.5}'`;

function madePage(): Html {
  return layout(site, {
    title: 'Token made',
    heading: 'Your token “Nightly export” is made',
    viewer,
    current: '/tokens',
    body: [
      secretBox({ label: 'Token', value: SECRET, until: 1_800_000_000 }),
      codeBlock({ label: 'Try it in a terminal', code: CURL }),
      buttons(buttonLink('Done', '/tokens', 'primary')),
    ],
  });
}

function sessionsTable(): Html {
  const end = postForm({ action: '/account/sessions', body: submit('End', 'quiet') });
  return dataTable({
    caption: 'Your sessions',
    columns: ['Signed in', 'Last seen', ACTIONS],
    rows: [
      [relativeTime(NOW - 7200, NOW), 'Now, in this browser', undefined],
      [relativeTime(NOW - 5 * DAY, NOW), relativeTime(NOW - DAY, NOW), end],
    ],
  });
}

function accountPage(): Html {
  return layout(site, {
    title: 'Account',
    viewer,
    current: '/account',
    body: [
      section({
        title: 'Signing in',
        body: keyValues([
          { label: 'E-mail', value: viewer.email },
          { label: 'Password', value: html`Set ${buttonLink('Change', '/account/password')}` },
          { label: 'Google', value: html`Linked ${relativeTime(NOW - 20 * DAY, NOW)}` },
          { label: 'Role', value: badge('admin', 'Admin') },
          { label: 'Redirect URI', value: code('cursor://anysphere.cursor-retrieval/oauth/callback') },
          { label: 'Absent', value: undefined },
        ]),
      }),
      section({ title: 'Sessions', lead: 'Browsers in which you are signed in.', body: sessionsTable() }),
      disclosure({ summary: 'How long does a session last?', body: 'Two weeks after you last used it.' }),
      notice('info', 'Changing your password ends every other session.'),
      notice('warning', 'A token expires in 6 days.'),
      dangerZone({
        title: 'End everything',
        text: 'Revokes all tokens and services, and cuts off all apps.',
        url: '/tokens/revoke-all',
      }),
    ],
  });
}

function signInPage(failed: boolean): Html {
  const form = [
    field({
      label: 'E-mail',
      name: 'email',
      type: 'email',
      autocomplete: 'username',
      required: true,
      value: failed ? 'maria@example.com' : undefined,
    }),
    field({ label: 'Password', name: 'password', type: 'password', autocomplete: 'current-password' }),
    submit('Sign in'),
  ];
  return layout(site, {
    title: 'Sign in',
    heading: 'Sign in to Tally',
    narrow: true,
    body: [
      failed && notice('problem', 'The e-mail or the password is not right.'),
      postForm({ action: '/sign-in', fields: { return_to: '/tokens' }, body: form }),
      divider('or'),
      googleLink('Continue with Google', '/sign-in/google'),
      html`<p><a href="/reset-password">Forgot your password?</a></p>`,
      html`<p class="fine">New here? <a href="/sign-up">Make an account</a></p>`,
    ],
  });
}

function consentPage(): Html {
  const choices = [
    checkbox({
      label: 'Remember for this browser',
      name: 'remember',
      checked: false,
      hint: 'You are not asked again for 30 days.',
    }),
    radioGroup({
      label: 'For how long',
      name: 'life',
      value: '30',
      options: [
        { value: '30', label: '30 days', hint: 'Then it asks again.' },
        { value: '365', label: 'A year' },
      ],
    }),
    submit('Save', 'quiet'),
  ];
  return layout(site, {
    title: 'Allow an app',
    heading: 'Allow Ledger Sync to use your Tally account?',
    viewer,
    narrow: true,
    body: [
      keyValues([
        { label: 'App', value: 'Ledger Sync' },
        { label: 'Sends you back to', value: html`<strong>ledger-sync.example.net</strong>` },
        { label: 'Signed in as', value: viewer.email },
      ]),
      section({
        title: 'It will be able to',
        plain: true,
        body: bulletList(['Create a transaction', 'List your transactions', 'See who you are']),
      }),
      postForm({ action: '/consent/choices', body: choices }),
      buttons(
        postForm({ action: '/consent/allow', body: submit('Allow') }),
        postForm({ action: '/consent/deny', body: submit('Deny', 'quiet') }),
      ),
    ],
  });
}

/** Pages that between them use every part of the kit, by name. */
export const previewPages: Record<string, () => Html> = {
  welcome: () => welcomePage(site),
  'sign-in': () => signInPage(false),
  'sign-in-problem': () => signInPage(true),
  consent: consentPage,
  tokens: tokensPage,
  empty: emptyPage,
  'new-token': newTokenPage,
  made: madePage,
  account: accountPage,
  confirm: () =>
    confirmPage(site, viewer, {
      title: 'Revoke “Nightly export”?',
      consequences: [
        'Whatever uses it gets errors from its next call on.',
        'This cannot be taken back; a new token has a new value.',
      ],
      action: '/tokens/tok_1/revoke',
      confirmLabel: 'Revoke token',
      cancelUrl: '/tokens',
      current: '/tokens',
    }),
  // What people choose may be one long word, and stands on buttons.
  'choose-account': () =>
    chooseAccountPage(site, {
      app: LONG_WORD,
      email: `${LONG_WORD}@example.com`,
      path: '/interaction/x',
      isNewWanted: false,
    }),
  'gone-secret': () => goneSecretPage(site, viewer, { kind: 'service', id: 'svc_1', name: LONG_WORD }),
  problem: () =>
    problemPage(site, {
      status: 400,
      title: 'This sign-in is too old',
      message: 'You waited longer than an hour, or went back to a page of an earlier sign-in.',
      hint: 'Go back to the app and start again there.',
      requestId: '7b2f1c9e4a7d',
    }),
};

/** Serves the preview pages and the assets on a free port of this machine. */
export async function startPreview(
  accentColour = site.accentColour,
): Promise<{ url: string; stop(): Promise<void> }> {
  const server = createServer(async (request, response) => {
    const path = new URL(request.url ?? '/', 'http://127.0.0.1').pathname;
    response.setHeader('content-security-policy', POLICY);
    const page = previewPages[path.slice(1)];
    if (page !== undefined) {
      response.setHeader('content-type', 'text/html; charset=utf-8');
      response.end(render(page()));
    } else if (path === '/assets/accent.css') {
      response.setHeader('content-type', 'text/css');
      response.end(`:root{--accent:${accentColour}}`);
    } else {
      const file = await readFile(join(ASSETS, path.replace('/assets/', ''))).catch(() => undefined);
      response.statusCode = file === undefined ? 404 : 200;
      response.setHeader('content-type', TYPES[extname(path)] ?? 'text/plain');
      response.end(file);
    }
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

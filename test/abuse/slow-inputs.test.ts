import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { findWrapped } from '../../server/api/wrapped-values.ts';
import { address } from '../../server/workflows/parameter-types.ts';
import { readDate } from '../../server/workflows/sent-date.ts';
import { readFile } from '../../server/workflows/sent-file.ts';
import { startGoogle, type TestGoogle } from '../support/google.ts';
import { openPeople, type Person } from '../support/people.ts';
import { createThings, pathWith, readRoutes } from '../support/routes.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

/*
 * Every route against inputs that are cheap to send and may take long to read: one request must not hold up all others.
 * What counts is how long the one thread that serves everybody was busy with it, not how late it was on a busy machine.
 */

/** Far above what any request takes, and far below what somebody else's browser would notice. */
const BUSY_MS_MAX = 250;

/** Node reads no more of a request's head than 16 KiB. */
const HEAD = 14_000;
/** Below the bounds of our forms and of the engine's. */
const BODY = 54_000;

const long = (unit: string, length = HEAD) => unit.repeat(Math.floor(length / unit.length));
/** Sorted by each normalisation, which takes the square of its length. */
const MARKS = long('\u0301\u0316', BODY / 2);
/** What two parts of a pattern may both take is shared out between them in as many ways as it is long. */
const BLANKS = `a${long('+', BODY)}x`;
const MARKS_ESCAPED = long('%CC%81%CC%96');

const PATHS = [
  long('/'),
  long(';'),
  long('%2F'),
  long('a/'),
  long('%25', 200),
  long('wf/'),
  long('.well-known/'),
];

const QUERIES = [
  long('a&'),
  long('a=1&'),
  Array.from({ length: 2000 }, (_, index) => `${index}=`).join('&'),
  long('%41'),
  `name=${MARKS_ESCAPED}`,
  `return_to=${long('/%5C')}`,
  `return_to=/${long('../')}`,
  `scope=${long('a+')}`,
  `redirect_uri=https://${long('a.')}`,
  `client_id=x&redirect_uri=x&response_type=code&prompt=${long('login+')}`,
  `credential=${long('%2525')}`,
];

const HEADERS: Record<string, string>[] = [
  { Cookie: long('a=b; ') },
  { Cookie: long(';') },
  { Cookie: `latchkey_session=${long('=')}` },
  { Cookie: `latchkey_session=${long('latchkey_session=')}` },
  { Cookie: long(' ') },
  { Authorization: `Bearer ${long('a')}` },
  { Authorization: `Bearer${long(' ')}x` },
  { Authorization: `Bearer lk_pat_${long('_')}` },
  { Authorization: `Basic ${Buffer.from(long(':', 9000)).toString('base64')}` },
  { Authorization: `Basic ${Buffer.from(long('%41', 9000)).toString('base64')}` },
  { Forwarded: long('for=1.2.3.4,') },
  { Forwarded: long('"') },
  { Forwarded: `for="${long('\\')}` },
  { Forwarded: long('for=;') },
  { 'X-Forwarded-For': long('127.0.0.1,') },
  { 'X-Forwarded-For': `[${long(':')}` },
  { 'X-Forwarded-For': long('0:') },
  { 'X-Forwarded-Host': long('a,') },
  { Accept: long('text/html;q=0.1,') },
  { Accept: long('a/b;') },
  { 'Accept-Language': long('de-de,') },
  { 'Accept-Encoding': long('gzip;q=0,') },
  { 'If-None-Match': long('"a",') },
  { 'Content-Type': `application/json;${long(' ')}` },
  { 'Content-Type': `application/x-www-form-urlencoded${long(';a=b')}` },
  { 'Content-Type': `multipart/form-data; boundary=${long('-')}` },
  { Origin: `https://${long('a.')}` },
  { 'Sec-Fetch-Site': long('same-origin,') },
  { 'Access-Control-Request-Method': 'GET', 'Access-Control-Request-Headers': long('a, ') },
];

const FORM = 'application/x-www-form-urlencoded';

/** Fields of our forms and of the provider's endpoints, good enough to get on to the one that is not. */
const FIELDS: Record<string, string> = {
  email: 'somebody@example.com',
  password: 'correct horse battery staple',
  name: 'Name',
  displayName: 'Name',
  note: 'note',
  token: 'token',
  scopes: 'profile',
  scope: 'profile',
  redirectUris: 'https://app.example.com/cb',
  return_to: '/',
  expiry: '30',
  code: 'code',
  client_id: 'x',
  client_secret: 'x',
  grant_type: 'authorization_code',
};

/** Fields that narrow a token, all of which are wanted at once: empty, but for one. */
const NARROWING: Record<string, string> = { ipRanges: '', idleDays: '', origin: '', bounds: '' };

const TEXTS = [
  long('a&', BODY),
  long('a=%41&', BODY),
  Array.from({ length: 8000 }, (_, i) => `${i}=`).join('&'),
];

const BODIES: [type: string, body: string][] = [
  ...TEXTS.map((text): [string, string] => [FORM, text]),
  ...Object.keys(FIELDS).map((name): [string, string] => [FORM, fieldsWith(name, MARKS)]),
  ...[...Object.keys(NARROWING), 'email', 'scopes', 'redirectUris'].map((name): [string, string] => {
    return [FORM, fieldsWith(name, BLANKS)];
  }),
  [FORM, fieldsWith('ipRanges', long('::1%2F12%0A', BODY))],
  [FORM, fieldsWith('bounds', long('create_transaction=1%2Fday%0A', BODY))],
  [FORM, fieldsWith('origin', `https://${MARKS}`)],
  [FORM, fieldsWith('redirectUris', long('https://a/\n', BODY))],
  [FORM, fieldsWith('email', long('a@', BODY))],
  [FORM, fieldsWith('email', `a@${long('a.', BODY)}`)],
  [FORM, fieldsWith('scope', long('a ', BODY))],
  ['application/json', `${'['.repeat(BODY / 2)}${']'.repeat(BODY / 2)}`],
  ['application/json', '{"a":'.repeat(BODY / 6) + '1'.concat('}'.repeat(BODY / 6))],
  [
    'application/json',
    JSON.stringify(Object.fromEntries(Array.from({ length: 6000 }, (_, i) => [`n${i}`, 1]))),
  ],
  ['application/json', `{"amount":${'1'.repeat(BODY)}}`],
  ['application/json', `{"amount":1${'0'.repeat(BODY / 2)}e-${'9'.repeat(20)}}`],
  ['application/json', JSON.stringify({ account: MARKS, phone: MARKS, email: MARKS, password: MARKS })],
  ['application/json', JSON.stringify({ phone: long(' +(', BODY) })],
  ['application/json', JSON.stringify({ credentials: Array(900).fill(long('lk_pat_', BODY / 1000)) })],
  ['application/json', JSON.stringify({ overlap: long('1', BODY), deep: { overlap: long('1', 100) } })],
  ['application/json', `{"a":"${long('\\u0301', BODY)}"}`],
  ['application/json', `${' '.repeat(BODY)}x`],
  ['application/json', `{"account":"${long('\\\\', BODY)}"}`],
  ['application/json', `{"account":"${long('\\"', BODY)}"}`],
  ['application/json', `{"account":"${long('\\"', BODY)}`],
];

/** What is slow to look for, and what is many. */
function formsOfParts(): [type: string, body: string][] {
  const head = 'Content-Disposition: form-data; name="account"';
  const of = (boundary: string, text: string, more = ''): [string, string] => [
    `multipart/form-data; boundary=${boundary}`,
    `--${boundary}\r\n${head}${more}\r\n\r\n${text}\r\n--${boundary}--\r\n`,
  ];
  return [
    of('-'.repeat(70), long('-', BODY)),
    of(`y${'x'.repeat(69)}`, long(`\r\n--${'x'.repeat(70)}`, BODY)),
    of('x', long('\r\n', BODY)),
    of('x', long('\r\n--x\r\n\r\n', BODY)),
    of('x', long(`\r\n--x\r\n${head}\r\n\r\n`, BODY)),
    of('x', 'x', `; filename="${long('../', BODY)}"`),
    of('x', 'x', `; filename="${MARKS}"`),
    of('x', 'x', `; filename*=utf-8''${long('%41', BODY)}`),
    of('x', 'x', long('; a=b', BODY)),
    of('x', 'x', `; x="${long('\\"', BODY)}"`),
    of('x', 'x', `\r\n${long('A: b\r\n', BODY)}`),
    of('x', 'x', `\r\n${long(' a\r\n', BODY)}`),
    of('x', 'x', `\r\nContent-Type: ${long('a;', BODY)}`),
    ['multipart/form-data', long('--', BODY)],
    [`multipart/form-data; boundary="${long('"; boundary=', 10_000)}`, 'x'],
  ];
}

function fieldsWith(name: string, value: string): string {
  return new URLSearchParams({ ...FIELDS, ...NARROWING, [name]: '' })
    .toString()
    .replace(`${name}=`, () => `${name}=${value}`);
}

const { routes, workflows, engine } = await readRoutes();
const OTHERS = [
  '/api/1.1/me',
  '/api/1.1/me/token',
  '/api/1.1/me/token/rotate',
  '/api/1.1/me/token/revoke',
  ...workflows,
  ...engine,
  '/oauth/authorize/abc',
  '/oauth/end-session/confirm',
  '/.well-known/openid-configuration',
  '/nothing',
];

/**
 * Below an account's own pages, and below the console's, all have their headers read by the same lines: they are tried at
 * the first of each.
 */
const OWN_PAGES = /^\/(tokens|services|developer|apps|account|admin)\/./;

function readsHeaders(path: string): boolean {
  return !OWN_PAGES.test(path);
}

describe('no request holds up the others', () => {
  let google: TestGoogle;
  let server: TestServer;
  let people: Awaited<ReturnType<typeof openPeople>>;
  let person: Person;
  let things: Record<string, string>;
  let count = 0;

  before(async () => {
    google = await startGoogle();
    const settings = { google: google.settings, proxies: ['127.0.0.1'], leaks: { github: true } };
    server = await startTestServer({ settings });
    people = await openPeople(server);
    person = await people.person({ admin: true });
    things = await createThings(server.url, people.domain, person);
  });
  after(async () => {
    await people.close();
    await server.stop();
    await google.stop();
  });

  /** Sends it from an address of its own, so that no limit stands before what is slow; answers the busy time. */
  function busyMs(method: string, path: string, headers: Record<string, string>, body = ''): Promise<number> {
    count += 1;
    const from = `10.${(count >> 16) & 255}.${(count >> 8) & 255}.${count & 255}`;
    const all = { 'X-Forwarded-For': from, Connection: 'close', ...headers };
    return new Promise((resolve) => {
      const before = process.threadCpuUsage();
      const done = () => {
        const { user, system } = process.threadCpuUsage(before);
        resolve((user + system) / 1000);
      };
      const sent = request(server.url + path, { method, headers: all, agent: false }, (response) => {
        response.resume().on('close', done);
      });
      // The server closes early on what is too large; what it did until then counts.
      sent.on('error', done);
      sent.end(body);
    });
  }

  async function staysFree(requests: Parameters<typeof busyMs>[]): Promise<void> {
    for (const one of requests) {
      const ms = await busyMs(...one);
      const [method, path, headers, body = ''] = one;
      const what = `${method} ${path.slice(0, 80)} ${JSON.stringify(headers).slice(0, 300)} ${body.slice(0, 80)}`;
      assert.ok(ms < BUSY_MS_MAX, `${ms} ms for ${what}`);
    }
  }

  /** Some of these routes sign out, and some forms take a value of the page before. */
  async function asOwnPage(): Promise<Record<string, string>> {
    if ((await person.agent.get('/account')).status !== 200) {
      person.agent = await people.signIn(person.account.email);
    }
    const cookies = Object.entries(person.agent.cookies()).map(
      ([key, value]) => `${key.split(' ')[0]}=${value}`,
    );
    return { Cookie: cookies.join('; '), Origin: server.url, 'Sec-Fetch-Site': 'same-origin' };
  }

  /** A token for these requests alone: some of them end it. */
  async function asBearer(): Promise<Record<string, string>> {
    const scopes = ['wf:create_transaction', 'profile'];
    const expiresAt = people.domain.clock() + 3600;
    // As it is by now: what was posted on its pages has changed it, and ended what it had.
    const account = (await people.domain.accounts.get(person.account.id)) ?? assert.fail('it is deleted');
    const wanted = { account, name: `Slow ${count}`, scopes, expiresAt };
    const { value } = await people.domain.tokens.mint(wanted, { kind: 'operator' });
    return { Authorization: `Bearer ${value}` };
  }

  const methodsOf = Map.groupBy(routes, ({ path }) => path);
  for (const path of [...methodsOf.keys(), ...OTHERS]) {
    test(path, async () => {
      const at = pathWith(path, (name) => things[name]);
      const own = path.startsWith('/api/') ? await asBearer() : await asOwnPage();
      const methods = methodsOf.get(path)?.map(({ method }) => method) ?? ['GET', 'POST'];
      const [first = 'GET'] = methods;
      const bodies = methods.includes('POST') ? BODIES : [];
      // Nothing else reads such forms.
      const forms = path.startsWith('/api/1.1/wf/') ? formsOfParts() : [];
      await staysFree([
        ...QUERIES.map((query): Parameters<typeof busyMs> => [first, `${at}?${query}`, own]),
        ...(readsHeaders(path) ? HEADERS : []).map((headers): Parameters<typeof busyMs> => {
          return [first, at, { ...own, ...headers }];
        }),
        ...[...bodies, ...forms].map(([type, body]): Parameters<typeof busyMs> => {
          return ['POST', at, { ...own, 'Content-Type': type }, body];
        }),
      ]);
    });
  }

  test('values of types that a workflow may take', () => {
    const texts = [
      long('1', BODY),
      long('2026-11-27T', BODY),
      `2026-11-27T09:30:00.${long('1', BODY)}`,
      `2026-11-27T09:30:00Z${long(' ', BODY)}`,
      MARKS,
      long('a://', BODY),
      `data:${long(';', BODY)}`,
      `data:${long(';base64', BODY)},`,
      long('data:', BODY),
      long('=', BODY),
      `${long(' ', BODY)}x`,
      long('a \n', BODY),
    ];
    const wanted = { bytesMax: 5, types: ['text/plain'] };
    const readers: Record<string, (text: string) => unknown> = {
      date: readDate,
      address: (text) => address().safeParse(text),
      'a place': (text) => address().safeParse({ address: text, [text]: text }),
      'a file': (text) => readFile(text, wanted),
      contents: (contents) => readFile({ filename: 'a', contents }, wanted),
      'a filename': (filename) => readFile({ filename, contents: '' }, wanted),
      'a type': (type) => readFile({ filename: 'a', type, contents: '' }, wanted),
      'a name': (name) => readFile({ [name]: 1, filename: 'a' }, wanted),
    };
    for (const [what, read] of Object.entries(readers)) {
      for (const text of texts) {
        const before = process.threadCpuUsage();
        read(text);
        const { user, system } = process.threadCpuUsage(before);
        assert.ok((user + system) / 1000 < BUSY_MS_MAX, `${what} ${text.slice(0, 40)}`);
      }
    }
  });

  test('a file with a blank behind each letter', () => {
    const bytesMax = 20_000_000;
    const contents = long('A ', bytesMax / 2);
    const before = process.threadCpuUsage();
    const found = readFile({ filename: 'a', contents }, { bytesMax, types: undefined });
    const { user, system } = process.threadCpuUsage(before);
    assert.ok(typeof found === 'object' && found.bytes.length > bytesMax / 6);
    assert.ok((user + system) / 1000 < BUSY_MS_MAX);
  });

  test('what is wrapped into values that no parameter has', () => {
    const [within, names] = [9990, Array.from({ length: 60 }, (_, index) => `name_${index}`)];
    const texts = [
      long('[', within),
      long('[', within / 2) + long(']', within / 2),
      `[${long(' ', within)}]`,
      `[${long(' ', within)}x`,
      JSON.stringify([JSON.stringify([JSON.stringify([long(' ', within - 50)])])]),
      JSON.stringify({ a: long('"', within / 2) }),
    ];
    for (const text of texts) {
      const sent = Array.from({ length: 100 }, (_, index) => [`z${index}`, text] as [string, string]);
      const before = process.threadCpuUsage();
      findWrapped(sent, names);
      const { user, system } = process.threadCpuUsage(before);
      assert.ok((user + system) / 1000 < BUSY_MS_MAX, text.slice(0, 40));
    }
  });

  test('addresses that nothing is at', async () => {
    const ends = PATHS.flatMap((path) => [
      path,
      `/oauth/${path}`,
      `/api/1.1/${path}`,
      `/tokens/${path}/revoke`,
    ]);
    await staysFree(ends.map((path) => ['GET', path.startsWith('/') ? path : `/${path}`, {}]));
  });
});

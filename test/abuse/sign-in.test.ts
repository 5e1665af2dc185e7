import assert from 'node:assert/strict';
import { request } from 'node:http';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { createAgent } from '../support/browserless.ts';
import { startGoogle, type TestGoogle } from '../support/google.ts';
import { openPeople, PASSWORD, type Person } from '../support/people.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { createKeptMail, linkIn } from '../support/smtp.ts';
import { eachStore } from '../support/stores.ts';

const PAGES = [
  '/sign-in',
  '/sign-up',
  '/verify-email',
  '/reset-password',
  '/sign-in/google',
  '/sign-in/google/callback',
  '/sign-in/link',
  '/interaction/unknown',
  '/interaction/unknown/continue',
];

const FORMS = [
  '/sign-in',
  '/sign-up',
  '/sign-out',
  '/verify-email',
  '/reset-password',
  '/sign-in/google',
  '/sign-in/link',
  '/interaction/unknown/sign-in',
  '/interaction/unknown/allow',
  '/interaction/unknown/deny',
  '/interaction/unknown/switch-account',
];

/** Forms that read nothing of what is sent. */
const READS_NOTHING = ['/sign-out'];

type Answer = { status: number; text: string; location: string };

eachStore(({ url: storeUrl, isFirst }) => {
  let google: TestGoogle;
  let server: TestServer;
  let people: Awaited<ReturnType<typeof openPeople>>;
  let person: Person;
  before(async () => {
    google = await startGoogle();
    server = await startTestServer({ storeUrl: await storeUrl(), settings: { google: google.settings } });
    people = await openPeople(server);
    person = await people.person();
  });
  after(async () => {
    await people.close();
    await server.stop();
    await google.stop();
  });

  /** A request exactly as given: fetch would tidy up paths and headers. */
  function send(
    method: string,
    path: string,
    headers: Record<string, string | string[]> = {},
    body = '',
  ): Promise<Answer> {
    const { hostname, port } = new URL(server.url);
    return new Promise((resolve, reject) => {
      const sent = request({ hostname, port, method, path, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            text: Buffer.concat(chunks).toString(),
            location: response.headers.location ?? '',
          }),
        );
      });
      sent.on('error', reject);
      sent.end(body);
    });
  }

  const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
  const fromUs = () => ({ ...FORM, origin: server.url, 'sec-fetch-site': 'same-origin' });

  if (isFirst)
    describe('a form from elsewhere', () => {
      const origins: [string, () => Record<string, string>][] = [
        ['another site', () => ({ origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' })],
        [
          'another site that claims our origin',
          () => ({ origin: server.url, 'sec-fetch-site': 'cross-site' }),
        ],
        ['a sibling host', () => ({ origin: 'http://other.localhost', 'sec-fetch-site': 'same-site' })],
        [
          'another port of this machine',
          () => ({ origin: 'http://localhost:1', 'sec-fetch-site': 'same-site' }),
        ],
        ['an opaque origin', () => ({ origin: 'null' })],
        ['nowhere', () => ({})],
        ['an origin with ours in front', () => ({ origin: `${server.url}.evil.example` })],
      ];
      for (const path of FORMS) {
        it(`is refused at ${path}`, async () => {
          for (const [name, headers] of origins) {
            const answer = await send('POST', path, { ...FORM, ...headers() }, 'email=a%40example.com');
            assert.equal(answer.status, 403, `${name}: ${answer.status}`);
            assert.match(answer.text, /did not come from a page of this site/);
          }
        });
      }

      it('signs nobody out and in', async () => {
        const { agent, account } = await people.person();
        const foreign = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
        await agent.post('/sign-out', {}, foreign);
        assert.equal((await agent.get('/tokens')).status, 200);
        const victim = createAgent(server.url);
        await victim.post('/sign-in', { email: account.email, password: PASSWORD }, foreign);
        assert.deepEqual(victim.cookies(), {});
      });
    });

  if (isFirst)
    describe('a body that is no form', () => {
      const bodies: [string, Record<string, string>, string, number[]][] = [
        ['JSON', { 'content-type': 'application/json' }, '{"email":{"$ne":null}}', [415]],
        ['text', { 'content-type': 'text/plain' }, 'email=a', [415]],
        ['multipart', { 'content-type': 'multipart/form-data; boundary=x' }, '--x--', [415]],
        ['nothing that says what it is', { 'content-type': '' }, 'email=a', [415]],
        ['compressed', { 'content-encoding': 'gzip' }, 'email=a', [415]],
        ['65 KiB', {}, `email=${'a'.repeat(65 * 1024)}`, [413]],
        [
          'a field twice',
          {},
          'email=a&email=b&password=a&password=b&token=a&token=b&return_to=a&return_to=b',
          [400],
        ],
        ['operators', {}, 'email[$ne]=&password[$gt]=&token[$ne]=x&invitation[$exists]=true', [400, 303]],
        ['broken escapes', {}, 'email=%ff%fe&password=%00%zz&token=%', [400, 303]],
        ['ten thousand fields', {}, 'a&'.repeat(10_000), [400, 303]],
        ['nothing', {}, '', [400, 303]],
      ];
      for (const path of FORMS.filter((one) => !READS_NOTHING.includes(one))) {
        it(`is refused at ${path}, without an answer of 5xx`, async () => {
          for (const [name, headers, body, expected] of bodies) {
            const answer = await send('POST', path, { ...fromUs(), ...headers }, body);
            // Where somebody has to be signed in first, the way there is the answer.
            const allowed = path === '/sign-in/google' ? [...expected, 303] : [...expected, 400];
            assert.ok(allowed.includes(answer.status), `${name}: ${answer.status}`);
            assert.ok(!answer.location.startsWith('http'), answer.location);
          }
        });
      }

      it('that stops half way is answered, and the connection closed', async () => {
        const { hostname, port } = new URL(server.url);
        const text = await new Promise<string>((resolve, reject) => {
          const socket = connect(Number(port), hostname, () => {
            const head = Object.entries({ ...fromUs(), host: 'x', 'content-length': '100' });
            socket.end(
              `POST /sign-in HTTP/1.1\r\n${head.map((pair) => pair.join(': ')).join('\r\n')}\r\n\r\nemail=a`,
            );
          });
          let got = '';
          socket.on('data', (chunk) => {
            got += chunk;
          });
          socket.on('close', () => resolve(got));
          socket.on('error', reject);
        });
        assert.doesNotMatch(text, /^HTTP\/1\.1 (5|200|303)/);
        assert.equal((await send('GET', '/sign-in')).status, 200);
      });
    });

  if (isFirst)
    describe('addresses', () => {
      it('answer only the methods that they have', async () => {
        for (const path of [...new Set([...PAGES, ...FORMS])]) {
          for (const method of ['PUT', 'DELETE', 'PATCH']) {
            assert.equal((await send(method, path, fromUs())).status, 405, `${method} ${path}`);
          }
        }
        for (const path of ['/sign-out', '/interaction/unknown/allow', '/interaction/unknown/deny']) {
          assert.equal((await send('GET', path)).status, 405, path);
        }
      });

      /** GHSA-x732-6j76-qmhm, CVE-2026-0976: another spelling must not be another door. */
      it('have one spelling', async () => {
        const variants = [
          '//sign-in',
          '/sign-in/',
          '/Sign-In',
          '/sign-in;x=1',
          '/%73ign-in',
          '/sign-in%2f',
          '/./sign-in',
        ];
        for (const path of [
          ...variants,
          '/x/../sign-in',
          '/sign-in%00',
          '/sign-in.',
          '/sign-in%20',
          '/\\sign-in',
        ]) {
          const body = new URLSearchParams({ email: person.account.email, password: PASSWORD }).toString();
          const answer = await send('POST', path, fromUs(), body);
          assert.ok([400, 404].includes(answer.status), `${path}: ${answer.status}`);
        }
      });
    });

  if (isFirst)
    describe('where to go afterwards', () => {
      const elsewhere = [
        'https://evil.example/',
        '//evil.example/',
        '/\\evil.example',
        '\\/evil.example',
        '/\t/evil.example',
        '/\n/evil.example',
        '/.//evil.example',
        '/x/..//evil.example',
        'javascript:alert(1)',
        'data:text/html,x',
        ' //evil.example',
        'evil.example',
        '@evil.example',
        '',
      ];
      for (const target of elsewhere) {
        it(`is never ${JSON.stringify(target)}`, async () => {
          const agent = createAgent(server.url);
          const query = new URLSearchParams({ return_to: target });
          for (const path of ['/sign-in', '/sign-up', '/reset-password']) {
            const page = await agent.get(`${path}?${query}`);
            assert.match(page.text, /name="return_to" value="\/tokens"/, path);
          }
          const { email } = person.account;
          const done = await agent.post('/sign-in', { email, password: PASSWORD, return_to: target });
          assert.equal(done.location, '/tokens');
          assert.equal((await agent.get(`/sign-in?${query}`)).location, '/tokens');
        });
      }

      it('is not elsewhere after Google either', async () => {
        await google.behave({ authorizeError: 'access_denied' });
        const agent = createAgent(server.url);
        const left = await agent.get('/sign-in/google?return_to=//evil.example');
        const answer = await fetch(left.location, { redirect: 'manual' });
        const callback = answer.headers.get('location')?.slice(server.url.length) ?? '';
        assert.equal((await agent.get(callback)).location, '/sign-in?done=denied');
      });
    });

  describe('what is sent', () => {
    const PROBE = `"><script>alert(1)</script>'\`{{1337*1337}}\${1337*1337}`;

    it('is shown as text only', async () => {
      const agent = createAgent(server.url);
      const shown = [
        await agent.post('/sign-in', { email: PROBE, password: 'x', return_to: `/${PROBE}` }),
        await agent.post('/sign-up', { email: PROBE, password: PASSWORD, invitation: PROBE }),
        await agent.post('/reset-password', { email: PROBE }),
        await agent.post('/verify-email', { token: PROBE, password: PROBE }),
        await agent.get(`/reset-password?${new URLSearchParams({ token: PROBE })}`),
        await agent.get(`/sign-in?${new URLSearchParams({ done: PROBE, return_to: `/${PROBE}` })}`),
        await agent.get(`/sign-up?${new URLSearchParams({ invitation: PROBE })}`),
        await agent.get(`/sign-in/google/callback?${new URLSearchParams({ error: PROBE, state: PROBE })}`),
      ];
      for (const page of shown) {
        assert.ok(page.status < 500, `${page.path} ${page.status}`);
        assert.ok(!page.text.includes('<script>alert'), page.path);
        assert.ok(!page.text.includes(String(1337 * 1337)), page.path);
        assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'/);
        assert.equal(page.headers.get('cache-control'), 'no-store');
      }
    });

    it('is never put into a mail as a link: those are built from the settings (CVE-2026-27959)', async () => {
      const mail = createKeptMail(server.mailFolder);
      const account = await people.account();
      for (const host of ['evil.example', 'evil.example:x@localhost', 'localhost.evil.example']) {
        const body = `email=${encodeURIComponent(account.email)}`;
        const named = { ...fromUs(), 'x-forwarded-host': host, forwarded: `host=${host}` };
        assert.equal((await send('POST', '/reset-password', { ...named, host }, body)).status, 421);
        await send('POST', '/reset-password', named, body);
        const link = linkIn(await mail.waitFor({ to: account.email, subject: 'Reset' }));
        assert.ok(link.startsWith(`${server.url}/reset-password?token=`), link);
      }
    });

    if (isFirst)
      it('as headers never makes an answer of 5xx', async () => {
        const headers: Record<string, string>[] = [
          { cookie: 'latchkey_session' },
          { cookie: 'latchkey_session=; latchkey_session.sig=' },
          { cookie: `latchkey_session=${'a'.repeat(6000)}` },
          { cookie: 'latchkey_session=__proto__; latchkey_session.sig=constructor' },
          { cookie: 'latchkey_federated=%00%ff; latchkey_interaction={"$ne":null}' },
          { cookie: '=;;;=; a' },
          { authorization: 'Basic %%%' },
          { authorization: `Bearer ${'x'.repeat(6000)}` },
          { accept: '\u00ff'.repeat(100) },
          { 'accept-language': '*;q=9e99' },
          { host: '' },
          { host: '[::1' },
          { 'x-forwarded-for': ','.repeat(500) },
          { 'x-forwarded-for': '999.1.1.1, ::ffff:1.2.3.4%eth0' },
          { 'x-forwarded-proto': 'javascript' },
          { 'content-length': '0', expect: '200-ok' },
        ];
        for (const one of headers) {
          for (const path of PAGES) {
            const answer = await send('GET', path, one);
            assert.ok(answer.status < 500, `${path} ${JSON.stringify(one).slice(0, 80)}: ${answer.status}`);
          }
        }
      });
  });

  describe('cookies', () => {
    it('that were tampered with sign nobody in', async () => {
      const { agent } = await people.person();
      const other = await people.person();
      const session = agent.cookie('latchkey_session') ?? '';
      const signature = agent.cookie('latchkey_session.sig') ?? '';
      const jars = [
        { latchkey_session: session },
        {
          latchkey_session: session,
          'latchkey_session.sig': `${signature.slice(0, -1)}${signature.endsWith('A') ? 'B' : 'A'}`,
        },
        { latchkey_session: session.toLowerCase(), 'latchkey_session.sig': signature },
        {
          latchkey_session: session,
          'latchkey_session.sig': other.agent.cookie('latchkey_session.sig') ?? '',
        },
      ];
      for (const jar of jars) {
        const thief = createAgent(server.url);
        for (const [name, value] of Object.entries(jar)) thief.setCookie(name, value);
        assert.equal((await thief.get('/tokens')).status, 303, JSON.stringify(jar));
      }
    });

    it('are opaque, out of reach of scripts and not sent along from other sites (CVE-2024-4540)', async () => {
      await google.behave({ authorizeError: 'access_denied' });
      const start = await createAgent(server.url).get('/sign-in/google?return_to=/apps');
      const signIn = await createAgent(server.url).post('/sign-in', {
        email: person.account.email,
        password: PASSWORD,
      });
      const set = [...start.headers.getSetCookie(), ...signIn.headers.getSetCookie()];
      assert.ok(set.length >= 2);
      for (const cookie of set) {
        assert.match(cookie, /; ?httponly/i);
        assert.match(cookie, /; ?samesite=lax/i);
        assert.match(cookie, /; ?path=\//i);
        for (const word of ['apps', person.account.id, 'example.com'])
          assert.ok(!cookie.includes(word), cookie);
      }
    });
  });

  describe('guessing', () => {
    /** CVE-2026-45364: what a client says of its own address is nobody's business. */
    it('is not helped by headers that claim other addresses', async () => {
      const account = await people.account();
      let answer: Answer | undefined;
      for (let turn = 0; turn < 11; turn += 1) {
        const headers = {
          ...fromUs(),
          'x-forwarded-for': `198.51.100.${turn}`,
          'x-real-ip': `198.51.100.${turn}`,
        };
        const body = new URLSearchParams({ email: account.email, password: `guess ${turn}` }).toString();
        answer = await send('POST', '/sign-in', headers, body);
      }
      assert.equal(answer?.status, 429);
    });

    it('of one person locks nobody else of their office out', async () => {
      const [bob, ann] = [await people.person(), await people.person()];
      const guess = (password: string) =>
        createAgent(server.url).post('/sign-in', { email: bob.account.email, password });
      const statuses = new Set<number>();
      for (let turn = 0; turn < 60; turn += 1) statuses.add((await guess(`guess ${turn}`)).status);
      assert.deepEqual([...statuses], [400, 429]);
      assert.ok(await people.signIn(ann.account.email));
    });

    if (isFirst)
      it('a right password over and over takes nobody the turn', async (t) => {
        // Of its own, because the guesses of the tests before count against the network.
        const server = await startTestServer({ storeUrl: await storeUrl() });
        const people = await openPeople(server);
        t.after(async () => {
          await people.close();
          await server.stop();
        });
        const flooders = [await people.person(), await people.person(), await people.person()];
        const honest = await Promise.all(Array.from({ length: 8 }, () => people.person()));
        const signIn = (email: string) =>
          createAgent(server.url).post('/sign-in', { email, password: PASSWORD });
        const flood = Promise.all(
          flooders.flatMap(({ account }) => Array.from({ length: 40 }, () => signIn(account.email))),
        );
        const answers = await Promise.all(honest.map(({ account }) => signIn(account.email)));
        assert.deepEqual([...new Set(answers.map(({ location }) => location))], ['/tokens']);
        const refused = (await flood).filter(({ status }) => status === 503 || status === 429);
        assert.ok(refused.length > 0, `${refused.length}`);
      });

    if (isFirst)
      it('is not slowed by a password that is all combining marks', async () => {
        const password = `e${'\u0316\u0301'.repeat(5_000)}`;
        const account = await people.account();
        const startedAt = performance.now();
        for (const [path, fields] of [
          ['/sign-up', { email: 'new@example.com', password }],
          ['/sign-in', { email: account.email, password }],
          ['/sign-in', { email: `ann${password}@example.com`, password: 'x' }],
          ['/reset-password', { email: `ann${password}@example.com` }],
        ] as const) {
          assert.equal((await createAgent(server.url).post(path, fields)).status, 400, path);
        }
        assert.ok(performance.now() - startedAt < 1000, `${performance.now() - startedAt} ms`);
      });

    /** logto#8780, GHSA-jq8w-8q2f-ffm9. */
    if (isFirst)
      it('addresses is not helped by the clock', async () => {
        const account = await people.account();
        const times = { known: [] as number[], unknown: [] as number[] };
        const agent = createAgent(server.url);
        for (let turn = 0; turn < 9; turn += 1) {
          for (const kind of ['known', 'unknown'] as const) {
            const email = kind === 'known' ? account.email : 'nobody-at-all@example.com';
            const startedAt = performance.now();
            await agent.post('/sign-in', { email, password: 'wrong words here' });
            times[kind].push(performance.now() - startedAt);
          }
        }
        const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
        const [known, unknown] = [median(times.known), median(times.unknown)];
        assert.ok(known < unknown * 2 && unknown < known * 2, `known ${known} ms, unknown ${unknown} ms`);
      });
  });

  it('leaves no password and no link in the log', async () => {
    const agent = createAgent(server.url);
    await agent.post('/sign-in', { email: person.account.email, password: 'a-password-to-look-for' });
    await agent.get('/verify-email?token=a-token-to-look-for');
    await agent.get('/sign-in/google/callback?code=a-code-to-look-for&state=a-state-to-look-for');
    assert.doesNotMatch(server.logged(), /to-look-for/);
  });
});

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { JUDGED_AGAIN_MS } from '../../server/api/as-of-now.ts';
import { newSecret } from '../../server/credentials/secret-format.ts';
import { type ApiServer, startApiServer } from '../support/api-server.ts';
import { eachStore } from '../support/stores.ts';

/**
 * Header and body shapes that the API must refuse with a reason: never a 5xx, never a hang, never an
 * echo.
 */

/** A body that takes so long to come makes the caller be judged again. */
const HELD_MS = 1.5 * JUDGED_AGAIN_MS;

eachStore(({ url: storeUrl }) => {
  let server: ApiServer;
  let good: string;
  let lettingIn = Promise.withResolvers<void>();
  let toLetIn = 1;
  before(async () => {
    const onCaller = () => {
      toLetIn -= 1;
      if (toLetIn === 0) lettingIn.resolve();
    };
    server = await startApiServer({ storeUrl: await storeUrl(), onCaller });
    good = (await server.token()).value;
  });
  after(() => server.stop());

  type Raw = { status: number; head: string; body: string };

  /** Sends bytes as they are, since fetch tidies up what this is about. */
  function send(
    request: string | Buffer,
    { half = false, rest }: { half?: boolean; rest?: () => Promise<string> } = {},
  ): Promise<Raw> {
    return new Promise((resolve, reject) => {
      const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
      const chunks: Buffer[] = [];
      socket.setTimeout(10_000, () => socket.destroy(new Error('no answer')));
      socket.on('data', (chunk) => chunks.push(chunk));
      socket.on('error', reject);
      socket.on('close', () => {
        const text = Buffer.concat(chunks).toString('latin1');
        const [head = '', body = ''] = text.split('\r\n\r\n');
        resolve({ status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1] ?? 0), head, body });
      });
      socket.write(request);
      if (half) socket.end();
      rest?.().then((text) => socket.write(text), reject);
    });
  }

  function get(path: string, headers: readonly string[]): Promise<Raw> {
    return send(
      Buffer.from(
        [`GET ${path} HTTP/1.1`, 'Host: x', 'Connection: close', ...headers, '', ''].join('\r\n'),
        'latin1',
      ),
    );
  }

  function post(
    headers: readonly string[],
    body: string | Buffer,
    path = '/api/1.1/wf/create_transaction',
  ): Promise<Raw> {
    const lines = [`POST ${path} HTTP/1.1`, 'Host: x', 'Connection: close', `Authorization: Bearer ${good}`];
    if (!headers.some((header) => /^(content-length|transfer-encoding)/i.test(header))) {
      lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
    }
    return send(Buffer.concat([Buffer.from([...lines, ...headers, '', ''].join('\r\n')), Buffer.from(body)]));
  }

  /** Any eight characters of the random part would be an echo. */
  function assertNoEcho(text: string, secret: string): void {
    for (let at = 7; at + 8 <= secret.length; at += 1) {
      assert.ok(!text.includes(secret.slice(at, at + 8)), 'a part of the token came back');
    }
  }

  const MANY = 'a'.repeat(8000);

  /** Each with @ for a good token. The word is the error of the challenge, '' for none. */
  const headerShapes: [what: string, headers: string[], word: string, hint: RegExp][] = [
    ['nothing', [], '', /Authorization: Bearer/],
    ['an empty header', ['Authorization:'], 'invalid_request', /Authorization: Bearer/],
    ['spaces only', ['Authorization:    '], 'invalid_request', /Authorization: Bearer/],
    ['only the word', ['Authorization: Bearer'], 'invalid_request', /variable .* empty/],
    ['the word and spaces', ['Authorization: Bearer   '], 'invalid_request', /variable .* empty/],
    ['no word', ['Authorization: @'], 'invalid_request', /Authorization: Bearer/],
    ['twice the word', ['Authorization: Bearer Bearer @'], 'invalid_request', /added by your client/],
    [
      'twice the word, in lower case',
      ['Authorization: bearer bearer @'],
      'invalid_request',
      /added by your client/,
    ],
    [
      'twice the word with a colon',
      ['Authorization: Bearer Bearer: @'],
      'invalid_request',
      /added by your client/,
    ],
    ['two headers', ['Authorization: Bearer @', 'Authorization: Bearer @'], 'invalid_request', /once/],
    ['a colon', ['Authorization: Bearer: @'], 'invalid_request', /colon/],
    ['an equals sign', ['Authorization: Bearer=@'], 'invalid_request', /equals/],
    ['quotes around all', ['Authorization: "Bearer @"'], 'invalid_request', /quote/],
    ['quotes', ['Authorization: Bearer "@"'], 'invalid_request', /bare value/],
    ['single quotes', ["Authorization: Bearer 'T'"], 'invalid_request', /bare value/],
    ['angle brackets', ['Authorization: Bearer <@>'], 'invalid_request', /bare value/],
    ['an unfilled variable', ['Authorization: Bearer $TOKEN'], 'invalid_request', /variable/],
    ['an unfilled template', ['Authorization: Bearer {{token}}'], 'invalid_request', /variable/],
    ['a spelt line end', ['Authorization: Bearer @\\n'], 'invalid_request', /trim/],
    ['an escaped line end', ['Authorization: Bearer @%0A'], 'invalid_request', /trim/],
    ['a space inside', ['Authorization: Bearer @ @'], 'invalid_request', /one word/],
    ['a tab inside', ['Authorization: Bearer @\tx'], 'invalid_request', /one word/],
    ['a comma behind', ['Authorization: Bearer @,'], 'invalid_request', /Copy it again/],
    ['a no-break space', ['Authorization: Bearer \u00a0@'], 'invalid_request', /one word/],
    ['an invisible character', ['Authorization: Bearer @\u00e2\u0080\u008b'], 'invalid_request', /invisible/],
    ['Basic', ['Authorization: Basic dXNlcjpwYXNz'], 'invalid_request', /oauth\/token/],
    ['Basic without anything', ['Authorization: Basic'], 'invalid_request', /oauth\/token/],
    ['Token', ['Authorization: Token @'], 'invalid_request', /Bearer/],
    ['Digest', ['Authorization: Digest username="a"'], 'invalid_request', /Bearer/],
    ['high bytes', [`Authorization: ${'\u00ff'.repeat(100)}`], 'invalid_request', /Bearer/],
    ['a very long word', [`Authorization: ${MANY}`], 'invalid_request', /Bearer/],
    ['a very long token', [`Authorization: Bearer ${MANY}`], 'invalid_token', /tokens/],
    ['a very long token of ours', [`Authorization: Bearer lk_pat_${MANY}`], 'invalid_token', /check digits/],
    ['equals signs', ['Authorization: Bearer ===='], 'invalid_request', /Copy it again/],
    ['__proto__', ['Authorization: Bearer __proto__'], 'invalid_token', /tokens/],
    ['undefined', ['Authorization: Bearer undefined'], 'invalid_token', /placeholder/],
    ['null', ['Authorization: Bearer null'], 'invalid_token', /placeholder/],
    ['YOUR_TOKEN', ['Authorization: Bearer YOUR_TOKEN'], 'invalid_token', /placeholder/],
    [
      'a JWT',
      ['Authorization: Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.'],
      'invalid_token',
      /access_token/,
    ],
    ['Authorisation', ['Authorisation: Bearer @'], '', /called authorisation/],
    ['X-Authorization', ['X-Authorization: Bearer @'], '', /called x-authorization/],
    ['Authentication', ['Authentication: Bearer @'], '', /called authentication/],
    ['X-Api-Key', ['X-Api-Key: @'], '', /called x-api-key/],
    ['a cookie', ['Cookie: token=@; _session=x'], '', /Authorization: Bearer/],
  ];

  describe('Authorization', () => {
    for (const path of ['/api/1.1/me', '/api/1.1/wf/create_transaction', '/api/1.1/wf/no_such']) {
      for (const [what, headers, word, hint] of headerShapes) {
        test(`${what} at ${path}`, async () => {
          const { status, head, body } = await get(
            path,
            headers.map((header) => header.replaceAll('@', good)),
          );
          assert.equal(status, 401, body);
          const challenge = /^www-authenticate: (.*)$/im.exec(head)?.[1] ?? '';
          assert.match(challenge, /^Bearer realm="/);
          assert.match(
            challenge,
            /resource_metadata="http[^"]+\/\.well-known\/oauth-protected-resource\/api\/1\.1"/,
          );
          assert.equal(/ error="([^"]*)"/.exec(challenge)?.[1] ?? '', word);
          assert.equal(/error_description="[^"]+"/.test(challenge), word !== '');
          const { statusCode, body: inner } = JSON.parse(body);
          assert.equal(statusCode, 401);
          assert.match(inner.hint, hint);
          assert.ok(inner.message !== '' && inner.requestId !== '');
          assertNoEcho(head + body, good);
        });
      }
    }

    const damages: [what: string, of: (token: string) => string, says: RegExp][] = [
      ['cut off', (token) => token.slice(0, -5), /is cut off: 38 of its 43 characters came/],
      ['cut off at its beginning', (token) => `lk_pat_${token.slice(20)}`, /is cut off: 30 of its 43/],
      ['nothing but its beginning', () => 'lk_pat_', /is cut off: 7 of its 43/],
      ['longer', (token) => `${token}x`, /has more than its 43 characters/],
      ['mistyped', (token) => token.slice(0, -1) + (token.endsWith('a') ? 'b' : 'a'), /looks mistyped/],
    ];
    for (const [what, of, says] of damages) {
      test(`a token that is ${what} is told so`, async () => {
        const { body, head } = await get('/api/1.1/me', [`Authorization: Bearer ${of(good)}`]);
        assert.match(JSON.parse(body).body.message, says);
        assertNoEcho(head + body, of(good));
      });
    }

    const queries = [
      'access_token=@',
      'token=@',
      'api_key=@',
      'anything=@',
      'x=Bearer%20@',
      'access_token=x',
    ];
    for (const query of queries) {
      test(`a token in the query: ${query}`, async () => {
        const path = `/api/1.1/me?${query.replace('@', good)}`;
        for (const headers of [[], [`Authorization: Bearer ${good}`]]) {
          const { status, head, body } = await get(path, headers);
          assert.equal(status, 401, body);
          assert.match(head, /error="invalid_request"/);
          assert.match(JSON.parse(body).body.hint, /Authorization: Bearer/);
          assertNoEcho(head + body, good);
        }
      });
    }

    test('a query parameter that is called like a token is named', async () => {
      const { status, body } = await get('/api/1.1/me?api_key=abc', []);
      assert.equal(status, 401);
      assert.match(JSON.parse(body).body.hint, /api_key/);
    });

    test('the word is taken in any case, with more than one space', async () => {
      for (const header of [
        `authorization: BEARER ${good}`,
        `Authorization: bearer   ${good}  `,
        `AUTHORIZATION: Bearer\t${good}`,
      ]) {
        assert.equal((await get('/api/1.1/me', [header])).status, 200);
      }
    });
  });

  describe('a damaged token opens nothing (A24)', () => {
    const damages: [what: string, damage: (value: string) => string][] = [
      ['the last character gone', (value) => value.slice(0, -1)],
      ['half of it gone', (value) => value.slice(0, 25)],
      ['only the prefix', (value) => value.slice(0, 7)],
      ['one more', (value) => `${value}0`],
      [
        'another case',
        (value) => `${value.slice(0, 7)}${value.slice(7).replace(/[a-z]/, (letter) => letter.toUpperCase())}`,
      ],
      ['another prefix', (value) => value.replace('lk_pat_', 'lk_cs_')],
      ['the prefix in capitals', (value) => value.replace('lk_pat_', 'LK_PAT_')],
      ['a padding', (value) => `${value}=`],
      ['without its prefix', (value) => value.slice(7)],
      ['two characters swapped', (value) => swapped(value)],
      ['another one of the right form', () => newSecret('lk_pat_')],
      ['a client secret', () => newSecret('lk_cs_')],
    ];
    for (const [what, damage] of damages) {
      test(what, async () => {
        const value = damage(good);
        const { status, head, body } = await get('/api/1.1/me', [`Authorization: Bearer ${value}`]);
        assert.equal(status, 401, body);
        assert.match(head, /error="invalid_token"/);
        assertNoEcho(head + body, value.padEnd(15, '\u0000'));
      });
    }

    test('a NUL byte does not even get through the parser of headers', async () => {
      assert.equal((await get('/api/1.1/me', [`Authorization: Bearer ${good}\u0000`])).status, 400);
    });
  });

  function swapped(value: string): string {
    const at = [...value].findIndex((letter, index) => index > 8 && letter !== value[index + 1]);
    return `${value.slice(0, at)}${value[at + 1]}${value[at]}${value.slice(at + 2)}`;
  }

  const JSON_TYPE = 'Content-Type: application/json';
  const FORM_TYPE = 'Content-Type: application/x-www-form-urlencoded';
  const CALL = { account: 'savings', phone: '+358401234567', amount: 1 };
  const RIGHT = JSON.stringify(CALL);
  const FORM = 'account=savings&phone=%2B358401234567&amount=1';

  const manyNames = Array.from({ length: 95_000 }, (_, at) => `"${at.toString(36)}a":1`).join();

  const bodyShapes: [
    what: string,
    headers: string[],
    body: string | Buffer,
    status: number,
    code: string,
    hint: RegExp,
  ][] = [
    ['no body', [], '', 400, 'MISSING_DATA', /no body/],
    ['no body, said to be JSON', [JSON_TYPE], '', 400, 'MISSING_DATA', /no body/],
    ['an empty object', [JSON_TYPE], '{}', 400, 'MISSING_DATA', /application\/json/],
    ['white space', [JSON_TYPE], '  \n', 400, 'INVALID_DATA', /double quotes/],
    ['null', [JSON_TYPE], 'null', 400, 'INVALID_DATA', /object/],
    ['an array', [JSON_TYPE], `[${RIGHT}]`, 400, 'INVALID_DATA', /object/],
    ['a text', [JSON_TYPE], '"text"', 400, 'INVALID_DATA', /object/],
    ['a number', [JSON_TYPE], '5', 400, 'INVALID_DATA', /object/],
    ['half an object', [JSON_TYPE], RIGHT.slice(0, 20), 400, 'INVALID_DATA', /double quotes/],
    ['a comma too many', [JSON_TYPE], RIGHT.replace('}', ',}'), 400, 'INVALID_DATA', /double quotes/],
    ['single quotes', [JSON_TYPE], RIGHT.replaceAll('"', "'"), 400, 'INVALID_DATA', /double quotes/],
    ['NaN', [JSON_TYPE], RIGHT.replace(':1', ':NaN'), 400, 'INVALID_DATA', /NaN or Infinity/],
    ['a form said to be JSON', [JSON_TYPE], FORM, 400, 'INVALID_DATA', /x-www-form-urlencoded/],
    ['a name twice', [JSON_TYPE], RIGHT.replace('{', '{"account":"x",'), 400, 'INVALID_DATA', /once/],
    [
      'a name twice, spelt in two ways',
      [JSON_TYPE],
      RIGHT.replace('{', '{"\\u0061ccount":"x",'),
      400,
      'INVALID_DATA',
      /once/,
    ],
    [
      '__proto__',
      [JSON_TYPE],
      RIGHT.replace('{', '{"__proto__":{"admin":true},'),
      400,
      'INVALID_DATA',
      /each name once/,
    ],
    ['endless nesting', [JSON_TYPE], '{"a":'.repeat(50_000), 400, 'INVALID_DATA', /at most 32 deep/],
    [
      'deep nesting',
      [JSON_TYPE],
      `{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`,
      400,
      'INVALID_DATA',
      /each name once/,
    ],
    [
      'bytes that are no UTF-8',
      [JSON_TYPE],
      Buffer.from('{"account":"\xff\xfe"}', 'latin1'),
      400,
      'INVALID_DATA',
      /UTF-8/,
    ],
    ['UTF-16', [JSON_TYPE], Buffer.from(`\ufeff${RIGHT}`, 'utf16le'), 400, 'INVALID_DATA', /UTF-8/],
    [
      'another charset',
      ['Content-Type: application/json; charset=utf-16'],
      RIGHT,
      415,
      'UNSUPPORTED_MEDIA_TYPE',
      /UTF-8/,
    ],
    [
      'a strange charset',
      ['Content-Type: application/json; charset="\\"'],
      RIGHT,
      415,
      'UNSUPPORTED_MEDIA_TYPE',
      /UTF-8/,
    ],
    [
      'JSON as text/plain',
      ['Content-Type: text/plain'],
      RIGHT,
      415,
      'UNSUPPORTED_MEDIA_TYPE',
      /application\/json/,
    ],
    ['JSON without a type', [], RIGHT, 415, 'UNSUPPORTED_MEDIA_TYPE', /application\/json/],
    ['JSON as a form', [FORM_TYPE], RIGHT, 415, 'UNSUPPORTED_MEDIA_TYPE', /application\/json/],
    [
      'a multipart form of nothing',
      ['Content-Type: multipart/form-data; boundary=x'],
      '--x--',
      400,
      'MISSING_DATA',
      /application\/json/,
    ],
    ['XML', ['Content-Type: application/xml'], '<a/>', 415, 'UNSUPPORTED_MEDIA_TYPE', /JSON/],
    ['a strange type', ['Content-Type: ;;;\\"'], 'x', 415, 'UNSUPPORTED_MEDIA_TYPE', /JSON/],
    [
      'gzip',
      [JSON_TYPE, 'Content-Encoding: gzip'],
      gzipSync(RIGHT),
      415,
      'UNSUPPORTED_ENCODING',
      /without compression/,
    ],
    ['a field of a form twice', [FORM_TYPE], `${FORM}&amount=2`, 400, 'INVALID_DATA', /once/],
    [
      'operators of a form',
      [FORM_TYPE],
      'account[$ne]=&phone[$ne]=&amount[$gt]=0',
      400,
      'MISSING_DATA',
      /account/,
    ],
    ['100,000 names', [JSON_TYPE], RIGHT.replace('}', `,${manyNames}}`), 400, 'INVALID_DATA', /at most 1000/],
    [
      '100,000 names deeper down',
      [JSON_TYPE],
      RIGHT.replace('}', `,"x":[{${manyNames}}]}`),
      400,
      'INVALID_DATA',
      /at most 1000/,
    ],
    [
      'a form of 170,000 fields',
      [FORM_TYPE],
      `${FORM}&${Array.from({ length: 170_000 }, (_, at) => at.toString(36)).join('&')}`,
      400,
      'INVALID_DATA',
      /at most 1000/,
    ],
    [
      'a form of 170,000 times nothing',
      [FORM_TYPE],
      FORM + '&'.repeat(170_000),
      400,
      'INVALID_DATA',
      /at most 1000/,
    ],
    [
      'a form of a megabyte',
      [FORM_TYPE],
      `${FORM}&x=${'x'.repeat(1024 * 1024)}`,
      413,
      'TOO_LARGE',
      /at most/,
    ],
    [
      'JSON of a megabyte',
      [JSON_TYPE],
      RIGHT.replace('}', `,"x":"${'x'.repeat(1024 * 1024)}"}`),
      413,
      'TOO_LARGE',
      /at most/,
    ],
    [
      'chunks of a megabyte',
      [JSON_TYPE, 'Transfer-Encoding: chunked'],
      chunked('x'.repeat(1024 * 1024 + 1)),
      413,
      'TOO_LARGE',
      /at most/,
    ],
  ];

  function chunked(text: string): string {
    return `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
  }

  describe('body', () => {
    for (const [what, headers, body, status, code, hint] of bodyShapes) {
      test(what, async () => {
        const before = await server.domain.rows.outbox.count([]);
        const answer = await post(headers, body);
        assert.equal(answer.status, status, answer.body);
        const { body: inner } = JSON.parse(answer.body);
        assert.equal(inner.status, code);
        assert.match(inner.hint, hint);
        assert.equal(await server.domain.rows.outbox.count([]), before);
      });
    }

    test('a body that ends early is refused or dropped with its connection', async () => {
      const head = [
        'POST /api/1.1/wf/create_transaction HTTP/1.1',
        'Host: x',
        `Authorization: Bearer ${good}`,
        JSON_TYPE,
      ];
      for (const framing of ['Content-Length: 100', 'Transfer-Encoding: chunked']) {
        const { status } = await send(`${[...head, framing, '', ''].join('\r\n')}{"acc`, { half: true });
        assert.ok(status === 0 || status === 400, String(status));
      }
    });

    test('a query of more than 1000 names is refused', async () => {
      const query = Array.from({ length: 1001 }, (_, at) => at.toString(36)).join('&');
      const answer = await post([JSON_TYPE], RIGHT, `/api/1.1/wf/create_transaction?${query}`);
      assert.deepEqual([answer.status, JSON.parse(answer.body).body.status], [400, 'INVALID_DATA']);
    });

    test('a thousand names are read, and no more than fifty are taken for slips of the pen', async () => {
      const names = Array.from({ length: 997 }, (_, at) => [`n${at}`, 1]);
      const all = { ...CALL, ...Object.fromEntries(names) };
      assert.equal((await post([JSON_TYPE], JSON.stringify(all))).status, 200);
      const { account: _left, ...others } = all;
      const late = await post([JSON_TYPE], JSON.stringify({ ...others, acount: 'savings' }));
      assert.doesNotMatch(JSON.parse(late.body).body.hint, /acount/);
      const early = await post([JSON_TYPE], JSON.stringify({ acount: 'savings', ...others }));
      assert.match(JSON.parse(early.body).body.hint, /acount was sent/);
    });

    test('a token that is revoked while its bodies are held back runs nothing', async () => {
      const { value, credential } = await server.token({
        scopes: ['wf:create_transaction', 'data:transaction:write'],
      });
      const record = JSON.stringify({ account: 'savings', phone: '+358 40 123 4567', amount_cents: 5 });
      const calls = [
        ['/api/1.1/wf/create_transaction', JSON_TYPE, RIGHT],
        ['/api/1.1/obj/transaction', JSON_TYPE, record],
        ['/api/1.1/obj/transaction/bulk', 'Content-Type: text/plain', record],
      ] as const;
      const rows = () => server.domain.types.get('transaction')?.rows.count([]);
      const before = [await server.domain.rows.outbox.count([]), await rows()];
      [lettingIn, toLetIn] = [Promise.withResolvers(), calls.length];
      const revoked = lettingIn.promise.then(async () => {
        const change = { set: { revokedAt: server.domain.clock() } };
        await server.domain.rows.credentials.update(credential.id, change);
        await delay(HELD_MS);
      });
      const answers = await Promise.all(
        calls.map(([path, type, body]) => {
          const head = [`POST ${path} HTTP/1.1`, 'Host: x', 'Connection: close'];
          const more = [`Authorization: Bearer ${value}`, type, `Content-Length: ${body.length}`, '', ''];
          const begun = `${[...head, ...more].join('\r\n')}${body.slice(0, 3)}`;
          return send(begun, { rest: () => revoked.then(() => body.slice(3)) });
        }),
      );
      for (const answer of answers) {
        assert.equal(answer.status, 401, answer.body);
        assert.match(answer.head, /www-authenticate: .*invalid_token/i);
      }
      // No receipt, and no warning that a dead token came: it was good when it came.
      assert.deepEqual([await server.domain.rows.outbox.count([]), await rows()], before);
      const entries = (await server.calls()).filter(({ tokenId }) => tokenId === credential.id);
      assert.deepEqual(
        entries.map(({ status, result }) => [status, result]),
        calls.map(() => [401, 'invalid_token']),
      );
    });

    test('a token whose body is merely slow to come runs its call', async () => {
      const head = `POST /api/1.1/wf/create_transaction HTTP/1.1\r\nHost: x\r\nConnection: close\r\n`;
      const more = `Authorization: Bearer ${good}\r\n${JSON_TYPE}\r\nContent-Length: ${RIGHT.length}\r\n\r\n`;
      const answer = await send(head + more, { rest: () => delay(HELD_MS, RIGHT) });
      assert.equal(answer.status, 200, answer.body);
    });

    test('a value of a refused body is not in the answer nor in the log', async () => {
      const secret = 'hunter2hunter2hunter2';
      const shapes: [string[], string][] = [
        [[JSON_TYPE], `{"account":"${secret}","phone":"${secret}","amount":"${secret}"}`],
        [[JSON_TYPE], `{"account":${secret}}`],
        [[JSON_TYPE], secret],
        [[FORM_TYPE], `account=${secret}&amount=${secret}`],
        [['Content-Type: text/plain'], secret],
      ];
      for (const [headers, body] of shapes) {
        const answer = await post(headers, body);
        assert.ok(answer.status >= 400 && answer.status < 500, answer.body);
        assert.ok(!(answer.head + answer.body + server.logged()).includes(secret));
      }
    });
  });

  const values: unknown[] = [
    null,
    true,
    5,
    -1,
    1.001,
    '',
    'x'.repeat(5000),
    '\u0000',
    '\ud800',
    [],
    {},
    { $ne: null },
    { $gt: '' },
    ['savings'],
    { toString: 1 },
  ];

  describe('values of the wrong type name their parameter', () => {
    for (const name of ['account', 'phone', 'amount'] as const) {
      for (const value of values) {
        const isRight = name === 'amount' && value === 5;
        test(`${name}: ${String(JSON.stringify(value)).slice(0, 30)}`, async () => {
          const answer = await post([JSON_TYPE], JSON.stringify({ ...CALL, [name]: value }));
          if (isRight) return assert.equal(answer.status, 200);
          assert.equal(answer.status, 400, answer.body);
          const { body } = JSON.parse(answer.body);
          assert.deepEqual([body.status, body.parameter], ['INVALID_DATA', name]);
          assert.match(
            body.message,
            new RegExp(`^Invalid data for workflow create_transaction: parameter ${name}: .`),
          );
        });
      }
    }
  });

  describe('paths (A17)', () => {
    const nowhere = [
      '/api',
      '/api/',
      '/api/1.1',
      '/api/1.1/',
      '/api/1.1/me/',
      '/api/1.1/ME',
      '/api/1.1//me',
      '/api/1.1/me;x',
      '/api/1.1/me%2f',
      '/api/1.1/%6de',
      '/api/1.1/me.',
      '/api/1.1/./me',
      '/api/1.1/x/../me',
      '/api/1.1/wf',
      '/api/1.1/wf/',
      '/api/1.1/wf//create_transaction',
      '/api/1.1/wf/create_transaction/',
      '/api/1.1/wf/create_transaction;x',
      '/api/1.1/wf/%63reate_transaction',
      '/api/1.1/wf/create_transaction%00',
      '/api/1.1/wf/CREATE_TRANSACTION',
      '/api/1.1/wf/%E0%A4%A',
      '/api/1.1/wf/%',
      '/api/1.1/wf/constructor',
      '/api/1.1/wf/__proto__',
      '/api/1.1/wf/..%2fme',
      `/api/1.1/wf/${MANY}`,
      '/api/1.0/me',
    ];
    for (const path of nowhere) {
      for (const method of ['GET', 'POST']) {
        test(`${method} ${path.slice(0, 50)} is nowhere`, async () => {
          const lines = [
            `${method} ${path} HTTP/1.1`,
            'Host: x',
            'Connection: close',
            `Authorization: Bearer ${good}`,
            'Content-Length: 0',
          ];
          const { status, body } = await send([...lines, '', ''].join('\r\n'));
          assert.equal(status, 404, body);
          assert.equal(JSON.parse(body).body.status, 'NOT_FOUND');
        });
      }
    }

    for (const path of ['//api/1.1/me', '/API/1.1/me', '/x/../api/1.1/me', '/%61pi/1.1/me']) {
      test(`${path} does not reach the API`, async () => {
        assert.equal((await get(path, [`Authorization: Bearer ${good}`])).status, 404);
      });
    }

    test('a token in the path is not in the activity, the answer or the log', async () => {
      const secret = newSecret('lk_pat_');
      for (const path of [`/api/1.1/wf/${secret}`, `/api/${secret}/me`]) {
        const { head, body } = await get(path, [`Authorization: Bearer ${good}`]);
        assertNoEcho(head + body, secret);
      }
      assertNoEcho(JSON.stringify(await server.calls()) + server.logged(), secret);
    });

    const methods = ['PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND', 'QUERY', 'SEARCH'];
    for (const method of methods) {
      test(`${method} is refused with what is allowed`, async () => {
        for (const path of ['/api/1.1/me', '/api/1.1/wf/create_transaction']) {
          const lines = [
            `${method} ${path} HTTP/1.1`,
            'Host: x',
            'Connection: close',
            `Authorization: Bearer ${good}`,
            'Content-Length: 0',
          ];
          const { status, head } = await send([...lines, '', ''].join('\r\n'));
          assert.equal(status, 405);
          assert.match(
            head,
            path.endsWith('me') ? /^allow: GET, HEAD, OPTIONS$/im : /^allow: POST, OPTIONS$/im,
          );
        }
      });
    }
  });

  test('nothing of all this was a failure of ours', () => {
    assert.ok(!server.logged().includes('unexpected'), server.logged().slice(0, 2000));
  });
});

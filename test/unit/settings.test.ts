import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { readSettings, WrongSettings } from '../../server/ground/settings.ts';

const folder = mkdtempSync(join(tmpdir(), 'latchkey-settings-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function read(environment: Record<string, string>, owner = {}) {
  return readSettings({ data: folder, ...owner }, environment);
}

function linesOf(environment: Record<string, string>, owner = {}): string[] {
  try {
    read(environment, owner);
  } catch (error) {
    if (error instanceof WrongSettings) return [...error.lines];
    throw error;
  }
  return [];
}

describe('settings', () => {
  test('defaults are those of a first try on this machine', () => {
    const settings = read({});
    assert.equal(settings.url, 'http://localhost:3000');
    assert.equal(settings.host, '127.0.0.1');
    assert.equal(settings.store, `sqlite:${join(folder, 'latchkey.db')}`);
    assert.equal(settings.mail, `file:${join(folder, 'mail')}`);
    assert.equal(settings.google, undefined);
  });

  test('the environment wins over the file', () => {
    assert.equal(read({ PORT: '4000' }, { port: 5000 }).url, 'http://localhost:4000');
  });

  test('the secret is made once, for its owner only, and kept', () => {
    const first = read({}).secret;
    assert.equal(read({}).secret, first);
    assert.ok(Buffer.byteLength(first) >= 32);
    assert.equal(statSync(join(folder, 'secret')).mode & 0o777, 0o600);
  });

  const PORT_LINE = /^PORT is "[^"]*": wanted a whole number from 0 to 65535$/;
  const PROXIES_LINE = (value: string) =>
    new RegExp(`^LATCHKEY_PROXIES is ${JSON.stringify(value)}: wanted an address or a range of each proxy`);
  const ENCODE = /: wanted .*USER:PASSWORD@HOST.* percent-encoded: %40 for @/;
  const wrong: { given: Record<string, string>; owner?: object; line: RegExp }[] = [
    ...['abc', '70000', '-1', '3000.5', '3e3', '0x50', '80,81', 'http'].map((PORT) => ({
      given: { PORT },
      line: PORT_LINE,
    })),
    { given: {}, owner: { port: 70_000 }, line: /^port is 70000: wanted a whole number/ },
    { given: {}, owner: { port: null }, line: /^port is null: wanted a whole number/ },
    // A carriage return, blanks, quotes and what only a shell understands would name something else.
    ...Object.entries({
      LATCHKEY_URL: 'http://localhost:3000',
      HOST: '127.0.0.1',
      PORT: '3000',
      LATCHKEY_DATA: '/var/lib/latchkey',
      LATCHKEY_STORE: 'sqlite:/var/lib/latchkey/latchkey.db',
      LATCHKEY_MAIL: 'file:/var/lib/latchkey/mail',
      LATCHKEY_SECRET: 's'.repeat(40),
      LATCHKEY_PROXIES: '127.0.0.1',
    }).flatMap(([name, value]) => [
      { given: { [name]: `${value}\r` }, line: new RegExp(`^${name} is .*carriage return`) },
      { given: { [name]: `${value}\ufffd` }, line: new RegExp(`^${name} is .*not UTF-8`) },
      { given: { [name]: `${value}\n` }, line: new RegExp(`^${name} is .*control character`) },
      { given: { [name]: `\ufeff${value}` }, line: new RegExp(`^${name} is .*invisible`) },
      { given: { [name]: ` ${value}` }, line: new RegExp(`^${name} is .*blank`) },
      { given: { [name]: `${value}\u00a0` }, line: new RegExp(`^${name} is .*blank`) },
      { given: { [name]: `"${value}"` }, line: new RegExp(`^${name} is .*quotes`) },
      { given: { [name]: `'${value}'` }, line: new RegExp(`^${name} is .*quotes`) },
    ]),
    ...['"', "'", '“'].map((quote) => ({
      given: { LATCHKEY_DATA: `${quote}data` },
      line: /^LATCHKEY_DATA is .*quotes/,
    })),
    ...['~/data', '~ann/data', '$HOME/data', '/srv/$\u007bNAME}/data', '%APPDATA%/data'].flatMap((path) => [
      { given: { LATCHKEY_DATA: path }, line: /^LATCHKEY_DATA is .*write the whole path/ },
      { given: { LATCHKEY_STORE: `sqlite:${path}` }, line: /^LATCHKEY_STORE is .*write the whole path/ },
      { given: { LATCHKEY_MAIL: `file:${path}` }, line: /^LATCHKEY_MAIL is .*write the whole path/ },
      { given: {}, owner: { logo: path }, line: /^logo is .*write the whole path/ },
    ]),
    { given: { LATCHKEY_STORE: 'sqlite: data/x.db' }, line: /^LATCHKEY_STORE is .*blank before the path/ },
    { given: { LATCHKEY_STORE: 'sqlite://data/x.db' }, line: /^LATCHKEY_STORE is .*right behind the colon/ },
    { given: { LATCHKEY_STORE: 'sqlite::memory:' }, line: /^LATCHKEY_STORE is .*right behind the colon/ },
    ...['sqlite:file:data/x.db', 'sqlite:data/x.db?mode=ro'].map((LATCHKEY_STORE) => ({
      given: { LATCHKEY_STORE },
      line: /^LATCHKEY_STORE is .*right behind the colon/,
    })),
    {
      given: { LATCHKEY_DATA: 'C:\\latchkey' },
      line: /^LATCHKEY_DATA is "C:.*write the path of this machine/,
    },
    { given: { LATCHKEY_MAIL: 'file://data/mail' }, line: /^LATCHKEY_MAIL is .*right behind the colon/ },
    { given: {}, owner: { data: '/x\r' }, line: /^data is "\/x\\r": it ends in a carriage return/ },
    {
      given: { GOOGLE_CLIENT_ID: 'x', GOOGLE_CLIENT_SECRET: 'hunter2\r' },
      line: /^GOOGLE_CLIENT_SECRET is not good: it ends in a carriage return/,
    },
    ...[
      '127.0.0.1,',
      ',127.0.0.1',
      '127.0.0.1,,::1',
      '::1,',
      '10.0.0.0/33',
      '127.0.0.1;::1',
      'proxy',
      '127.1',
      '010.0.0.1',
      '0x7f000001',
      '10.1/16',
    ].map((value) => ({ given: { LATCHKEY_PROXIES: value }, line: PROXIES_LINE(value) })),
    { given: {}, owner: { proxies: ['a', 'b'] }, line: /^proxies is \["a","b"\]: wanted an address/ },
    ...[
      '[::1]',
      'localhost:3000',
      'http://localhost',
      '127.0.0.1/',
      'a b',
      '*',
      '0',
      '127.1',
      '256.1.1.1',
      '0x7f000001',
    ].map((HOST) => ({
      given: { HOST },
      line: /^HOST is ".*": wanted an address or a name without port/,
    })),
    {
      given: { LATCHKEY_URL: 'https://[2001:db8::1]', LATCHKEY_MAIL: 'smtp://mail.example.com' },
      line: /^mailFrom is not set: .* LATCHKEY_URL "https:\/\/\[2001:db8::1\]"; set mailFrom/,
    },
    {
      given: { LATCHKEY_URL: 'https://my_id.example.com', LATCHKEY_MAIL: 'smtp://mail.example.com' },
      line: /^mailFrom is not set: .* LATCHKEY_URL "https:\/\/my_id.example.com"; set mailFrom/,
    },
    {
      given: { LATCHKEY_URL: 'http://[2001:db8::1]' },
      line: /^LATCHKEY_URL is "http:\/\/\[2001:db8::1\]": pass/,
    },
    {
      given: { LATCHKEY_URL: 'https://x.example?y' },
      line: /^LATCHKEY_URL is "https:\/\/x.example\?y": .*without a/,
    },
    { given: { LATCHKEY_URL: 'localhost:3000' }, line: /^LATCHKEY_URL is "localhost:3000": wanted a URL/ },
    ...['p/w', 'p#w', 'p?w', 'p%w', '12#w'].map((password) => ({
      given: { LATCHKEY_MAIL: `smtp://ann:${password}@mail.example.com:587` },
      line: /^LATCHKEY_MAIL is "smtp:\/\/\*\*\*@mail.example.com:587": wanted .*percent-encoded/,
    })),
    ...['p@w', 'p/w', 'p#w', 'p?w', 'p%w', 'p:w', 'p[w'].flatMap((password) =>
      ['mongodb', 'mongodb+srv'].map((scheme) => ({
        given: { LATCHKEY_STORE: `${scheme}://ann:${password}@db.example.com/latchkey` },
        line: ENCODE,
      })),
    ),
    { given: { LATCHKEY_MAIL: 'smtp://ann:hunter2' }, line: /^LATCHKEY_MAIL is "smtp:\/\/\*\*\*": wanted/ },
    {
      given: { LATCHKEY_STORE: 'postgres://ann:hunter2' },
      line: /^LATCHKEY_STORE is "postgres:\/\/\*\*\*": /,
    },
    { given: {}, owner: { appName: '' }, line: /^appName is "": wanted a name of at most 60 characters$/ },
    {
      given: {},
      owner: { tokens: { maxDays: 0 } },
      line: /^tokens.maxDays is 0: wanted a whole number of days/,
    },
    { given: { LATCHKEY_URL: 'ftp://x' }, line: /^LATCHKEY_URL is "ftp:\/\/x": wanted / },
    { given: { LATCHKEY_URL: 'nonsense' }, line: /^LATCHKEY_URL is "nonsense": wanted a URL like https/ },
    { given: { LATCHKEY_URL: 'https://x.example/path' }, line: /^LATCHKEY_URL is .*without a path/ },
    { given: { LATCHKEY_URL: 'http://id.example.com' }, line: /^LATCHKEY_URL is .*https/ },
    {
      given: { LATCHKEY_STORE: 'postgres://x' },
      line: /^LATCHKEY_STORE is "postgres:\/\/x": wanted sqlite:PATH/,
    },
    { given: { LATCHKEY_MAIL: 'sendmail' }, line: /^LATCHKEY_MAIL is "sendmail": wanted smtp/ },
    { given: { LATCHKEY_SECRET: 'short' }, line: /^LATCHKEY_SECRET is not good: wanted at least 32 bytes/ },
    {
      given: { LATCHKEY_PROXIES: 'nobody' },
      line: /^LATCHKEY_PROXIES is "nobody": wanted an address or a range/,
    },
    { given: { GOOGLE_CLIENT_ID: 'x' }, line: /^GOOGLE_CLIENT_SECRET is not set: wanted the client secret/ },
    {
      given: { GOOGLE_CLIENT_ID: 'x', GOOGLE_CLIENT_SECRET: 'y', GOOGLE_ISSUER: 'nope' },
      line: /^GOOGLE_ISSUER is "nope": wanted /,
    },
    ...[
      ['https://id.example.com/.well-known/openid-configuration', /the issuer alone/],
      ['https://id.example.com/?tenant=1', /without a user, a query/],
      ['https://me:pw@id.example.com', /^(?!.*pw).*without a user, a query/],
      ['http://id.example.com', /with https/],
      ['ftp://id.example.com', /a URL like/],
    ].map(([issuer, line]) => ({
      given: { GOOGLE_CLIENT_ID: 'x', GOOGLE_CLIENT_SECRET: 'y', GOOGLE_ISSUER: String(issuer) },
      line: line as RegExp,
    })),
    {
      given: {},
      owner: { store: ['mongodb://ann:hunter2@db'] },
      line: /^store is not good: wanted sqlite:PATH/,
    },
    { given: {}, owner: { port: () => 3000 }, line: /^port is not good: wanted a whole number/ },
    { given: { LATCHKEY_STORE: 'mongodb://ann:12?hun=ter2@db.example.com/latchkey' }, line: ENCODE },
    // Node's mkdir would try for ever there.
    ...(process.platform === 'linux'
      ? [
          {
            given: { LATCHKEY_STORE: 'sqlite:/proc/none/x.db' },
            line: /^LATCHKEY_STORE is .*: \/proc holds no/,
          },
          {
            given: { LATCHKEY_MAIL: 'file:/proc/none' },
            line: /^LATCHKEY_MAIL is .*: \/proc holds no files/,
          },
        ]
      : []),
    { given: { latchkey_url: 'x' }, line: /^latchkey_url is set, but there is no .*LATCHKEY_URL/ },
    { given: { GOOGLE_CLIENTID: 'x' }, line: /^GOOGLE_CLIENTID is set, but there is no .*GOOGLE_CLIENT_ID/ },
    { given: { LATCHKEY_WORKERS: '4' }, line: /^LATCHKEY_WORKERS is set, but there is no such setting/ },
    { given: { LATCHKEY_URL: 'https://id.example.com' }, line: /^LATCHKEY_MAIL is .*must be sent/ },
    {
      given: {
        LATCHKEY_URL: 'https://id.example.com',
        LATCHKEY_MAIL: 'smtp://mail.example.com',
        LATCHKEY_STORE: 'mongodb://db.example.com/latchkey',
      },
      line: /^LATCHKEY_SECRET is not set: machines that share/,
    },
    {
      given: {},
      owner: { accentColour: 'yellow' },
      line: /^accentColour is "yellow": wanted a colour like #0b57d0$/,
    },
    { given: {}, owner: { accentColour: '#ffff00' }, line: /^accentColour is "#ffff00": wanted .*contrast/ },
    {
      given: {},
      owner: { colour: 'red' },
      line: /^config\/settings.ts: colour is set, but there is no such setting; known are appName, .*accentColour/,
    },
    {
      given: {},
      owner: { tokens: { maxdays: 3 } },
      line: /^config\/settings.ts: tokens.maxdays is set, .*known are tokens.defaultDays, tokens.maxDays/,
    },
    {
      given: { GOOGLE_CLIENT_ID: 'x', GOOGLE_CLIENT_SECRET: 'y' },
      owner: { google: { isuer: 'https://id.example.com' } },
      line: /^config\/settings.ts: google.isuer is set, .*known are google.clientId, google.clientSecret, google.issuer/,
    },
    { given: {}, owner: { tokens: { defaultDays: 90, maxDays: 30 } }, line: /^tokens.defaultDays is 90/ },
    {
      given: {},
      owner: { logo: '/nowhere/logo.png' },
      line: /^logo is \/nowhere\/logo.png: there is no such file/,
    },
    {
      given: { GOOGLE_CLIENT_ID: 'x', GOOGLE_CLIENT_SECRET: 'y', GOOGLE_ICON: '/nowhere/icon.gif' },
      owner: {},
      line: /^GOOGLE_ICON is \/nowhere\/icon.gif: a .svg or .png file is wanted/,
    },
    {
      given: { GOOGLE_CLIENT_ID: 'x', GOOGLE_CLIENT_SECRET: 'y', GOOGLE_TRUSTS_EMAILS: 'perhaps' },
      owner: {},
      line: /^GOOGLE_TRUSTS_EMAILS is "?perhaps"?: wanted true or false/,
    },
    {
      given: {
        GOOGLE_CLIENT_ID: 'x',
        GOOGLE_CLIENT_SECRET: 'y',
        GOOGLE_TRUSTS_EMAILS: 'true',
        GOOGLE_ISSUER: 'https://login.microsoftonline.com/Common/v2.0',
      },
      owner: {},
      line: /^GOOGLE_TRUSTS_EMAILS is true: whoever has a tenant/,
    },
  ];
  for (const { given, owner, line } of wrong) {
    test(`${JSON.stringify({ ...given, ...owner })} is one line that names it`, () => {
      const lines = linesOf(given, owner);
      assert.equal(lines.length, 1, lines.join('\n'));
      assert.match(lines[0] ?? '', line);
    });
  }

  test('an image that is a folder is a line too', () => {
    mkdirSync(join(folder, 'logo.svg'));
    assert.match(linesOf({}, { logo: join(folder, 'logo.svg') }).join(), /^logo is .*svg: it is no file/);
  });

  test('a value that JSON cannot write is a line too', () => {
    assert.match(linesOf({}, { port: 3000n }).join(), /^port is 3000: wanted a whole number/);
  });

  test('all mistakes are told at once, and no secret among them', () => {
    const lines = linesOf({ PORT: 'x', LATCHKEY_MAIL: 'y', LATCHKEY_SECRET: 'hunter2' });
    assert.equal(lines.length, 3);
    assert.ok(!lines.join().includes('hunter2'));
  });

  const echoes: Record<string, string>[] = [
    { LATCHKEY_MAIL: 'stmp://ann:hunter2@mail.example.com' },
    { LATCHKEY_MAIL: 'stmp://ann:hun@:/ter2@mail.example.com' },
    { LATCHKEY_MAIL: 'ann:hunter2@mail.example.com' },
    { LATCHKEY_STORE: 'postgres://ann:hunter2@db.example.com/latchkey' },
    { LATCHKEY_URL: 'https://ann:hunter2@id.example.com/path' },
    { LATCHKEY_URL: 'https://ann:hunter2@id.example.com' },
    { LATCHKEY_URL: 'https://hunter2@id.example.com' },
    { LATCHKEY_URL: 'ann:hunter2@id.example.com' },
  ];
  for (const given of echoes) {
    test(`${Object.values(given).join()} is refused without its password`, () => {
      const lines = linesOf(given);
      assert.equal(lines.length, 1, lines.join('\n'));
      assert.match(lines[0] ?? '', /^LATCHKEY_\S+ is .*\*\*\*@.*: wanted /);
      assert.doesNotMatch(lines[0] ?? '', /ann|hun|ter2/);
    });
  }

  test('a misspelt key of google does not show the client secret beside it', () => {
    const google = { clientId: 'x', clientSecret: 'hunter2', isuer: 'https://id.example.com' };
    const lines = linesOf({}, { google });
    assert.equal(lines.length, 1);
    assert.ok(!lines.join().includes('hunter2'), lines.join());
  });

  const right: Record<string, string>[] = [
    { PORT: '0' },
    { LATCHKEY_URL: 'http://[::1]:3000' },
    { HOST: '::1' },
    { HOST: 'some-host.internal' },
    { HOST: 'node1.cluster2' },
    { GOOGLE_APPLICATION_CREDENTIALS: '/run/google.json' },
    { LATCHKEY_STORE: 'mongodb://db1:27017,db2:27017/latchkey?replicaSet=rs&authSource=admin' },
    { LATCHKEY_STORE: 'mongodb+srv://ann:p%40w%2F%23@db.example.com/?w=majority' },
    { LATCHKEY_STORE: 'mongodb://[::1]:27017/latchkey' },
    { LATCHKEY_MAIL: 'smtp://me%40app.example:p%2Fw%3A@mail.example.com:587' },
    { LATCHKEY_MAIL: 'smtps://mail.example.com/' },
    { LATCHKEY_PROXIES: '127.0.0.1, ::1 ,10.0.0.0/8' },
    { LATCHKEY_STORE: '' },
  ];
  for (const given of right) {
    test(`${JSON.stringify(given)} is taken`, () => assert.deepEqual(linesOf(given), []));
  }

  test('a URL of ::1 is listened for there, and its mails come from a name', () => {
    const { host, mailFrom } = read({ LATCHKEY_URL: 'http://[::1]:3000' });
    assert.deepEqual([host, mailFrom], ['::1', '"Latchkey" <no-reply@localhost>']);
  });

  describe('the data folder', () => {
    test('is not made, nor a secret, where a first start is refused', () => {
      const data = join(folder, 'not-there');
      assert.throws(
        () => readSettings({ data }, {}, { firstStart: 'refused' }),
        (error) =>
          error instanceof WrongSettings &&
          error.lines.length === 1 &&
          error.message.includes(join(data, 'secret')),
      );
      assert.ok(!existsSync(data));
    });

    test('that is a file is told by its variable and value', () => {
      const data = join(folder, 'a-file');
      writeFileSync(data, '');
      for (const path of [data, join(data, 'below')]) {
        const [line = '', ...more] = linesOf({ LATCHKEY_DATA: path });
        assert.equal(more.length, 0);
        assert.ok(
          line.startsWith(`LATCHKEY_DATA is ${JSON.stringify(path)}: `) && line.includes('folder'),
          line,
        );
      }
    });

    test('is named where the store or the mails in it cannot be, and else what leads there', () => {
      const file = join(folder, 'another-file');
      writeFileSync(file, '');
      const [circle, nowhere] = [join(folder, 'circle'), join(folder, 'nowhere')];
      symlinkSync(circle, circle);
      symlinkSync(join(folder, 'no-such-folder'), nowhere);
      const secret = 's'.repeat(40);
      for (const [given, line] of [
        [
          { LATCHKEY_DATA: file, LATCHKEY_SECRET: secret },
          /^LATCHKEY_DATA is ".*another-file": .* is no folder/,
        ],
        [
          { LATCHKEY_STORE: `sqlite:${file}/x/y.db` },
          /^LATCHKEY_STORE is "sqlite:.*another-file\/x\/y.db": .* no folder/,
        ],
        [
          { LATCHKEY_STORE: `sqlite:${folder}` },
          /^LATCHKEY_STORE is "sqlite:.*": .* is a folder; wanted .* file/,
        ],
        [{ LATCHKEY_MAIL: `file:${file}` }, /^LATCHKEY_MAIL is "file:.*another-file": .* is no folder/],
        [{ LATCHKEY_DATA: circle, LATCHKEY_SECRET: secret }, /^LATCHKEY_DATA is ".*": .* leads nowhere/],
        [
          { LATCHKEY_DATA: join(nowhere, 'x') },
          /^LATCHKEY_DATA is ".*": .*nowhere is a link that leads nowhere/,
        ],
        [{ LATCHKEY_MAIL: `file:${file}/x` }, /^LATCHKEY_MAIL is "file:.*another-file\/x": .* is no folder/],
      ] as const) {
        const lines = linesOf({ ...given });
        assert.equal(lines.length, 1, lines.join('\n'));
        assert.match(lines[0] ?? '', line);
      }
    });

    test('whose secret belongs to another user is told, and who runs this', (t) => {
      if (process.getuid?.() !== 0) return t.skip('only root can give a file away');
      const data = mkdtempSync(join(folder, 'foreign-'));
      readSettings({ data }, {});
      chownSync(join(data, 'secret'), 12_345, 12_345);
      const [line = '', ...more] = linesOf({ LATCHKEY_DATA: data });
      assert.equal(more.length, 0);
      assert.ok(line.startsWith(`LATCHKEY_DATA is ${JSON.stringify(data)}: `), line);
      assert.match(line, /cannot be used by this user, whose number is 0 /);
      // Taking the secret alone would leave the database to its owner.
      assert.ok(line.endsWith(`chown -R USER ${data}`), line);
    });

    test('of another user, with all that lies in it, is one line', (t) => {
      if (process.getuid?.() !== 0) return t.skip('only root can be another user');
      const data = mkdtempSync(join(tmpdir(), 'latchkey-settings-'));
      t.after(() => rmSync(data, { recursive: true }));
      writeFileSync(join(data, 'latchkey.db'), '', { mode: 0o600 });
      chmodSync(data, 0o755);
      const read = `const { readSettings } = await import('${import.meta.resolve('../../server/ground/settings.ts')}');
        try { readSettings({ data: '${data}' }, {}); } catch (error) { console.log(error.message); }`;
      const flags = ['--no-warnings', '--input-type=module', '-e', read];
      const said = spawnSync(process.execPath, flags, { uid: 12_345, gid: 12_345, encoding: 'utf8' });
      if (/EACCES|ERR_MODULE_NOT_FOUND/.test(said.stderr)) return t.skip('nobody else may read this folder');
      assert.match(said.stdout, /^data is .*chown -R USER \S+\n$/);
    });

    test('says whether its secret is older than this start', () => {
      const data = join(folder, 'new');
      assert.deepEqual(
        [readSettings({ data }, {}).secretIsOld, readSettings({ data }, {}).secretIsOld],
        [false, true],
      );
      assert.equal(readSettings({ data, secret: 'x'.repeat(32) }, {}).secretIsOld, false);
    });
  });

  test('a secret file that was emptied stops the start', () => {
    const other = mkdtempSync(join(tmpdir(), 'latchkey-settings-'));
    writeFileSync(join(other, 'secret'), '');
    assert.throws(() => readSettings({ data: other }, {}), /too short a secret/);
    rmSync(other, { recursive: true });
  });
});

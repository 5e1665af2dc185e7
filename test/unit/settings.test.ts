import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
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

  const wrong: { given: Record<string, string>; owner?: object; line: RegExp }[] = [
    { given: { PORT: 'abc' }, line: /^PORT is "abc": wanted / },
    { given: { PORT: '70000' }, line: /^PORT is "70000": wanted / },
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
      line: /^LATCHKEY_PROXIES.* is .*: wanted an address or a range/,
    },
    { given: { GOOGLE_CLIENT_ID: 'x' }, line: /^GOOGLE_CLIENT_SECRET is not good: wanted / },
    {
      given: { GOOGLE_CLIENT_ID: 'x', GOOGLE_CLIENT_SECRET: 'y', GOOGLE_ISSUER: 'nope' },
      line: /^GOOGLE_ISSUER is "nope": wanted /,
    },
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
    { given: {}, owner: { accentColour: '#ffff00' }, line: /^accentColour is "#ffff00": wanted .*contrast/ },
    { given: {}, owner: { colour: 'red' }, line: /colour/ },
    { given: {}, owner: { tokens: { defaultDays: 90, maxDays: 30 } }, line: /^tokens.defaultDays is 90/ },
    {
      given: {},
      owner: { logo: '/nowhere/logo.png' },
      line: /^logo is \/nowhere\/logo.png: there is no such file/,
    },
  ];
  for (const { given, owner, line } of wrong) {
    test(`${JSON.stringify({ ...given, ...owner })} is one line that names it`, () => {
      const lines = linesOf(given, owner);
      assert.equal(lines.length, 1, lines.join('\n'));
      assert.match(lines[0] ?? '', line);
    });
  }

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

  test('a secret file that was emptied stops the start', () => {
    const other = mkdtempSync(join(tmpdir(), 'latchkey-settings-'));
    writeFileSync(join(other, 'secret'), '');
    assert.throws(() => readSettings({ data: other }, {}), /too short a secret/);
    rmSync(other, { recursive: true });
  });
});

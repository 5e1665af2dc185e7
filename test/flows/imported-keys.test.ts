import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import type { ImportOptions, KeyOutcome } from '../../server/access/key-import.ts';
import { runCommand } from '../../server/cli/program.ts';
import { actor, openTestDomain, type TestDomain } from '../support/domain.ts';
import { openPeople, type People } from '../support/people.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { eachStore } from '../support/stores.ts';
import { until } from '../support/until.ts';

const hexOf = (value: string) => createHash('sha256').update(value).digest('hex');
const SCOPES = ['wf:create_transaction', 'profile'];

/** What came of a key, in a word or with the code of its refusal. */
const wordOf = (outcome: KeyOutcome) => (outcome.state === 'refused' ? outcome.problem.code : outcome.state);

eachStore(({ url }) => {
  describe('keys that exist already', () => {
    let domain: TestDomain;
    let storeUrl: string;
    before(async () => {
      storeUrl = await url();
      domain = await openTestDomain({ storeUrl });
    });
    after(() => domain.stop());

    const inDays = (days: number) => domain.clock() + days * 86_400;
    const key = (value: string, more: object = {}) => ({
      sha256: hexOf(value),
      name: value,
      scopes: SCOPES,
      expires: inDays(90),
      ...more,
    });
    const take = async (keys: readonly unknown[], options: Partial<ImportOptions> = {}, of = domain) =>
      (await of.keyImport.begin({ makeAccounts: false, dryRun: false, ...options }, actor).take(keys)).map(
        wordOf,
      );

    test('are no question to the store where there are none, and found by another process within seconds', async () => {
      const other = await openTestDomain({ storeUrl });
      const value = 'sk|of-another/process:1';
      await domain.account('first@example.com');
      assert.deepEqual(await other.bearers.find(value), { refused: 'unknown' });
      const { list, find } = other.rows.credentials;
      let reads = 0;
      const counting = {
        list(...args: Parameters<typeof list>) {
          reads += 1;
          return list(...args);
        },
        find(...args: Parameters<typeof find>) {
          reads += 1;
          return find(...args);
        },
      };
      Object.assign(other.rows.credentials, counting);
      for (let at = 0; at < 50; at += 1) await other.bearers.find(`garbage-of-any-form-${at}`);
      assert.equal(reads, 0);
      assert.deepEqual(await take([key(value, { email: 'first@example.com' })]), ['imported']);
      other.pass(5);
      const found = await other.bearers.find(value);
      assert.ok(!('refused' in found), JSON.stringify(found));
      assert.deepEqual([found.account.email, found.scopes], ['first@example.com', SCOPES]);
      await other.stop();
    });

    test('are known the second time, and stay revoked', async () => {
      const { id } = await domain.account('again@example.com');
      const expires = String(inDays(90));
      const keys = [key('again-and-again-1', { email: 'AGAIN@example.com', expires })];
      assert.deepEqual(await take(keys), ['imported']);
      const row = await domain.tokens.findByValue('again-and-again-1');
      assert.deepEqual([row?.imported, row?.accountId, row?.expiresAt], [true, id, Number(expires)]);
      await domain.tokens.revoke({ accountId: id, id: row?.id ?? '' }, actor);
      assert.deepEqual(await take(keys), ['known']);
      const found = await domain.bearers.find('again-and-again-1');
      assert.equal('refused' in found && found.refused, 'revoked');
      assert.deepEqual(await domain.mailed('again@example.com'), ['Token revoked: again-and-again-1']);
      assert.deepEqual((await domain.audited(id)).at(1), 'token.imported again-and-again-1');
      await domain.account('thief@example.com');
      assert.deepEqual(await take([key('again-and-again-1', { email: 'thief@example.com' })]), ['KEY_TAKEN']);
    });

    test('of the same list at the same moment are each imported once', async () => {
      await domain.account('race@example.com');
      const keys = Array.from({ length: 20 }, (_, at) =>
        key(`race-of-two-lists-${at}`, { email: 'race@example.com' }),
      );
      const second = await openTestDomain({ storeUrl });
      const [one, other] = await Promise.all([take(keys), take(keys, {}, second)]);
      await second.stop();
      assert.deepEqual(
        one.map((word, at) => [word, other[at]].sort().join()),
        keys.map(() => 'imported,known'),
      );
    });

    test('are refused one by one, and nothing of a refused one is kept', async () => {
      const { id } = await domain.account('wrong@example.com');
      const own = await domain.tokens.mint(
        {
          account: (await domain.accounts.get(id)) ?? assert.fail(),
          name: 'Own',
          scopes: ['profile'],
          expiresAt: inDays(1),
        },
        actor,
      );
      const to = { email: 'wrong@example.com' };
      const cases: [unknown, string][] = [
        [undefined, 'INVALID_DATA'],
        ['text', 'INVALID_DATA'],
        [key('nobody-is-named-here'), 'MISSING_DATA'],
        [key('somebody-not-there-1', { email: 'nobody@example.com' }), 'NOT_FOUND'],
        [key('somebody-not-there-2', { external_id: 'u404' }), 'NOT_FOUND'],
        [key('no-address-at-all-1', { email: 'nobody' }), 'INVALID_EMAIL'],
        [{ ...key('the-value-itself-123', to), sha256: 'the-value-itself-123' }, 'INVALID_DATA'],
        [key('too-long-a-hash-1234', { ...to, sha256: `${hexOf('x')}0` }), 'INVALID_DATA'],
        [key('more-than-is-read-1', { ...to, admin: true }), 'INVALID_DATA'],
        [key('no-name-is-given-123', { ...to, name: '' }), 'INVALID_NAME'],
        [key('an-admins-scope-1234', { ...to, scopes: ['admin'] }), 'invalid_scope'],
        [key('no-scope-is-given-12', { ...to, scopes: '' }), 'invalid_scope'],
        [key('a-past-expiry-123456', { ...to, expires: 1 }), 'INVALID_EXPIRY'],
        [key('never-is-not-allowed', { ...to, expires: 'never' }), 'INVALID_EXPIRY'],
        [key('no-time-is-this-1234', { ...to, expires: 'soon' }), 'INVALID_DATA'],
        [key('the-same-name-as-own', { ...to, name: 'Own' }), 'NAME_TAKEN'],
        [key(own.value, { ...to, name: 'Ours' }), 'KEY_TAKEN'],
        [key('good-among-the-bad-1', to), 'imported'],
        [key('good-among-the-bad-1', { ...to, name: 'Twice' }), 'INVALID_DATA'],
      ];
      const before = await domain.rows.credentials.count([['imported', '=', true]]);
      const words = await take(cases.map(([written]) => written));
      assert.deepEqual(
        words,
        cases.map(([, word]) => word),
      );
      assert.equal(await domain.rows.credentials.count([['imported', '=', true]]), before + 1);
      assert.equal(await domain.accounts.findByEmail('nobody@example.com'), undefined);
      assert.ok(!(await domain.dump()).includes('the-value-itself-123'));
    });

    test('of people who are not there bring their accounts where that is wanted, and a dry run nothing', async () => {
      const keys = [
        key('brings-an-account-1', { email: 'new@example.com', external_id: 'n1', name: 'One' }),
        key('brings-an-account-2', { external_id: 'n1', email: 'new@example.com', name: 'Two' }),
        key('brings-an-account-3', { external_id: 'n2' }),
        key('brings-an-account-4', { email: 'new@example.com', external_id: 'n1', name: 'One' }),
      ];
      const dry = await take(keys, { makeAccounts: true, dryRun: true });
      assert.deepEqual(dry, ['would be imported', 'would be imported', 'MISSING_DATA', 'INVALID_DATA']);
      assert.equal(await domain.accounts.findByEmail('new@example.com'), undefined);
      const words = await take(keys, { makeAccounts: true });
      assert.deepEqual(words, ['imported', 'imported', 'MISSING_DATA', 'NAME_TAKEN']);
      const account = await domain.accounts.findByEmail('new@example.com');
      assert.deepEqual([account?.externalId, account?.passwordHash], ['n1', undefined]);
    });

    test('by the word of an app are for people who have no sign-in of their own', async () => {
      const passwordHash = 'x';
      await domain.accounts.create({ email: 'own@example.com', passwordHash, admin: false }, actor);
      await domain.account('admin@example.com', true);
      await domain.account('free@example.com');
      const keys = ['own', 'admin', 'free'].map((who) =>
        key(`word-of-an-app-${who}`, { email: `${who}@example.com` }),
      );
      const owned = await take(keys, { ownerId: 'acc_owner' });
      assert.deepEqual(owned, ['HAS_OWN_SIGN_IN', 'HAS_OWN_SIGN_IN', 'imported']);
      assert.deepEqual(await take(keys), ['imported', 'imported', 'known']);
    });

    test('are rotated into ours', async () => {
      const account = await domain.account('rotates@example.com');
      await take([key('rotated-into-ours-1', { email: account.email })]);
      const row = await domain.tokens.findByValue('rotated-into-ours-1');
      const which = { accountId: account.id, id: row?.id ?? '' };
      const { credential, value } = await domain.tokens.rotate(which, { account, overlapSeconds: 0 }, actor);
      assert.match(value, /^lk_pat_/);
      assert.deepEqual([credential.imported, credential.scopes], [undefined, SCOPES]);
      const found = await domain.bearers.find('rotated-into-ours-1');
      assert.equal('refused' in found && found.refused, 'revoked');
    });
  });
});

describe('imported keys at a running server', () => {
  let server: TestServer;
  let people: People;
  /** So that nobody waits until the server looks again. */
  let aheadSeconds = 0;
  const clock = () => Math.floor(Date.now() / 1000) + aheadSeconds;
  before(async () => {
    server = await startTestServer({ clock });
    people = await openPeople(server);
  });
  after(async () => {
    await people.close();
    await server.stop();
  });

  const me = (value: string) =>
    fetch(`${server.url}/api/1.1/me`, { headers: { authorization: `Bearer ${value}` } });
  const post = (path: string, values: Record<string, string>) =>
    fetch(`${server.url}${path}`, { method: 'POST', body: new URLSearchParams(values) });

  async function run(...args: string[]) {
    let out = '';
    const code = await runCommand(args, {
      env: { LATCHKEY_DATA: server.dataFolder, LATCHKEY_STORE: server.storeUrl },
      stdin: Readable.from([]),
      out: (text) => {
        out += text;
      },
      err: (text) => {
        out += text;
      },
    });
    return { code, out };
  }

  async function file(name: string, text: string): Promise<string> {
    const path = join(server.dataFolder, name);
    await writeFile(path, text);
    return path;
  }

  const date = new Date(Date.now() + 86_400_000 * 30).toISOString().slice(0, 10);
  const VALUES = ['1|sanctum-like-value', 'plain.old.key.0001', '{"odd":$value}<>', 'k'.repeat(500)];

  test('work as they are, wherever a token of ours does', async () => {
    const { account, agent } = await people.person();
    assert.equal((await me('plain.old.key.0001')).status, 401);
    const lines = VALUES.map((value, at) =>
      JSON.stringify({
        sha256: hexOf(value),
        email: account.email,
        name: `Key ${at}`,
        scopes: SCOPES,
        expires: date,
      }),
    );
    const path = await file('keys.jsonl', lines.join('\n'));
    const dry = await run('import-keys', path, '--dry-run', '--json');
    assert.deepEqual([dry.code, JSON.parse(dry.out).imported], [0, 4]);
    const done = await run('import-keys', path);
    assert.deepEqual([done.code, done.out], [0, '4 imported, 0 known from before, 0 refused.\n']);
    const [first = '', second = '', third = '', long = ''] = VALUES;
    aheadSeconds = 5;
    for (const value of VALUES) assert.equal((await me(value)).status, 200, value);
    assert.equal((await me(`${long}k`)).status, 401);
    const wrong = await me('"quoted-but-unknown"');
    assert.match(JSON.stringify(await wrong.json()), /quotes/);

    const own = await fetch(`${server.url}/api/1.1/me/token`, {
      headers: { authorization: `Bearer ${first}` },
    });
    const { response } = (await own.json()) as { response: Record<string, unknown> };
    assert.deepEqual([response.imported, response.last_four, response.name], [true, null, 'Key 0']);
    const { text } = await agent.get('/tokens');
    assert.match(text, /Imported/);
    assert.match((await agent.get(`/tokens/${response.id}`)).text, /This key was imported/);

    const admin = await people.account({ admin: true });
    const asks = await people.domain.services.create(
      { account: admin, name: 'Asks', scopes: [], actsFor: 'app', resourceServer: true },
      actor,
    );
    const asking = { client_id: asks.client.id, client_secret: asks.secret.value };
    const told = (await (await post('/oauth/introspect', { token: third, ...asking })).json()) as object;
    assert.deepEqual(
      { ...told, iat: 0, exp: 0, token_id: '' },
      {
        active: true,
        sub: account.id,
        scope: SCOPES.join(' '),
        token_type: 'Bearer',
        token_kind: 'personal_access_token',
        token_name: 'Key 2',
        token_id: '',
        ...{ iat: 0, exp: 0, iss: server.url, aud: `${server.url}/api/1.1` },
      },
    );

    const revokes = await people.domain.services.create(
      { account, name: 'Revokes', scopes: ['profile'], actsFor: 'account', resourceServer: false },
      actor,
    );
    const revoking = { client_id: revokes.client.id, client_secret: revokes.secret.value };
    assert.equal((await post('/oauth/revoke', { token: third, ...revoking })).status, 200);
    assert.equal((await me(third)).status, 401);
    assert.deepEqual(await (await post('/oauth/introspect', { token: third, ...asking })).json(), {
      active: false,
    });

    await fetch(`${server.url}/credentials/revoke`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ credentials: [second] }),
    });
    await until('the key is revoked', async () => (await me(second)).status === 401);
    const deadUse = 'A token that has ended was used: Key 2';
    await until('the owner hears of a dead one in use', async () => {
      const told = await people.domain.rows.outbox.list({ where: [['to', '=', account.email]], limit: 20 });
      return told.some(({ subject }) => subject === deadUse);
    });
    const mails = await people.domain.rows.outbox.list({ where: [['to', '=', account.email]], limit: 20 });
    assert.ok(
      mails.some(({ subject }) => /leak/i.test(subject)),
      mails.map(({ subject }) => subject).join(),
    );
  });

  test('that stand in a file with mistakes are named by their line', async () => {
    const account = await people.account();
    const csv = [
      '\ufeffsha256, external_id, email, name, scopes, expires',
      `${hexOf('from-a-csv-file-1')},,${account.email},"One, of two",profile wf:create_transaction,${date}`,
      `not-a-hash,,${account.email},Two,profile,${date}`,
      '',
      `${hexOf('from-a-csv-file-2')},,${account.email},Three,profile,${date},more`,
      `${hexOf('from-a-csv-file-3')},,${account.email},Four,"profile,wf:create_transaction",${date}`,
    ].join('\r\n');
    const path = await file('keys.csv', csv);
    const { code, out } = await run('import-keys', path, '--json');
    const { imported, refused, lines } = JSON.parse(out.slice(0, out.lastIndexOf('}') + 1));
    assert.equal(code, 1);
    assert.deepEqual([imported, refused, lines.map(({ line }: { line: number }) => line)], [2, 2, [3, 5]]);
    assert.equal((await me('from-a-csv-file-3')).status, 200);
    const broken = await run('import-keys', await file('broken.csv', 'sha256,name\n"abc,x\n'));
    assert.equal(broken.code, 1);
    assert.match(broken.out, /line \d/);
    assert.equal((await run('import-keys', join(server.dataFolder, 'none.csv'))).code, 1);
  });
});

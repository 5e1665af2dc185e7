import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openStore } from '../../adapters/open.ts';
import { accountDeclaration } from '../../server/accounts/account.ts';
import { auditDeclaration } from '../../server/activity/audit.ts';
import { runCommand } from '../../server/cli/program.ts';
import { messageDeclaration } from '../../server/mail/message.ts';
import { createAgent } from '../support/browserless.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { createKeptMail, startSmtp } from '../support/smtp.ts';
import { eachStore } from '../support/stores.ts';
import { until } from '../support/until.ts';

const cli = fileURLToPath(new URL('../../server/start/cli.js', import.meta.url));
const PASSWORD = 'a horse of another colour';

type Ran = { code: number; out: string; err: string };

type Env = Record<string, string>;

/** One command line in a process of its own, as a person types it, in a folder that is not the project's. */
async function runProcess(env: Env, args: readonly string[], input = ''): Promise<Ran> {
  const child = spawn(process.execPath, [cli, ...args], {
    cwd: tmpdir(),
    env: { PATH: process.env.PATH ?? '', ...env },
  });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { code, out, err };
}

/** The same without the second that a process takes to start: everything but cli.ts. */
async function run(env: Env, args: readonly string[], input: string | Buffer = ''): Promise<Ran> {
  const ran = { out: '', err: '' };
  const code = await runCommand(args, {
    env,
    stdin: Readable.from([Buffer.from(input)]),
    out: (text) => {
      ran.out += text;
    },
    err: (text) => {
      ran.err += text;
    },
  });
  return { code, ...ran };
}

/** A server was here, and is no longer. */
async function startOnce(folder: string): Promise<void> {
  await (await startTestServer({ keepFolder: folder })).stop();
}

function assertRefused(ran: Ran, says: RegExp): void {
  assert.equal(ran.code, 1, ran.err);
  assert.equal(ran.out, '');
  assert.match(ran.err, says);
  assert.equal(ran.err.trimEnd().split('\n').length, 1, `one line is wanted:\n${ran.err}`);
}

eachStore(({ url, isFirst }) => {
  /** Two readings of the clock, which may fall into two seconds. */
  function assertNinetyDays(made: { secret_expires_at: string; created_at: string }): void {
    const lifeMs = Date.parse(made.secret_expires_at) - Date.parse(made.created_at);
    assert.ok(Math.abs(lifeMs - 90 * 86_400_000) <= 1000, `${lifeMs} ms`);
  }

  describe('the command line beside a running server', () => {
    let server: TestServer;
    let env: Env;
    before(async () => {
      server = await startTestServer({ storeUrl: await url() });
      env = {
        LATCHKEY_URL: server.url,
        LATCHKEY_DATA: server.dataFolder,
        LATCHKEY_STORE: server.storeUrl,
        LATCHKEY_MAIL: `file:${server.mailFolder}`,
      };
      const created = await runProcess(
        env,
        ['accounts', 'create', '--email', 'Ann@Example.com', '--admin', '--password-stdin', '--json'],
        `${PASSWORD}\n`,
      );
      assert.equal(created.code, 0, created.err);
      const { id, ...rest } = JSON.parse(created.out);
      assert.match(id, /^acc_/);
      assert.equal(rest.email, 'Ann@example.com');
      assert.equal(rest.admin, true);
    });
    after(() => server.stop());

    const json = async (...args: string[]) => {
      const ran = await run(env, [...args, '--json']);
      assert.equal(ran.code, 0, ran.err);
      assert.equal(ran.err, '');
      return JSON.parse(ran.out);
    };
    const me = (token: string) =>
      fetch(`${server.url}/api/1.1/me`, { headers: { authorization: `Bearer ${token}` } });

    it('makes an account that signs in at once', async () => {
      const agent = createAgent(server.url);
      const right = await agent.post('/sign-in', { email: 'ann@example.com', password: PASSWORD });
      assert.equal(right.status, 303);
      assert.equal((await agent.get('/tokens')).status, 200);
    });

    it('makes a token that the server takes, and revokes it for the next call', async () => {
      const made = await json(
        'tokens',
        'create',
        '--account',
        'ann@example.com',
        '--name',
        'CI',
        '--scopes',
        'profile',
      );
      assert.match(made.token, /^lk_pat_[0-9A-Za-z]{36}$/);
      assert.match(made.id, /^tok_/);
      // The second may change between the two.
      const lifeMs = Date.parse(made.expires_at) - Date.parse(made.created_at);
      assert.ok(Math.abs(lifeMs - 90 * 86_400_000) <= 1000, String(lifeMs));
      assert.equal((await me(made.token)).status, 200);
      const revoked = await runProcess(env, ['tokens', 'revoke', made.id]);
      assert.equal(revoked.code, 0, revoked.err);
      assert.equal((await me(made.token)).status, 401);
      const [listed] = await json('tokens', 'list', '--account', 'ann@example.com');
      assert.equal(listed.state, 'revoked');
      assert.ok(!JSON.stringify(listed).includes(made.token));
      assertRefused(await runProcess(env, ['tokens', 'revoke', made.id]), /no live token/);
    });

    it('makes a narrow token, and says what is no range, origin or bound', async () => {
      const create = [
        'tokens',
        'create',
        '--account',
        'ann@example.com',
        '--scopes',
        'wf:create_transaction',
      ];
      const made = await json(
        ...[...create, '--name', 'Narrow', '--ip-range', '127.0.0.9/8', '::1', '--idle-days', '30'],
        ...['--bound', 'create_transaction.amount<=100', '--bound', 'create_transaction=20/day'],
      );
      assert.deepEqual(
        [made.ip_ranges, made.idle_days, made.bounds],
        [['127.0.0.0/8', '::1'], 30, ['create_transaction.amount <= 100', 'create_transaction = 20/day']],
      );
      assert.equal((await me(made.token)).status, 200);
      const wrong = await run(env, [...create, '--name', 'N', '--ip-range', 'office', '--bound', 'x']);
      assert.equal(wrong.code, 1);
      assert.match(wrong.err, /"office" is no IP address/);
    });

    it('rotates, pauses, resumes and edits a token, from the next call on', async () => {
      const made = await json(
        ...['tokens', 'create', '--account', 'ann@example.com', '--name', 'Life', '--scopes', 'profile'],
      );
      const next = await json('tokens', 'rotate', made.id, '--overlap', '1h');
      assert.deepEqual([next.name, next.scopes, next.replaces], ['Life', ['profile'], made.id]);
      assert.equal(Date.parse(next.old_ends_at) - Date.parse(next.created_at), 3_600_000);
      assert.deepEqual([(await me(made.token)).status, (await me(next.token)).status], [200, 200]);
      assertRefused(await run(env, ['tokens', 'rotate', made.id]), /rotated already/);
      assertRefused(await run(env, ['tokens', 'rotate', next.id, '--overlap', '31d']), /overlap/);
      assert.equal((await json('tokens', 'pause', next.id)).state, 'paused');
      assert.equal((await me(next.token)).status, 401);
      assertRefused(await run(env, ['tokens', 'rotate', next.id]), /paused/);
      assert.equal((await json('tokens', 'resume', next.id)).state, 'live');
      const edited = await json('tokens', 'edit', next.id, '--name', 'Longer', '--note', 'here');
      assert.deepEqual([edited.name, edited.note, edited.scopes], ['Longer', 'here', ['profile']]);
      assertRefused(await run(env, ['tokens', 'edit', next.id]), /Neither a name/);
      assertRefused(await run(env, ['tokens', 'edit', next.id, '--scopes', 'admin']), /scope/);
      const office = await json('tokens', 'edit', next.id, '--ip-range', '198.51.100.0/24', '::1');
      assert.deepEqual([office.ip_ranges, office.name], [['198.51.100.0/24', '::1'], 'Longer']);
      assert.equal((await me(next.token)).status, 403);
      const idle = await json('tokens', 'edit', next.id, '--idle-days', '7');
      assert.deepEqual([idle.ip_ranges?.length, idle.idle_days], [2, 7]);
      const freed = await json('tokens', 'edit', next.id, '--ip-range', '');
      assert.deepEqual([freed.ip_ranges, freed.idle_days], [undefined, 7]);
      assert.equal((await me(next.token)).status, 200);
      assertRefused(await run(env, ['tokens', 'edit', next.id, '--bound', 'nothing=1/day']), /"nothing"/);
      const both = await run(env, [
        'tokens',
        'edit',
        next.id,
        '--note',
        'x',
        '--origin',
        'https://a.example',
      ]);
      assertRefused(both, /by itself; nothing was done/);
      await json('tokens', 'revoke', next.id);
      for (const act of ['rotate', 'pause', 'resume'])
        assertRefused(await run(env, ['tokens', act, next.id]), /revoked/);
      assertRefused(await run(env, ['tokens', 'pause', next.token]), /no token\./);
    });

    it('leaves its mails to the server, which sends them', async () => {
      await json(
        'tokens',
        'create',
        '--account',
        'ann@example.com',
        '--name',
        'Mailed',
        '--scopes',
        'profile',
      );
      const mail = await createKeptMail(server.mailFolder).waitFor({
        subject: 'Mailed',
        to: 'Ann@example.com',
      });
      assert.match(mail.text ?? '', /the operator of this site/);
    });

    it('makes a service that gets a token, gives it another secret, and ends it', async () => {
      const made = await json('services', 'create', '--name', 'Acme', '--scopes', 'profile');
      const tokenFor = (secret: string) =>
        fetch(`${server.url}/oauth/token`, {
          method: 'POST',
          headers: {
            authorization: `Basic ${Buffer.from(`${made.client_id}:${secret}`).toString('base64')}`,
          },
          body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'profile' }),
        });
      const first = await tokenFor(made.client_secret);
      assert.equal(first.status, 200);
      const { access_token } = (await first.json()) as { access_token: string };
      assert.equal((await me(access_token)).status, 200);
      const rotated = await json('services', 'rotate', made.client_id, '--overlap', '0');
      assert.notEqual(rotated.client_secret, made.client_secret);
      assert.equal((await tokenFor(made.client_secret)).status, 401);
      assert.equal((await tokenFor(rotated.client_secret)).status, 200);
      const again = (await (await tokenFor(rotated.client_secret)).json()) as { access_token: string };
      assert.equal((await json('services', 'pause', made.client_id)).state, 'paused');
      assert.equal((await json('services', 'resume', made.client_id)).paused_at, null);
      await json('services', 'revoke', made.client_id);
      assert.equal((await tokenFor(rotated.client_secret)).status, 401);
      assert.equal((await me(again.access_token)).status, 401);
      const listed = (await json('services', 'list')).find((one: { name: string }) => one.name === 'Acme');
      assert.equal(listed.state, 'revoked');
    });

    it('gives the admin scope with a reason and for 90 days, and not otherwise', async () => {
      const args = ['services', 'create', '--name', 'Root', '--admin'];
      assertRefused(await run(env, args), /needs a reason/);
      const reason = ['--reason', 'moving house'];
      assertRefused(await run(env, [...args, ...reason, '--expires-in', '91d']), /at most 90 days/);
      assertRefused(await run(env, [...args, ...reason, '--expires-in', 'never']), /at most 90 days/);
      const made = await json(...args, ...reason);
      assert.deepEqual([made.scopes, made.acts_for, made.reason], [['admin'], 'app', 'moving house']);
      assertNinetyDays(made);
    });

    it('gives an admin scope that is narrow on the same terms', async () => {
      const args = ['services', 'create', '--name', 'Narrow', '--scopes', 'admin:wf:issue_token'];
      assertRefused(await run(env, args), /needs a reason/);
      const made = await json(...args, '--reason', 'logs users in');
      assert.deepEqual([made.scopes, made.acts_for], [['admin:wf:issue_token'], 'app']);
      const shown = await json('services', 'show', made.client_id);
      assert.deepEqual([shown.admin_calls, shown.admin_calls_are_all], [0, true]);
      assert.match((await run(env, ['services', 'show', made.client_id])).out, /reason +logs users in/);
      assertNinetyDays(made);
    });

    it('suspends an account for the next call, and restores it', async () => {
      const bob = ['--email', 'bob@example.com', '--password-stdin'];
      assert.equal((await run(env, ['accounts', 'create', ...bob], PASSWORD)).code, 0);
      const { token } = await json(
        'tokens',
        'create',
        '--account',
        'bob@example.com',
        '--name',
        'x',
        '--scopes',
        'profile',
      );
      assert.equal((await me(token)).status, 200);
      await json('accounts', 'suspend', 'BOB@example.com');
      assert.equal((await me(token)).status, 401);
      assertRefused(await run(env, ['accounts', 'suspend', 'bob@example.com']), /already/);
      assertRefused(await run(env, ['accounts', 'end-access', 'bob@example.com']), /changed meanwhile/);
      const states = (await json('accounts', 'list')).map((one: { email: string; state: string }) => [
        one.email,
        one.state,
      ]);
      assert.deepEqual(states, [
        ['Ann@example.com', 'active'],
        ['bob@example.com', 'suspended'],
      ]);
      await json('accounts', 'restore', 'bob@example.com');
      assert.equal((await me(token)).status, 200);
      assert.equal((await json('accounts', 'end-access', 'bob@example.com')).email, 'bob@example.com');
      assert.equal((await me(token)).status, 401);
    });

    const createAccount = (email: string, ...more: string[]) =>
      run(env, ['accounts', 'create', '--email', email, '--password-stdin', ...more], PASSWORD);
    const newToken = async (account: string, name: string): Promise<{ id: string; token: string }> =>
      json('tokens', 'create', '--account', account, '--name', name, '--scopes', 'profile');

    it('finds nothing amiss', async () => {
      const findings: { level: string; about: string; found: string }[] = await json('doctor');
      const levels = Object.fromEntries(findings.map(({ about, level }) => [about, level]));
      assert.deepEqual(levels, {
        Node: 'ok',
        settings: 'ok',
        'who may make': 'ok',
        'data folder': 'ok',
        'secret file': 'ok',
        workflows: 'ok',
        mail: 'warn',
        'public URL': 'ok',
        store: 'ok',
        'signing keys': 'ok',
        mails: 'ok',
        admin: 'ok',
        scopes: 'ok',
        PKCE: 'ok',
      });
    });

    // The commands do what pages do, by the same acts; the others are tried on one store.
    if (!isFirst) return;

    it('promotes and demotes, but never the last admin, nor one whose services reach the whole app', async () => {
      await createAccount('cleo@example.com');
      assertRefused(await run(env, ['accounts', 'demote', 'cleo@example.com']), /is no admin/);
      for (const act of ['demote', 'delete', 'suspend']) {
        assertRefused(await run(env, ['accounts', act, 'ann@example.com']), /last admin.*accounts promote/);
      }
      assert.equal((await json('accounts', 'promote', 'cleo@example.com')).admin, true);
      assertRefused(await run(env, ['accounts', 'promote', 'cleo@example.com']), /is an admin already/);
      const service = ['services', 'create', '--account', 'cleo@example.com', '--name', 'Far'];
      const { client_id } = await json(...service, '--acts-for', 'app', '--scopes', 'profile');
      assertRefused(
        await run(env, ['accounts', 'demote', 'cleo@example.com']),
        new RegExp(`Far \\(${client_id}\\)`),
      );
      await json('services', 'revoke', client_id);
      const agent = createAgent(server.url);
      await agent.post('/sign-in', { email: 'cleo@example.com', password: PASSWORD });
      assert.equal((await agent.get('/tokens')).status, 200);
      assert.equal((await json('accounts', 'demote', 'cleo@example.com')).admin, false);
      assert.equal((await agent.get('/tokens')).status, 303, 'signed out everywhere');
    });

    it('of two admins who are demoted at the same moment, one stays', async () => {
      await createAccount('dora@example.com', '--admin');
      const both = ['ann@example.com', 'dora@example.com'];
      const ran = await Promise.all(both.map((email) => run(env, ['accounts', 'demote', email])));
      assert.ok(ran.some(({ code }) => code === 1));
      const all: { email: string; admin: boolean; id: string }[] = await json('accounts', 'list');
      assert.ok(all.some(({ admin }) => admin));
      await run(env, ['accounts', 'promote', 'ann@example.com']);
      await run(env, ['accounts', 'demote', 'dora@example.com']);
    });

    it('prints a link to choose a new password, which works once', async () => {
      await createAccount('ed@example.com');
      const { url, expires_at } = await json('accounts', 'reset-password', 'ed@example.com');
      assert.ok(Date.parse(expires_at) > Date.now());
      const agent = createAgent(server.url);
      const path = url.slice(server.url.length);
      assert.equal((await agent.get(path)).status, 200);
      await json('accounts', 'suspend', 'ed@example.com');
      assertRefused(await run(env, ['accounts', 'reset-password', 'ed@example.com']), /suspended/);
    });

    it('deletes an account with all that it has, for the next call, and its address is free', async () => {
      await createAccount('flo@example.com');
      const token = await newToken('flo@example.com', 'x');
      const service = ['services', 'create', '--account', 'flo@example.com', '--name', 'S'];
      const { client_id } = await json(...service, '--scopes', 'profile');
      const agent = createAgent(server.url);
      await agent.post('/sign-in', { email: 'flo@example.com', password: PASSWORD });
      await json('accounts', 'delete', 'flo@example.com');
      assert.equal((await me(token.token)).status, 401);
      assert.equal((await agent.get('/tokens')).status, 303);
      assertRefused(await run(env, ['services', 'rotate', client_id]), /no live service/);
      assertRefused(
        await run(env, ['accounts', 'delete', 'flo@example.com']),
        /no account "flo@example.com"/,
      );
      assert.equal((await createAccount('flo@example.com')).code, 0);
      assert.deepEqual(await json('tokens', 'list', '--account', 'flo@example.com'), []);
    });

    it('revokes by value, from standard input too, and never repeats one', async () => {
      const one = await newToken('ann@example.com', 'by value');
      assert.equal((await json('tokens', 'revoke', one.token)).id, one.id);
      assert.equal((await me(one.token)).status, 401);
      for (const [index, how] of ['--stdin', '-'].entries()) {
        const { token } = await newToken('ann@example.com', `piped ${index}`);
        const revoked = await run(env, ['tokens', 'revoke', how], `${token}\n`);
        assert.equal(revoked.code, 0, revoked.err);
        assert.equal((await me(token)).status, 401);
        assert.ok(!revoked.out.includes(token));
        const again = await run(env, ['tokens', 'revoke', token]);
        assertRefused(again, /no live token/);
        assert.ok(!again.err.includes(token));
      }
      const made = await json('services', 'create', '--name', 'Leaky', '--scopes', 'profile');
      assert.match((await json('tokens', 'revoke', made.client_secret)).id, /^sec_/);
      const { secrets } = await json('services', 'show', made.client_id);
      assert.deepEqual(
        secrets.map(({ state }: { state: string }) => state),
        ['revoked'],
      );
    });

    it('revokes what an app or a service was given by its value', async () => {
      await createAccount('iva@example.com');
      const about = ['--name', 'Ended', '--scopes', 'profile', '--account', 'iva@example.com'];
      const client = await json('services', 'create', ...about);
      const answer = await fetch(`${server.url}/oauth/token`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'client_credentials',
          client_id: client.client_id,
          client_secret: client.client_secret,
        }),
      });
      const { access_token: value } = (await answer.json()) as { access_token: string };
      assert.equal((await me(value)).status, 200);
      const revoked = await json('tokens', 'revoke', value);
      assert.deepEqual(revoked, { client_id: client.client_id, kind: 'access_token', revoked: true });
      assert.equal((await me(value)).status, 401);
      assertRefused(await run(env, ['tokens', 'revoke', value]), /no live token\./);
      // Its owner hears of it as of any leak.
      const subject = 'Reported as leaked, and revoked: Ended';
      await createKeptMail(server.mailFolder).waitFor({ subject, to: 'iva@example.com' });
      const store = await openStore(server.storeUrl);
      const audit = await store.collection(auditDeclaration);
      const entries = await audit.list({ where: [['targetId', '=', client.client_id]], limit: 9 });
      await store.close();
      assert.ok(entries.some(({ action }) => action === 'access_token.leaked'));
    });

    it('revokes a honey token by its value too', async () => {
      const about = ['--account', 'ann@example.com', '--name', 'Bait', '--scopes', 'profile'];
      const honey = await json('tokens', 'create', ...about, '--honey');
      assert.deepEqual(await json('tokens', 'revoke', honey.token), {
        id: honey.id,
        kind: 'personal_access_token',
        revoked: true,
      });
      assertRefused(await run(env, ['tokens', 'revoke', honey.token]), /no live token\./);
    });

    it('registers an app with its addresses, changes what is named, and deletes it', async () => {
      const [back, out] = ['https://shop.example/cb?a=1,2', 'https://shop.example/out'];
      await run(env, ['accounts', 'create', '--email', 'dev@example.com', '--password-stdin'], PASSWORD);
      const uris = ['--redirect-uri', back, '--redirect-uri', `${back}3`, '--post-logout-uri', out];
      const about = ['--account', 'dev@example.com', '--name', 'Shop', '--scopes', 'openid,email'];
      const made = await json('apps', 'create', ...about, ...uris, '--pkce', 'excepted');
      assert.match(made.client_secret, /^lk_cs_/);
      assert.deepEqual(made.redirect_uris, [back, `${back}3`]);
      assert.deepEqual([made.post_logout_redirect_uris, made.pkce], [[out], 'excepted']);
      const wrong = [
        'apps',
        'create',
        ...about,
        '--redirect-uri',
        back,
        '--post-logout-uri',
        'ftp://shop.example',
      ];
      assertRefused(await run(env, wrong), /post-logout redirect URI/);
      const bare = ['apps', 'create', ...about, '--redirect-uri', back, '--public', '--pkce', 'excepted'];
      assertRefused(await run(env, bare), /keeps no secret cannot do without PKCE/);

      const renamed = await json('apps', 'edit', made.client_id, '--name', 'Store');
      assert.deepEqual(
        [renamed.name, renamed.pkce, renamed.post_logout_redirect_uris, renamed.scopes],
        ['Store', 'excepted', [out], ['openid', 'email']],
      );
      const none = ['--post-logout-uri', '', '--pkce', 'required', '--scopes', 'openid'];
      const less = await json('apps', 'edit', made.client_id, ...none);
      assert.deepEqual(
        [less.post_logout_redirect_uris, less.pkce, less.scopes],
        [[], 'required', ['openid']],
      );
      assertRefused(await run(env, ['apps', 'edit', made.client_id]), /Nothing is given/);
      const shown = await json('apps', 'show', made.client_id);
      assert.equal(shown.secrets.length, 1);
      assert.ok(!JSON.stringify(shown).includes(made.client_secret));
      assert.match((await run(env, ['apps', 'show', made.client_id])).out, /Store/);
      assert.match((await run(env, ['apps', 'list', '--account', 'dev@example.com'])).out, /Store/);

      await json('apps', 'delete', made.client_id);
      assertRefused(await run(env, ['apps', 'delete', made.client_id]), /no live app "app_/);
      assertRefused(await run(env, ['apps', 'show', '{"$ne":null}']), /no live app\./);
      const all = (await json('apps', 'list')) as { client_id: string; state: string }[];
      assert.equal(all.find(({ client_id }) => client_id === made.client_id)?.state, 'deleted');
    });

    it('shows and edits a service; what is taken from it is refused from the next call on', async () => {
      const scopes = 'profile,wf:create_transaction';
      const made = await json('services', 'create', '--name', 'Edited', '--scopes', scopes);
      const edited = await json(
        'services',
        'edit',
        made.client_id,
        '--scopes',
        'profile',
        '--name',
        'New name',
      );
      assert.deepEqual([edited.name, edited.scopes], ['New name', ['profile']]);
      assertRefused(await run(env, ['services', 'edit', made.client_id]), /Neither a name nor scopes/);
      assertRefused(await run(env, ['services', 'edit', made.client_id, '--scopes', 'admin']), /admin/);
      const shown = await json('services', 'show', made.client_id);
      assert.deepEqual([shown.name, shown.secrets.length], ['New name', 1]);
      assert.ok(!JSON.stringify(shown).includes(made.client_secret));
    });

    it('lists scopes', async () => {
      const all: { name: string; for: string }[] = await json('scopes', 'list');
      assert.ok(all.some(({ name }) => name === 'wf:create_transaction'));
      assert.equal(all.find(({ name }) => name === 'admin')?.for, 'services of admins');
    });

    it('lists mails that wait or were given up without their text, and has one sent once more', async () => {
      const store = await openStore(server.storeUrl);
      const outbox = await store.collection(messageDeclaration);
      const now = Math.floor(Date.now() / 1000);
      const given = { subject: 'Receipt', text: 'sesame', html: 'sesame', createdAt: now, attempts: 3 };
      await outbox.insertMany([
        { id: 'refused', to: 'gone@example.com', ...given, failedAt: now, error: 'EENVELOPE RCPT TO 550' },
        { id: 'waits', to: 'slow@example.com', ...given, dueAt: now + 3600, createdAt: now - 3600 },
        { id: 'empty', to: 'old@example.com', ...given, text: '', html: '', failedAt: now },
      ]);
      const listed: { id: string; state: string; fault: string }[] = await json('mail', 'list');
      const stateOf = (id: string) => listed.find((mail) => mail.id === id)?.state;
      assert.deepEqual(['refused', 'waits'].map(stateOf), ['given up', 'waiting']);
      assert.ok(!JSON.stringify(listed).includes('sesame'));
      assert.ok(listed.every(({ state }) => state !== 'sent'));
      const findings: { about: string; level: string; found: string }[] = await json('doctor');
      const mails = findings.find(({ about }) => about === 'mails');
      assert.equal(mails?.level, 'warn');
      assert.match(mails?.found ?? '', /^\d+ waiting, the oldest since .*; 2 given up$/);

      // Side by side: the server looks for mail of another process only every few seconds.
      const again = ['refused', 'waits'];
      for (const id of again) await json('mail', 'retry', id);
      for (const id of again) {
        await until('it was sent', async () => (await outbox.get(id))?.sentAt !== undefined);
        assertRefused(await run(env, ['mail', 'retry', id]), /was sent/);
      }
      await createKeptMail(server.mailFolder).waitFor({ to: 'gone@example.com', subject: 'Receipt' });
      assertRefused(await run(env, ['mail', 'retry', 'empty']), /text of this mail is gone/);
      assertRefused(await run(env, ['mail', 'retry', 'nothing']), /no such mail/);
      const all: { id: string; state: string }[] = await json('mail', 'list', '--all');
      assert.equal(all.find(({ id }) => id === 'refused')?.state, 'sent');
      await outbox.remove('empty');
      await store.close();
    });

    it('writes each change of an account down', async () => {
      await createAccount('gil@example.com');
      for (const act of ['promote', 'demote', 'reset-password', 'delete']) {
        await json('accounts', act, 'gil@example.com');
      }
      const store = await openStore(server.storeUrl);
      const audit = await store.collection(auditDeclaration);
      const entries = await audit.list({
        where: [['targetName', '=', 'gil@example.com']],
        order: { by: 'at' },
        limit: 9,
      });
      await store.close();
      assert.deepEqual(
        entries.map(({ action, actor }) => `${action} ${actor.kind}`).sort(),
        ['created', 'deleted', 'demoted', 'promoted', 'reset_link_made'].map(
          (what) => `account.${what} operator`,
        ),
      );
    });

    it('invites somebody by mail, who has no account yet', async () => {
      const { email, expires_at } = await json('accounts', 'invite', '--email', 'guest@example.com');
      assert.equal(email, 'guest@example.com');
      assert.ok(Date.parse(expires_at) > Date.now() + 6 * 86_400_000);
      assertRefused(await run(env, ['accounts', 'invite', '--email', 'ann@example.com']), /has an account/);
      assertRefused(await run(env, ['accounts', 'invite', '--email', 'ann']), /not an e-mail address/);
      assertRefused(
        await run({ ...env, LATCHKEY_SIGN_UP: 'nobody' }, ['accounts', 'invite', '--email', 'x@example.com']),
        /New accounts are not made here/,
      );
      const open = await json('accounts', 'invitations');
      assert.deepEqual(
        open.map((one: { email: string }) => one.email),
        ['guest@example.com'],
      );
      assert.match((await run(env, ['accounts', 'invitations'])).out, /guest@example\.com +\d{4}-/);
      const withdrawn = await json('accounts', 'uninvite', '--email', 'Guest@example.com');
      assert.deepEqual(withdrawn, { email: 'guest@example.com', withdrawn: true });
      assert.deepEqual(await json('accounts', 'invitations'), []);
      assertRefused(
        await run(env, ['accounts', 'uninvite', '--email', 'guest@example.com']),
        /no open invitation/,
      );
    });
  });
});

describe('the command line without a server', () => {
  let folder: string;
  let env: Env;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'latchkey-cli-'));
    env = { LATCHKEY_DATA: folder };
    await startOnce(folder);
    const create = ['accounts', 'create', '--email', 'ann@example.com', '--password-stdin'];
    assert.equal((await run(env, create, PASSWORD)).code, 0);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  /** Somebody at a terminal of so many columns, who types this. */
  async function typed(
    args: readonly string[],
    keys: string | Buffer,
    columns = 80,
  ): Promise<Ran & { echoes: boolean[] }> {
    const ran = { out: '', err: '' };
    const echoes: boolean[] = [];
    const stdin = Object.assign(Readable.from([Buffer.from(keys as string)]), {
      isTTY: true,
      setRawMode: (on: boolean) => echoes.push(!on),
    });
    const code = await runCommand(args, {
      env,
      stdin,
      columns,
      out: (text) => {
        ran.out += text;
      },
      err: (text) => {
        ran.err += text;
      },
    });
    return { code, ...ran, echoes };
  }

  it('asks for a password at a terminal, twice and without showing it', async () => {
    const create = ['accounts', 'create', '--email', 'tea@example.com'];
    for (const [keys, says] of [
      [`${PASSWORD}\rsomething else\r`, /not the same/],
      ['\u0003', /No password was given/],
      [`${PASSWORD}\r`, /No password was given/],
      ['short\rshort\r', /8 are the least/],
      [`${PASSWORD}\u001b[D\r`.repeat(2), /What was typed holds control characters/],
      [Buffer.from(`${PASSWORD} ä\r`.repeat(2), 'latin1'), /What was typed is not UTF-8/],
    ] as const) {
      const ran = await typed(create, keys);
      assert.equal(ran.code, 1);
      assert.match(ran.err, says);
      assert.deepEqual(ran.echoes, [false, true]);
      assert.ok(!ran.err.includes(PASSWORD));
    }
    // A slip of the finger, taken back; the é comes in two bytes.
    const ran = await typed(create, `${PASSWORD}éx\u007f\r${PASSWORD}é\r`);
    assert.equal(ran.code, 0, ran.err);
    assert.ok(!`${ran.out}${ran.err}`.includes(PASSWORD));
  });

  it('refuses a password that is not what a browser would send', async () => {
    const create = ['accounts', 'create', '--email', 'umi@example.com', '--password-stdin'];
    const bytes: [Buffer, RegExp][] = [
      [Buffer.from('quatre mots très français', 'latin1'), /not UTF-8/],
      [Buffer.from(`\ufeff${PASSWORD}`), /byte order mark/],
      [Buffer.from(`\ufeff${PASSWORD}`, 'utf16le'), /not UTF-8/],
      [Buffer.from(PASSWORD, 'utf16le'), /control characters/],
      [Buffer.from(`${PASSWORD}\t`), /control characters/],
      [Buffer.alloc(100_000, 'a'), /more than one line/],
    ];
    for (const [input, says] of bytes) assertRefused(await run(env, create, input), says);
    assertRefused(await run(env, create.slice(0, -1), PASSWORD), /--password-stdin/);
    // Node has put U+FFFD where an argument was in another encoding.
    assertRefused(await run(env, ['accounts', 'list', '--name', 'caf\ufffd']), /not UTF-8/);
  });

  it('prints no value back that it was given', async () => {
    const value = 'hunter2-Correct';
    const token = `lk_pat_${'a1'.repeat(18)}`;
    for (const args of [
      ['accounts', 'create', '--email', 'x@example.com', `--password=${value}`],
      ['accounts', 'create', '--email', value, '--password-stdin'],
      ['accounts', 'suspend', value],
      ['accounts', 'suspend', token],
      ['accounts', 'list', value],
      [value],
      [`--${value}`],
      ['tokens', 'revoke', value],
      ['tokens', 'revoke', token],
      ['tokens', 'revoke', `${token}x`],
      ['services', 'revoke', token],
      ['services', 'show', value],
      ['tokens', 'create', '--account', value, '--name', 'x', '--scopes', 'profile'],
      ['tokens', 'create', '--account', 'ann@example.com', '--name', 'x', '--scopes', token],
      [
        'tokens',
        'create',
        '--account',
        'ann@example.com',
        '--name',
        'x',
        '--scopes',
        'profile',
        '--expires-in',
        value,
      ],
      ['services', 'create', '--name', 'x', '--acts-for', value],
    ]) {
      for (const more of [[], ['--json']]) {
        const ran = await run(env, [...args, ...more], PASSWORD);
        assert.equal(ran.code, 1, args.join(' '));
        assert.doesNotMatch(ran.out + ran.err, /hunter2|a1a1/, args.join(' '));
      }
    }
  });

  it('fails in JSON where JSON is wanted', async () => {
    for (const [args, code] of [
      [['accounts', 'suspend', 'nobody@example.com'], 'NO_SUCH_ACCOUNT'],
      [['accounts', 'creat'], 'USAGE'],
      [['tokens', 'list'], 'USAGE'],
    ] as const) {
      const { out, err, ...ran } = await run(env, [...args, '--json']);
      assert.deepEqual([ran.code, out], [1, '']);
      const { error } = JSON.parse(err);
      assert.deepEqual([error.code, typeof error.message], [code, 'string']);
    }
    const wrong = await run({ ...env, PORT: 'x' }, ['accounts', 'list', '--json']);
    assert.equal(JSON.parse(wrong.err).error.code, 'WRONG_SETTINGS');
  });

  it('says its version, which options are required, and times in words', async () => {
    assert.match((await run(env, ['--version'])).out, /^\d+\.\d+\.\d+\n$/);
    const help = async (...args: string[]) => (await run(env, [...args, '--help'])).out.replace(/\s+/g, ' ');
    assert.match(await help('accounts', 'create'), /--email <email> its e-mail address \(required\)/);
    const tokens = await help('tokens', 'create');
    assert.equal(tokens.match(/\(required\)/g)?.length, 3);
    assert.match(await help('services', 'rotate'), /\(default: 24h\)/);
  });

  it('fits its tables to the terminal', async () => {
    for (const columns of [200, 80, 60, 50]) {
      for (const args of [['accounts', 'list'], ['scopes', 'list'], ['doctor']]) {
        const { out } = await typed(args, '', columns);
        const lines = out.split('\n').filter((line) => !/\S{30}/.test(line));
        assert.ok(Math.max(...lines.map((line) => line.length)) <= columns, `${columns}:\n${out}`);
        if (args[0] === 'accounts') assert.match(out, /acc_\w{20}/);
      }
    }
  });

  it('prints tables for people', async () => {
    const listed = await run(env, ['accounts', 'list']);
    assert.match(listed.out, /^ID {2,}E-MAIL {2,}ADMIN {2,}STATE {2,}CREATED\n/);
    assert.match(listed.out, /\nacc_\w{20} {3}ann@example\.com {11}active {3}/);
  });

  it('says in one line what was wrong', async () => {
    const create = ['accounts', 'create', '--email', 'eve@example.com'];
    const token = ['tokens', 'create', '--account', 'ann@example.com', '--name', 'x', '--scopes', 'profile'];
    for (const [args, input, says] of [
      [['accounts', 'creat'], '', /unknown command 'creat' .*create/],
      [create, '', /--password-stdin/],
      [[...create, '--email', 'two@example.com'], '', /option '--email' is given twice/],
      [[...create, '--password', 'x'], '', /--password/],
      [[...create, '--password-stdin'], '', /8 are the least/],
      [[...create, '--password-stdin'], 'two\nlines of it', /more than one line/],
      [['accounts', 'suspend', 'nobody@example.com'], '', /no account "nobody@example.com"/],
      [[...token, '--expires-in', 'soon'], '', /like 90d/],
      [[...token, '--expires-in', 'never'], '', /needs an expiry/],
      [['services', 'create', '--name', 'x', '--scopes', 'profile'], '', /no admin account/],
      [['services', 'rotate', '{"$ne":null}'], '', /no live service\./],
    ] as const) {
      assertRefused(await run(env, args, input), says);
    }
    assertRefused(await run({ ...env, LATCHKEY_PROT: '1' }, ['accounts', 'list']), /no such setting/);
  });
});

it('ends without a word when who reads its output has had enough', async () => {
  const child = spawn(process.execPath, [cli, 'accounts', '--help']);
  child.stdout.destroy();
  const [err, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  assert.deepEqual({ err, code }, { err: '', code: 1 });
});

describe('the command line where there is no installation', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'latchkey-none-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const commands: string[][] = [
    ['accounts', 'create', '--email', 'a@example.com', '--admin', '--password-stdin'],
    ['accounts', 'list'],
    ['tokens', 'list', '--account', 'a@example.com'],
    ['services', 'list'],
    ['doctor'],
  ];
  for (const args of commands) {
    it(`${args.slice(0, 2).join(' ')} makes nothing, and says where it looked and what to do`, async () => {
      const data = join(folder, 'data');
      const ran = await run({ LATCHKEY_DATA: data }, args, PASSWORD);
      assert.equal(ran.code, 1);
      const said = ran.out + ran.err;
      assert.ok(said.includes(join(data, 'secret')), said);
      assert.match(said, /npm start.*LATCHKEY_DATA/);
      assert.deepEqual(await readdir(folder), []);
      // With the secret in the environment it is the store that is missed.
      const secret = { LATCHKEY_DATA: data, LATCHKEY_SECRET: 's'.repeat(40) };
      const other = await run(secret, args, PASSWORD);
      assert.equal(other.code, 1);
      assert.ok((other.out + other.err).includes(join(data, 'latchkey.db')), other.out + other.err);
      assert.match(other.out + other.err, /npm start.*LATCHKEY_STORE/);
      assert.deepEqual(await readdir(folder), []);
    });
  }

  it('tells of an empty store beside a secret of an earlier start', async () => {
    const data = join(folder, 'moved');
    await startOnce(data);
    const elsewhere = { LATCHKEY_DATA: data, LATCHKEY_STORE: `sqlite:${join(folder, 'typo.db')}` };
    const { code, out } = await run(elsewhere, ['doctor']);
    assert.equal(code, 1);
    assert.match(
      out,
      /fail {3}store {10}there is nothing at .*typo\.db, though the secret in .*moved is older/,
    );
    assert.deepEqual(await readdir(folder), ['moved']);
  });
});

eachStore(({ url }) => {
  it('an empty database is none: a command makes nothing in it', async () => {
    const store = await url();
    const env = { LATCHKEY_STORE: store, LATCHKEY_SECRET: 's'.repeat(40), LATCHKEY_DATA: tmpdir() };
    for (let turn = 0; turn < 2; turn += 1) {
      assertRefused(await run(env, ['accounts', 'list']), /there is no store at /);
    }
    const opened = await openStore(store);
    assert.equal(opened.isNew, true);
    await opened.collection(accountDeclaration);
    await opened.close();
    const again = await openStore(store);
    assert.equal(again.isNew, false);
    await again.close();
  });
});

describe('the doctor', () => {
  let folder: string;
  let env: Env;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'latchkey-doctor-'));
    env = { LATCHKEY_DATA: folder, LATCHKEY_URL: 'http://localhost:1' };
    await startOnce(folder);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function findingsOf(more: Record<string, string>) {
    const { code, out } = await run({ ...env, ...more }, ['doctor', '--json']);
    const findings: { level: string; about: string; found: string; todo?: string }[] = JSON.parse(out);
    return { code, of: (about: string) => findings.find((one) => one.about === about) };
  }

  it('warns of what is merely not ready, and fails on what is broken', async () => {
    await chmod(folder, 0o755);
    const fresh = await findingsOf({});
    assert.equal(fresh.code, 0);
    assert.equal(fresh.of('admin')?.level, 'warn');
    assert.equal(fresh.of('public URL')?.level, 'warn');
    assert.deepEqual(fresh.of('data folder'), {
      level: 'warn',
      about: 'data folder',
      found: `${folder}, mode 0755: others can look in`,
      todo: `chmod 700 ${folder}`,
    });
    const noMail = await findingsOf({ LATCHKEY_MAIL: 'smtp://user:hunter2@127.0.0.1:1' });
    assert.equal(noMail.code, 1);
    assert.match(noMail.of('mail')?.found ?? '', /ECONNREFUSED/);
    assert.equal(fresh.of('store')?.found, `${join(folder, 'latchkey.db')}, can be read and written`);
    const open = await findingsOf({ HOST: '0.0.0.0' });
    assert.equal(open.of('settings')?.level, 'warn');
    const behindProxy = { LATCHKEY_URL: 'https://localhost:1', LATCHKEY_MAIL: 'smtp://127.0.0.1:1' };
    assert.match((await findingsOf(behindProxy)).of('settings')?.found ?? '', /LATCHKEY_PROXIES is not set/);
    const told = await findingsOf({ ...behindProxy, LATCHKEY_PROXIES: '127.0.0.1' });
    assert.equal(told.of('settings')?.level, 'ok');
    const noStore = await findingsOf({ LATCHKEY_STORE: `sqlite:${folder}` });
    assert.deepEqual([noStore.code, noStore.of('store')?.level], [1, 'fail']);
    const otherSecret = await findingsOf({ LATCHKEY_SECRET: 'x'.repeat(32) });
    assert.deepEqual([otherSecret.code, otherSecret.of('signing keys')?.level], [1, 'fail']);
    const noSettings = await runProcess({ ...env, LATCHKEY_MAIL: 'pigeon' }, ['doctor']);
    assert.equal(noSettings.code, 1);
    assert.match(noSettings.out, /^fail {3}settings {7}LATCHKEY_MAIL is "pigeon"/m);
  });

  it('tells a mail server that answers from one that refuses to know us', async () => {
    const smtp = await startSmtp({
      authOptional: false,
      allowInsecureAuth: true,
      onAuth: (auth, _session, done) =>
        auth.password === 'right' ? done(null, { user: 'u' }) : done(new Error('who are you?')),
    });
    try {
      const right = await findingsOf({ LATCHKEY_MAIL: `smtp://u:right@127.0.0.1:${smtp.port}` });
      assert.equal(right.of('mail')?.level, 'ok');
      const wrong = await findingsOf({ LATCHKEY_MAIL: `smtp://u:wrong@127.0.0.1:${smtp.port}` });
      assert.equal(wrong.of('mail')?.level, 'fail');
      assert.match(wrong.of('mail')?.found ?? '', /Invalid login/);
    } finally {
      await smtp.stop();
    }
  });

  it('notices when something else answers at the public URL', async () => {
    const server = await startTestServer();
    try {
      const other = await findingsOf({ LATCHKEY_URL: server.url.replace('localhost', '127.0.0.1') });
      assert.equal(other.of('public URL')?.level, 'fail');
    } finally {
      await server.stop();
    }
  });
});

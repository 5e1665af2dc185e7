import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { runCommand } from '../../server/cli/program.ts';
import { newSecret } from '../../server/credentials/secret-format.ts';
import { actor, openTestDomain, type TestDomain } from '../support/domain.ts';

describe('values that leaked, at the command line', () => {
  let folder: string;
  let domain: TestDomain;
  let env: Record<string, string>;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'latchkey-leaks-'));
    env = { LATCHKEY_DATA: folder, LATCHKEY_SECRET: 'x'.repeat(40) };
    domain = await openTestDomain({ storeUrl: `sqlite:${join(folder, 'latchkey.db')}` });
  });
  after(async () => {
    await domain.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function run(args: string[], input: string, environment = env) {
    const ran = { out: '', err: '' };
    const code = await runCommand(args, {
      env: environment,
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

  async function mint(email: string, name: string) {
    const account = (await domain.accounts.findByEmail(email)) ?? (await domain.account(email));
    const wanted = { account, name, scopes: ['profile'], expiresAt: domain.clock() + 86_400 };
    return domain.tokens.mint(wanted, actor);
  }

  it('are found with their line, state and owner, and never shown', async () => {
    const live = await mint('ann@example.com', 'Script');
    const dead = await mint('ann@example.com', 'Old');
    await domain.tokens.revoke(dead.credential, actor);
    const foreign = newSecret('lk_cs_');
    const text = `a\nTOKEN=${live.value}\n${dead.value} ${foreign}\n`;
    const ran = await run(['leak-check'], text);
    assert.equal(ran.code, 1, ran.err);
    for (const { value } of [live, dead, { value: foreign }])
      assert.ok(!ran.out.includes(value.slice(11, -4)));
    assert.match(ran.out, /2 +personal access token +\w{4} +\w{4} +live +tok_\w+ +Script +ann@example\.com/);
    assert.match(ran.out, /3 +personal access token +\w{4} +\w{4} +revoked/);
    assert.match(ran.out, /3 +client secret +\w{4} +\w{4} +unknown/);

    const { code, out } = await run(['leak-check', '--json'], text);
    assert.equal(code, 1);
    assert.deepEqual(JSON.parse(out)[0], {
      line: 2,
      kind: 'personal_access_token',
      first_four: live.credential.firstFour,
      last_four: live.credential.lastFour,
      state: 'live',
      id: live.credential.id,
      name: 'Script',
      owner: 'ann@example.com',
    });
    assert.equal((await run(['leak-check'], `${dead.value} ${foreign}`)).code, 0);
    assert.equal((await run(['leak-check', '--json'], 'nothing')).out, '[]\n');
  });

  it('are revoked where that is wanted, with one mail to each owner', async () => {
    const first = await mint('bob@example.com', 'One');
    const second = await mint('bob@example.com', 'Two');
    const ran = await run(['leak-check', '--revoke'], `${first.value}\n${first.value}\n${second.value}`);
    assert.equal(ran.code, 1);
    assert.equal(ran.out.match(/revoked now/g)?.length, 3);
    const told = (await domain.mailed('bob@example.com')).filter((subject) => subject.includes('leaked'));
    assert.deepEqual(told, ['2 of your credentials were reported as leaked, and are revoked']);
    assert.equal((await run(['leak-check', '--revoke'], first.value)).code, 0);
  });

  it('are found without a store too, and then count as live', async () => {
    const value = newSecret('lk_pat_');
    const nowhere = { ...env, LATCHKEY_DATA: join(folder, 'nowhere') };
    const ran = await run(['leak-check'], value, nowhere);
    assert.equal(ran.code, 1);
    assert.match(ran.out, /1 +personal access token +\w{4} +\w{4} +not asked/);
    assert.equal((await run(['leak-check'], 'nothing', nowhere)).code, 0);
    const refused = await run(['leak-check', '--revoke'], value, nowhere);
    assert.equal(refused.code, 1);
    assert.match(refused.err, /there is no store/);
  });

  it('are ended line by line, whatever kind they are', async () => {
    const token = await mint('cyd@example.com', 'Script');
    const account = (await domain.accounts.findByEmail('cyd@example.com')) ?? assert.fail();
    const service = await domain.services.create(
      { account, name: 'Shop', scopes: ['profile'], actsFor: 'account', resourceServer: false },
      actor,
    );
    const lines = `${token.value}\r\n\n  ${service.secret.value}\nnothing of ours\n`;
    const ran = await run(['leaks', 'revoke', '--json'], lines);
    assert.equal(ran.code, 0, ran.err);
    assert.deepEqual(
      JSON.parse(ran.out)
        .map(({ id }: { id: string }) => id)
        .sort(),
      [service.secret.credential.id, token.credential.id].sort(),
    );
    assert.match((await run(['leaks', 'revoke'], lines)).out, /None of 3 was live/);
  });
});

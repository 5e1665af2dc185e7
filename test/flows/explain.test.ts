import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { runCommand } from '../../server/cli/program.ts';
import type { Domain } from '../../server/domain.ts';
import { typePage } from '../../views/console/types.ts';
import { render } from '../../views/html.ts';
import { makeConfigFolder } from '../support/config-folder.ts';
import { actor } from '../support/domain.ts';
import { textOf } from '../support/page-text.ts';
import { openPeople, type People, type Person } from '../support/people.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

const PAGE = '/admin/types/transaction';
const API = '/api/1.1/admin/types';

describe('what rules let a caller do', () => {
  let server: TestServer;
  let people: People;
  let domain: Domain;
  let admin: Person;
  let ann: Person;
  let manager: string;
  before(async () => {
    server = await startTestServer();
    people = await openPeople(server);
    domain = people.domain;
    [admin, ann] = [await people.person({ admin: true }), await people.person()];
    const { client, secret } = await domain.services.create(
      {
        account: admin.account,
        name: 'Manager',
        scopes: ['admin:manage'],
        actsFor: 'app',
        resourceServer: false,
        reason: 'test',
        expiresAt: domain.clock() + 86_400,
      },
      actor,
    );
    manager = await tokenOf(client.id, secret.value);
    const rows = domain.types.get('transaction')?.rows ?? assert.fail();
    const row = { createdAt: 1, account: 'savings', phone: '+1', amount_cents: 5 };
    await rows.insert({ ...row, id: 'obj_ann', createdBy: ann.account.id } as never);
    await rows.insert({ ...row, id: 'obj_admin', createdBy: admin.account.id } as never);
  });
  after(async () => {
    await people.close();
    await server.stop();
  });

  async function tokenOf(id: string, secret: string): Promise<string> {
    const response = await fetch(`${server.url}/oauth/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    });
    return ((await response.json()) as { access_token: string }).access_token;
  }
  const mint = (person: Person, name: string) =>
    domain.tokens.mint(
      {
        account: person.account,
        name,
        scopes: ['data:transaction:read'],
        expiresAt: domain.clock() + 3600,
      },
      actor,
    );
  const ask = async (form: Record<string, string>) => {
    const asked = await admin.agent.post(PAGE, {
      viewer: admin.account.email,
      client: '',
      record: '',
      ...form,
    });
    return {
      location: asked.location,
      page: asked.location === '' ? asked : await admin.agent.get(asked.location),
    };
  };
  const looks = async (id: string) =>
    (
      await domain.rows.audit.list({
        where: [
          ['accountId', '=', id],
          ['action', '=', 'data.looked_at'],
        ],
        limit: 9,
      })
    ).map(({ actor: by, targetId, count }) => [by.kind, by.id, targetId, count]);

  it('stands on a page of the type, which is linked from the types', async () => {
    const list = await admin.agent.get('/admin/workflows');
    assert.ok(list.text.includes(`href="${PAGE}"`));
    const text = textOf((await admin.agent.get(PAGE)).text);
    for (const shown of ['How many 2', 'createdBy is the caller’s account', 'find; view all fields'])
      assert.ok(text.includes(shown), `${shown} is not in ${text}`);
    for (const none of ['nothing', '__proto__', '%24ne'])
      assert.equal((await admin.agent.get(`/admin/types/${none}`)).status, 404, none);
  });

  it('is answered there for a value, which stands in no address and no page', async () => {
    const { credential, value } = await mint(ann, 'Mine');
    const { location, page } = await ask({ who: value });
    const { client } = await domain.services.create(
      { account: ann.account, name: 'S', scopes: ['profile'], actsFor: 'account', resourceServer: false },
      actor,
    );
    for (const [path, id] of [
      ['credentials', credential.id],
      ['accounts', ann.account.id],
      ['services', client.id],
    ] as const) {
      const way = `${PAGE}?who=${id}`;
      assert.ok((await admin.agent.get(`/admin/${path}/${id}`)).text.includes(`href="${way}"`), way);
      assert.match(textOf((await admin.agent.get(way)).text), /What they may do/);
    }
    assert.equal(location, `${PAGE}?who=${credential.id}&client=&record=`);
    const text = textOf(page.text);
    assert.match(text, /the token “Mine” of .* 1 of 2 records/);
    assert.match(text, /lacks the scope data:transaction:write/);
    assert.ok(!page.text.includes(value));
    assert.equal((await ask({ who: `lk_pat_${value.slice(7, 11)}…${value.slice(-4)}` })).location, location);
    const pasted = await admin.agent.get(`${PAGE}?who=${value}`);
    assert.deepEqual([pasted.status, pasted.text.includes(value)], [404, false]);
    assert.ok(!server.logged().includes(value));
    assert.deepEqual(await looks(ann.account.id), []);
  });

  it('says of one record why it is refused, and its owner reads who looked', async () => {
    const refused = await ask({ who: admin.account.email, record: 'obj_ann' });
    assert.ok(
      textOf(refused.page.text).includes(
        `createdBy is ${ann.account.id}, the caller’s account is ${admin.account.id}`,
      ),
    );
    await ask({ who: admin.account.email, record: 'obj_ann' });
    const [[kind, id, record] = []] = await looks(ann.account.id);
    assert.deepEqual([kind, id, record], ['account', admin.account.id, 'obj_ann']);
    assert.match(textOf((await ann.agent.get('/activity')).text), /Record looked at, as an admin/);
    await ask({ who: '', record: 'obj_admin' });
    assert.deepEqual(await looks(admin.account.id), []);
  });

  it('says at the form what is wrong with it', async () => {
    for (const [form, status, says] of [
      [{ who: 'no such thing' }, 400, /This names nobody/],
      [{ who: 'zzzz' }, 400, /No token or secret ends with it/],
      [{ who: 'acc_nobody' }, 404, /There is no such account/],
      [{ who: 'app_nobody' }, 404, /There is no such service or app/],
      [{ who: 'svc_nobody', client: 'app_nobody' }, 400, /An app acts for an account, and this names none/],
      [{ who: '', record: 'obj_nothing' }, 404, /There is no such record/],
      [{ who: '', record: '<b>$ne</b>' }, 404, /There is no such record/],
    ] as const) {
      const { page } = await ask(form);
      assert.equal(page.status, status, JSON.stringify(form));
      assert.match(textOf(page.text), says);
      assert.ok(!page.text.includes('<b>$ne'));
    }
  });

  it('is no page for who is no admin', async () => {
    for (const path of [PAGE, `${PAGE}?who=`, '/admin/types/nothing'])
      assert.equal((await ann.agent.get(path)).status, 404, path);
    const posted = await ann.agent.post(PAGE, { viewer: ann.account.email, who: '', client: '', record: '' });
    assert.equal(posted.status, 404);
  });

  it('is told by the management API, to who may manage', async () => {
    const get = async (path: string, token: string) => {
      const response = await fetch(`${server.url}${path}`, { headers: { authorization: `Bearer ${token}` } });
      // biome-ignore lint/suspicious/noExplicitAny: answers are looked at field by field
      const body = (await response.json()) as { response: Record<string, any> };
      return { status: response.status, body };
    };
    const { body } = await get(API, manager);
    assert.deepEqual(body.response.items[0].rules, [
      {
        name: 'Whoever made it',
        gives: 'find; view all fields; constrain all fields; create',
        when: 'createdBy is the caller’s account',
      },
    ]);
    const token = await mint(ann, 'Other');
    const asked = `${API}/transaction/explain?token_id=${token.credential.id}&id=obj_ann`;
    const { response } = (await get(asked, manager)).body;
    assert.deepEqual(response.records, {
      found: 1,
      found_is_all: true,
      found_by_rules: 1,
      total: 2,
      total_is_all: true,
    });
    assert.deepEqual(
      [response.caller.token_id, response.rights.get.held, response.rules[0].held],
      [token.credential.id, 'yes', 'yes'],
    );
    assert.ok((await looks(ann.account.id)).some(([kind]) => kind === 'client'));
    for (const [path, status] of [
      [`${API}/nothing/explain`, 404],
      [`${API}/transaction/explain?id=obj_nothing`, 404],
      [`${API}/transaction/explain?account=acc_nobody`, 404],
      [`${API}/transaction/explain?token=x`, 400],
      [`${API}/transaction/explain?token_id=tok_1&account=acc_1`, 400],
    ] as const)
      assert.equal((await get(path, manager)).status, status, path);
    for (const name of ['__proto__', 'constructor']) {
      const refused = await get(`${API}/transaction/explain?${name}=x`, manager);
      assert.equal((refused.body as unknown as { body: { parameter: string } }).body.parameter, name);
    }
    assert.equal((await get(asked, token.value)).status, 404);
  });

  it('is printed by latchkey explain, which repeats no value', async () => {
    const env = {
      LATCHKEY_URL: server.url,
      LATCHKEY_DATA: server.dataFolder,
      LATCHKEY_STORE: server.storeUrl,
    };
    const run = async (args: readonly string[], input = '', more = {}) => {
      const ran = { out: '', err: '' };
      const code = await runCommand(['explain', ...args], {
        env: { ...env, ...more },
        stdin: Readable.from([Buffer.from(input)]),
        out(text) {
          ran.out += text;
        },
        err(text) {
          ran.err += text;
        },
      });
      return { code, ...ran };
    };
    const { credential, value } = await mint(ann, 'Shell');
    for (const args of [['--token-stdin'], ['--token', value], ['--token', credential.id]]) {
      const { code, out } = await run([...args, '--type', 'transaction', '--id', 'obj_admin'], `${value}\n`);
      assert.equal(code, 0);
      assert.match(out, /by its id +No\n/);
      assert.match(out, new RegExp(`createdBy is ${admin.account.id}`));
      assert.ok(!out.includes(value));
    }
    const { out } = await run(['--account', ann.account.email, '--type', 'transaction', '--json']);
    assert.equal(JSON.parse(out).records.found, 1);
    const foreign = 'tok_AKeyOfForeignForm1234';
    const sha256 = createHash('sha256').update(foreign).digest('hex');
    const key = { sha256, name: 'Old', scopes: ['profile'], email: ann.account.email };
    const options = { makeAccounts: false, dryRun: false };
    await domain.keyImport.begin(options, actor).take([{ ...key, expires: domain.clock() + 3600 }]);
    const old = await run(['--token', foreign, '--type', 'transaction']);
    assert.match(old.out, /the token “Old”/, old.err);
    for (const [args, says] of [
      [['--type', 'nothing'], /There are: transaction/],
      [['--type', 'transaction', '--token', value, '--account', ann.account.id], /More than one caller/],
      [['--type', 'transaction', '--token', `${value}x`], /no such token/],
    ] as const) {
      const ran = await run(args);
      assert.deepEqual([ran.code, ran.out, ran.err.includes(value)], [1, '', false]);
      assert.match(ran.err, says);
    }
    const elsewhere = makeConfigFolder({});
    const none = await run(['--type', 'transaction'], '', { LATCHKEY_CONFIG: elsewhere.folder });
    elsewhere.remove();
    assert.ok(none.err.includes(`None is declared in ${elsewhere.folder}/types.`), none.err);
  });

  it('is led to by what rules refused: from the log by a command, from the console by a link', async () => {
    const { value, credential } = await domain.tokens.mint(
      {
        account: ann.account,
        name: 'Writer',
        scopes: ['data:transaction:write'],
        expiresAt: domain.clock() + 3600,
      },
      actor,
    );
    const { client, secret } = await domain.services.create(
      {
        ...{ account: ann.account, name: 'S', scopes: ['data:transaction:write'] },
        ...{ actsFor: 'account', resourceServer: false },
      },
      actor,
    );
    const ofService = await tokenOf(client.id, secret.value);
    for (const [token, who, flag] of [
      [value, credential.id, `--token ${credential.id}`],
      [ofService, client.id, `--client ${client.id}`],
    ] as const) {
      const response = await fetch(`${server.url}/api/1.1/obj/transaction/obj_ann`, {
        method: 'DELETE',
        headers: { authorization: `Bearer ${token}` },
      });
      const { body } = (await response.json()) as { body: { hint: string; requestId: string } };
      assert.equal(response.status, 403);
      assert.match(body.hint, /ask whoever runs this server/);
      const lines = server.logged().trim().split('\n');
      const line = lines.map((one) => JSON.parse(one)).find((one) => one.requestId === body.requestId);
      assert.equal(line.explain, `latchkey explain --type transaction --id obj_ann ${flag}`);
      const page = await admin.agent.get(`/admin/activity?request=${body.requestId}`);
      const link = `${PAGE}?who=${who}&record=obj_ann`;
      assert.ok(page.text.includes(`href="${link.replaceAll('&', '&amp;')}"`), page.text);
      assert.match(textOf((await admin.agent.get(link)).text), /May delete No/);
    }
  });

  it('shows names and values of people as text', () => {
    const evil = '<script>alert(1)</script>';
    const site = {
      appName: 'A',
      accentColour: '#0b57d0',
      logoUrl: '/assets/favicon.svg',
      provider: 'Google',
    };
    const granted = { words: 'No', held: 'no', by: evil } as const;
    const rule = { name: evil, gives: evil, when: evil };
    const page = render(
      typePage(site, admin.account, {
        type: {
          ...{ name: 'paper', description: evil, fields: [], indexes: [], unique: [], onePerAccount: false },
          rules: [rule],
        },
        records: '1',
        asked: { who: `"${evil}`, client: evil, record: evil },
        explained: {
          ...{ who: evil, links: [], scopes: [evil], obstacles: [evil], places: [evil], passes: [evil] },
          ...{ finds: evil, record: evil, rights: [{ label: 'x', granted }] },
          fields: [{ name: evil, view: granted, constrain: granted, change: granted }],
          rules: [{ ...rule, held: granted, because: [evil] }],
        },
      }),
    );
    assert.ok(!page.includes(evil));
  });
});

import { type Answer, at, textAt } from './caller.ts';
import { rowsOf } from './page.ts';
import type { Scene } from './scene.ts';
import { type Credentials, makeService } from './services.ts';
import type { Person } from './sign-in.ts';
import { expect } from './telling.ts';
import { requireRefusal } from './tokens.ts';

const ISSUE_TOKEN = '/api/1.1/wf/issue_token';

/** The first admin, by the link that the server prints once. */
export async function showFirstAdmin(scene: Scene): Promise<Person> {
  const { telling } = scene;
  const admin = { email: 'admin@example.com', password: 'six quite different words here now' };
  const browser = scene.newBrowser();
  const path = scene.adminLink.slice(scene.url.length);
  telling.chapter('The owner: first admin, issue_token');

  telling.step('The link that the server printed at its start makes the first admin, once.');
  const form = await browser.open(path);
  await browser.send(form, '/sign-up', admin, { at: '/tokens' });
  await scene.newBrowser().open(path, { status: 400 });
  telling.good('the link works once');
  return { ...admin, browser };
}

/** A service of the owner's, an admin for this one workflow, logs users in and gets tokens of theirs. */
export async function showIssueToken(scene: Scene, admin: Person, person: Person): Promise<string> {
  const { telling, api } = scene;
  telling.step(
    'They make a service that is an admin for one workflow: it needs a reason, and ends within 90 days.',
  );
  const service = await makeService(scene, admin, {
    name: 'Mobile sign-in',
    scopes: ['admin:wf:issue_token'],
    actsFor: 'app',
    reason: 'Signs people in on their phones',
    expires: '30',
  });
  const access = await accessToken(scene, service);

  telling.step('The service trades e-mail and password of a user for a token of that user.');
  const { email, password } = person;
  const issued = await api.call(200, { path: ISSUE_TOKEN, token: access, json: { email, password } });
  const token = textAt(issued, 'response.token');
  expect(Number(at(issued, 'response.expires')) > 0, 'wanted the life of the token in seconds');

  telling.step('A wrong password gets nothing.');
  const wrong = { email, password: 'not the password at all' };
  requireRefusal(await api.call(400, { path: ISSUE_TOKEN, token: access, json: wrong }), 'INVALID_DATA');

  telling.step('The token says whose it is, what it may do and until when.');
  const me = await api.call(200, { path: '/api/1.1/me', token });
  expect(at(me, 'response.account.id') === at(issued, 'response.user_id'), 'wanted the same account');
  return token;
}

/** Another back end asks whether a token is good (RFC 7662). */
export async function showIntrospection(scene: Scene, admin: Person, token: string): Promise<void> {
  const { telling, api } = scene;
  telling.chapter('Another back end asks whether a token is good');

  telling.step('The admin makes a service that is a resource server.');
  const server = await makeService(scene, admin, {
    name: 'Orders back end',
    resourceServer: 'yes',
    expires: '30',
    scopes: ['profile'],
  });

  telling.step('It asks about the token of a user.');
  const good = await introspect(scene, server, token);
  expect(at(good, 'active') === true, 'wanted the token to be active');
  expect(at(good, 'token_kind') === 'personal_access_token', 'wanted the kind of the token');

  telling.step('About an access token, before and after it was revoked (RFC 7009).');
  const access = await accessToken(scene, server);
  expect(at(await introspect(scene, server, access), 'active') === true, 'wanted it to be active');
  const basic = [server.id, server.secret] as const;
  await api.call(200, { path: '/oauth/revoke', basic, form: { token: access } });
  expect(at(await introspect(scene, server, access), 'active') === false, 'wanted it not to be active');

  telling.step('A service that is no resource server learns nothing.');
  const other = await makeService(scene, admin, { name: 'Curious', scopes: ['profile'], expires: '30' });
  expect(at(await introspect(scene, other, token), 'active') === false, 'wanted no answer about the token');
}

async function accessToken(scene: Scene, { id, secret }: Credentials): Promise<string> {
  const form = { grant_type: 'client_credentials' };
  return textAt(
    await scene.api.call(200, { path: '/oauth/token', basic: [id, secret], form }),
    'access_token',
  );
}

function introspect(scene: Scene, { id, secret }: Credentials, token: string): Promise<Answer> {
  return scene.api.call(200, { path: '/oauth/introspect', basic: [id, secret], form: { token } });
}

/** What an account sees of all this. */
export async function showActivity(scene: Scene, person: Person): Promise<void> {
  const { telling } = scene;
  telling.chapter('What they see of all this');
  telling.step('Every call and every change is in the activity of the account that it was made for.');
  const page = await person.browser.open('/activity');
  const rows = rowsOf(page.markup);
  for (const line of aligned(rows.map((row) => row.slice(0, 4)))) telling.quote(line);
  const told = (words: RegExp) => rows.some((row) => words.test(row.join(' ')));
  for (const words of [/POST \/api\/1\.1\/wf\/create_transaction/, /Monthly reports/, /\b401\b/]) {
    expect(told(words), `wanted ${words} in the activity`);
  }
}

/** Cells below each other. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widthOf = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widthOf(column))).join('  '));
}

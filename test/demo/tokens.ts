import { setTimeout as delay } from 'node:timers/promises';
import { type Answer, at } from './caller.ts';
import { codeIn, factsOf, listedIn, rowsOf, wordIn } from './page.ts';
import type { Scene } from './scene.ts';
import { noteMail, type Person } from './sign-in.ts';
import { expect } from './telling.ts';

const ME = '/api/1.1/me';

/** The server notes "last used" off the request path, together with other uses. */
const USE_NOTED_MS = 800;

/** Makes a token on /tokens, as its owner does, and answers its value. */
export async function mintToken(scene: Scene, person: Person, name: string): Promise<string> {
  const { browser, email } = person;
  const form = await browser.open('/tokens/new');
  const chosen = { name, scopes: ['wf:create_transaction', 'profile'], expires: '7' };
  const made = await browser.send(form, '/tokens/new', chosen, { at: /^\/tokens\/tok_\w+\/value$/ });
  const value = wordIn(made.markup, /\blk_pat_[0-9A-Za-z]{36}\b/);
  for (const fact of factsOf(made.markup)) scene.telling.quote(fact);
  scene.telling.quote(`Token: ${value}`);
  for (const line of codeIn(made.markup)) scene.telling.quote(line);
  await noteMail(scene, email, /token/i);
  return value;
}

/** A personal access token from its making to its end. */
export async function showToken(scene: Scene, person: Person): Promise<void> {
  const { telling, api } = scene;
  const { browser } = person;
  telling.chapter('A personal access token: made, listed, used, revoked');

  telling.step('They make a token on /tokens. It is shown this once, with a ready line for curl.');
  const token = await mintToken(scene, person, 'Build server');

  telling.step('The list knows its last four characters and never the token.');
  await showList(scene, person, token);

  telling.step('A script uses it.');
  const me = await api.call(200, { path: ME, token });
  expect(at(me, 'response.account.email') === person.email, 'wanted the answer to name its owner');

  telling.step('The list says when it was last used, and from where.');
  await delay(USE_NOTED_MS);
  const [row = []] = await showList(scene, person, token);
  expect(!row.includes('Never'), 'wanted the use to be noted');

  telling.step('They revoke it; the page says first what that breaks.');
  const list = await browser.open('/tokens');
  const [, path = ''] = /href="(\/tokens\/[^"]+\/revoke)"/.exec(list.markup) ?? [];
  const question = await browser.open(path);
  for (const line of listedIn(question.markup)) telling.quote(`• ${line}`);
  await browser.send(question, path, {}, { at: '/tokens' });

  telling.step('The very next call is refused.');
  const refused = await api.call(401, { path: ME, token });
  requireRefusal(refused, 'invalid_token');
  telling.good('refused at once');
}

async function showList(scene: Scene, person: Person, token: string): Promise<string[][]> {
  const list = await person.browser.open('/tokens');
  const rows = rowsOf(list.markup);
  for (const row of rows) scene.telling.quote(row.slice(0, 5).join('  |  '));
  expect(
    rows.some(([name]) => name?.includes(token.slice(-4))),
    'wanted the token in the list',
  );
  expect(!list.markup.includes(token), 'the list shows a whole token');
  return rows;
}

/** What makes a token useful to somebody without a password. */
export async function showTokenWithoutPassword(scene: Scene, person: Person): Promise<string> {
  scene.telling.step('They make a token and call the API with it: no password is asked for anywhere.');
  const token = await mintToken(scene, person, 'Notebook');
  const me = await scene.api.call(200, { path: ME, token });
  expect(at(me, 'response.account.email') === person.email, 'wanted the answer to name its owner');
  return token;
}

/** The word of an error in the one shape that the API has, with a hint beside it. */
export function requireRefusal(answer: Answer, word: string): void {
  const status = at(answer, 'body.status');
  expect(status === word, `wanted the error ${word}, got ${String(status)}`);
  const hint = at(answer, 'body.hint');
  expect(typeof hint === 'string' && hint !== '', 'wanted a hint beside the error');
}

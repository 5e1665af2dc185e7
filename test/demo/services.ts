import { at, textAt } from './caller.ts';
import { codeIn, listedIn, wordIn } from './page.ts';
import type { Scene } from './scene.ts';
import { noteMail, type Person } from './sign-in.ts';
import { expect } from './telling.ts';
import { requireRefusal } from './tokens.ts';

export type Credentials = { id: string; secret: string };

/** Where the secret of a new client is shown. */
export const SHOWN_ONCE = /\/secrets\/sec_\w+\/value$/;

/** A client's id and the secret that is shown this once. */
export function credentialsIn(markup: string): Credentials {
  return {
    id: wordIn(markup, /\b(?:svc|app)_[0-9A-Za-z]{20}\b/),
    secret: wordIn(markup, /\blk_cs_[0-9A-Za-z]{36}\b/),
  };
}

/** Makes a service on /services, as its owner does, and answers what is shown this once. */
export async function makeService(
  scene: Scene,
  person: Person,
  wanted: { name: string } & Record<string, string | string[]>,
): Promise<Credentials> {
  const { browser, email } = person;
  const form = await browser.open('/services/new');
  const made = await browser.send(form, '/services/new', wanted, { at: SHOWN_ONCE });
  const { id, secret } = credentialsIn(made.markup);
  scene.telling.quote(`Client id: ${id}\nClient secret: ${secret}`);
  for (const line of codeIn(made.markup)) scene.telling.quote(line);
  await noteMail(scene, email, /service/i);
  return { id, secret };
}

/** Client credentials of a third-party service (RFC 6749 section 4.4), from their making to their end. */
export async function showService(scene: Scene, person: Person): Promise<void> {
  const { telling, api } = scene;
  const { browser } = person;
  const name = 'Bookkeeping sync';
  const grant = { grant_type: 'client_credentials', scope: 'wf:create_transaction' };
  telling.chapter('A service: client credentials for one third party');

  telling.step('They make a service on /services. Its secret is shown this once.');
  const { id, secret } = await makeService(scene, person, {
    name,
    scopes: ['wf:create_transaction'],
    expires: '30',
  });

  telling.step('The service gets an access token, with its id and secret as Basic authentication.');
  const basic = await api.call(200, { path: '/oauth/token', basic: [id, secret], form: grant });

  telling.step('Or with both in the body (client_secret_post).');
  const form = { ...grant, client_id: id, client_secret: secret };
  const post = await api.call(200, { path: '/oauth/token', form });

  telling.step('With either it calls the API, in the name of the account that made the service.');
  const token = textAt(basic, 'access_token');
  const json = { account: 'savings', phone: '+358 40 123 4567', amount: 12.5 };
  await api.call(200, { path: '/api/1.1/wf/create_transaction', token, json });
  const me = await api.call(200, { path: '/api/1.1/me', token: textAt(post, 'access_token') });
  expect(at(me, 'response.client.id') === id, 'wanted the answer to name the service');
  await noteMail(scene, person.email, /transaction/i);

  telling.step('They revoke the service.');
  const path = `/services/${id}/revoke`;
  const question = await browser.open(path);
  for (const line of listedIn(question.markup)) telling.quote(`• ${line}`);
  await browser.send(question, path, {}, { at: '/services' });

  telling.step('Its access tokens and its secret are refused from the very next call on.');
  requireRefusal(await api.call(401, { path: '/api/1.1/me', token }), 'invalid_token');
  const refused = await api.call(401, { path: '/oauth/token', basic: [id, secret], form: grant });
  expect(at(refused, 'error') === 'invalid_client', 'wanted the error invalid_client');
  telling.good('refused at once');
}

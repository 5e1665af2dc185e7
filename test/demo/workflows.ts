import { at } from './caller.ts';
import type { Scene } from './scene.ts';
import { type Person, readMail } from './sign-in.ts';
import { expect } from './telling.ts';
import { requireRefusal } from './tokens.ts';

const PATH = '/api/1.1/wf/create_transaction';

/** A call that works, and what calls that do not work are told. */
export async function showWorkflow(scene: Scene, person: Person, token: string): Promise<void> {
  const { telling, api } = scene;
  const json = { account: 'savings', phone: '+358 40 123 4567', amount: 49.9 };
  const { account, ...withoutAccount } = json;
  telling.chapter('A workflow: create_transaction, and errors that find the mistake');

  telling.step('A call as it should be, with the token of the one who has no password.');
  const done = await api.call(200, { path: PATH, token, json });
  expect(at(done, 'status') === 'success', 'wanted status success');
  const mail = await readMail(scene, person.email, /transaction/i);
  expect((mail.text ?? '').includes('49.90'), 'wanted the amount in the mail');

  telling.step('A parameter is missing.');
  const missing = await api.call(400, { path: PATH, token, json: withoutAccount });
  requireRefusal(missing, 'MISSING_DATA');
  expect(at(missing, 'body.parameter') === 'account', 'wanted the parameter to be named');

  telling.step('It is there, but in the address instead of the body.');
  const path = `${PATH}?account=${account}`;
  const misplaced = await api.call(400, { path, token, json: withoutAccount });
  requireRefusal(misplaced, 'MISSING_DATA');
  expect(String(at(misplaced, 'body.hint')).includes('query'), 'wanted the hint to say where it was found');

  telling.step('A number is sent as a text.');
  requireRefusal(
    await api.call(400, { path: PATH, token, json: { ...json, amount: '49.90' } }),
    'INVALID_DATA',
  );

  telling.step('The header is misspelt.');
  const headers = { Authorisation: `Bearer ${token}` };
  requireRefusal(await api.call(401, { path: PATH, headers, json }), 'UNAUTHORIZED');

  telling.step('The token was not copied whole.');
  requireRefusal(await api.call(401, { path: PATH, token: token.slice(0, -2), json }), 'invalid_token');
}

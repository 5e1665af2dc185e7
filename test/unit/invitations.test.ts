import assert from 'node:assert/strict';
import { afterEach, it } from 'node:test';
import { createInvitations } from '../../server/accounts/invitations.ts';
import { createMailedInvitations } from '../../server/accounts/mailed-invitations.ts';
import { createSignUpRules } from '../../server/accounts/sign-up-policy.ts';
import { Problem } from '../../server/ground/errors.ts';
import { actor, openTestDomain, type TestDomain } from '../support/domain.ts';

/** The link that makes the first admin, and the mailed ones, in the cases that no page leads to. */

let domain: TestDomain;
afterEach(() => domain.stop());

const dead = (error: unknown) => error instanceof Problem && error.code === 'LINK_DEAD';
const firstLink = async () =>
  new URL((await domain.invitations.firstAdminLink()) ?? assert.fail()).searchParams.get('invitation') ?? '';
const wanted = (token: string) => ({
  token,
  email: 'eve@example.com',
  password: 'four words nobody guesses',
});

it('the first link makes no second admin, also where the first one was made in another way', async () => {
  domain = await openTestDomain();
  const token = await firstLink();
  await domain.invitations.requireOpen(token);
  await domain.account('root@example.com', true);
  await assert.rejects(domain.invitations.requireOpen(token), dead);
  await assert.rejects(domain.invitations.accept(wanted(token), actor), dead);
  assert.equal(await domain.accounts.findByEmail('eve@example.com'), undefined);
});

it('it works on where making the admin failed, and once only where it did not', async () => {
  domain = await openTestDomain();
  const token = await firstLink();
  let isDown = true;
  const create: typeof domain.accounts.create = (account, by) =>
    isDown ? Promise.reject(new Error('the store is away')) : domain.accounts.create(account, by);
  const accounts = { ...domain.accounts, create };
  const invitations = createInvitations({ ...domain, invitations: domain.rows.invitations, accounts });
  await assert.rejects(invitations.accept(wanted(token), actor), /the store is away/);
  isDown = false;
  const account = await invitations.accept(wanted(token), actor);
  assert.equal(account.admin, true);
  await assert.rejects(invitations.accept(wanted(token), actor), dead);
});

it('a mailed link opens nothing once nobody may make an account', async () => {
  domain = await openTestDomain({ settings: { signUp: 'invited' } });
  await domain.mailedInvitations.invite('new@example.com', actor);
  const [mail] = await domain.rows.outbox.list({ where: [['to', '=', 'new@example.com']], limit: 1 });
  const token = /(?:token|invitation)=([\w-]+)/.exec(mail?.text ?? '')?.[1] ?? assert.fail(mail?.text);
  assert.equal((await domain.mailedInvitations.find(token)).email, 'new@example.com');
  const settings = { ...domain.settings, signUp: 'nobody' as const };
  const { mailedInvitations } = domain.rows;
  const signUpRules = createSignUpRules({ ...domain, mailedInvitations, settings });
  const closed = createMailedInvitations({ ...domain, mailedInvitations, signUpRules, settings });
  for (const what of [closed.find(token), closed.accept({ ...wanted(token), name: undefined }, actor)])
    await assert.rejects(what, { code: 'SIGN_UP_CLOSED' });
});

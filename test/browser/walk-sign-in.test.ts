import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { systemClock } from '../../server/ground/clock.ts';
import { PASSWORD } from '../support/people.ts';
import { BROWSERS, chooseAtGoogle, fillSignIn, openWalk, type Walk } from './steps.ts';

const ANOTHER = 'a second good long phrase';

describe('signing in, in a browser', () => {
  let walk: Walk;
  let provider: string;
  before(async () => {
    walk = await openWalk({ google: true });
    provider = new URL(walk.google.issuer).hostname;
  });
  after(() => walk?.close());

  for (const { title, javaScript } of BROWSERS) {
    describe(title, () => {
      const addressOf = (name: string) => `${name}-${javaScript ? 'js' : 'plain'}@example.com`;

      it('makes an account behind the mailed link and is signed in', () =>
        walk.visit({ javaScript }, async (visitor) => {
          const email = addressOf('ann');
          await visitor.open('/');
          await visitor.look('welcome', 'main');
          await visitor.press('Make an account');
          await visitor.arrive('Make an account');
          await visitor.look('sign-up', 'main');
          await visitor.fill({ 'E-mail': email, Password: 'iloveyou' });
          await visitor.press('Make the account');
          await visitor.page.getByText(/tried first/).waitFor();
          assert.equal(await visitor.page.getByLabel('E-mail').inputValue(), email);
          await visitor.look('sign-up-refused');
          await visitor.fill({ Password: PASSWORD });
          await visitor.press('Make the account');
          await visitor.arrive('Look into your mailbox');
          await visitor.look('look-into-mailbox');

          const link = await walk.mailedLink(email, 'Confirm your e-mail address');
          await visitor.open(link);
          await visitor.arrive('Confirm your address');
          await visitor.look('verify-email', 'main');
          await visitor.fill({ Password: ANOTHER });
          await visitor.press('Make my account');
          await visitor.page.getByText(/not the password that was chosen/).waitFor();
          await visitor.fill({ Password: PASSWORD });
          await visitor.press('Make my account');
          await visitor.arrive('Personal access tokens');
          await visitor.reads('No tokens yet');
          await visitor.look('tokens-empty', 'main');

          await visitor.open(link);
          await visitor.arrive('That did not work');
          await visitor.look('problem');
        }));

      it('refuses a wrong password, and lets in with one that was chosen by mail', async () => {
        const account = await walk.people.account();
        await walk.visit({ javaScript }, async (visitor) => {
          await visitor.open('/account');
          await visitor.arrive('Sign in');
          await visitor.look('sign-in', 'main');
          assert.equal(await visitor.isOffered('Show the password'), javaScript);
          await fillSignIn(visitor, { email: account.email, password: ANOTHER });
          await visitor.page.getByRole('alert').waitFor();
          assert.equal(await visitor.page.getByLabel('Password', { exact: true }).inputValue(), '');
          await visitor.look('sign-in-refused');

          await visitor.press('Forgot your password?');
          await visitor.arrive('Choose a new password');
          await visitor.look('reset-password');
          await visitor.fill({ 'E-mail': account.email });
          await visitor.press('Send the link');
          await visitor.arrive('Look into your mailbox');
          await visitor.open(await walk.mailedLink(account.email, 'password'));
          await visitor.arrive('Choose a new password');
          await visitor.look('new-password');
          await visitor.fill({ 'New password': ANOTHER });
          await visitor.press('Save the password');
          // Back to where they wanted to go before all this.
          await visitor.arrive('Account');

          await visitor.press('Sign out');
          await visitor.arrive('Sign in');
          await visitor.reads('You are signed out.');
          await fillSignIn(visitor, { email: account.email, password: PASSWORD });
          await visitor.page.getByRole('alert').waitFor();
          await fillSignIn(visitor, { email: account.email, password: ANOTHER });
          await visitor.arrive('Personal access tokens');
        });
      });

      it('signs in with Google, never having had a password, and makes a token', () =>
        walk.visit({ javaScript }, async (visitor) => {
          await walk.google.behave({});
          await visitor.open('/sign-in');
          await visitor.press(`Continue with ${provider}`);
          await visitor.arrive('Choose an account');
          await visitor.press('Cancel');
          await visitor.arrive('Sign in');
          await visitor.reads('You did not allow it there, so nobody was signed in.');

          const email = addressOf('gina');
          await visitor.press(`Continue with ${provider}`);
          await chooseAtGoogle(visitor, email);
          await visitor.arrive('Personal access tokens');

          walk.wait(301);
          await walk.google.behave({ aheadSeconds: walk.now() - systemClock() });
          await visitor.press('Make a token');
          await visitor.arrive('Confirm that it is you');
          assert.equal(await visitor.page.getByLabel('Password').count(), 0);
          await visitor.look('confirm-it-is-you-google');
          await visitor.press(`Continue with ${provider}`);
          await chooseAtGoogle(visitor, email);
          await visitor.arrive('New personal access token');
          await visitor.fill({ Name: 'Laptop' });
          await visitor.page.getByLabel('See who you are').check();
          await visitor.press('Make the token');
          await visitor.arrive('Token “Laptop” is ready');
          const token = await visitor.page.getByLabel('Token', { exact: true }).inputValue();
          assert.equal((await walk.callMe(token)).status, 200);
        }));

      it('links Google to an account with that address only behind its password', async () => {
        const account = await walk.people.account();
        await walk.google.behave({});
        await walk.visit({ javaScript }, async (visitor) => {
          await visitor.open('/sign-in');
          await visitor.press(`Continue with ${provider}`);
          await chooseAtGoogle(visitor, account.email);
          await visitor.arrive(`Link ${provider} to your account`);
          await visitor.look('link-account', 'main');
          await visitor.fill({ Password: ANOTHER });
          await visitor.press('Link and sign in');
          await visitor.page.getByRole('alert').waitFor();
          await visitor.fill({ Password: PASSWORD });
          await visitor.press('Link and sign in');
          await visitor.arrive('Personal access tokens');
          await visitor.press('Account');
          await visitor.arrive('Account');
          await visitor.reads(provider, account.email);
        });
      });

      it('shows and ends sessions, changes the password, links and removes Google', async () => {
        const { account, agent } = await walk.people.person();
        const elsewhere = await walk.people.signIn(account.email);
        await walk.google.behave({});
        await walk.visit({ javaScript, as: agent }, async (visitor) => {
          await visitor.open('/account');
          await visitor.arrive('Account');
          await visitor.reads('This browser');
          await visitor.look('account', 'main');
          await visitor.press('End');
          await visitor.page.getByText('The session was ended.').waitFor();
          assert.equal((await elsewhere.get('/tokens')).status, 303);

          await visitor.press('Change… the password');
          await visitor.arrive('Change your password');
          await visitor.look('change-password');
          await visitor.fill({ 'New password': ANOTHER });
          await visitor.press('Save the password');
          await visitor.page.getByText('Your password was changed.').waitFor();
          assert.equal(await visitor.isOffered('End'), false);

          await visitor.press(`Link ${provider}…`);
          await visitor.arrive(`Link ${provider}`);
          await visitor.look('link-google');
          await visitor.press(`Continue to ${provider}`);
          await chooseAtGoogle(visitor, addressOf('somebody'));
          await visitor.page.getByText(/You can sign in that way too/).waitFor();
          await visitor.look('account-linked');
          await visitor.press(/^Remove…/);
          await visitor.arrive(`Remove ${provider} as a way to sign in?`);
          await visitor.look('remove-google');
          await visitor.press('Remove it');
          await visitor.page.getByText('This way to sign in was removed.').waitFor();

          await visitor.press('Sign out');
          await visitor.arrive('Sign in');
          await fillSignIn(visitor, { email: account.email, password: ANOTHER });
          await visitor.arrive('Personal access tokens');
        });
      });
    });
  }

  it('makes the first admin behind the link that the server printed', () =>
    walk.visit({ javaScript: true }, async (visitor) => {
      await visitor.open(walk.server.firstAdminLink ?? assert.fail('no link was printed'));
      await visitor.arrive('Make the first admin');
      await visitor.look('first-admin');
      await visitor.fill({ 'E-mail': 'root@example.com', Password: PASSWORD });
      const typeOfPassword = () => visitor.page.getByLabel('Password', { exact: true }).getAttribute('type');
      await visitor.press('Show the password');
      assert.equal(await typeOfPassword(), 'text');
      await visitor.look('password-shown');
      await visitor.press('Hide the password');
      assert.equal(await typeOfPassword(), 'password');
      // With the keyboard alone: the cursor is back in the field, and the button is the next stop.
      await visitor.page.keyboard.press('Tab');
      await visitor.page.keyboard.press('Space');
      assert.equal(await typeOfPassword(), 'text');
      await visitor.press('Make the admin account');
      await visitor.arrive('Personal access tokens');
      await visitor.press('Account');
      await visitor.arrive('Account');
      await visitor.reads(/root@example\.com Admin/);
      await visitor.open('/nothing/here');
      await visitor.arrive('There is nothing here');
      await visitor.look('not-found');
    }));
});

import type { ParsedMail } from 'mailparser';
import { linkIn } from '../support/smtp.ts';
import type { Browser } from './browser.ts';
import { noticesOf, rowsOf } from './page.ts';
import type { Scene } from './scene.ts';
import { expect } from './telling.ts';

/** Somebody with an account, and the browser in which they are signed in. */
export type Person = { email: string; password: string; browser: Browser };

/** Where somebody ends who just signed in. */
const HOME = { at: '/tokens' };

/** A mail that the server kept, of which the subject is told. */
export async function noteMail(scene: Scene, to: string, subject: RegExp): Promise<ParsedMail> {
  const mail = await scene.mail.waitFor({ to, subject });
  scene.telling.mail(to, mail.subject ?? '');
  return mail;
}

/** A mail as its reader sees it. */
export async function readMail(scene: Scene, to: string, subject: RegExp): Promise<ParsedMail> {
  const mail = await noteMail(scene, to, subject);
  const text = (mail.text ?? '').split('\n-- ')[0]?.trim() ?? '';
  const link = /https?:\/\/\S+/.exec(text)?.[0];
  if (link !== undefined) scene.telling.keepSecretsOf(new URL(link).searchParams);
  scene.telling.quote(text);
  return mail;
}

/** The path of the link in a mail, as somebody clicks on it. */
export function pathIn(scene: Scene, mail: ParsedMail): string {
  const link = linkIn(mail);
  expect(link.startsWith(`${scene.url}/`), `wanted a link to ${scene.url}, got ${link}`);
  return link.slice(scene.url.length);
}

/** Sign-up by e-mail and password, the mailed link, signing in. */
export async function showSignUp(scene: Scene): Promise<Person> {
  const { telling } = scene;
  const email = 'user@example.com';
  const password = 'four words nobody guesses';
  const browser = scene.newBrowser();
  telling.chapter('Somebody signs up with e-mail and password');

  telling.step('They fill in the form.');
  const form = await browser.open('/sign-up');
  await browser.send(form, '/sign-up', { email, password });

  telling.step('There is no account before the mailed link was followed: signing in is refused.');
  await refuseSignIn(scene, email, password);
  telling.good('refused');

  telling.step('The link is in the mail. It asks for the password, so that nobody signs up a stranger.');
  const mail = await readMail(scene, email, /confirm/i);
  const page = await browser.open(pathIn(scene, mail));
  await browser.send(page, '/verify-email', { password }, HOME);
  telling.good('the account is made and signed in');

  telling.step('They sign out, and in again.');
  const home = await browser.open('/tokens');
  const signIn = await browser.send(home, '/sign-out', {}, { at: '/sign-in' });
  await browser.send(signIn, '/sign-in', { email, password }, HOME);
  return { email, password, browser };
}

/** A forgotten password: a new one by way of the mailbox. It ends the old one and every session. */
export async function showReset(scene: Scene, person: Person): Promise<Person> {
  const { telling } = scene;
  const { email } = person;
  const password = 'five other words nobody guesses';
  const browser = scene.newBrowser();
  telling.chapter('They forget their password');

  telling.step('In another browser they ask for a link; the answer is the same for every address.');
  const ask = await browser.open('/reset-password');
  await browser.send(ask, '/reset-password', { email });

  telling.step('The link is good for 30 minutes and once.');
  const mail = await readMail(scene, email, /password/i);
  const path = pathIn(scene, mail);
  const form = await browser.open(path);
  await browser.send(form, '/reset-password', { password }, HOME);
  await browser.open(path, { status: 400 });
  telling.good('the link works once');

  telling.step('The old session and the old password are dead.');
  await person.browser.open('/tokens', { at: '/sign-in' });
  await refuseSignIn(scene, email, person.password);
  telling.good('refused');
  return { email, password, browser };
}

async function refuseSignIn(scene: Scene, email: string, password: string): Promise<void> {
  const browser = scene.newBrowser();
  const form = await browser.open('/sign-in');
  const refused = await browser.send(form, '/sign-in', { email, password }, { status: 400 });
  expect(noticesOf(refused.markup).length > 0, 'wanted the page to say why');
}

/** Somebody signs in with Google and never has a password. */
export async function showGoogle(scene: Scene): Promise<Person> {
  const { telling } = scene;
  const email = 'google-user@example.com';
  const browser = scene.newBrowser();
  telling.chapter('Somebody else signs in with Google and never has a password');
  telling.quote(`(A second OpenID provider at ${scene.google.issuer} plays Google: GOOGLE_ISSUER names it.)`);

  telling.step('They choose “Continue with Google”; state, nonce and PKCE go along.');
  await browser.open('/sign-in');
  const { sentTo } = await browser.open('/sign-in/google', 'elsewhere');
  const asked = new URL(sentTo);
  expect(asked.origin === scene.google.issuer, `wanted to be sent to ${scene.google.issuer}`);
  for (const name of ['state', 'nonce', 'code_challenge']) {
    expect(asked.searchParams.has(name), `wanted ${name} in the request to the provider`);
  }

  telling.step('At the provider they choose their account and are sent back.');
  telling.asked(`POST ${asked.origin}${asked.pathname}?…   email=${email}`);
  const approval = await fetch(asked, {
    method: 'POST',
    body: new URLSearchParams({ email }),
    redirect: 'manual',
  });
  const back = new URL(approval.headers.get('location') ?? '', asked);
  telling.keepSecretsOf(back.searchParams);
  telling.sentTo(approval.status, back.href);
  expect(back.origin === scene.url, `wanted to be sent back to ${scene.url}`);
  await browser.open(`${back.pathname}${back.search}`, HOME);
  const account = await browser.open('/account');
  for (const row of rowsOf(account.markup)) telling.quote(row.slice(0, 2).join(': '));
  telling.good('an account of their own, with no password');
  return { email, password: '', browser };
}

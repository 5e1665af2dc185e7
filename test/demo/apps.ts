import { createHash, randomBytes } from 'node:crypto';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import type { Browser, Shown } from './browser.ts';
import { type Answer, at, prettyJson, textAt } from './caller.ts';
import { factsOf, listedIn, rowsOf } from './page.ts';
import type { Scene } from './scene.ts';
import { type Credentials, credentialsIn, SHOWN_ONCE } from './services.ts';
import type { Person } from './sign-in.ts';
import { expect } from './telling.ts';
import { requireRefusal } from './tokens.ts';

const NAME = 'Monthly reports';
const REDIRECT_URI = 'https://reports.example.com/callback';
/** Sign-in and consent inside an authorization. */
const WAITING = { at: /^\/interaction\/[\w-]+$/ };
const SCOPES = ['openid', 'email', 'offline_access', 'wf:create_transaction'];

/** A third-party app: authorization code with PKCE (RFC 6749 section 4.1, RFC 7636), up to being cut off. */
export async function showApp(scene: Scene, developer: Person, person: Person): Promise<void> {
  const { telling, api } = scene;
  telling.chapter('A third-party app: sign-in, consent, tokens, and being cut off');

  telling.step('Its developer registers it on /developer.');
  const app = await registerApp(scene, developer);

  telling.step('The app sends somebody to Latchkey, in a browser where nobody is signed in. They deny it.');
  const browser = scene.newBrowser();
  await deny(scene, browser, app, person);

  telling.step('The app asks again; this time they allow it.');
  const { code, verifier } = await allow(scene, browser, app);

  telling.step('The app redeems the code.');
  const form = {
    grant_type: 'authorization_code',
    code,
    redirect_uri: REDIRECT_URI,
    code_verifier: verifier,
  };
  const tokens = await api.call(200, { path: '/oauth/token', basic: [app.id, app.secret], form });

  telling.step('It verifies the ID token against the published keys, with jose.');
  await verifyIdToken(scene, app, tokens, person);

  telling.step('It acts for them.');
  const json = { account: 'reports', phone: '+358 40 123 4567', amount: 3 };
  const path = '/api/1.1/wf/create_transaction';
  await api.call(200, { path, token: textAt(tokens, 'access_token'), json });

  telling.step('It refreshes; the refresh token is replaced too.');
  const renewed = await refresh(scene, app, textAt(tokens, 'refresh_token'), 200);
  const [before, after] = [textAt(tokens, 'refresh_token'), textAt(renewed, 'refresh_token')];
  expect(before !== after, 'wanted another refresh token');
  const token = textAt(renewed, 'access_token');
  await api.call(200, { path: '/api/1.1/me', token });

  telling.step('They see it on /apps and cut it off.');
  await cutOff(scene, browser);

  telling.step('Its access token and its refresh token are refused at once.');
  requireRefusal(await api.call(401, { path: '/api/1.1/me', token }), 'invalid_token');
  const refused = await refresh(scene, app, after, 400);
  expect(at(refused, 'error') === 'invalid_grant', 'wanted the error invalid_grant');
  telling.good('cut off');
}

async function registerApp(scene: Scene, developer: Person): Promise<Credentials> {
  const form = await developer.browser.open('/developer/new');
  const typed = { name: NAME, redirectUris: REDIRECT_URI, scopes: SCOPES, type: 'confidential' };
  const made = await developer.browser.send(form, '/developer/new', typed, { at: SHOWN_ONCE });
  const app = credentialsIn(made.markup);
  scene.telling.quote(`Client id: ${app.id}\nClient secret: ${app.secret}`);
  return app;
}

/** The address that the app sends a browser to, and what it keeps to check the answer with. */
function authorizationRequest(app: Credentials) {
  const verifier = randomBytes(32).toString('base64url');
  const state = randomBytes(9).toString('base64url');
  const query = new URLSearchParams({
    client_id: app.id,
    response_type: 'code',
    redirect_uri: REDIRECT_URI,
    scope: SCOPES.join(' '),
    // OpenID Connect Core section 11: offline_access is asked for with consent.
    prompt: 'consent',
    state,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  return { path: `/oauth/authorize?${query}`, verifier, state };
}

async function deny(scene: Scene, browser: Browser, app: Credentials, person: Person): Promise<void> {
  const { path, state } = authorizationRequest(app);
  const signIn = await browser.open(path, WAITING);
  const { email, password } = person;
  const [, action = ''] = /action="(\/interaction\/[^"]+\/sign-in)"/.exec(signIn.markup) ?? [];
  const consent = await browser.send(signIn, action, { email, password }, WAITING);
  showConsent(scene, consent);
  const { sentTo } = await browser.send(consent, consentAction(consent, 'deny'), {}, 'elsewhere');
  const answer = answerIn(sentTo, scene, state);
  expect(answer.get('error') === 'access_denied', 'wanted the app to be told access_denied');
  scene.telling.good('the app is told so');
}

async function allow(scene: Scene, browser: Browser, app: Credentials) {
  const { path, verifier, state } = authorizationRequest(app);
  const consent = await browser.open(path, WAITING);
  const { sentTo } = await browser.send(consent, consentAction(consent, 'allow'), {}, 'elsewhere');
  const code = answerIn(sentTo, scene, state).get('code');
  expect(code !== null, 'wanted a code for the app');
  scene.telling.good('the browser is back at the app, with a code, our issuer and the state of the app');
  return { code, verifier };
}

function showConsent(scene: Scene, consent: Shown): void {
  const { markup } = consent;
  const facts = factsOf(markup);
  const able = listedIn(markup);
  for (const fact of facts) scene.telling.quote(fact);
  scene.telling.quote('It will be able to:');
  for (const line of able) scene.telling.quote(`• ${line}`);
  expect(
    facts.some((fact) => fact.includes('reports.example.com')),
    'wanted the host on the consent page',
  );
  expect(able.length >= SCOPES.length, 'wanted each scope in plain words');
}

function consentAction(consent: Shown, decision: 'allow' | 'deny'): string {
  return new RegExp(`action="(/interaction/[^"]+/${decision})"`).exec(consent.markup)?.[1] ?? '';
}

/** What the app reads from the address that it is called at. RFC 9207: `iss` says who answers. */
function answerIn(sentTo: string, scene: Scene, state: string): URLSearchParams {
  expect(sentTo.startsWith(`${REDIRECT_URI}?`), `wanted to be sent to ${REDIRECT_URI}`);
  const answer = new URL(sentTo).searchParams;
  expect(answer.get('state') === state, 'wanted the state of the app');
  expect(answer.get('iss') === scene.url, 'wanted our issuer');
  return answer;
}

async function verifyIdToken(scene: Scene, app: Credentials, tokens: Answer, person: Person): Promise<void> {
  scene.telling.asked(`GET ${scene.url}/oauth/jwks`);
  const keys = createRemoteJWKSet(new URL(`${scene.url}/oauth/jwks`));
  const expected = { issuer: scene.url, audience: app.id };
  const { payload, protectedHeader } = await jwtVerify(textAt(tokens, 'id_token'), keys, expected);
  scene.telling.quote(prettyJson({ ...protectedHeader, ...payload }));
  const me = await scene.api.call(200, { path: '/oauth/userinfo', token: textAt(tokens, 'access_token') });
  expect(at(me, 'sub') === payload.sub, 'wanted the same subject in the ID token and in userinfo');
  expect(at(me, 'email') === person.email, 'wanted their e-mail in userinfo');
  scene.telling.good('signature, issuer, audience and subject are right');
}

function refresh(scene: Scene, app: Credentials, value: string, wanted: number): Promise<Answer> {
  const form = { grant_type: 'refresh_token', refresh_token: value };
  return scene.api.call(wanted, { path: '/oauth/token', basic: [app.id, app.secret], form });
}

async function cutOff(scene: Scene, browser: Browser): Promise<void> {
  const list = await browser.open('/apps');
  for (const row of rowsOf(list.markup)) scene.telling.quote(row.slice(0, 4).join('  |  '));
  const [, path = ''] = /href="(\/apps\/[^"]+\/end)"/.exec(list.markup) ?? [];
  const question = await browser.open(path);
  await browser.send(question, path, {}, { at: '/apps' });
}

import type { Context } from 'koa';
import { type Account, requireActive } from '../accounts/account.ts';
import type { AuthorizationRequest, AuthorizationRequests } from '../accounts/authorization-requests.ts';
import { readEmail } from '../accounts/email.ts';
import { verifiedEmail } from '../accounts/newcomers.ts';
import { Problem } from '../ground/errors.ts';
import { actorOf } from '../http/request.ts';
import type { StepDependencies } from './dependencies.ts';
import { type FederatedCookie, tagOf } from './federated-cookie.ts';
import type { Claims, IdentityProvider } from './identity-provider.ts';

/** What a federated sign-in stands on. */
export type FederatedDependencies = StepDependencies & {
  provider: IdentityProvider;
  requests: AuthorizationRequests;
  cookie: FederatedCookie;
};

/** A response that the provider vouches for, and the request of the same browser that it answers. */
type CheckedResponse = { ctx: Context; request: AuthorizationRequest; claims: Claims };

/** How far the clocks of two servers may be apart. */
const CLOCK_SKEW_SECONDS = 60;

/**
 * What a response means here, by what was asked. Accounts are found by issuer and subject, never by e-mail; an
 * e-mail counts only to make a new account, and only verified (GHSA-g38m-r43w-p2q7). Answers the path to go on to.
 */
export function acceptResponse(parts: FederatedDependencies, checked: CheckedResponse): Promise<string> {
  switch (checked.request.mode) {
    case 'sign-in':
      return acceptToSignIn(parts, checked);
    case 'fresh':
      return acceptToRenew(parts, checked);
    case 'link':
      return acceptToLink(parts, checked);
  }
}

async function acceptToSignIn(parts: FederatedDependencies, checked: CheckedResponse): Promise<string> {
  const { ctx, request } = checked;
  const { returnTo } = request;
  const { accounts, identities, newcomers, provider } = parts;
  const claims = request.fresh === true ? provedNow(parts, checked) : checked.claims;
  const identity = await identities.find(claims);
  const known = identity && (await accounts.get(identity.accountId));
  if (known !== undefined) {
    await signIn(parts, checked, known, claims);
    return returnTo;
  }
  const email = verifiedEmail(claims, provider.name);
  const owner = await accounts.findByEmail(email.address);
  if (owner !== undefined && (await identities.find(claims))?.accountId !== owner.id) {
    return askForPassword(parts, checked, owner);
  }
  const newcomer = { claims, email, knownId: identity?.accountId };
  const account = owner ?? (await newcomers.create(newcomer, (accountId) => actorOf(ctx, accountId)));
  await signIn(parts, checked, account, claims);
  return returnTo;
}

async function acceptToRenew(parts: FederatedDependencies, checked: CheckedResponse): Promise<string> {
  const { request, claims } = checked;
  const { accounts, identities, provider } = parts;
  const identity = await identities.find(claims);
  const account = identity && (await accounts.get(identity.accountId));
  if (account === undefined || account.id !== request.accountId) throw otherPerson(provider.name);
  await signIn(parts, checked, account, provedNow(parts, checked));
  return request.returnTo;
}

/** When the provider says that the person proved themselves; a time that has not come yet (milliseconds) is none. */
function toldTime({ authenticatedAt }: Claims, now: number): number | undefined {
  return authenticatedAt === undefined || authenticatedAt > now + CLOCK_SKEW_SECONDS
    ? undefined
    : Math.min(Math.floor(authenticatedAt), now);
}

/** The claims of who proved themselves since they were sent there. Throws Problem 403 where the provider does not say so. */
function provedNow({ provider, clock }: FederatedDependencies, { request, claims }: CheckedResponse): Claims {
  const { name } = provider;
  // `prompt` and `max_age` went through the browser, whose owner can strip them: only the time counts.
  const now = clock();
  const authenticatedAt = toldTime(claims, now) ?? (provider.tellsAuthTime ? undefined : now);
  if (authenticatedAt === undefined) {
    throw notFresh(
      `${name} did not say when it last asked you to prove that it is you.`,
      'Use your password instead. If you have none, the sign-in page has a way to set one, or to sign up with one.',
    );
  }
  if (authenticatedAt < request.createdAt - CLOCK_SKEW_SECONDS) {
    throw notFresh(
      `${name} did not ask you to prove that it is you.`,
      `Sign out at ${name} and try again, or use your password.`,
    );
  }
  // By our own clock, which what waits for the sign-in goes by: the provider's may be behind.
  return { ...claims, authenticatedAt: Math.max(authenticatedAt, request.createdAt) };
}

/** Only for who is signed in now and was when it began: a link is never made for somebody else. */
async function acceptToLink(parts: FederatedDependencies, checked: CheckedResponse): Promise<string> {
  const { ctx, request, claims } = checked;
  const { identities, signedIn, provider } = parts;
  const account = (await signedIn.find(ctx))?.account;
  if (account === undefined || account.id !== request.accountId) throw otherPerson(provider.name);
  const { issuer, subject } = claims;
  // Shown and mailed, and nobody vouches for it: whoever is signed in there may have written anything.
  const email = readEmail(claims.email ?? '')?.address ?? subject;
  await identities.link({ issuer, subject, account, email }, actorOf(ctx, account.id));
  return `${request.returnTo}?done=linked`;
}

/**
 * The person proved who they are when the provider says, which may have answered out of a session of last week.
 * One that does not say when adds nothing to what this browser showed before. What counts as proof where an app wants
 * one is what we asked for: that the provider has them prove themselves.
 */
async function signIn(
  parts: FederatedDependencies,
  { ctx, request }: CheckedResponse,
  account: Account,
  claims: Claims,
) {
  const { identities, sessions, signedIn, clock } = parts;
  requireActive(account);
  await identities.used(claims);
  const now = clock();
  const told = toldTime(claims, now);
  const found = told === undefined ? await signedIn.find(ctx) : undefined;
  const before = found?.account.id === account.id ? found.session : undefined;
  await sessions.start(ctx, {
    account,
    amr: ['fed'],
    signedInAt: told ?? before?.signedInAt ?? now,
    isProof: request.fresh === true || before?.isProof === true,
  });
}

/** The verified e-mail belongs to an account that was made another way: its password decides, once. */
async function askForPassword(
  { provider, cookie, requests }: FederatedDependencies,
  { ctx, request, claims }: CheckedResponse,
  account: Account,
): Promise<string> {
  requireActive(account);
  if (account.passwordHash === undefined) throw otherWayFirst(provider.name);
  const { issuer, subject } = claims;
  const { id: accountId, email } = account;
  const token = await requests.addLink({ issuer, subject, returnTo: request.returnTo, accountId, email });
  // The page takes the newest, and its form says which that was.
  cookie.set(ctx, token);
  cookie.set(ctx, token, tagOf(token));
  return '/sign-in/link';
}

function otherWayFirst(provider: string): Problem {
  return new Problem({
    status: 409,
    code: 'OTHER_WAY_FIRST',
    message: 'There is an account with this e-mail address already, which signs in another way.',
    hint: `Sign in that way first. If an app brought you here, or you have no password, set one by “Forgot your password?” on the sign-in page. Then continue with ${provider} again.`,
  });
}

function otherPerson(provider: string): Problem {
  return new Problem({
    status: 403,
    code: 'OTHER_ACCOUNT',
    message: `That account at ${provider} does not belong to the account that you are signed in with here.`,
    hint: 'Go back and choose the right one, or sign out here first.',
  });
}

function notFresh(message: string, hint: string): Problem {
  return new Problem({ status: 403, code: 'NOT_FRESH', message, hint });
}

import type { Context } from 'koa';
import type { Account } from '../accounts/account.ts';
import { requireActive } from '../accounts/account.ts';
import type { AuthorizationRequest } from '../accounts/authorization-requests.ts';
import { type Email, readEmail } from '../accounts/email.ts';
import type { Subject } from '../accounts/identities.ts';
import { Problem } from '../ground/errors.ts';
import { newId } from '../ground/opaque.ts';
import { actorOf } from '../http/request.ts';
import type { SignInDependencies } from './dependencies.ts';
import type { FederatedSignIns } from './federated-sign-ins.ts';
import type { Google, Proof } from './identity-provider.ts';

/** How far the clocks of two servers may be apart. */
const CLOCK_SKEW_SECONDS = 60;

/**
 * What a proof from the provider means here. Accounts are found by issuer and subject, never by e-mail; an
 * e-mail counts only to make a new account, and only verified (GHSA-g38m-r43w-p2q7). Each answer is the path
 * to go on to.
 */
export function createArrivals(parts: SignInDependencies, google: Google, trips: FederatedSignIns) {
  const { accounts, identities, signUps, sessions, signedIn, clock } = parts;

  /**
   * When the person proved who they are: at the provider, which may have answered out of a session of last
   * week. One that does not say when adds nothing to what this browser showed before.
   */
  async function provedAt(ctx: Context, account: Account, proof: Proof): Promise<number> {
    const now = clock();
    if (proof.authenticatedAt !== undefined) return Math.min(proof.authenticatedAt, now);
    const found = await signedIn.find(ctx);
    return found?.account.id === account.id ? found.session.signedInAt : now;
  }

  async function signIn(ctx: Context, account: Account, proof: Proof): Promise<void> {
    requireActive(account);
    await identities.used({ issuer: google.issuer, subject: proof.subject });
    const signedInAt = await provedAt(ctx, account, proof);
    await sessions.start(ctx, { account, amr: ['fed'], signedInAt });
  }

  /**
   * Makes the account. The identity comes first: if we die in between, the next sign-in finds it and goes on.
   */
  async function newcomer(ctx: Context, subject: Subject, email: Email, knownId?: string): Promise<Account> {
    const id = knownId ?? newId('acc_');
    const actor = actorOf(ctx, id);
    const { address } = email;
    if (knownId === undefined) {
      await identities.link(
        { ...subject, account: { id, email: address }, email: address, quiet: true },
        actor,
      );
    }
    try {
      const account = await accounts.create({ id, email: address, admin: false }, actor);
      await signUps.endAll(email.key);
      return account;
    } catch (error) {
      await identities.undo(subject, id);
      throw error;
    }
  }

  /** The verified e-mail belongs to an account that was made another way: its password decides, once. */
  async function askForPassword(ctx: Context, account: Account, subject: Subject, returnTo: string) {
    requireActive(account);
    if (account.passwordHash === undefined) throw otherWayFirst(google.name);
    await trips.await(ctx, { ...subject, accountId: account.id, email: account.email, returnTo });
    return '/sign-in/link';
  }

  async function useToSignIn(ctx: Context, trip: AuthorizationRequest, proof: Proof): Promise<string> {
    const subject = { issuer: google.issuer, subject: proof.subject };
    const identity = await identities.find(subject);
    const known = identity && (await accounts.get(identity.accountId));
    if (known !== undefined) {
      await signIn(ctx, known, proof);
      return trip.returnTo;
    }
    const email = provenEmail(proof, google.name);
    const owner = await accounts.findByEmail(email.address);
    if (owner !== undefined) return askForPassword(ctx, owner, subject, trip.returnTo);
    await signIn(ctx, await newcomer(ctx, subject, email, identity?.accountId), proof);
    return trip.returnTo;
  }

  async function useToRenew(ctx: Context, trip: AuthorizationRequest, proof: Proof): Promise<string> {
    const subject = { issuer: google.issuer, subject: proof.subject };
    const identity = await identities.find(subject);
    const account = identity && (await accounts.get(identity.accountId));
    if (account === undefined || account.id !== trip.accountId) throw otherPerson(google.name);
    // `prompt` and `max_age` went through the browser, whose owner can strip them: only the time counts.
    const { authenticatedAt = google.tellsWhen ? undefined : clock() } = proof;
    if (authenticatedAt === undefined) throw notTold(google.name);
    if (authenticatedAt < trip.createdAt - CLOCK_SKEW_SECONDS) throw notAsked(google.name);
    await signIn(ctx, account, { ...proof, authenticatedAt });
    return trip.returnTo;
  }

  /** Only for who is signed in now and was when it began: a link is never made for somebody else. */
  async function useToLink(ctx: Context, trip: AuthorizationRequest, proof: Proof): Promise<string> {
    const found = await signedIn.find(ctx);
    if (found === undefined || found.account.id !== trip.accountId) throw otherPerson(google.name);
    const { account } = found;
    const email = proof.email ?? proof.subject;
    const subject = { issuer: google.issuer, subject: proof.subject };
    await identities.link({ ...subject, account, email }, actorOf(ctx, account.id));
    return `${trip.returnTo}?done=linked`;
  }

  const uses = { 'sign-in': useToSignIn, fresh: useToRenew, link: useToLink };

  return {
    use: (ctx: Context, trip: AuthorizationRequest, proof: Proof): Promise<string> =>
      uses[trip.mode](ctx, trip, proof),
  };
}

/**
 * The address that the provider verified. One that would be read as another (Unicode look-alikes) was
 * verified as that other mailbox, so it is none.
 */
function provenEmail(proof: Proof, provider: string): Email {
  const claimed = proof.email ?? '';
  const email = claimed.normalize('NFKC') === claimed ? readEmail(claimed) : undefined;
  if (proof.emailVerified && email !== undefined) return email;
  throw new Problem({
    status: 403,
    code: 'EMAIL_NOT_VERIFIED',
    message: `${provider} did not confirm your e-mail address.`,
    hint: `Confirm it at ${provider} and try again, or sign up here with a password.`,
  });
}

function otherWayFirst(provider: string): Problem {
  return new Problem({
    status: 409,
    code: 'OTHER_WAY_FIRST',
    message: 'There is an account with this e-mail address already, which signs in another way.',
    hint: `Sign in that way first, or set a password for it; then link ${provider} on the account page.`,
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

function notTold(provider: string): Problem {
  return new Problem({
    status: 403,
    code: 'NOT_FRESH',
    message: `${provider} did not say when it last asked you to prove that it is you.`,
    hint: 'Use your password instead. If you have none, set one by way of Forgot password? on the sign-in page.',
  });
}

function notAsked(provider: string): Problem {
  return new Problem({
    status: 403,
    code: 'NOT_FRESH',
    message: `${provider} did not ask you to prove that it is you.`,
    hint: `Sign out at ${provider} and try again, or use your password.`,
  });
}

import type { RouterContext } from '@koa/router';
import type { Context } from 'koa';
import { chooseAccountPage } from '../../views/choose-account.ts';
import { consentPage } from '../../views/consent.ts';
import type { FormProblem } from '../../views/form-problem.ts';
import type { Html } from '../../views/html.ts';
import type { Account } from '../accounts/account.ts';
import type { Client } from '../credentials/client.ts';
import { kindOfScope } from '../credentials/scopes.ts';
import { Problem, SignInNeeded } from '../ground/errors.ts';
import { isLoopback } from '../ground/loopback.ts';
import { readForm } from '../http/body.ts';
import { seeOther, sendPage } from '../http/page.ts';
import { actorOf, addressOf } from '../http/request.ts';
import type { PendingInteraction } from '../oauth/interactions.ts';
import { showRefusal } from '../pages/refused-form.ts';
import { isFresh } from '../pages/signed-in.ts';
import type { StepDependencies } from './dependencies.ts';
import { afterSignInOf, HOME, pathWith } from './paths.ts';
import { signInPageFor } from './sign-in-page.ts';

/**
 * One waiting authorization: its sign-in and its consent. No step leads to another: each goes back to the
 * engine, which finds what is still missing.
 */
export function createInteractionSteps(parts: StepDependencies) {
  const { accounts, interactions, signedIn, clock } = parts;

  return {
    /** GET /interaction/:uid */
    async show(ctx: Context): Promise<void> {
      const { waiting, account } = await read(parts, ctx);
      if (waiting.prompt === 'create' && waiting.accountId === undefined) {
        return seeOther(ctx, pathWith('/sign-up', { return_to: afterSignInOf(waiting.uid) }));
      }
      sendPage(ctx, await pageFor(parts, waiting, account));
    },

    /** POST /interaction/:uid/keep-account: on as who they are signed in as. */
    async keepAccount(ctx: RouterContext): Promise<void> {
      await answerOnce(parts, ctx, async () => {
        const { waiting, account } = await read(parts, ctx);
        if (account === undefined || !isChoice(waiting)) throw askAgain(waiting);
        return interactions.keepAccount(ctx);
      });
    },

    /** POST /interaction/:uid/sign-in. Signing in again is for the account that is signed in. */
    async signIn(ctx: Context): Promise<void> {
      const form = await readForm(ctx);
      const { waiting, account: known } = await read(parts, ctx);
      const email = (waiting.freshNeeded ? known?.email : undefined) ?? form.one('email');
      try {
        const password = form.one('password');
        const account = await accounts.checkPassword({ email, password, from: addressOf(ctx) });
        seeOther(ctx, await interactions.signIn(ctx, { account, amr: ['pwd'] }));
      } catch (error) {
        const asked = { ...waiting, loginHint: email };
        await showRefusal(ctx, error, (problem) => loginPageFor(parts, asked, known, problem));
      }
    },

    /**
     * GET /interaction/:uid/continue: comes here who signed in on a page outside (Google, a mailed link). In another
     * browser than the one that waits they are simply signed in. A sign-in from before the request began to wait does
     * not count, nor one without proof: with `prompt=login` the app asked for a new one.
     */
    async resume(ctx: Context): Promise<void> {
      const found = await signedIn.find(ctx);
      const waiting = await interactions.read(ctx).catch((error: unknown) => {
        if (found && error instanceof Problem && error.code === 'SIGN_IN_TOO_OLD') return undefined;
        throw error;
      });
      if (waiting === undefined) return seeOther(ctx, HOME);
      const { uid, prompt, freshNeeded, provedSince } = waiting;
      const isEnough =
        found !== undefined &&
        (!freshNeeded || isFresh(found.session, clock())) &&
        (provedSince === undefined || (found.session.isProof && found.session.signedInAt >= provedSince));
      if (prompt === 'consent' || isChoice(waiting) || !isEnough) return seeOther(ctx, `/interaction/${uid}`);
      const { account, session } = found;
      seeOther(ctx, await interactions.signIn(ctx, { account, ...session, isCarried: true }));
    },

    /** POST /interaction/:uid/allow */
    async allow(ctx: RouterContext): Promise<void> {
      await answerOnce(parts, ctx, async () => {
        const { waiting, account } = await read(parts, ctx);
        if (account === undefined) throw askAgain(waiting);
        return interactions.allow(ctx, actorOf(ctx, account.id));
      });
    },

    /** POST /interaction/:uid/deny */
    async deny(ctx: RouterContext): Promise<void> {
      await answerOnce(parts, ctx, async () => {
        await interactions.read(ctx);
        return interactions.deny(ctx);
      });
    },

    /** POST /interaction/:uid/switch-account: the same request again, for somebody else. */
    async switchAccount(ctx: RouterContext): Promise<void> {
      await answerOnce(parts, ctx, async () => {
        await interactions.read(ctx);
        return interactions.switchAccount(ctx);
      });
    },
  };
}

/**
 * Answers a button on the page of a waiting request. The second press of a double click goes where the first one went,
 * also when nothing waits any more: only the browser that waits knows the id of the request.
 */
async function answerOnce({ forms }: StepDependencies, ctx: RouterContext, act: () => Promise<string>) {
  await readForm(ctx);
  const post = { who: '', path: ctx.path, formId: ctx.params.uid ?? '' };
  const { location } = await forms.once(post, async () => ({ location: await act() }));
  seeOther(ctx, location);
}

/** Who sits here is not who was asked: the page finds out what is to be asked of them. */
function askAgain({ uid }: PendingInteraction): SignInNeeded {
  return new SignInNeeded(`/interaction/${uid}`);
}

/** The request that waits at this address, and who it waits for, if they still sit here. */
async function read({ interactions, signedIn }: StepDependencies, ctx: Context) {
  const waiting = await interactions.read(ctx);
  const found = await signedIn.find(ctx);
  return { waiting, account: found?.account.id === waiting.accountId ? found?.account : undefined };
}

/** The page that asks for what the engine still misses. */
function pageFor(
  parts: StepDependencies,
  waiting: PendingInteraction,
  account: Account | undefined,
): Promise<Html> {
  // The engine asks for consent of who was signed in; somebody else by now has to sign in first.
  if (waiting.prompt === 'login' || account === undefined) return loginPageFor(parts, waiting, account);
  if (isChoice(waiting)) return Promise.resolve(chooseAccountPageFor(parts, waiting, account));
  return consentPageFor(parts, waiting, account);
}

/** Whether somebody is signed in, and is to say whether as that account or another one. */
function isChoice({ prompt, accountId }: PendingInteraction): boolean {
  return accountId !== undefined && (prompt === 'select_account' || prompt === 'create');
}

function chooseAccountPageFor(
  { site }: StepDependencies,
  { uid, client, prompt }: PendingInteraction,
  { email }: Account,
): Html {
  const path = `/interaction/${uid}`;
  return chooseAccountPage(site, { app: client.name, email, path, isNewWanted: prompt === 'create' });
}

function loginPageFor(
  parts: StepDependencies,
  waiting: PendingInteraction,
  account: Account | undefined,
  problem?: FormProblem,
): Promise<Html> {
  const path = `/interaction/${waiting.uid}`;
  return signInPageFor(parts, {
    action: `${path}/sign-in`,
    app: waiting.client.name,
    returnTo: afterSignInOf(waiting.uid),
    known: waiting.freshNeeded ? account : undefined,
    switchAction: `${path}/switch-account`,
    email: waiting.loginHint,
    problem,
  });
}

async function consentPageFor(
  parts: StepDependencies,
  waiting: PendingInteraction,
  account: Account,
): Promise<Html> {
  const { site, accounts, scopes } = parts;
  const owner = await accounts.get(waiting.client.accountId);
  const someGranted = waiting.newScopes.length < waiting.scopes.length;
  return consentPage(site, {
    app: { ...faceOf(waiting.client, waiting.redirectUri), ours: owner?.admin === true },
    email: account.email,
    scopes: waiting.scopes.map((name) => ({
      description: scopes.describe(name),
      isNew: someGranted && waiting.newScopes.includes(name),
      isData: kindOfScope(name) === 'data',
    })),
    path: `/interaction/${waiting.uid}`,
  });
}

/** What can be said of an app for certain: where the answer goes. */
function faceOf(client: Client, redirectUri: string) {
  const url = URL.parse(redirectUri);
  const web = url?.protocol === 'https:' || url?.protocol === 'http:';
  return {
    name: client.name,
    clientId: client.id,
    goesTo: web && url ? url.host : redirectUri,
    loopback: url !== null && isLoopback(url),
  };
}

import type { Context } from 'koa';
import type { FormProblem } from '../../views/form-problem.ts';
import type { Html } from '../../views/html.ts';
import { notice } from '../../views/kit/notices.ts';
import { signInAgainPage, signInPage } from '../../views/sign-in.ts';
import { readForm } from '../http/body.ts';
import { seeOther, sendPage } from '../http/page.ts';
import { queryOne } from '../http/query.ts';
import { addressOf } from '../http/request.ts';
import { safePath } from '../http/same-origin.ts';
import { showRefusal } from '../pages/refused-form.ts';
import { isFresh } from '../pages/signed-in.ts';
import type { StepDependencies } from './dependencies.ts';
import { HOME, pathWith } from './paths.ts';

/** What brought somebody here, as codes in the address; the words are ours. */
const NOTICES: Record<string, { kind: 'done' | 'info'; text: string }> = {
  'signed-out': { kind: 'done', text: 'You are signed out.' },
  denied: { kind: 'info', text: 'You did not allow it there, so nobody was signed in.' },
};

/** What the page is asked for with: where to go afterwards, and whether the person must prove themselves again. */
type Asked = { returnTo: string; fresh: boolean };

/** Signing in by e-mail and password, signing in again, and signing out. */
export function createPasswordSteps(parts: StepDependencies) {
  const { accounts, sessions, signedIn, clock } = parts;

  return {
    /** GET /sign-in */
    async show(ctx: Context): Promise<void> {
      const asked = {
        returnTo: safePath(queryOne(ctx, 'return_to'), HOME),
        fresh: queryOne(ctx, 'fresh') === '1',
      };
      const found = await signedIn.find(ctx);
      if (found !== undefined && (!asked.fresh || isFresh(found.session, clock()))) {
        return seeOther(ctx, asked.returnTo);
      }
      sendPage(ctx, await pageFor(parts, ctx, asked));
    },

    /** POST /sign-in. Signing in again is for the account that is signed in, whatever was sent. */
    async signIn(ctx: Context): Promise<void> {
      const form = await readForm(ctx);
      const asked = {
        returnTo: safePath(form.one('return_to'), HOME),
        fresh: form.one('fresh') === '1',
      };
      const found = asked.fresh ? await signedIn.find(ctx) : undefined;
      const email = found?.account.email ?? form.one('email');
      const password = form.one('password');
      try {
        const account = await accounts.checkPassword({ email, password, from: addressOf(ctx) });
        await sessions.start(ctx, { account, amr: ['pwd'] });
        seeOther(ctx, asked.returnTo);
      } catch (error) {
        await showRefusal(ctx, error, (problem) => pageFor(parts, ctx, asked, { email, problem }));
      }
    },

    /** POST /sign-out */
    async signOut(ctx: Context): Promise<void> {
      await readForm(ctx);
      await sessions.end(ctx);
      seeOther(ctx, '/sign-in?done=signed-out');
    },
  };
}

async function pageFor(
  parts: StepDependencies,
  ctx: Context,
  asked: Asked,
  refused: { email?: string; problem?: FormProblem } = {},
): Promise<Html> {
  const { site, methods, signedIn } = parts;
  const { returnTo, fresh } = asked;
  const found = fresh ? await signedIn.find(ctx) : undefined;
  const shared = {
    action: '/sign-in',
    fields: { return_to: returnTo, ...(fresh ? { fresh: '1' } : {}) },
    resetUrl: pathWith('/reset-password', { return_to: returnTo }),
    notice: ctx.method === 'GET' ? noticeFor(ctx) : undefined,
    problem: refused.problem,
  };
  if (found !== undefined) {
    const again = await methods.againFor(found.account, returnTo);
    return signInAgainPage(site, { ...shared, ...again, switchAction: '/sign-out' });
  }
  return signInPage(site, {
    ...shared,
    email: refused.email,
    federation: methods.federation(returnTo),
    signUpUrl: pathWith('/sign-up', { return_to: returnTo }),
  });
}

function noticeFor(ctx: Context): Html | undefined {
  const done = queryOne(ctx, 'done');
  const found = Object.hasOwn(NOTICES, done) ? NOTICES[done] : undefined;
  return found && notice(found.kind, found.text);
}

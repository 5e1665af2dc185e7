import type { Context } from 'koa';
import type { Html } from '../../views/html.ts';
import { notice } from '../../views/kit/notices.ts';
import { readForm } from '../http/body.ts';
import { seeOther, sendPage } from '../http/page.ts';
import { queryOne } from '../http/query.ts';
import { addressOf } from '../http/request.ts';
import { safePath } from '../http/same-origin.ts';
import { showRefusal } from '../pages/refused-form.ts';
import { isFresh } from '../pages/signed-in.ts';
import { keepProbe, PROBE_FIELDS, requireCookies } from './cookie-probe.ts';
import type { StepDependencies } from './dependencies.ts';
import { HOME } from './paths.ts';
import { type SignInPageProps, signInPageFor } from './sign-in-page.ts';

/** What brought somebody here, as codes in the address; the words are ours. */
const NOTICES: Record<string, { kind: 'done' | 'info'; text: string }> = {
  'signed-out': { kind: 'done', text: 'You are signed out.' },
  'account-deleted': { kind: 'done', text: 'Your account was deleted and you are signed out.' },
  'access-ended': {
    kind: 'done',
    text: 'All access was ended. The form was sent twice, so this session was ended too: sign in again.',
  },
  denied: { kind: 'info', text: 'You did not allow it there, so nobody was signed in.' },
};

/** Signing in by e-mail and password, signing in again, and signing out. */
export function createPasswordSteps(parts: StepDependencies) {
  const { accounts, sessions, signedIn, clock } = parts;

  return {
    /** GET /sign-in */
    async show(ctx: Context): Promise<void> {
      const asked = askedFrom((name) => queryOne(ctx, name));
      const found = await signedIn.find(ctx);
      if (found !== undefined && (!asked.fresh || isFresh(found.session, clock()))) {
        return seeOther(ctx, asked.returnTo);
      }
      keepProbe(ctx);
      sendPage(ctx, await pageFor(parts, { ...asked, known: found?.account, notice: noticeFor(ctx) }));
    },

    /** POST /sign-in. Signing in again is for the account that is signed in, whatever was sent. */
    async signIn(ctx: Context): Promise<void> {
      const form = await readForm(ctx);
      const asked = askedFrom(form.one);
      const known = asked.fresh ? (await signedIn.find(ctx))?.account : undefined;
      const email = known?.email ?? form.one('email');
      const password = form.one('password');
      try {
        requireCookies(ctx, form);
        const account = await accounts.checkPassword({ email, password, from: addressOf(ctx) });
        await sessions.start(ctx, { account, amr: ['pwd'] });
        seeOther(ctx, asked.returnTo);
      } catch (error) {
        await showRefusal(ctx, error, (problem) => pageFor(parts, { ...asked, known, email, problem }));
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

/** Where to go afterwards, and whether the person must prove themselves again. */
function askedFrom(one: (name: string) => string) {
  return { returnTo: safePath(one('return_to'), HOME), fresh: one('fresh') === '1' };
}

function pageFor(
  parts: StepDependencies,
  asked: { fresh: boolean } & Omit<SignInPageProps, 'action' | 'switchAction'>,
): Promise<Html> {
  const { fresh, ...props } = asked;
  const fields = { return_to: asked.returnTo, ...PROBE_FIELDS, ...(fresh ? { fresh: '1' } : {}) };
  return signInPageFor(parts, { ...props, action: '/sign-in', fields, switchAction: '/sign-out' });
}

function noticeFor(ctx: Context): Html | undefined {
  const done = queryOne(ctx, 'done');
  const found = Object.hasOwn(NOTICES, done) ? NOTICES[done] : undefined;
  return found && notice(found.kind, found.text);
}

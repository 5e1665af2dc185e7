import type { Context } from 'koa';
import type { FormProblem } from '../../views/form-problem.ts';
import type { Html } from '../../views/html.ts';
import { signUpPage } from '../../views/sign-up.ts';
import { verifyEmailPage } from '../../views/verify-email.ts';
import type { Actor } from '../ground/actor.ts';
import { readForm } from '../http/body.ts';
import { seeOther, sendPage } from '../http/page.ts';
import { queryOne } from '../http/query.ts';
import { addressOf, requestIdOf } from '../http/request.ts';
import { safePath } from '../http/same-origin.ts';
import { showRefusal } from '../pages/refused-form.ts';
import type { StepDependencies } from './dependencies.ts';
import { showMailbox } from './mailbox.ts';
import { HOME, pathWith } from './paths.ts';

/** Making an account by e-mail and password: asked for here, made behind the mailed link. */
export function createSignUpSteps(parts: StepDependencies) {
  const { site, signUps, invitations, sessions } = parts;

  async function acceptInvitation(ctx: Context, wanted: { token: string; email: string; password: string }) {
    const account = await invitations.accept(wanted, newcomer(ctx));
    await sessions.start(ctx, { account, amr: ['pwd'] });
    seeOther(ctx, HOME);
  }

  return {
    /** GET /sign-up */
    async show(ctx: Context): Promise<void> {
      if (queryOne(ctx, 'done') === 'mailed') {
        const text =
          'We sent a link to the address that you typed. Open it and type your password there; then your account is made.';
        return showMailbox(ctx, parts, { text, againUrl: '/sign-up' });
      }
      const invitation = queryOne(ctx, 'invitation');
      if (invitation !== '') await invitations.requireOpen(invitation);
      const returnTo = safePath(queryOne(ctx, 'return_to'), HOME);
      sendPage(ctx, pageFor(parts, { returnTo, invitation }));
    },

    /** POST /sign-up: the same answer for an address with an account and one without. */
    async signUp(ctx: Context): Promise<void> {
      const form = await readForm(ctx);
      const [email, password, invitation] = [form.one('email'), form.one('password'), form.one('invitation')];
      const returnTo = safePath(form.one('return_to'), HOME);
      try {
        if (invitation !== '') return await acceptInvitation(ctx, { token: invitation, email, password });
        await signUps.ask({ email, password, returnTo, from: addressOf(ctx) });
        seeOther(ctx, '/sign-up?done=mailed');
      } catch (error) {
        await showRefusal(ctx, error, (problem) => pageFor(parts, { returnTo, invitation, email, problem }));
      }
    },

    /** GET /verify-email: only shows, because mail scanners follow links too. */
    async showVerify(ctx: Context): Promise<void> {
      const token = queryOne(ctx, 'token');
      const { email, returnTo } = await signUps.find(token);
      const signUpUrl = pathWith('/sign-up', { return_to: returnTo });
      sendPage(ctx, verifyEmailPage(site, { token, email, signUpUrl }));
    },

    /** POST /verify-email: makes the account and signs in. */
    async verify(ctx: Context): Promise<void> {
      const form = await readForm(ctx);
      const [token, password] = [form.one('token'), form.one('password')];
      const waiting = await signUps.find(token);
      const signUpUrl = pathWith('/sign-up', { return_to: waiting.returnTo });
      try {
        const { account, returnTo } = await signUps.complete({ token, password }, newcomer(ctx));
        await sessions.start(ctx, { account, amr: ['pwd'] });
        seeOther(ctx, returnTo);
      } catch (error) {
        await showRefusal(ctx, error, (problem) =>
          verifyEmailPage(site, { token, email: waiting.email, signUpUrl, problem }),
        );
      }
    },
  };
}

/** The one who acts has no account yet. */
function newcomer(ctx: Context): Actor {
  return { kind: 'account', from: addressOf(ctx), requestId: requestIdOf(ctx) };
}

function pageFor(
  { site, methods }: StepDependencies,
  asked: { returnTo: string; invitation: string; email?: string; problem?: FormProblem },
): Html {
  const { returnTo, invitation, email, problem } = asked;
  return signUpPage(site, {
    fields: { return_to: returnTo, ...(invitation === '' ? {} : { invitation }) },
    email,
    invited: invitation !== '',
    federation: methods.federation(returnTo),
    signInUrl: pathWith('/sign-in', { return_to: returnTo }),
    problem,
  });
}

import type { Context } from 'koa';
import type { FormProblem } from '../../views/form-problem.ts';
import type { Html } from '../../views/html.ts';
import type { Site } from '../../views/layout.ts';
import {
  becomeAdminPage,
  invitationPage,
  signUpClosedPage,
  signUpPage,
  verifyEmailPage,
} from '../../views/sign-up.ts';
import { displayNameFrom } from '../accounts/display-name.ts';
import { requireEmail } from '../accounts/email.ts';
import { linkDamaged } from '../accounts/mailed-links.ts';
import type { SignUp } from '../accounts/sign-ups.ts';
import type { Actor } from '../ground/actor.ts';
import { checkAll } from '../ground/errors.ts';
import { type Form, readForm } from '../http/body.ts';
import { mailedTo, setNotice } from '../http/notice-cookie.ts';
import { seeOther, sendPage } from '../http/page.ts';
import { queryOne } from '../http/query.ts';
import { actorOf, addressOf, requestIdOf } from '../http/request.ts';
import { safePath } from '../http/same-origin.ts';
import { showRefusal } from '../pages/refused-form.ts';
import { signInOnce } from '../pages/sign-in-once.ts';
import { requireViewer } from '../pages/signed-in.ts';
import { keepProbe, PROBE_FIELDS, requireCookies } from './cookie-probe.ts';
import type { StepDependencies } from './dependencies.ts';
import { showMailbox } from './mailbox.ts';
import { HOME, pathWith } from './paths.ts';
import { federationFor } from './sign-in-page.ts';

/** Making an account by e-mail and password: asked for here, made behind the mailed link. */
export function createSignUpSteps(parts: StepDependencies) {
  const { signUps, invitations, forms, passwords, accounts } = parts;

  return {
    /** GET /sign-up */
    async show(ctx: Context): Promise<void> {
      if (queryOne(ctx, 'done') === 'mailed') {
        const address = mailedTo(ctx) ?? 'the address that you typed';
        const text = `We sent a link to ${address}. Open it and type your password there; then your account is made.`;
        return showMailbox(ctx, parts, text);
      }
      const invitation = queryOne(ctx, 'invitation');
      if (invitation === '' && /invitation/i.test(ctx.querystring)) throw linkDamaged('the console');
      if (invitation !== '' && (await askWhoIsSignedIn(parts, ctx, invitation))) return;
      const returnTo = safePath(queryOne(ctx, 'return_to'), HOME);
      const { signUp } = parts.site;
      if (invitation === '' && signUp?.isOpen === false) {
        const signInUrl = pathWith('/sign-in', { return_to: returnTo });
        return sendPage(ctx, signUpClosedPage(parts.site, { ...signUp, signInUrl }));
      }
      keepProbe(ctx);
      sendPage(ctx, pageFor(parts, { returnTo, invitation }));
    },

    /** POST /sign-up: the same answer for an address with an account and one without. */
    async signUp(ctx: Context): Promise<void> {
      const form = await readForm(ctx);
      const [email, password, invitation] = [form.one('email'), form.one('password'), form.one('invitation')];
      const typedName = form.one('name');
      const returnTo = safePath(form.one('return_to'), HOME);
      requireCookies(ctx, form);
      const page = (problem: FormProblem) =>
        pageFor(parts, { returnTo, invitation, email, name: typedName, problem });
      if (invitation !== '' && form.one('become') === 'admin')
        return becomeAdmin(parts, ctx, form, invitation);
      if (invitation !== '') {
        return signInOnce(
          parts,
          ctx,
          { secret: form.one('form_id'), password, notice: 'admin' },
          {
            find: () => invitations.requireOpen(invitation),
            act: async () => {
              const isNew = (await accounts.findByEmail(email)) === undefined;
              const { name } = checkAll({
                name: () => displayNameFrom(typedName),
                email: () => requireEmail(email),
                password: () => isNew && passwords.requireGood(password, { email }),
              });
              const wanted = { token: invitation, email, password, name };
              return { account: await invitations.accept(wanted, newcomer(ctx)), returnTo: HOME };
            },
            page: (_, problem) => page(problem),
          },
        );
      }
      try {
        const { name } = checkAll({
          name: () => displayNameFrom(typedName),
          email: () => requireEmail(email),
          password: () => passwords.requireGood(password, { email }),
        });
        const post = { who: '', path: ctx.path, formId: form.one('form_id') };
        const { location } = await forms.once(post, async () => {
          await signUps.ask({ email, password, name, returnTo, from: addressOf(ctx) });
          return { location: '/sign-up?done=mailed' };
        });
        setNotice(ctx, 'mailed', email);
        seeOther(ctx, location);
      } catch (error) {
        await showRefusal(ctx, error, page);
      }
    },

    ...verifySteps(parts),
    ...invitationSteps(parts),
  };
}

function verifySteps(parts: StepDependencies) {
  const { site, signUps } = parts;

  return {
    /** GET /verify-email: only shows, because mail scanners follow links too. */
    async showVerify(ctx: Context): Promise<void> {
      const token = queryOne(ctx, 'token');
      keepProbe(ctx);
      sendPage(ctx, verifyPage(site, token, await signUps.find(token)));
    },

    /** POST /verify-email: makes the account and signs in. */
    async verify(ctx: Context): Promise<void> {
      const form = await readForm(ctx);
      const [token, password] = [form.one('token'), form.one('password')];
      requireCookies(ctx, form);
      await signInOnce(
        parts,
        ctx,
        { secret: token, password, notice: 'confirmed' },
        {
          find: () => signUps.find(token),
          act: () => signUps.complete({ token, password }, newcomer(ctx)),
          page: (waiting, problem) => verifyPage(site, token, waiting, problem),
        },
      );
    },
  };
}

/** The link of a mailed invitation. */
function invitationSteps(parts: StepDependencies) {
  const { site, mailedInvitations } = parts;

  const page = (token: string, email: string, name?: string, problem?: FormProblem) =>
    invitationPage(site, {
      fields: { token, ...PROBE_FIELDS },
      email,
      name,
      federation: federationFor(parts, HOME),
      problem,
    });

  return {
    /** GET /invitation: only shows, because mail scanners follow links too. */
    async showInvitation(ctx: Context): Promise<void> {
      const token = queryOne(ctx, 'token');
      const { email } = await mailedInvitations.find(token);
      keepProbe(ctx);
      sendPage(ctx, page(token, email));
    },

    /** POST /invitation: makes the account and signs in. */
    async acceptInvitation(ctx: Context): Promise<void> {
      const form = await readForm(ctx);
      const [token, password, typedName] = [form.one('token'), form.one('password'), form.one('name')];
      requireCookies(ctx, form);
      await signInOnce(
        parts,
        ctx,
        { secret: token, password, notice: 'confirmed' },
        {
          find: () => mailedInvitations.find(token),
          act: async () => {
            const wanted = { token, password, name: displayNameFrom(typedName) };
            return { account: await mailedInvitations.accept(wanted, newcomer(ctx)), returnTo: HOME };
          },
          page: ({ email }, problem) => page(token, email, typedName, problem),
        },
      );
    },
  };
}

/** Answers whether somebody is signed in and was asked: the link of the first admin takes an account that exists. */
async function askWhoIsSignedIn(parts: StepDependencies, ctx: Context, invitation: string): Promise<boolean> {
  const { site, invitations, signedIn } = parts;
  await invitations.requireOpen(invitation);
  const account = (await signedIn.find(ctx))?.account;
  if (account === undefined) return false;
  sendPage(ctx, becomeAdminPage(site, account, invitation));
  return true;
}

/** Makes the first admin of who is signed in. */
async function becomeAdmin(
  parts: StepDependencies,
  ctx: Context,
  form: Form,
  invitation: string,
): Promise<void> {
  const path = `/sign-up?${new URLSearchParams({ invitation })}`;
  const { account } = await parts.signedIn.account(ctx, path);
  requireViewer(account, form);
  const post = { who: account.id, path: ctx.path, formId: form.one('form_id') };
  const { location } = await parts.forms.once(post, async () => {
    await parts.invitations.acceptAs(account, invitation, actorOf(ctx, account.id));
    return { location: HOME };
  });
  setNotice(ctx, 'admin');
  seeOther(ctx, location);
}

/** The one who acts has no account yet. */
function newcomer(ctx: Context): Actor {
  return { kind: 'account', from: addressOf(ctx), requestId: requestIdOf(ctx) };
}

function pageFor(
  parts: StepDependencies,
  asked: { returnTo: string; invitation: string; email?: string; name?: string; problem?: FormProblem },
): Html {
  const { returnTo, invitation, email, name, problem } = asked;
  return signUpPage(parts.site, {
    fields: { return_to: returnTo, ...PROBE_FIELDS, ...(invitation === '' ? {} : { invitation }) },
    email,
    name,
    invited: invitation !== '',
    federation: federationFor(parts, returnTo),
    signInUrl: pathWith('/sign-in', {
      return_to: invitation === '' ? returnTo : `/sign-up?${new URLSearchParams({ invitation })}`,
    }),
    problem,
  });
}

function verifyPage(site: Site, token: string, waiting: SignUp, problem?: FormProblem): Html {
  const { email, returnTo } = waiting;
  const signUpUrl = pathWith('/sign-up', { return_to: returnTo });
  return verifyEmailPage(site, { fields: { token, ...PROBE_FIELDS }, email, signUpUrl, problem });
}

import type { Context } from 'koa';
import type { FormProblem } from '../../views/form-problem.ts';
import type { Html } from '../../views/html.ts';
import type { Site } from '../../views/layout.ts';
import { askResetPage, newPasswordPage } from '../../views/reset-password.ts';
import type { Account } from '../accounts/account.ts';
import { linkDamaged } from '../accounts/mailed-links.ts';
import { RESET_LINK_SECONDS } from '../ground/limits.ts';
import { duration } from '../ground/time.ts';
import { type Form, readForm } from '../http/body.ts';
import { mailedTo, setNotice } from '../http/notice-cookie.ts';
import { seeOther, sendPage } from '../http/page.ts';
import { queryOne } from '../http/query.ts';
import { actorOf, addressOf } from '../http/request.ts';
import { safePath } from '../http/same-origin.ts';
import { showRefusal } from '../pages/refused-form.ts';
import { signInOnce } from '../pages/sign-in-once.ts';
import { keepProbe, PROBE_FIELDS, requireCookies } from './cookie-probe.ts';
import type { SignInDependencies } from './dependencies.ts';
import { showMailbox } from './mailbox.ts';
import { HOME, pathWith } from './paths.ts';

/** Choosing a new password by way of the mailbox. */
export function createResetSteps(parts: SignInDependencies) {
  const { site, resets, forms } = parts;

  return {
    /** GET /reset-password: asks for an address or, behind the mailed link, for the new password. */
    async show(ctx: Context): Promise<void> {
      if (queryOne(ctx, 'done') === 'mailed') {
        const address = mailedTo(ctx) ?? 'the address that you typed';
        const text = `If there is an account for ${address}, a link is on its way there. It is good for ${duration(RESET_LINK_SECONDS)}.`;
        return showMailbox(ctx, parts, text);
      }
      const token = queryOne(ctx, 'token');
      if (token === '' && /token/i.test(ctx.querystring)) throw linkDamaged('the mail');
      if (token === '') {
        return sendPage(ctx, askPage(site, { returnTo: safePath(queryOne(ctx, 'return_to'), HOME) }));
      }
      const { account } = await resets.find(token);
      keepProbe(ctx);
      sendPage(ctx, newPage(site, account, { token, revokeToo: wasNeverProved(account) }));
    },

    /** POST /reset-password: with a token the new password, else the address to mail a link to. */
    async reset(ctx: Context): Promise<void> {
      const form = await readForm(ctx);
      const token = form.one('token');
      if (token !== '') return complete(ctx, token, form);
      const [email, returnTo] = [form.one('email'), safePath(form.one('return_to'), HOME)];
      try {
        const post = { who: '', path: ctx.path, formId: form.one('form_id') };
        const { location } = await forms.once(post, async () => {
          await resets.ask({ email, returnTo, from: addressOf(ctx) });
          return { location: '/reset-password?done=mailed' };
        });
        setNotice(ctx, 'mailed', email);
        seeOther(ctx, location);
      } catch (error) {
        await showRefusal(ctx, error, (problem) => askPage(site, { returnTo, email, problem }));
      }
    },
  };

  /** Who has the link has the mailbox, so they are signed in with their new password. */
  async function complete(ctx: Context, token: string, form: Form): Promise<void> {
    requireCookies(ctx, form);
    const [password, revokeToo] = [form.one('password'), form.one('revoke') === 'yes'];
    await signInOnce(
      parts,
      ctx,
      { secret: token, password, notice: revokeToo ? 'reset-all' : 'reset' },
      {
        find: () => resets.find(token),
        act: ({ account }) => resets.complete({ token, password, revokeToo }, actorOf(ctx, account.id)),
        page: ({ account }, problem) => newPage(site, account, { token, revokeToo, problem }),
      },
    );
  }
}

function askPage(site: Site, fields: { returnTo: string; email?: string; problem?: FormProblem }): Html {
  return askResetPage(site, { ...fields, signInUrl: pathWith('/sign-in', { return_to: fields.returnTo }) });
}

function newPage(
  site: Site,
  account: Account,
  fields: { token: string; revokeToo: boolean; problem?: FormProblem },
): Html {
  const { email, passwordHash } = account;
  const { token, ...others } = fields;
  const hidden = { token, ...PROBE_FIELDS };
  return newPasswordPage(site, { ...others, fields: hidden, email, hasPassword: passwordHash !== undefined });
}

/**
 * Whether only an app ever said whose address it is: whoever signed up there with somebody else's may have made tokens
 * here, and the owner of the mailbox comes for the first time.
 */
function wasNeverProved({ passwordHash, vouchedBy }: Account): boolean {
  return passwordHash === undefined && vouchedBy !== undefined;
}

import type { RouterContext } from '@koa/router';
import type { FormProblem } from '../../views/form-problem.ts';
import type { Html } from '../../views/html.ts';
import type { Account } from '../accounts/account.ts';
import { type Form, readForm } from '../http/body.ts';
import { nothingHere } from '../http/error-response.ts';
import { seeOther } from '../http/page.ts';
import { actorOf } from '../http/request.ts';
import { type Manager, managerFrom } from '../management/reason.ts';
import { showRefusal } from '../pages/refused-form.ts';
import { requireViewer } from '../pages/signed-in.ts';
import type { ConsoleDependencies } from './dependencies.ts';

/** Who may see this page. Throws SignInNeeded, and the 404 of an address that is not there for who is no admin. */
export async function adminOf({ signedIn }: ConsoleDependencies, ctx: RouterContext): Promise<Account> {
  const { account } = await signedIn.account(ctx);
  if (!account.admin) throw nothingHere(ctx);
  return account;
}

/** The same for what changes something: an admin who proved who they are within the last minutes. */
export async function freshAdminOf(parts: ConsoleDependencies, ctx: RouterContext): Promise<Account> {
  await adminOf(parts, ctx);
  const { account } = await parts.signedIn.fresh(ctx);
  return account;
}

/** Which of these acts a path names. Throws the 404 of an address that is not there. */
export function actIn<Act extends string>(ctx: RouterContext, acts: readonly Act[]): Act {
  const act = acts.find((one) => one === ctx.params.act);
  if (act === undefined) throw nothingHere(ctx);
  return act;
}

/**
 * Answers a form by which an admin does something to somebody else: with a reason, and once, however often the form is
 * sent. `find` finds what it is done to, `act` says where to go on; what is wrong with the form is shown on `page`.
 */
export async function manageOnce<T>(
  parts: ConsoleDependencies,
  ctx: RouterContext,
  does: {
    find(): Promise<T>;
    act(found: T, manager: Manager, sent: Form): Promise<string>;
    page(found: T, shown: { viewer: Account; problem: FormProblem; sent: Form }): Html | Promise<Html>;
  },
): Promise<void> {
  const sent = await readForm(ctx);
  const viewer = await adminOf(parts, ctx);
  const found = await does.find();
  await freshAdminOf(parts, ctx);
  requireViewer(viewer, sent);
  try {
    const manager = managerFrom(actorOf(ctx, viewer.id), sent.one('reason'));
    const post = { who: viewer.id, path: ctx.path, formId: sent.one('form_id') };
    const { location } = await parts.forms.once(post, async () => ({
      location: await does.act(found, manager, sent),
    }));
    seeOther(ctx, location);
  } catch (error) {
    await showRefusal(ctx, error, (problem) => does.page(found, { viewer, problem, sent }));
  }
}

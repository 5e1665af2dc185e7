import type { RouterContext } from '@koa/router';
import type { Account } from '../accounts/account.ts';
import type { Owned } from '../credentials/owner.ts';
import type { Actor } from '../ground/actor.ts';
import { SignInNeeded } from '../ground/errors.ts';
import { type Form, readForm } from '../http/body.ts';
import { seeOther } from '../http/page.ts';
import { actorOf } from '../http/request.ts';
import { requireViewer, type SignedIn } from '../pages/signed-in.ts';
import type { PortalDependencies } from './dependencies.ts';

/** What the address names by its `:id`, as this account's. Whether it is, the acts of the domain find out. */
export function ownedIn(ctx: RouterContext, account: Account): Owned {
  return { accountId: account.id, id: ctx.params.id ?? '' };
}

/**
 * Answers a form that makes or changes something: does it once, however often the form is sent, and goes on to where
 * `act` says.
 */
export async function doOnce(
  { forms }: Pick<PortalDependencies, 'forms'>,
  ctx: RouterContext,
  { account, sent }: { account: Account; sent: Form },
  act: () => Promise<string>,
): Promise<void> {
  requireViewer(account, sent);
  const post = { who: account.id, path: ctx.path, formId: sent.one('form_id') };
  const { location } = await forms.once(post, async () => ({ location: await act() }));
  seeOther(ctx, location);
}

/**
 * The same of a form that ends the session which sends it. The second post of a double click comes when nobody is signed
 * in, and goes where the first one went: only the page that was sent knows the form's id.
 */
export async function doOnceAtLast<S extends { account: Account }>(
  { forms }: Pick<PortalDependencies, 'forms'>,
  ctx: RouterContext,
  { sent, signIn }: { sent: Form; signIn: (ctx: RouterContext) => Promise<S> },
  act: (found: S) => Promise<string>,
): Promise<void> {
  const post = { who: '', path: ctx.path, formId: sent.one('form_id') };
  const found = await signIn(ctx).catch((error: unknown) => {
    if (error instanceof SignInNeeded) return error;
    throw error;
  });
  if (found instanceof SignInNeeded) {
    const before = await forms.find(post);
    if (before === undefined) throw found;
    return seeOther(ctx, before.location);
  }
  requireViewer(found.account, sent);
  const { location } = await forms.once(post, async () => ({ location: await act(found) }));
  seeOther(ctx, location);
}

/** As doOnce, of a confirmation whose act finds nothing the second time, so that a double click sees what the first did. */
export async function confirmOnce(
  parts: Pick<PortalDependencies, 'forms'>,
  ctx: RouterContext,
  signIn: SignedIn['account'],
  act: (which: Owned, actor: Actor) => Promise<unknown>,
  next: string,
): Promise<void> {
  const sent = await readForm(ctx);
  const { account } = await signIn(ctx);
  await doOnce(parts, ctx, { account, sent }, async () => {
    await act(ownedIn(ctx, account), actorOf(ctx, account.id));
    return next;
  });
}

/** A posted confirmation, a form without fields: does it to what the address names and goes on to `next`. */
export async function confirm(
  ctx: RouterContext,
  signIn: SignedIn['account'],
  act: (which: Owned, actor: Actor) => Promise<unknown>,
  next: string,
): Promise<void> {
  const sent = await readForm(ctx);
  const { account } = await signIn(ctx);
  requireViewer(account, sent);
  await act(ownedIn(ctx, account), actorOf(ctx, account.id));
  seeOther(ctx, next);
}

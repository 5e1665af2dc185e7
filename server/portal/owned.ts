import type { RouterContext } from '@koa/router';
import type { Account } from '../accounts/account.ts';
import type { Owned } from '../credentials/owner.ts';
import type { Actor } from '../ground/actor.ts';
import { readForm } from '../http/body.ts';
import { seeOther } from '../http/page.ts';
import { actorOf } from '../http/request.ts';
import type { SignedIn } from '../pages/signed-in.ts';

/** What the address names by its `:id`, as this account's. Whether it is, the acts of the domain find out. */
export function ownedIn(ctx: RouterContext, account: Account): Owned {
  return { accountId: account.id, id: ctx.params.id ?? '' };
}

/** A posted confirmation, a form without fields: does it to what the address names and goes on to `next`. */
export async function confirm(
  ctx: RouterContext,
  signIn: SignedIn['account'],
  act: (which: Owned, actor: Actor) => Promise<unknown>,
  next: string,
): Promise<void> {
  await readForm(ctx);
  const { account } = await signIn(ctx);
  await act(ownedIn(ctx, account), actorOf(ctx, account.id));
  seeOther(ctx, next);
}

import type { Context } from 'koa';
import type { FormProblem } from '../../views/form-problem.ts';
import type { Html } from '../../views/html.ts';
import type { Account } from '../accounts/account.ts';
import type { Accounts } from '../accounts/accounts.ts';
import { Problem } from '../ground/errors.ts';
import { type NoticeCode, setNotice } from '../http/notice-cookie.ts';
import { seeOther } from '../http/page.ts';
import { addressOf } from '../http/request.ts';
import type { Sessions } from '../oauth/browser-sessions.ts';
import type { OneTimeForms, Outcome } from './one-time-forms.ts';
import { showRefusal } from './refused-form.ts';

type Parts = {
  forms: OneTimeForms;
  accounts: Pick<Accounts, 'get' | 'checkPassword'>;
  sessions: Pick<Sessions, 'start'>;
};

/** What works once (a mailed link, a cookie's token, the id of a page's form), and the password that was typed with it. */
type Used = { secret: string; password: string /** What the next page says. */; notice?: NoticeCode };

/** Whom to sign in, where to go on, and how they proved who they are, if not by the password alone. */
export type SignInDone = { account: Account; returnTo: string; amr?: string[] };

type Steps<T> = {
  /** What the secret stands for. Throws where there is none, or none any more. */
  find: () => Promise<T>;
  /** Makes or changes the account, and uses the secret up. */
  act: (found: T) => Promise<SignInDone>;
  /** The form with what is wrong with it. */
  page: (found: T, problem: FormProblem) => Html;
};

/**
 * Uses up what works once, signs in and goes on. The second post of a double click comes when it is used: it waits for the
 * first, proves itself by the same password, and gets the same answer, for browsers drop that to the first.
 */
export async function signInOnce<T>(parts: Parts, ctx: Context, used: Used, steps: Steps<T>): Promise<void> {
  const { forms } = parts;
  const post = { who: '', path: ctx.path, formId: used.secret };
  let found: T;
  try {
    found = await steps.find();
  } catch (error) {
    const outcome = await forms.find(post);
    if (outcome === undefined) throw error;
    return goOn(parts, ctx, used, outcome).catch((refusal: unknown) => {
      // Another password than the one that was chosen is no second post of the same form.
      throw refusal instanceof Problem && refusal.code === 'WRONG_CREDENTIALS' ? error : refusal;
    });
  }
  try {
    let done: SignInDone | undefined;
    const outcome = await forms.once(post, async () => {
      done = await steps.act(found);
      return { location: done.returnTo, accountId: done.account.id };
    });
    await goOn(parts, ctx, used, outcome, done);
  } catch (error) {
    await showRefusal(ctx, error, (problem) => steps.page(found, problem));
  }
}

/** Who did not make it in this request shows the password. */
async function goOn(
  { accounts, sessions }: Parts,
  ctx: Context,
  { password, notice }: Used,
  { location, accountId = '' }: Outcome,
  done?: SignInDone,
): Promise<void> {
  const email = done?.account.email ?? (await accounts.get(accountId))?.email ?? '';
  const account = done?.account ?? (await accounts.checkPassword({ email, password, from: addressOf(ctx) }));
  await sessions.start(ctx, { account, amr: done?.amr ?? ['pwd'] });
  if (notice !== undefined) setNotice(ctx, notice);
  seeOther(ctx, location);
}

import type { Context } from 'koa';
import type { FormProblem } from '../../views/form-problem.ts';
import type { Html } from '../../views/html.ts';
import { Problem, type ProblemCode, SignInNeeded } from '../ground/errors.ts';
import { sendPage } from '../http/page.ts';

/** Refusals that no other input on the same form would cure; they get a page of their own. */
const FINAL: readonly ProblemCode[] = ['LINK_DAMAGED', 'LINK_DEAD', 'SIGN_IN_TOO_OLD', 'IDENTITY_TAKEN'];

/**
 * Shows a refused form again, with what is wrong at its place and its status. What is no refusal of what was
 * typed is thrown on, to the error page.
 */
export async function showRefusal(
  ctx: Context,
  error: unknown,
  page: (problem: FormProblem) => Html | Promise<Html>,
): Promise<void> {
  if (!(error instanceof Problem) || error instanceof SignInNeeded || error.status >= 500) throw error;
  if (FINAL.includes(error.code)) throw error;
  ctx.set(error.headers);
  const { message, hint, parameter, others } = error;
  sendPage(ctx, await page({ message, hint, parameter, others }), error.status);
}

/** The same where only the fault of one of the form's fields is shown with it; all else is thrown on. */
export async function showFieldRefusal(
  ctx: Context,
  error: unknown,
  page: (problem: FormProblem) => Html | Promise<Html>,
): Promise<void> {
  if (!(error instanceof Problem) || error.parameter === undefined) throw error;
  await showRefusal(ctx, error, page);
}

import type { Context } from 'koa';
import type { FormProblem } from '../../views/form-problem.ts';
import type { Html } from '../../views/html.ts';
import { Problem, SignInNeeded } from '../errors.ts';
import { sendPage } from '../http/page.ts';

/** Refusals that no other input on the same form would cure; they get a page of their own. */
const FINAL = ['link_dead', 'sign_in_too_old', 'identity_taken'];

/**
 * Shows a refused form again, with what is wrong at its place and its status. What is no refusal of what was
 * typed goes on to the error page.
 */
export function showRefusal(ctx: Context, error: unknown, page: (problem: FormProblem) => Html): void {
  if (!(error instanceof Problem) || error instanceof SignInNeeded || error.status >= 500) throw error;
  if (FINAL.includes(error.code)) throw error;
  ctx.set(error.headers);
  sendPage(ctx, page({ message: error.message, hint: error.hint, parameter: error.parameter }), error.status);
}

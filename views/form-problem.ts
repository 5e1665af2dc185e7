import type { Html, Part } from './html.ts';
import { notice } from './kit/notices.ts';

/** Why a form was refused; `parameter` names the field at fault, if it is one. */
export type FormProblem = { message: string; hint: string; parameter?: string | undefined };

/** What is wrong with one field, if that is the one at fault. */
export function problemAt(problem: FormProblem | undefined, parameter: string): string | undefined {
  return problem?.parameter === parameter ? `${problem.message} ${problem.hint}` : undefined;
}

/** Above a long form that came back: what is wrong, also where the field at fault is out of sight. */
export function formNotice(problem: FormProblem | undefined): Html | undefined {
  return problem && notice('problem', `${problem.message} ${problem.hint}`, 'Nothing was saved.');
}

/** Above a sign-in form: what is wrong with it as a whole; the fault of a field stands at the field. */
export function generalProblem(problem: FormProblem | undefined): Part {
  if (problem === undefined || ['email', 'name', 'password'].includes(problem.parameter ?? '')) {
    return undefined;
  }
  return notice('problem', problem.hint, problem.message);
}

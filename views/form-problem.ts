import { type Html, html, type Part } from './html.ts';
import { notice } from './kit/notices.ts';

/** What is wrong with a form; `parameter` names the field at fault, if it is one. */
type Fault = { message: string; hint: string; parameter?: string | undefined };

/** Why a form was refused, with whatever else is wrong with it. */
export type FormProblem = Fault & { others?: readonly Fault[] };

/** All that is wrong with one field, if it is one of those at fault. */
export function problemAt(problem: FormProblem | undefined, parameter: string): string | undefined {
  const faults = faultsOf(problem).filter((one) => one.parameter === parameter);
  return faults.length === 0 ? undefined : faults.map(textOf).join(' ');
}

function faultsOf(problem: FormProblem | undefined): readonly Fault[] {
  return problem === undefined ? [] : [problem, ...(problem.others ?? [])];
}

function textOf({ message, hint }: Fault): string {
  return `${message} ${hint}`;
}

/** Above a long form that came back: what is wrong, also where the field at fault is out of sight. */
export function formNotice(problem: FormProblem | undefined): Html | undefined {
  const texts = [...new Set(faultsOf(problem).map(textOf))];
  if (texts.length === 0) return undefined;
  const lines = texts.map((text) => (texts.length === 1 ? text : html`<br>${text}`));
  return notice('problem', lines, 'Nothing was saved.');
}

/** Above a sign-in form: what is wrong with it as a whole; the fault of a field stands at the field. */
export function generalProblem(problem: FormProblem | undefined): Part {
  if (problem === undefined || ['email', 'name', 'password'].includes(problem.parameter ?? '')) {
    return undefined;
  }
  return notice('problem', problem.hint, problem.message);
}

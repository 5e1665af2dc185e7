import { NOTE_LENGTH_MAX } from '../../server/ground/limits.ts';
import { type FormProblem, formNotice, problemAt } from '../form-problem.ts';
import type { Html } from '../html.ts';
import { field } from '../kit/fields.ts';
import { confirmPage } from '../kit/form-pages.ts';
import type { Site, Viewer } from '../layout.ts';

/** Asks once more, and for the reason, before something is done to somebody else. */
export function managePage(
  site: Site,
  viewer: Viewer,
  props: Omit<Parameters<typeof confirmPage>[2], 'inputs'> & {
    reason: string;
    problem: FormProblem | undefined;
  },
): Html {
  const { reason, problem, ...rest } = props;
  return confirmPage(site, viewer, { ...rest, inputs: [formNotice(problem), reasonField(reason, problem)] });
}

/** Why an admin does something. */
export function reasonField(
  reason: string,
  problem: FormProblem | undefined,
  hint = 'The account that it is done to can read it in its activity.',
): Html {
  return field({
    label: 'Reason',
    name: 'reason',
    value: reason,
    hint,
    problem: problemAt(problem, 'reason'),
    autocomplete: 'off',
    lengthMax: NOTE_LENGTH_MAX,
    required: true,
  });
}

import { type FormProblem, formNotice } from '../form-problem.ts';
import type { Html, Part } from '../html.ts';
import { layout, type Section, type Site, type Viewer } from '../layout.ts';
import { buttonLink, buttons, postForm, submit } from './buttons.ts';

/** A page that is one form. It comes back with what was typed when something is wrong. */
export function formPage(
  site: Site,
  viewer: Viewer,
  props: {
    title: string;
    lead?: string;
    current: Section;
    problem: FormProblem | undefined;
    /** Where the form is sent. */
    action: string;
    inputs: readonly Part[];
    submitLabel: string;
    /** The page of the section, where absent. */
    cancelUrl?: string;
  },
): Html {
  const { title, lead, current, problem, action, inputs } = props;
  const send = buttons(submit(props.submitLabel), buttonLink('Cancel', props.cancelUrl ?? current));
  const body = [formNotice(problem), postForm({ action, body: [inputs, send] })];
  return layout(site, { title, lead, viewer, current, body });
}

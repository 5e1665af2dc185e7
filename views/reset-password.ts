import { RESET_LINK_SECONDS } from '../server/ground/limits.ts';
import { duration } from '../server/ground/time.ts';
import type { FormProblem } from './form-problem.ts';
import { type Html, html } from './html.ts';
import { checkbox } from './kit/choices.ts';
import { narrowFormPage } from './kit/form-pages.ts';
import type { Site } from './layout.ts';
import { accountField, emailField, newPasswordField } from './sign-in.ts';

/** `/reset-password`: asks where to send the link. */
export function askResetPage(
  site: Site,
  props: { returnTo: string; email?: string; signInUrl: string; problem?: FormProblem },
): Html {
  return narrowFormPage(site, {
    title: 'Choose a new password',
    lead: `We send you a link. It is good for ${duration(RESET_LINK_SECONDS)}.`,
    problem: props.problem,
    action: '/reset-password',
    fields: { return_to: props.returnTo },
    inputs: [emailField({ email: props.email, problem: props.problem, autofocus: true })],
    submitLabel: 'Send the link',
    below: html`<p><a href="${props.signInUrl}">Back to signing in</a></p>`,
  });
}

/** Behind the mailed link: the new password, and whether what could act for the account goes too. */
export function newPasswordPage(
  site: Site,
  props: {
    fields: Record<string, string>;
    email: string;
    hasPassword: boolean;
    revokeToo: boolean;
    problem?: FormProblem;
  },
): Html {
  return narrowFormPage(site, {
    title: props.hasPassword ? 'Choose a new password' : 'Set a password',
    lead: 'You are signed out everywhere else when you do.',
    problem: props.problem,
    action: '/reset-password',
    fields: props.fields,
    inputs: [
      accountField(props.email),
      newPasswordField('New password', props.problem, true),
      checkbox({
        label: 'Revoke my tokens, services and connected apps too',
        name: 'revoke',
        checked: props.revokeToo,
        hint: 'Choose this if somebody else may have been in your account. Whatever uses them stops working, secrets of your apps as well, and other accounts that can sign in to yours (Google) are unlinked.',
      }),
    ],
    submitLabel: 'Save the password',
  });
}

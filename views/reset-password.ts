import { RESET_LINK_SECONDS } from '../server/ground/limits.ts';
import { duration } from '../server/ground/time.ts';
import { type FormProblem, generalProblem } from './form-problem.ts';
import { type Html, html } from './html.ts';
import { postForm, submit } from './kit/buttons.ts';
import { checkbox } from './kit/choices.ts';
import { layout, type Site } from './layout.ts';
import { accountField, emailField, newPasswordField } from './sign-in.ts';

/** `/reset-password`: asks where to send the link. */
export function askResetPage(
  site: Site,
  props: { returnTo: string; email?: string; signInUrl: string; problem?: FormProblem },
): Html {
  return layout(site, {
    title: 'Choose a new password',
    lead: `We send you a link. It is good for ${duration(RESET_LINK_SECONDS)}.`,
    narrow: true,
    body: [
      generalProblem(props.problem),
      postForm({
        action: '/reset-password',
        fields: { return_to: props.returnTo },
        body: [
          emailField({ email: props.email, problem: props.problem, autofocus: true }),
          html`<div class="buttons stacked">${submit('Send the link')}</div>`,
        ],
      }),
      html`<p><a href="${props.signInUrl}">Back to signing in</a></p>`,
    ],
  });
}

/** Behind the mailed link: the new password, and whether what could act for the account goes too. */
export function newPasswordPage(
  site: Site,
  props: {
    token: string;
    email: string;
    hasPassword: boolean;
    revokeToo: boolean;
    problem?: FormProblem | undefined;
  },
): Html {
  return layout(site, {
    title: props.hasPassword ? 'Choose a new password' : 'Set a password',
    lead: 'You are signed out everywhere else when you do.',
    narrow: true,
    body: [
      generalProblem(props.problem),
      postForm({
        action: '/reset-password',
        fields: { token: props.token },
        body: [
          accountField(props.email),
          newPasswordField('New password', props.problem, true),
          checkbox({
            label: 'Revoke my tokens, services and connected apps too',
            name: 'revoke',
            checked: props.revokeToo,
            hint: 'Choose this if somebody else may have been in your account. Whatever uses them stops working, secrets of your apps as well, and other accounts that can sign in to yours (Google) are unlinked.',
          }),
          html`<div class="buttons stacked">${submit('Save the password')}</div>`,
        ],
      }),
    ],
  });
}

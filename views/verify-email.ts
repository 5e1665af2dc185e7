import { type FormProblem, generalProblem } from './form-problem.ts';
import { type Html, html } from './html.ts';
import { postForm, submit } from './kit/buttons.ts';
import { layout, type Site } from './layout.ts';
import { accountField, passwordField } from './sign-in.ts';

/** Behind the link in the mail: asks for the password that was chosen at sign-up, then makes the account. */
export function verifyEmailPage(
  site: Site,
  props: { token: string; email: string; signUpUrl: string; problem?: FormProblem | undefined },
): Html {
  return layout(site, {
    title: 'Confirm your e-mail address',
    heading: 'Confirm your address',
    lead: 'Type the password that you chose, so that nobody else can have signed up with your address.',
    narrow: true,
    body: [
      generalProblem(props.problem),
      postForm({
        action: '/verify-email',
        fields: { token: props.token },
        body: [
          accountField(props.email),
          passwordField(props.problem, true),
          html`<div class="buttons stacked">${submit('Create my account')}</div>`,
        ],
      }),
      html`<p class="fine">You do not know the password? <a href="${props.signUpUrl}">Sign up once more</a>
and choose another. You never signed up? Close this page: without you nothing happens.</p>`,
    ],
  });
}

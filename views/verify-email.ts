import { type FormProblem, generalProblem } from './form-problem.ts';
import { type Html, html } from './html.ts';
import { layout, type Site } from './layout.ts';
import { postForm, submit } from './parts.ts';
import { accountField, passwordField } from './sign-in.ts';

/** Behind the link in the mail: asks for the password that was chosen at sign-up, then makes the account. */
export function verifyEmailPage(
  site: Site,
  given: { token: string; email: string; signUpUrl: string; problem?: FormProblem | undefined },
): Html {
  return layout(site, {
    title: 'Confirm your e-mail address',
    heading: 'Confirm your address',
    lead: 'Type the password that you chose, so that nobody else can have signed up with your address.',
    narrow: true,
    body: [
      generalProblem(given.problem),
      postForm({
        action: '/verify-email',
        fields: { token: given.token },
        body: [
          accountField(given.email),
          passwordField(given.problem, true),
          html`<div class="buttons stacked">${submit('Create my account')}</div>`,
        ],
      }),
      html`<p class="fine">You do not know the password? <a href="${given.signUpUrl}">Sign up once more</a>
and choose another. You never signed up? Close this page: without you nothing happens.</p>`,
    ],
  });
}

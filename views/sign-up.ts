import { type FormProblem, generalProblem, problemAt } from './form-problem.ts';
import { type Html, html, type Part } from './html.ts';
import { postForm, submit } from './kit/buttons.ts';
import { field } from './kit/fields.ts';
import { notice } from './kit/notices.ts';
import { divider } from './kit/sections.ts';
import { layout, type Site } from './layout.ts';
import { type Federation, federationButton, newPasswordField } from './sign-in.ts';

/** `/sign-up`. With an invitation it makes the first admin, at once. */
export function signUpPage(
  site: Site,
  props: {
    fields: Record<string, string>;
    email?: string | undefined;
    invited: boolean;
    federation?: Federation | undefined;
    signInUrl: string;
    problem?: FormProblem | undefined;
  },
): Html {
  const { problem, invited } = props;
  const form = postForm({
    action: '/sign-up',
    fields: props.fields,
    body: [
      field({
        label: 'E-mail',
        name: 'email',
        type: 'email',
        value: props.email,
        autocomplete: 'username',
        required: true,
        autofocus: props.email === undefined,
        hint: invited ? undefined : 'We send a link there, to see that it is yours.',
        problem: problemAt(problem, 'email'),
      }),
      newPasswordField('Password', problem, props.email !== undefined),
      html`<div class="buttons stacked">${submit(invited ? 'Create the admin account' : 'Create account')}</div>`,
    ],
  });
  return layout(site, {
    title: invited ? 'Create the first admin' : 'Create an account',
    lead: invited && 'This link works once. The account can do everything here.',
    narrow: true,
    body: [
      generalProblem(problem),
      !invited && federationButton(props.federation),
      !invited && props.federation && divider('or'),
      form,
      !invited && html`<p>You have an account? <a href="${props.signInUrl}">Sign in</a></p>`,
    ],
  });
}

/** After a form that mails something. Says the same whether or not the address has an account. */
export function lookIntoMailboxPage(
  site: Site,
  props: {
    /** What is on its way, and what to do with it. */
    text: string;
    /** Where mails go that are kept instead of sent. */
    keptIn?: string | undefined;
    againUrl: string;
  },
): Html {
  return layout(site, {
    title: 'Look into your mailbox',
    narrow: true,
    body: [
      html`<p>${props.text}</p>`,
      keptNotice(props.keptIn),
      html`<p class="fine">Nothing there after a few minutes? Look among the unwanted mail,
or <a href="${props.againUrl}">try again</a>.</p>`,
    ],
  });
}

function keptNotice(folder: string | undefined): Part {
  if (folder === undefined) return undefined;
  return notice(
    'info',
    html`This server keeps its mails as files in <code>${folder}</code> instead of sending them.
Open the newest one there.`,
    'Trying it out?',
  );
}

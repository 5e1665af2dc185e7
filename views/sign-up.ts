import { INVITATION_SECONDS } from '../server/ground/limits.ts';
import { HOUR_SECONDS } from '../server/ground/time.ts';
import type { FormProblem } from './form-problem.ts';
import { type Html, html } from './html.ts';
import { confirmPage, narrowFormPage } from './kit/form-pages.ts';
import { notice } from './kit/notices.ts';
import { divider } from './kit/sections.ts';
import { layout, type Site, type Viewer } from './layout.ts';
import {
  accountField,
  emailField,
  type Federation,
  federationButton,
  nameField,
  newPasswordField,
  passwordField,
} from './sign-in.ts';

/** `/sign-up`. With an invitation it makes the first admin, at once. */
export function signUpPage(
  site: Site,
  props: {
    fields: Record<string, string>;
    email?: string | undefined;
    name?: string | undefined;
    invited: boolean;
    federation?: Federation | undefined;
    signInUrl: string;
    problem?: FormProblem | undefined;
  },
): Html {
  const { email, invited, federation, problem } = props;
  return narrowFormPage(site, {
    title: invited ? 'Make the first admin' : 'Make an account',
    lead: invited
      ? `This link works once, for ${INVITATION_SECONDS / HOUR_SECONDS} hours. The account can do everything here.`
      : site.signUp?.note,
    problem,
    above: !invited && [federationButton(federation), federation && divider('or')],
    action: '/sign-up',
    fields: props.fields,
    inputs: [
      emailField({
        email,
        autofocus: email === undefined,
        hint: !invited && 'We send a link there, to see that it is yours.',
        problem,
      }),
      nameField({ name: props.name, problem }),
      newPasswordField('Password', problem, email !== undefined),
    ],
    submitLabel: invited ? 'Make the admin account' : 'Make the account',
    below: html`<p>You have an account${invited && ' already'}? <a href="${props.signInUrl}">Sign in</a>${
      invited && ' and it becomes the admin'
    }</p>`,
  });
}

/** In the place of the form where nobody may sign up by themselves. */
export function signUpClosedPage(site: Site, props: { note: string; signInUrl: string }): Html {
  return layout(site, {
    title: 'Sign-up is closed',
    narrow: true,
    body: [
      html`<p>${props.note}</p>`,
      html`<p>You have an account? <a href="${props.signInUrl}">Sign in</a></p>`,
    ],
  });
}

/** Behind the link of a mailed invitation: makes the account at once, since the link proves the address. */
export function invitationPage(
  site: Site,
  props: {
    fields: Record<string, string>;
    email: string;
    name?: string | undefined;
    federation?: Federation | undefined;
    problem?: FormProblem | undefined;
  },
): Html {
  const { federation, problem } = props;
  return narrowFormPage(site, {
    title: 'Make your account',
    lead: `You are invited to ${site.appName}. Choose a password; the link works once.`,
    problem,
    above: [federationButton(federation), federation && divider('or')],
    action: '/invitation',
    fields: props.fields,
    inputs: [
      accountField(props.email),
      nameField({ name: props.name, problem }),
      newPasswordField('Password', problem, true),
    ],
    submitLabel: 'Make my account',
  });
}

/** The same for somebody who is signed in already. */
export function becomeAdminPage(site: Site, viewer: Viewer, invitation: string): Html {
  return confirmPage(site, viewer, {
    title: 'Become the first admin?',
    consequences: [
      html`<strong>${viewer.email}</strong> becomes the admin of ${site.appName} and can do everything here.`,
      'The link works once. For another account, sign out first and open it again.',
    ],
    action: '/sign-up',
    fields: { invitation, become: 'admin' },
    confirmLabel: 'Become the admin',
    current: '/account',
    danger: false,
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
      props.keptIn !== undefined &&
        notice(
          'info',
          html`This server keeps its mails as files in <code>${props.keptIn}</code> instead of sending them.
Open the newest one there.`,
          'Trying it out?',
        ),
      html`<p class="fine">Nothing there after a few minutes? Look among the unwanted mail,
or <a href="${props.againUrl}">try again</a>.</p>`,
    ],
  });
}

/** Behind the link in the mail: asks for the password that was chosen at sign-up, then makes the account. */
export function verifyEmailPage(
  site: Site,
  props: {
    fields: Record<string, string>;
    email: string;
    signUpUrl: string;
    problem?: FormProblem | undefined;
  },
): Html {
  return narrowFormPage(site, {
    title: 'Confirm your e-mail address',
    heading: 'Confirm your address',
    lead: 'Type the password that you chose, so that nobody else can have signed up with your address.',
    problem: props.problem,
    action: '/verify-email',
    fields: props.fields,
    inputs: [accountField(props.email), passwordField(props.problem, true)],
    submitLabel: 'Make my account',
    below: html`<p class="fine">You do not know the password? <a href="${props.signUpUrl}">Sign up once more</a>
and choose another. You never signed up? Close this page: without you nothing happens.</p>`,
  });
}

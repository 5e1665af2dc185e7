import { PASSWORD_LENGTH_MIN } from '../server/ground/limits.ts';
import { type FormProblem, generalProblem, problemAt } from './form-problem.ts';
import { type Html, html, type Part } from './html.ts';
import { buttonLink, googleLink, postForm, submit } from './kit/buttons.ts';
import { field } from './kit/fields.ts';
import { withFocus } from './kit/form-pages.ts';
import { notice } from './kit/notices.ts';
import { divider } from './kit/sections.ts';
import { layout, type Site } from './layout.ts';

/** The other provider that people can sign in with. */
export type Federation = { name: string; url: string; iconUrl?: string | undefined };

/** What the forms for signing in and for signing in again have in common. */
type SignInForm = {
  action: string;
  /** Sent along unseen. */
  fields?: Record<string, string>;
  /** The app that waits for this sign-in. */
  app?: string | undefined;
  federation?: Federation | undefined;
  resetUrl: string;
  notice?: Html | undefined;
  problem?: FormProblem | undefined;
};

/** `/sign-in`, and the same inside an authorization. */
export function signInPage(
  site: Site,
  props: SignInForm & { email?: string | undefined; signUpUrl: string },
): Html {
  const { problem } = props;
  const isKnown = (props.email ?? '') !== '';
  const form = postForm({
    action: props.action,
    fields: props.fields,
    body: [
      emailField({ email: props.email, problem, autofocus: !isKnown }),
      passwordField(problem, isKnown),
      html`<div class="buttons stacked">${submit('Sign in')}</div>`,
    ],
  });
  return layout(site, {
    title: 'Sign in',
    heading: props.app === undefined ? 'Sign in' : `Sign in to continue to ${props.app}`,
    narrow: true,
    body: [
      props.notice,
      generalProblem(problem),
      federationButton(props.federation),
      props.federation && divider('or'),
      withFocus(form),
      html`<p><a href="${props.resetUrl}">Forgot your password?</a></p>
${newHere(site, props.signUpUrl)}`,
      site.portalLinks === true && props.app === undefined && signedInElsewhere(site),
    ],
  });
}

/** The way to an account, or why there is none. */
function newHere({ signUp }: Site, signUpUrl: string): Html {
  if (signUp?.isOpen === false) return html`<p class="fine">${signUp.note}</p>`;
  return html`<p>New here? <a href="${signUpUrl}">Make an account</a></p>`;
}

/** Links in mails lead them here who have no password: the app signs them in. */
function signedInElsewhere({ appName }: Site): Html {
  return html`<p class="fine">Did ${appName} bring you here before, without a password? Then open this page from there again.</p>`;
}

/** Asks somebody who is signed in to prove once more that it is them. The account is not to be chosen. */
export function signInAgainPage(
  site: Site,
  props: SignInForm & {
    email: string;
    hasPassword: boolean;
    /** Where a form is sent that signs out and asks for another account. */
    switchAction: string;
  },
): Html {
  const { problem, hasPassword, federation } = props;
  const password = postForm({
    action: props.action,
    fields: props.fields,
    body: [
      accountField(props.email),
      passwordField(problem, true),
      html`<div class="buttons stacked">${submit('Continue')}</div>`,
    ],
  });
  const wanted = props.app === undefined ? 'for what you are about to do' : `to continue to ${props.app}`;
  return layout(site, {
    title: 'Confirm that it is you',
    lead: html`You are signed in as <strong>${props.email}</strong>. Please sign in once more ${wanted}.`,
    narrow: true,
    body: [
      props.notice,
      generalProblem(problem),
      federationButton(federation),
      federation && hasPassword && divider('or'),
      hasPassword && password,
      !hasPassword &&
        !federation &&
        notice('info', 'You have no password yet, and no other way to sign in works at the moment.'),
      html`<p><a href="${props.resetUrl}">${hasPassword ? 'Forgot your password?' : 'Set a password'}</a></p>`,
      postForm({
        action: props.switchAction,
        body: html`<p>Not you? ${submit('Use another account', 'link')}</p>`,
      }),
    ],
  });
}

/** Leads to the other provider, with its icon where there is one. */
export function federationLink({ name, url, iconUrl }: Federation): Html {
  const label = `Continue with ${name}`;
  return iconUrl === undefined ? buttonLink(label, url) : googleLink(label, url, iconUrl);
}

/** The same as a form has it: a line of its own. */
export function federationButton(federation: Federation | undefined): Part {
  return federation && html`<div class="buttons stacked">${federationLink(federation)}</div>`;
}

/** The address that somebody types. */
export function emailField(props: {
  email: string | undefined;
  autofocus: boolean;
  hint?: string | false;
  problem: FormProblem | undefined;
}): Html {
  return field({
    label: 'E-mail',
    name: 'email',
    type: 'email',
    value: props.email,
    autocomplete: 'username',
    required: true,
    autofocus: props.autofocus,
    hint: props.hint,
    problem: problemAt(props.problem, 'email'),
  });
}

/** What a person wants to be called; may be left empty. */
export function nameField(props: { name: string | undefined; problem: FormProblem | undefined }): Html {
  return field({
    label: 'Name (optional)',
    name: 'name',
    value: props.name,
    autocomplete: 'name',
    hint: 'What apps that you sign in to may call you.',
    problem: problemAt(props.problem, 'name'),
  });
}

/** The current password. */
export function passwordField(problem: FormProblem | undefined, autofocus: boolean): Html {
  return field({
    label: 'Password',
    name: 'password',
    type: 'password',
    autocomplete: 'current-password',
    required: true,
    autofocus,
    problem: problemAt(problem, 'password'),
  });
}

/** A password that is chosen now. */
export function newPasswordField(label: string, problem: FormProblem | undefined, autofocus: boolean): Html {
  return field({
    label,
    name: 'password',
    type: 'password',
    autocomplete: 'new-password',
    required: true,
    autofocus,
    lengthMin: PASSWORD_LENGTH_MIN,
    hint: `At least ${PASSWORD_LENGTH_MIN} characters. A few words that do not belong together make a good one.`,
    problem: problemAt(problem, 'password'),
  });
}

/** The account that a form is for; in sight, and there for password managers. */
export function accountField(email: string): Html {
  return field({
    label: 'E-mail',
    name: 'email',
    type: 'email',
    value: email,
    autocomplete: 'username',
    readonly: true,
  });
}

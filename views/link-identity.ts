import type { FormProblem } from './form-problem.ts';
import { type Html, html } from './html.ts';
import { confirmPage, narrowFormPage } from './kit/form-pages.ts';
import type { Site, Viewer } from './layout.ts';
import { accountField, passwordField } from './sign-in.ts';

/** Who signed in elsewhere has an account of this address here: asks for its password, once, before linking. */
export function linkIdentityPage(
  site: Site,
  props: {
    provider: string;
    email: string;
    /** Which of the links that wait in this browser. */
    tag: string;
    resetUrl: string;
    problem?: FormProblem | undefined;
  },
): Html {
  return narrowFormPage(site, {
    title: `Link ${props.provider} to your account`,
    lead: html`There is an account for <strong>${props.email}</strong> already.
Type its password once; from then on you can sign in with ${props.provider} too.`,
    problem: props.problem,
    action: '/sign-in/link',
    fields: props.tag === '' ? {} : { link: props.tag },
    inputs: [accountField(props.email), passwordField(props.problem, true)],
    submitLabel: 'Link and sign in',
    below: html`<p><a href="${props.resetUrl}">Forgot your password?</a></p>`,
  });
}

/** Asks a signed-in person before they are sent to the provider: a link from elsewhere must not start it. */
export function startLinkPage(site: Site, viewer: Viewer, provider: string): Html {
  return confirmPage(site, viewer, {
    title: `Link ${provider}`,
    consequences: [
      `You are sent to ${provider} and choose an account there.`,
      'From then on whoever can sign in to that account can sign in to this one.',
      'You can remove it at any time on the account page.',
    ],
    action: '/sign-in/google',
    fields: { link: '1' },
    confirmLabel: `Continue to ${provider}`,
    current: '/account',
    danger: false,
  });
}

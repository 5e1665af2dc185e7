import type { FormProblem } from '../form-problem.ts';
import type { Html } from '../html.ts';
import type { Site, Viewer } from '../layout.ts';
import { managePage } from './reason.ts';

type Words = { label: string; title: string; consequences: string[]; done: string; danger?: boolean };

/** What is done to one thing of an account, by kind and act; NAME and EMAIL stand for the two. */
const WORDS: Record<string, Words> = {
  'tokens-pause': {
    label: 'Pause it',
    title: 'Pause the token “NAME” of EMAIL?',
    consequences: ['Calls with it are refused from the next one on, until an admin resumes it.'],
    done: 'The token is paused.',
  },
  'tokens-resume': {
    label: 'Resume it',
    title: 'Resume the token “NAME” of EMAIL?',
    consequences: ['It works again, as it did before.'],
    done: 'The token works again.',
    danger: false,
  },
  'tokens-revoke': {
    label: 'Revoke it',
    title: 'Revoke the token “NAME” of EMAIL?',
    consequences: ['Calls with it are refused from the next one on, for good.'],
    done: 'The token is revoked.',
  },
  'services-pause': {
    label: 'Pause it',
    title: 'Pause the service “NAME” of EMAIL?',
    consequences: [
      'Its secrets and access tokens are refused from the next call on, until an admin resumes it.',
    ],
    done: 'The service is paused.',
  },
  'services-resume': {
    label: 'Resume it',
    title: 'Resume the service “NAME” of EMAIL?',
    consequences: ['Its secrets work again, as they did before.'],
    done: 'The service works again.',
    danger: false,
  },
  'services-revoke': {
    label: 'Revoke it',
    title: 'Revoke the service “NAME” of EMAIL?',
    consequences: ['Its secrets and access tokens are refused from the next call on, for good.'],
    done: 'The service is revoked.',
  },
  'secrets-revoke': {
    label: 'Revoke it',
    title: 'Revoke the secret “NAME” of EMAIL?',
    consequences: ['It is refused from now on, and so are the access tokens that were got with it.'],
    done: 'The secret is revoked.',
  },
  'grants-end': {
    label: 'Cut it off',
    title: 'Cut “NAME” off from EMAIL?',
    consequences: [
      'Its access and refresh tokens for this account are refused at once, in every browser.',
      'It can ask the account again.',
    ],
    done: 'The app is cut off from this account.',
  },
  'sessions-end': {
    label: 'End it',
    title: 'End the session of EMAIL in NAME?',
    consequences: ['It is signed out of this browser. Its other sessions, tokens and apps go on.'],
    done: 'The session is ended.',
  },
  'identities-remove': {
    label: 'Remove it',
    title: 'Remove NAME as a way to sign in of EMAIL?',
    consequences: ['It cannot sign in that way any more. It can link it again.'],
    done: 'This way to sign in is removed.',
  },
};

/** What the page of the account says when it is done. */
export const THINGS_DONE = Object.fromEntries(Object.entries(WORDS).map(([act, { done }]) => [act, done]));

/** Asks once more, and why. */
export function thingActPage(
  site: Site,
  viewer: Viewer,
  props: {
    act: string;
    thing: { kind: string; id: string; name: string };
    account: { id: string; email: string };
    reason: string;
    problem: FormProblem | undefined;
  },
): Html {
  const { act, thing, account, reason, problem } = props;
  const words = WORDS[`${thing.kind}-${act}`];
  if (words === undefined) throw new TypeError(`no words for ${act} of ${thing.kind}`);
  const { label, title, consequences, danger = true } = words;
  const path = `/admin/accounts/${account.id}`;
  return managePage(site, viewer, {
    title: title.replace(/NAME|EMAIL/g, (word) => (word === 'NAME' ? thing.name : account.email)),
    consequences,
    action: `${path}/${thing.kind}/${thing.id}/${act}`,
    confirmLabel: label,
    current: '/admin/accounts',
    cancelUrl: path,
    danger,
    reason,
    problem,
  });
}

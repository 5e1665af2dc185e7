import { doneNotice } from './credentials.ts';
import { type FormProblem, formNotice, problemAt } from './form-problem.ts';
import { type Html, html } from './html.ts';
import { layout, type Site, type Viewer } from './layout.ts';
import {
  badge,
  buttonLink,
  buttons,
  code,
  confirmPage,
  dataTable,
  field,
  keyValues,
  labelOf,
  postForm,
  relativeTime,
  section,
  submit,
} from './parts.ts';

/** A federated way to sign in. */
export type ShownIdentity = { id: string; provider: string; email: string; createdAt: number };

/** A browser that is signed in. */
export type ShownSession = {
  uid: string;
  signedInAt: number;
  lastSeenAt: number;
  /** The one that looks at this page. */
  isThis: boolean;
};

const DONE: Record<string, string> = {
  password: 'Your password was changed. All other sessions were ended.',
  linked: 'You can sign in that way too from now on.',
  unlinked: 'This way to sign in was removed.',
  'session-ended': 'The session was ended.',
  'sessions-ended': 'All other sessions were ended.',
};

/** Who the account is, how it signs in, and where it is signed in. */
export function accountPage(
  site: Site,
  viewer: Viewer,
  given: {
    accountId: string;
    createdAt: number;
    hasPassword: boolean;
    identities: readonly ShownIdentity[];
    sessions: readonly ShownSession[];
    now: number;
    done: string;
  },
): Html {
  const { accountId, createdAt, now, done } = given;
  return layout(site, {
    title: 'Account',
    viewer,
    current: '/account',
    body: html`${doneNotice(DONE, done)}<div class="card">${keyValues([
      { label: 'E-mail', value: html`${viewer.email}${viewer.admin && html` ${badge('admin')}`}` },
      { label: 'Account id', value: code(accountId) },
      { label: 'Made', value: relativeTime(createdAt, now) },
    ])}</div>${waysSection(site, given)}${sessionsSection(given)}`,
  });
}

function waysSection(
  site: Site,
  given: { hasPassword: boolean; identities: readonly ShownIdentity[]; now: number },
): Html {
  const { hasPassword, identities, now } = given;
  const password = [
    'Password',
    hasPassword ? 'Set' : 'Not set',
    buttonLink(hasPassword ? labelOf('Change…', 'the password') : 'Set a password…', '/account/password'),
  ];
  const others = identities.map((identity) => [
    identity.provider,
    html`${identity.email}, linked ${relativeTime(identity.createdAt, now)}`,
    // The last way in stays: without it nobody could open the account again.
    hasPassword || identities.length > 1
      ? buttonLink(labelOf('Remove…', identity.provider), `/account/identities/${identity.id}/unlink`)
      : 'Your only way in',
  ]);
  return section({
    title: 'Ways to sign in',
    body: html`${dataTable({
      caption: 'Ways to sign in',
      columns: ['Way', 'State', { label: 'Actions', kind: 'actions' }],
      rows: [password, ...others],
    })}${
      site.provider !== undefined &&
      identities.length === 0 &&
      postForm({ action: '/account/link-google', body: submit(`Link ${site.provider}…`, { quiet: true }) })
    }`,
  });
}

function sessionsSection(given: { sessions: readonly ShownSession[]; now: number }): Html {
  const { sessions, now } = given;
  const rows = sessions.map((session) => [
    html`Signed in ${relativeTime(session.signedInAt, now)}${session.isThis && html` ${badge('active', 'This browser')}`}`,
    relativeTime(session.lastSeenAt, now),
    session.isThis
      ? ''
      : postForm({
          action: `/account/sessions/${session.uid}/end`,
          body: submit('End', { quiet: true }),
        }),
  ]);
  return section({
    title: 'Sessions',
    lead: 'Browsers that are signed in to your account. End those that you do not know, then change your password.',
    body: html`${dataTable({
      caption: 'Sessions',
      columns: ['Session', 'Last seen', { label: 'Actions', kind: 'actions' }],
      rows,
    })}${
      sessions.length > 1 &&
      postForm({
        action: '/account/sessions/end-others',
        body: submit('End all other sessions', { quiet: true }),
      })
    }`,
  });
}

/**
 * The form for a password, the first or another one. The person has just signed in, so the old one is not
 * asked.
 */
export function accountPasswordPage(
  site: Site,
  viewer: Viewer,
  given: { hasPassword: boolean; problem: FormProblem | undefined },
): Html {
  const { hasPassword, problem } = given;
  return layout(site, {
    title: hasPassword ? 'Change your password' : 'Set a password',
    lead: 'All other sessions are ended. Tokens, services and connected apps go on working.',
    viewer,
    current: '/account',
    body: html`${formNotice(problem)}${postForm({
      action: '/account/password',
      body: html`<input type="hidden" name="username" value="${viewer.email}" autocomplete="username">${field(
        {
          label: 'New password',
          name: 'password',
          type: 'password',
          hint: 'At least 8 characters. A few words in a row are easier to keep than a short jumble.',
          problem: problemAt(problem, 'password'),
          autocomplete: 'new-password',
          required: true,
          lengthMin: 8,
          lengthMax: 128,
        },
      )}${buttons(submit('Save the password'), buttonLink('Cancel', '/account'))}`,
    })}`,
  });
}

/** Asks once more before a way to sign in is taken away. */
export function unlinkPage(site: Site, viewer: Viewer, given: { identity: ShownIdentity }): Html {
  const { identity } = given;
  return confirmPage(site, viewer, {
    title: `Remove ${identity.provider} as a way to sign in?`,
    consequences: [
      `You can no longer sign in with ${identity.email} at ${identity.provider}.`,
      'Your other ways to sign in go on working.',
      'You can link it again at any time.',
    ],
    action: `/account/identities/${identity.id}/unlink`,
    confirmLabel: 'Remove it',
    cancelUrl: '/account',
    current: '/account',
  });
}

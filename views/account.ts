import { PASSWORD_LENGTH_MAX, PASSWORD_LENGTH_MIN } from '../server/ground/limits.ts';
import { type FormProblem, problemAt } from './form-problem.ts';
import { type Html, html } from './html.ts';
import { buttonLink, buttons, labelOf, postForm, submit } from './kit/buttons.ts';
import { code } from './kit/code.ts';
import { field, managersField } from './kit/fields.ts';
import { confirmPage, formPage } from './kit/form-pages.ts';
import { badge, doneNotice } from './kit/notices.ts';
import { keyValues, section } from './kit/sections.ts';
import { ACTIONS, dataTable } from './kit/tables.ts';
import { relativeTime } from './kit/times.ts';
import { layout, type Site, type Viewer } from './layout.ts';
import { nameField } from './sign-in.ts';

/** A federated way to sign in. */
export type IdentityView = { id: string; provider: string; email: string; createdAt: number };

/** A browser that is signed in. */
export type SessionView = {
  uid: string;
  /** Such as “Chrome 131 on Windows 10”. */
  browser: string;
  seenFrom: string | undefined;
  createdAt: number;
  lastSeenAt: number;
  /** The one that looks at this page. */
  isThis: boolean;
};

const DONE: Record<string, string> = {
  name: 'Your name was saved.',
  password: 'Your password was changed. All other sessions were ended.',
  linked: 'You can sign in that way too from now on.',
  unlinked: 'This way to sign in was removed.',
  'session-ended': 'The session was ended.',
  'sessions-ended': 'All other sessions were ended.',
};

type AccountPage = {
  accountId: string;
  /** What the person wants to be called. */
  name: string | undefined;
  createdAt: number;
  hasPassword: boolean;
  identities: readonly IdentityView[];
  sessions: readonly SessionView[];
  now: number;
  done: string;
};

/** Who the account is, how it signs in, and where it is signed in. */
export function accountPage(site: Site, viewer: Viewer, props: AccountPage): Html {
  const { accountId, name, createdAt, now, done } = props;
  return layout(site, {
    title: 'Account',
    viewer,
    current: '/account',
    body: html`${doneNotice(DONE, done)}<div class="card">${keyValues([
      { label: 'E-mail', value: html`${viewer.email}${viewer.admin && html` ${badge('admin', 'Admin')}`}` },
      {
        label: 'Name',
        value: html`${name ?? 'None'} ${buttonLink(labelOf('Change…', 'the name'), '/account/name')}`,
      },
      { label: 'Account id', value: code(accountId) },
      { label: 'Made', value: relativeTime(createdAt, now) },
      {
        label: 'Reviews',
        value: html`<a href="/account/reviews">What you were asked about your credentials</a>`,
      },
    ])}</div>${waysSection(site, props)}${sessionsSection(props)}${moreSection()}`,
  });
}

function waysSection(site: Site, { hasPassword, identities, now }: AccountPage): Html {
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
    body: [
      dataTable({
        caption: 'Ways to sign in',
        columns: ['Way', 'State', ACTIONS],
        rows: [password, ...others],
      }),
      site.provider !== undefined &&
        identities.length === 0 &&
        postForm({ action: '/account/link-google', body: submit(`Link ${site.provider}…`, 'quiet') }),
    ],
  });
}

function sessionsSection({ sessions, now }: AccountPage): Html {
  const rows = sessions.map((session) => [
    html`${session.browser}${session.isThis && html` ${badge('active', 'This browser')}`}`,
    session.seenFrom ?? 'Not noted',
    relativeTime(session.createdAt, now),
    relativeTime(session.lastSeenAt, now),
    session.isThis
      ? ''
      : postForm({ action: `/account/sessions/${session.uid}/end`, body: submit('End', 'quiet') }),
  ]);
  return section({
    title: 'Sessions',
    lead: 'Browsers that are signed in to your account. End those that you do not know, then change your password.',
    body: [
      dataTable({
        caption: 'Sessions',
        columns: ['Session', 'Network address', 'First seen', 'Last seen', ACTIONS],
        rows,
      }),
      sessions.length > 1 &&
        postForm({ action: '/account/sessions/end-others', body: submit('End all other sessions', 'quiet') }),
    ],
  });
}

/** What concerns the account as a whole. */
function moreSection(): Html {
  return section({
    title: 'The whole account',
    body: buttons(
      buttonLink('All access…', '/account/access'),
      buttonLink('Take out your data…', '/account/data'),
      buttonLink('Delete the account…', '/account/delete', 'danger'),
    ),
  });
}

/** The form for what the person is called. */
export function accountNamePage(
  site: Site,
  viewer: Viewer,
  { name, problem }: { name: string; problem?: FormProblem },
): Html {
  return formPage(site, viewer, {
    title: 'Change your name',
    lead: 'Apps that you let see your profile show it, others do not learn it.',
    current: '/account',
    problem,
    action: '/account/name',
    inputs: [nameField({ name, problem })],
    submitLabel: 'Save the name',
  });
}

/** The form for a password, the first or another one. Who sees it has just signed in, so no old one is asked. */
export function accountPasswordPage(
  site: Site,
  viewer: Viewer,
  { hasPassword, problem }: { hasPassword: boolean; problem: FormProblem | undefined },
): Html {
  return formPage(site, viewer, {
    title: hasPassword ? 'Change your password' : 'Set a password',
    lead: 'All other sessions are ended. Tokens, services and connected apps go on working.',
    current: '/account',
    problem,
    action: '/account/password',
    inputs: [
      managersField(viewer.email),
      field({
        label: 'New password',
        name: 'password',
        type: 'password',
        hint: `At least ${PASSWORD_LENGTH_MIN} characters. A few words in a row are easier to keep than a short jumble.`,
        problem: problemAt(problem, 'password'),
        autocomplete: 'new-password',
        required: true,
        lengthMin: PASSWORD_LENGTH_MIN,
        lengthMax: PASSWORD_LENGTH_MAX,
      }),
    ],
    submitLabel: 'Save the password',
  });
}

/** Asks once more before a way to sign in is taken away. */
export function unlinkPage(site: Site, viewer: Viewer, identity: IdentityView): Html {
  return confirmPage(site, viewer, {
    title: `Remove ${identity.provider} as a way to sign in?`,
    consequences: [
      `You can no longer sign in with ${identity.email} at ${identity.provider}.`,
      'Your other ways to sign in go on working.',
      'You can link it again at any time.',
    ],
    action: `/account/identities/${identity.id}/unlink`,
    confirmLabel: 'Remove it',
    current: '/account',
  });
}

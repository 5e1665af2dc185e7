import { ENTRIES_TAKEN_MAX } from '../server/ground/limits.ts';
import { type FormProblem, problemAt } from './form-problem.ts';
import { type Html, html, type Part } from './html.ts';
import { buttonLink, buttons, postForm, submit } from './kit/buttons.ts';
import { field } from './kit/fields.ts';
import { confirmPage, VIEWER_FIELD } from './kit/form-pages.ts';
import { isLong } from './kit/listing.ts';
import { badge, doneNotice } from './kit/notices.ts';
import { bulletList, dangerZone, section } from './kit/sections.ts';
import { dataTable } from './kit/tables.ts';
import { relativeTime } from './kit/times.ts';
import { layout, type Site, type Viewer } from './layout.ts';

type Named = { id: string; name: string };

/** All that can act for an account. */
type Access = {
  tokens: readonly (Named & {
    lastUsedAt: number | undefined;
    isPaused: boolean;
    /** Of an old value that still works: the token that took its place. */
    replacedBy: string | undefined;
  })[];
  services: readonly (Named & { createdAt: number; secrets: number; isPaused: boolean })[];
  grants: readonly (Named & { lastUsedAt: number | undefined })[];
  apps: readonly (Named & { createdAt: number; secrets: number })[];
  sessions: readonly {
    uid: string;
    browser: string;
    seenFrom: string | undefined;
    lastSeenAt: number;
    isThis: boolean;
  }[];
  now: number;
};

const DONE: Record<string, string> = {
  ended:
    'Your tokens, services, connected apps, other sessions and the secrets of your apps were ended. If somebody else was in your account, choose a new password and look at your ways to sign in.',
};

/** One page with all that can act for an account, and one button that ends it. */
export function accessPage(site: Site, viewer: Viewer, { done, ...access }: Access & { done: string }): Html {
  return layout(site, {
    title: 'All access',
    lead: 'Everything that can act for you at this moment.',
    viewer,
    current: '/account',
    back: { label: 'Account', url: '/account' },
    body: [
      doneNotice(DONE, done),
      // First: who needs it is in a hurry, and the lists may be long.
      dangerZone({
        title: 'End all access',
        text: 'For when you do not know who has what. Ends at once the tokens, services, connected apps and sessions below, but not this session. Apps of yours stay registered, without their secrets.',
        url: '/account/access/end',
      }),
      ...credentialSections(access),
      ...appSections(access),
      sessionSection(access),
    ],
  });
}

function credentialSections({ tokens, services, now }: Access): Part[] {
  return [
    listed('Personal access tokens', '/tokens', {
      columns: ['Token', 'Last used'],
      none: 'No token opens anything.',
      rows: tokens.map(({ id, name, lastUsedAt, isPaused, replacedBy }) => [
        html`<a href="/tokens/${id}"><bdi>${name}</bdi></a>${isPaused && html` ${badge('neutral', 'Paused')}`}${
          replacedBy !== undefined && html` ${badge('expiring', 'Old value')}`
        }`,
        usedAt(lastUsedAt, now),
      ]),
    }),
    listed('Services', '/services', {
      columns: ['Service', 'Secrets', 'Made'],
      none: 'No service calls in your name.',
      rows: services.map(({ id, name, createdAt, secrets, isPaused }) => [
        html`<a href="/services/${id}">${name}</a>${isPaused && html` ${badge('neutral', 'Paused')}`}`,
        String(secrets),
        relativeTime(createdAt, now),
      ]),
    }),
  ];
}

function appSections({ grants, apps, now }: Access): Part[] {
  return [
    listed('Connected apps', '/apps', {
      columns: ['App', 'Last used'],
      none: 'You let no app in.',
      rows: grants.map(({ name, lastUsedAt }) => [name, usedAt(lastUsedAt, now)]),
    }),
    listed('Apps of yours', '/developer', {
      columns: ['App', 'Secrets', 'Made'],
      none: 'You registered no app.',
      rows: apps.map(({ id, name, createdAt, secrets }) => [
        html`<a href="/developer/${id}">${name}</a>`,
        String(secrets),
        relativeTime(createdAt, now),
      ]),
    }),
  ];
}

function sessionSection({ sessions, now }: Access): Part {
  return listed('Sessions', '/account', {
    columns: ['Session', 'Network address', 'Last seen'],
    none: 'Nobody is signed in.',
    rows: sessions.map(({ browser, seenFrom, lastSeenAt, isThis }) => [
      html`${browser}${isThis && html` ${badge('active', 'This browser')}`}`,
      seenFrom ?? 'Not noted',
      relativeTime(lastSeenAt, now),
    ]),
  });
}

/** One kind of it, with the page on which each is looked after. */
function listed(
  title: string,
  url: string,
  { columns, rows, none }: { columns: readonly string[]; rows: readonly Part[][]; none: string },
): Part {
  const list =
    rows.length === 0
      ? html`<p>${none}</p>`
      : dataTable({ caption: title, columns, rows, isDense: isLong({ total: rows.length }) });
  const more = buttonLink(html`See them<span class="unseen"> all: ${title}</span>`, url);
  return section({ title: `${title} (${rows.length})`, body: [list, rows.length > 0 && buttons(more)] });
}

function usedAt(at: number | undefined, now: number): Part {
  return at === undefined ? 'Never' : relativeTime(at, now);
}

/** Asks once more before all of it is ended. */
export function endAccessPage(site: Site, viewer: Viewer): Html {
  return confirmPage(site, viewer, {
    title: 'End all access to your account?',
    consequences: [
      'All your tokens and services are revoked, and the secrets of your apps. What uses them stops working at once, and you make new ones.',
      'Every connected app is cut off. You can let it in again.',
      'All other sessions are ended. This browser stays signed in.',
      'Your ways to sign in, your registered apps and your data stay as they are.',
    ],
    action: '/account/access/end',
    confirmLabel: 'End all access',
    current: '/account',
    cancelUrl: '/account/access',
  });
}

/** Says what goes into the file, and starts it. */
export function takeDataPage(site: Site, viewer: Viewer): Html {
  const form = postForm({
    action: '/account/data',
    fields: { [VIEWER_FIELD]: viewer.email },
    body: buttons(submit('Take out your data'), buttonLink('Back', '/account')),
  });
  return layout(site, {
    title: 'Take out your data',
    lead: 'What is kept of your account, in one JSON file.',
    viewer,
    current: '/account',
    body: html`<div class="card">${bulletList([
      'Your account, ways to sign in and sessions.',
      'Tokens, services, apps and what you allowed other apps, without any secret.',
      `Changes and calls, the newest ${ENTRIES_TAKEN_MAX.toLocaleString('en')} of each.`,
      'The data that you made or that was stored for you, as far as you may see it. What the app no longer shows to anybody is not in it.',
    ])}
${form}</div>`,
  });
}

/** The data types that accounts know of: those whose records go with the account, and the others. */
type NamedType = { name: string; description: string };
type DataAtEnd = { goes: readonly NamedType[]; stays: readonly NamedType[] };

/** Without numbers, which would count what the rules hide; of what they hide it says the same to everybody. */
function dataAtEnd({ goes, stays }: DataAtEnd): Part[] {
  const inWords = (types: readonly NamedType[]) =>
    types.map(({ name, description }) => `“${name}” (${description})`).join(', ');
  const owned = 'Of what you made, or what was stored for you,';
  return [
    goes.length > 0 && `${owned} this is deleted too: ${inWords(goes)}.`,
    stays.length > 0 && `${owned} this stays: ${inWords(stays)}.`,
    'There may be data of yours that you cannot see, or that the app no longer shows to anybody. Whether it is deleted or stays is for whoever runs this site to say.',
  ].filter((part) => part !== false);
}

/** Has the e-mail address typed before an account is gone for good. */
export function deleteAccountPage(
  site: Site,
  viewer: Viewer,
  { recordDays, data, problem }: { recordDays: number; data: DataAtEnd; problem?: FormProblem | undefined },
): Html {
  const typed = field({
    label: 'Your e-mail address',
    name: 'email',
    type: 'email',
    hint: html`Type ${viewer.email} to say that you mean it.`,
    problem: problemAt(problem, 'email'),
    autocomplete: 'off',
    required: true,
  });
  return confirmPage(site, viewer, {
    title: 'Delete your account?',
    consequences: [
      'It is gone at once and for good, and nobody can sign in to it any more.',
      'Your tokens, services and apps end, and so does what you allowed other apps.',
      `A record of what you had and of what was done with it stays here for up to ${recordDays} days, with your e-mail address.`,
      ...dataAtEnd(data),
      html`<a href="/account/data">Take out your data</a> first if you want what you may see of it.`,
    ],
    inputs: typed,
    action: '/account/delete',
    confirmLabel: 'Delete the account',
    current: '/account',
  });
}

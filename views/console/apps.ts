import { allowsOf, LAST_USED_HINT, lastUseOf } from '../credentials.ts';
import type { FormProblem } from '../form-problem.ts';
import { type Html, html, type Part } from '../html.ts';
import { buttonLink, buttons, labelOf } from '../kit/buttons.ts';
import { code } from '../kit/code.ts';
import { badge, doneNotice } from '../kit/notices.ts';
import { bulletList, keyValues, section } from '../kit/sections.ts';
import { ACTIONS, dataTable } from '../kit/tables.ts';
import { relativeTime } from '../kit/times.ts';
import { layout, type Site, type Viewer } from '../layout.ts';
import { type ListAsked, listForm, listPager } from './list.ts';
import { managePage } from './reason.ts';

/** An app as the console shows it. */
export type AppView = {
  id: string;
  name: string;
  accountId: string;
  /** Of who registered it, while that account is there. */
  ownerEmail: string | undefined;
  redirectUris: readonly string[];
  postLogoutRedirectUris: readonly string[];
  /** What it may ask for, in plain words. */
  allows: readonly string[];
  confidential: boolean;
  withoutPkce?: boolean | undefined;
  /** How many accounts let it in; at least so many with `isMore`. */
  people: { count: number; isMore: boolean };
  createdAt: number;
  revokedAt?: number | undefined;
  /** While it is being cut off from everybody: since when. */
  cutOffAt?: number | undefined;
};

/** What somebody allowed an app. */
export type AppGrantView = {
  grantId: string;
  appId: string;
  appName: string;
  accountId: string;
  email: string | undefined;
  allows: readonly string[];
  createdAt: number;
  lastUsedAt: number | undefined;
};

type Act = 'cut-off' | 'delete';

const ACTS: Record<Act, { label: string; title: (name: string) => string; consequences: string[] }> = {
  'cut-off': {
    label: 'Cut it off from everybody',
    title: (name) => `Cut “${name}” off from everybody?`,
    consequences: [
      'What anybody allowed it ends: its access and refresh tokens are refused.',
      'The app itself stays. It can ask each of them again.',
    ],
  },
  delete: {
    label: 'Delete the app',
    title: (name) => `Delete “${name}”?`,
    consequences: [
      'It is gone at once and for good: nobody can sign in to it, its secrets and tokens are refused.',
      'What anybody allowed it ends.',
    ],
  },
};

const DONE: Record<string, string> = {
  'cut-off': 'The app is cut off from everybody.',
  delete: 'The app is deleted.',
  'going-on': 'The app is being cut off from everybody. It takes a while, and goes on by itself.',
  'end-grant': 'The app is cut off from this account.',
};

type AppsAsked = Omit<ListAsked, 'filters'> & { state: string };

/** /admin/apps */
export function appsPage(
  site: Site,
  viewer: Viewer,
  { apps, asked, now, done }: { apps: readonly AppView[]; asked: AppsAsked; now: number; done: string },
): Html {
  const options = [
    { value: '', label: 'All' },
    { value: 'live', label: 'In use' },
    { value: 'deleted', label: 'Deleted' },
  ];
  const list = { ...asked, filters: [{ label: 'State', name: 'state', value: asked.state, options }] };
  const table = dataTable({
    caption: 'Apps',
    columns: ['App', 'Made by', 'Sends people to', 'Let in by', 'Made'],
    rows: apps.map((app) => [
      html`<a href="/admin/apps/${app.id}">${app.name}</a><br>${marksOf(app)}`,
      accountLink(app.accountId, app.ownerEmail),
      bulletList(app.redirectUris.map(code)),
      peopleOf(app),
      relativeTime(app.createdAt, now),
    ]),
    empty: {
      title: 'No app found',
      text: 'Search for the whole id of an app, or for the whole e-mail address or id of who made it.',
    },
  });
  return layout(site, {
    title: 'Apps',
    lead: 'Apps that people sign in to with their account here, and let act in their name.',
    viewer,
    current: '/admin/apps',
    body: [
      doneNotice(DONE, done),
      listForm(list, 'The whole id of an app, or the e-mail address or id of who made it.'),
      table,
      listPager(list),
    ],
  });
}

/** /admin/apps/ID */
export function appPage(
  site: Site,
  viewer: Viewer,
  props: {
    app: AppView;
    grants: readonly AppGrantView[];
    pages: Pick<ListAsked, 'firstUrl' | 'nextUrl'>;
    now: number;
    done: string;
  },
): Html {
  const { app, grants, pages, now, done } = props;
  const acts: Act[] = app.people.count === 0 ? ['delete'] : ['cut-off', 'delete'];
  const facts = keyValues([
    { label: 'Client id', value: code(app.id) },
    { label: 'State', value: marksOf(app) },
    {
      label: 'Being cut off',
      value:
        app.cutOffAt !== undefined && html`Since ${relativeTime(app.cutOffAt, now)}, until nobody is left`,
    },
    { label: 'Made by', value: accountLink(app.accountId, app.ownerEmail) },
    { label: 'Made', value: relativeTime(app.createdAt, now) },
    { label: 'Deleted', value: app.revokedAt !== undefined && relativeTime(app.revokedAt, now) },
    { label: 'Sends people to', value: bulletList(app.redirectUris.map(code)) },
    {
      label: 'After signing out',
      value: app.postLogoutRedirectUris.length > 0 && bulletList(app.postLogoutRedirectUris.map(code)),
    },
    { label: 'May ask for', value: allowsOf(app.allows) },
    { label: 'Secret', value: app.confidential ? 'It keeps one' : 'None, it is a public app' },
    {
      label: 'PKCE',
      value: app.withoutPkce === true ? 'Not required: its developer excepted it' : 'Required',
    },
    { label: 'Let in by', value: peopleOf(app) },
    {
      label: 'On record',
      value: html`<a href="/admin/activity?credential=${app.id}">Its calls</a> · <a href="/admin/audit?target=${app.id}">Its changes</a>`,
    },
  ]);
  return layout(site, {
    title: app.name,
    back: { label: 'Apps', url: '/admin/apps' },
    viewer,
    current: '/admin/apps',
    body: [
      doneNotice(DONE, done),
      section({ title: 'App', body: facts }),
      app.revokedAt === undefined &&
        section({
          title: 'What you can do',
          body: buttons(
            ...acts.map((act) => buttonLink(`${ACTS[act].label}…`, `/admin/apps/${app.id}/${act}`, 'danger')),
          ),
        }),
      grantsSection(grants, pages, now),
    ],
  });
}

function grantsSection(
  grants: readonly AppGrantView[],
  pages: Pick<ListAsked, 'firstUrl' | 'nextUrl'>,
  now: number,
): Html {
  return section({
    title: 'Who let it in',
    plain: true,
    body: [
      dataTable({
        caption: 'Who let it in',
        columns: ['Account', 'Allows', 'Allowed', 'Last used', ACTIONS],
        rows: grants.map((grant) => [
          accountLink(grant.accountId, grant.email),
          allowsOf(grant.allows),
          relativeTime(grant.createdAt, now),
          lastUseOf({ lastUsedAt: grant.lastUsedAt }, now),
          buttonLink(labelOf('Cut off…', grant.email ?? grant.accountId), pathOfGrant(grant)),
        ]),
        empty: { title: 'Nobody', text: 'Whoever lets the app in is listed here.' },
      }),
      listPager({ ...pages, isPartial: false }),
      grants.length > 0 && html`<p class="fine">${LAST_USED_HINT}</p>`,
    ],
  });
}

/** Asks once more, and why. */
export function appActPage(
  site: Site,
  viewer: Viewer,
  props: {
    act: Act;
    app: Pick<AppView, 'id' | 'name'>;
    reason: string;
    problem: FormProblem | undefined;
  },
): Html {
  const { act, app, reason, problem } = props;
  const { label, title, consequences } = ACTS[act];
  const path = `/admin/apps/${app.id}`;
  return managePage(site, viewer, {
    title: title(app.name),
    consequences,
    action: `${path}/${act}`,
    confirmLabel: label,
    current: '/admin/apps',
    cancelUrl: path,
    reason,
    problem,
  });
}

/** Asks once more, and why, before an app is cut off from one account. */
export function endGrantPage(
  site: Site,
  viewer: Viewer,
  { grant, reason, problem }: { grant: AppGrantView; reason: string; problem: FormProblem | undefined },
): Html {
  return managePage(site, viewer, {
    title: `Cut “${grant.appName}” off from ${grant.email ?? grant.accountId}?`,
    consequences: [
      'Its access and refresh tokens for this account are refused at once, in every browser.',
      'It can ask the account again.',
    ],
    action: pathOfGrant(grant),
    confirmLabel: 'Cut it off',
    current: '/admin/apps',
    cancelUrl: `/admin/apps/${grant.appId}`,
    reason,
    problem,
  });
}

function pathOfGrant({ appId, grantId }: AppGrantView): string {
  return `/admin/apps/${appId}/grants/${grantId}/end`;
}

function marksOf({ revokedAt, withoutPkce }: AppView): Part {
  const state = revokedAt === undefined ? badge('active', 'In use') : badge('revoked', 'Deleted');
  return html`${state}${withoutPkce === true && html` ${badge('expiring', 'Without PKCE')}`}`;
}

function peopleOf({ people: { count, isMore } }: Pick<AppView, 'people'>): string {
  if (count === 0) return 'Nobody';
  const people = count === 1 ? '1 account' : `${count.toLocaleString('en')} accounts`;
  return isMore ? `${people} or more` : people;
}

/** What an account did may be looked at for longer than there is the account. */
export function accountLink(id: string, email: string | undefined): Html {
  return email === undefined
    ? html`${code(id)}, deleted`
    : html`<a href="/admin/accounts/${id}">${email}</a>`;
}

import { REDIRECT_URIS_MAX } from '../server/ground/limits.ts';
import {
  allowsOf,
  type CredentialForm,
  type CredentialView,
  type LiveAndDead,
  nameField,
  scopeBoxes,
} from './credentials.ts';
import { problemAt } from './form-problem.ts';
import { type Html, html } from './html.ts';
import { checkbox, radioGroup } from './kit/choices.ts';
import { code, copyBox } from './kit/code.ts';
import { textArea } from './kit/fields.ts';
import { confirmPage, formPage } from './kit/form-pages.ts';
import { emptyListing, isLong, type Listing, listingForm, listingPages } from './kit/listing.ts';
import { doneNotice, notice } from './kit/notices.ts';
import { bulletList, dangerZone, keyValues, section } from './kit/sections.ts';
import { dataTable } from './kit/tables.ts';
import { relativeTime } from './kit/times.ts';
import { layout, type Site, type Viewer } from './layout.ts';
import { SECRETS_DONE, secretsSection } from './secrets.ts';

/** An app as its developer sees it. */
export type AppView = {
  id: string;
  name: string;
  redirectUris: readonly string[];
  postLogoutRedirectUris: readonly string[];
  /** What it may ask for, in plain words. */
  allows: readonly string[];
  confidential: boolean;
  /** Its library cannot do PKCE, so it may do without. */
  withoutPkce?: boolean | undefined;
  applicationType: 'web' | 'native';
  createdAt: number;
};

/** Addresses that a developer configures. */
export type Endpoints = readonly { label: string; url: string }[];

const DONE: Record<string, string> = {
  ...SECRETS_DONE,
  registered: 'The app is ready. Configure it with the client id and the addresses below.',
  changed: 'The app was changed.',
  deleted: 'The app was deleted. Everything that people had allowed it has ended.',
};

/** The apps that an account registered, and what an app is configured with. */
export function developerPage(
  site: Site,
  viewer: Viewer,
  props: { apps: readonly AppView[]; listing: Listing; endpoints: Endpoints; now: number; done: string },
): Html {
  const { apps, listing, endpoints, now, done } = props;
  const mayMake = viewer.admin || site.adminsOnly?.apps !== true;
  const action = mayMake ? { label: 'Make an app', url: '/developer/new' } : undefined;
  return layout(site, {
    title: 'Developer',
    lead: `Apps of yours that people sign in to with ${site.appName} and let act in their name.`,
    action: listing.total === 0 ? undefined : action,
    viewer,
    current: '/developer',
    body: [
      doneNotice(DONE, done),
      !mayMake && notice('info', 'Only admins register apps here. Ask one for what you need.'),
      listingForm(listing),
      dataTable({
        caption: 'Your apps',
        isDense: isLong(listing),
        columns: ['Name', 'May ask for', 'Redirect URIs', 'Made'],
        rows: apps.map((app) => [
          html`<a href="/developer/${app.id}">${app.name}</a><br>${code(app.id)}`,
          allowsOf(app.allows),
          bulletList(app.redirectUris.map(code)),
          relativeTime(app.createdAt, now),
        ]),
        empty: emptyListing(listing, {
          title: 'No apps yet',
          text: mayMake
            ? 'Make one to send people through sign-in and consent and to act for those who allow it.'
            : 'An app is registered by an admin, and belongs to who registered it.',
          action,
        }),
      }),
      listingPages(listing),
      endpointsSection(endpoints),
    ],
  });
}

function endpointsSection(endpoints: Endpoints): Html {
  return section({
    title: 'Addresses to configure',
    lead: 'Most OAuth and OpenID Connect libraries need only the issuer. Use PKCE with S256: it is required, but of an app whose page says that its library cannot do it.',
    body: keyValues(endpoints.map(({ label, url }) => ({ label, value: code(url) }))),
  });
}

/** What was typed about an app; `redirectUris` and `postLogoutRedirectUris` have one a line. */
export type AppForm = {
  name: string;
  redirectUris: string;
  postLogoutRedirectUris: string;
  scopes: readonly string[];
  confidential: boolean;
  withoutPkce: boolean;
};

/** The form of an app, a new one or one that is there. Whether it keeps a secret is chosen once. */
export function appFormPage(
  site: Site,
  viewer: Viewer,
  /** Undefined for a new one. */
  app: { id: string; name: string } | undefined,
  props: Omit<CredentialForm<AppForm>, 'expiry'>,
): Html {
  const { form, problem } = props;
  const isNew = app === undefined;
  return formPage(site, viewer, {
    title: isNew ? 'New app' : `Change “${app.name}”`,
    current: '/developer',
    problem,
    action: isNew ? '/developer/new' : `/developer/${app.id}/edit`,
    inputs: [
      nameField(props, 'People see it when they are asked for consent.'),
      textArea({
        label: 'Redirect URIs',
        name: 'redirectUris',
        value: form.redirectUris,
        hint: html`One a line, at most ${REDIRECT_URIS_MAX}. For a web app ${code('https://…')}; for an app on a person's machine
${code('http://127.0.0.1/…')} (any port) or a scheme of its own like ${code('com.example.app:/callback')}.`,
        problem: problemAt(problem, 'redirectUris'),
        required: true,
      }),
      textArea({
        label: 'Post-logout redirect URIs',
        name: 'postLogoutRedirectUris',
        value: form.postLogoutRedirectUris,
        hint: 'Where the app may send people after signing them out here. One a line; leave it empty if it never does.',
        problem: problemAt(problem, 'postLogoutRedirectUris'),
      }),
      scopeBoxes(props, 'What it may ask people for. They see these words on the consent page.'),
      isNew && secrecyChoice(form),
      (isNew || form.confidential) && pkceException(props, isNew),
    ],
    submitLabel: isNew ? 'Make the app' : 'Save the changes',
    cancelUrl: isNew ? '/developer' : `/developer/${app.id}`,
  });
}

function secrecyChoice(form: AppForm): Html {
  return radioGroup({
    label: 'Where it runs',
    name: 'type',
    value: form.confidential ? 'confidential' : 'public',
    options: [
      {
        value: 'confidential',
        label: 'On a server',
        hint: 'It can keep a secret, and gets one (a confidential client).',
      },
      {
        value: 'public',
        label: "In a browser or on a person's machine",
        hint: 'It can keep no secret; PKCE alone protects it (a public client).',
      },
    ],
  });
}

/** For confidential apps only: of all others PKCE is the only protection. */
function pkceException({ form }: { form: AppForm }, isNew: boolean): Html {
  const risk = 'Leave it off for any library that can: PKCE makes a stolen code worthless.';
  return checkbox({
    label: 'Its library cannot do PKCE',
    name: 'withoutPkce',
    checked: form.withoutPkce,
    hint: `Then it may sign people in without. ${risk}${isNew ? ' Only for an app on a server.' : ''}`,
  });
}

/** One app: what to configure, its secrets, and its end. */
export function appPage(
  site: Site,
  viewer: Viewer,
  props: {
    app: AppView;
    secrets: LiveAndDead<CredentialView>;
    endpoints: Endpoints;
    now: number;
    done: string;
  },
): Html {
  const { app, secrets, endpoints, now, done } = props;
  const facts = keyValues([
    { label: 'Redirect URIs', value: bulletList(app.redirectUris.map(code)) },
    {
      label: 'Post-logout redirect URIs',
      value: app.postLogoutRedirectUris.length > 0 && bulletList(app.postLogoutRedirectUris.map(code)),
    },
    { label: 'May ask for', value: allowsOf(app.allows) },
    { label: 'PKCE', value: app.withoutPkce === true && 'Not required: its library cannot do it' },
    { label: 'Kind', value: `${app.confidential ? 'Confidential' : 'Public'}, ${app.applicationType}` },
    { label: 'Made', value: relativeTime(app.createdAt, now) },
  ]);
  return layout(site, {
    title: app.name,
    action: { label: 'Edit…', url: `/developer/${app.id}/edit` },
    viewer,
    current: '/developer',
    back: { label: 'All apps', url: '/developer' },
    body: [
      doneNotice(DONE, done),
      html`<div class="card">${copyBox({ label: 'Client id', value: app.id })}${facts}</div>`,
      app.confidential && secretsSection({ ...app, kind: 'app' }, secrets, now),
      endpointsSection(endpoints),
      dangerZone({
        title: 'Delete this app',
        text: 'Ends everything that people have allowed it, at once and for good.',
        url: `/developer/${app.id}/delete`,
      }),
    ],
  });
}

/** Asks once more before an app is deleted, with everything that people allowed it. */
export function deleteAppPage(site: Site, viewer: Viewer, app: { id: string; name: string }): Html {
  return confirmPage(site, viewer, {
    title: `Delete the app “${app.name}”?`,
    consequences: [
      'Everybody who allowed it is cut off from it: its access and refresh tokens are refused at once.',
      'Nobody can sign in to it any more.',
      'It cannot be brought back. A new registration gets another client id.',
    ],
    action: `/developer/${app.id}/delete`,
    confirmLabel: 'Delete this app',
    cancelUrl: `/developer/${app.id}`,
    current: '/developer',
  });
}

import { USED_DAYS } from '../../server/ground/limits.ts';
import { type CountsView, callCounts } from '../activity.ts';
import {
  type CredentialForm,
  type CredentialView,
  expiryFields,
  expiryOf,
  LAST_USED_HINT,
  type LiveAndDead,
  lastUseOf,
  nameField,
  scopeBoxes,
} from '../credentials.ts';
import type { FormProblem } from '../form-problem.ts';
import { type Html, html, type Part } from '../html.ts';
import { buttonLink, buttons } from '../kit/buttons.ts';
import { checkbox } from '../kit/choices.ts';
import { code, codeBlock, copyBox } from '../kit/code.ts';
import { formPage } from '../kit/form-pages.ts';
import { badge, doneNotice } from '../kit/notices.ts';
import { bulletList, keyValues, section } from '../kit/sections.ts';
import { dataTable } from '../kit/tables.ts';
import { layout, type Site, type Viewer } from '../layout.ts';
import { SECRET_EXPIRY_HINT, secretTables } from '../secrets.ts';
import { type AdminUseView, badgesOf, type ServiceView, serviceFacts, stateNotice } from '../services.ts';
import { accountLink } from './apps.ts';
import { type ListAsked, listForm, listPager } from './list.ts';
import { managePage, reasonField } from './reason.ts';
import { dataFact } from './type-links.ts';

const PATH = '/admin/services';
/** Of more scopes than these a list names the first; its page has all. */
const SCOPES_NAMED_MAX = 3;

/** A service as the console shows it. */
export type ServiceRow = ServiceView & {
  scopes: readonly string[];
  accountId: string;
  /** Of its owner, while that account is there. */
  ownerEmail: string | undefined;
  /** The live ones. */
  secrets: readonly CredentialView[];
  lastUsedAt: number | undefined;
  /** Calls of the last USED_DAYS days; `isAll` is false where there are more. */
  calls: { count: number; isAll: boolean };
};

type Act = 'pause' | 'resume' | 'revoke';

const ACTS: Record<Act, { label: string; title: (name: string) => string; consequences: string[] }> = {
  pause: {
    label: 'Pause',
    title: (name) => `Pause the service “${name}”?`,
    consequences: [
      'Its secrets and access tokens are refused from the next call on. Nothing of it is lost.',
      'Its owner is mailed, and cannot resume it: only an admin can.',
    ],
  },
  resume: {
    label: 'Resume',
    title: (name) => `Resume the service “${name}”?`,
    consequences: ['Its secrets, and the access tokens that it still holds, are taken again.'],
  },
  revoke: {
    label: 'Revoke',
    title: (name) => `Revoke the service “${name}”?`,
    consequences: [
      'All its secrets and access tokens are refused from the next call on.',
      'It cannot be brought back. Whatever uses it needs a new service.',
    ],
  },
};

const DONE: Record<string, string> = {
  pause: 'The service is paused.',
  resume: 'The service works again.',
  revoke: 'The service is revoked.',
  edit: 'The service is changed. From the next call on it may do what stands below.',
  secret: 'The secret is revoked.',
};

type ServicesAsked = Omit<ListAsked, 'filters'> & { state: string; admin: string };

/** /admin/services */
export function consoleServicesPage(
  site: Site,
  viewer: Viewer,
  { services, asked, now }: { services: readonly ServiceRow[]; asked: ServicesAsked; now: number },
): Html {
  const states = [
    { value: '', label: 'All' },
    { value: 'live', label: 'Live' },
    { value: 'paused', label: 'Paused' },
    { value: 'revoked', label: 'Revoked' },
  ];
  const reaches = [
    { value: '', label: 'All' },
    { value: 'yes', label: 'Past privacy rules, as an admin' },
  ];
  const filters = [
    { label: 'State', name: 'state', value: asked.state, options: states },
    { label: 'Reaches', name: 'admin', value: asked.admin, options: reaches },
  ];
  const list = { ...asked, filters };
  return layout(site, {
    title: 'Services',
    lead: 'Third-party systems that call by themselves. Each should have a service of its own.',
    action: { label: 'Make a service', url: `${PATH}/new` },
    viewer,
    current: PATH,
    body: [
      listForm(list, 'The whole id of a service, or the e-mail address or id of its owner.'),
      dataTable({
        caption: 'Services',
        columns: ['Service', 'Owner', 'May', 'Secrets end', 'Last used', `Calls in ${USED_DAYS} days`],
        rows: services.map((service) => rowOf(service, now)),
        empty: {
          title: 'No service found',
          text: 'Search for the whole id of a service, or for the whole e-mail address or id of its owner.',
        },
      }),
      services.length > 0 && html`<p class="fine">${LAST_USED_HINT}</p>`,
      listPager(list),
    ],
  });
}

function rowOf(service: ServiceRow, now: number): Part[] {
  const { id, name, accountId, ownerEmail, scopes, reason, secrets, calls } = service;
  const named = scopes.slice(0, SCOPES_NAMED_MAX).map(code);
  const rest = scopes.length - named.length;
  const all = rest > 0 ? [...named, `and ${rest} more`] : named;
  const why = service.isAdmin && reason !== undefined && html`<div class="fine">${reason}</div>`;
  return [
    html`<a href="${PATH}/${id}">${name}</a><br>${code(id)}${stateOf(service)}`,
    accountLink(accountId, ownerEmail),
    [all.length === 0 ? 'No calls' : bulletList(all), badgesOf(service), why],
    secrets.length === 0 ? 'None is live' : bulletList(secrets.map((secret) => expiryOf(secret, now))),
    lastUseOf(service, now),
    `${calls.count.toLocaleString('en')}${calls.isAll ? '' : ' or more'}`,
  ];
}

function stateOf({ revokedAt, pausedAt }: ServiceView): Part {
  if (revokedAt !== undefined) return html` ${badge('revoked', 'Revoked')}`;
  return pausedAt !== undefined && html` ${badge('neutral', 'Paused')}`;
}

/** /admin/services/ID */
export function consoleServicePage(
  site: Site,
  viewer: Viewer,
  props: {
    service: ServiceRow;
    /** The names of the data types. */
    types: readonly string[];
    isOwn: boolean;
    secrets: LiveAndDead<CredentialView>;
    adminUse: AdminUseView | undefined;
    counts: CountsView;
    /** Ready to be tried. */
    calls: readonly { label: string; code: string }[];
    now: number;
    done: string;
  },
): Html {
  const { service, types, isOwn, secrets, adminUse, counts, calls, now, done } = props;
  const { id, actsFor, accountId, ownerEmail } = service;
  const path = `${PATH}/${id}`;
  const reaches = actsFor === 'app' ? 'The whole app' : 'The data of its owner';
  const facts = keyValues([
    { label: 'Owner', value: accountLink(accountId, ownerEmail) },
    ...serviceFacts(service, { reaches, adminUse, now }),
    { label: 'Last used', value: lastUseOf(service, now) },
    dataFact(id, types),
    {
      label: 'Activity',
      value: html`<a href="/admin/activity?credential=${id}">Its calls</a> · <a href="/admin/audit?target=${id}">Changes of it</a>`,
    },
  ]);
  const isDead = service.revokedAt !== undefined;
  return layout(site, {
    title: service.name,
    viewer,
    current: PATH,
    back: { label: 'Services', url: PATH },
    body: [
      doneNotice(DONE, done),
      stateNotice(service, now),
      html`<div class="card">${copyBox({ label: 'Client id', value: id })}${facts}</div>`,
      section({ title: 'Calls', body: callCounts(counts) }),
      !isDead && section({ title: 'Secrets', lead: LAST_USED_HINT, body: secretTables(path, secrets, now) }),
      !isDead && calls.map(codeBlock),
      !isDead && actsSection(service, isOwn),
    ],
  });
}

function actsSection({ id, pausedAt, pausedByAdmin }: ServiceView, isOwn: boolean): Html {
  const path = `${PATH}/${id}`;
  const act = (name: Act) => buttonLink(`${ACTS[name].label}…`, `${path}/${name}`);
  return section({
    title: 'What you can do',
    lead: isOwn
      ? html`This is a service of your own: make and rotate its secrets on <a href="/services/${id}">its page</a>.`
      : 'Its owner is mailed what you do, with your reason.',
    body: buttons(
      buttonLink('Edit…', `${path}/edit`),
      // A pause of the owner is taken over by that of an admin.
      pausedByAdmin !== true && act('pause'),
      pausedAt !== undefined && act('resume'),
      buttonLink(`${ACTS.revoke.label}…`, `${path}/revoke`, 'danger'),
    ),
  });
}

/** Asks once more, and why. */
export function serviceActPage(
  site: Site,
  viewer: Viewer,
  props: {
    act: Act;
    service: { id: string; name: string };
    reason: string;
    problem: FormProblem | undefined;
  },
): Html {
  const { act, service, reason, problem } = props;
  const { label, title, consequences } = ACTS[act];
  const path = `${PATH}/${service.id}`;
  return managePage(site, viewer, {
    title: title(service.name),
    consequences,
    action: `${path}/${act}`,
    confirmLabel: label,
    current: PATH,
    cancelUrl: path,
    danger: act !== 'resume',
    reason,
    problem,
  });
}

/** Asks once more before a secret of it is ended, and why. */
export function endSecretPage(
  site: Site,
  viewer: Viewer,
  props: {
    service: { id: string; name: string };
    secret: CredentialView;
    isLast: boolean;
    now: number;
    reason: string;
    problem: FormProblem | undefined;
  },
): Html {
  const { service, secret, isLast, now, reason, problem } = props;
  const path = `${PATH}/${service.id}`;
  return managePage(site, viewer, {
    title: `Revoke the secret “${secret.name}” of “${service.name}”?`,
    consequences: [
      'No access token is given out for it any more, and those that it got are refused at once.',
      html`Last used: ${lastUseOf(secret, now)}`,
      isLast
        ? 'It is the only live one: the service stands still until its owner makes another.'
        : 'The other secrets go on working.',
    ],
    action: `${path}/secrets/${secret.id}/revoke`,
    confirmLabel: 'Revoke this secret',
    current: PATH,
    cancelUrl: path,
    reason,
    problem,
  });
}

/** What was typed about a service that is there. */
export type ConsoleEditForm = { name: string; scopes: readonly string[]; reason: string };

/** Its name, and what of its scopes is left to it. */
export function consoleEditPage(
  site: Site,
  viewer: Viewer,
  service: { id: string; name: string },
  props: Omit<CredentialForm<ConsoleEditForm>, 'expiry'>,
): Html {
  const path = `${PATH}/${service.id}`;
  const { form, problem } = props;
  return formPage(site, viewer, {
    title: `Change “${service.name}”`,
    current: PATH,
    problem,
    action: `${path}/edit`,
    inputs: [
      nameField(props, 'The third-party system that uses it.'),
      scopeBoxes(
        props,
        'What you take away is refused from its next call on. Its owner alone gives it more.',
      ),
      reasonField(form.reason, problem),
    ],
    submitLabel: 'Save the changes',
    cancelUrl: path,
  });
}

/** What was typed about a new service for the app. */
export type ConsoleServiceForm = {
  name: string;
  scopes: readonly string[];
  expires: string;
  date: string;
  resourceServer: boolean;
  reason: string;
};

/** The form for a service of a third party that acts for the app. */
export function newConsoleServicePage(
  site: Site,
  viewer: Viewer,
  props: CredentialForm<ConsoleServiceForm>,
): Html {
  const { form, problem } = props;
  return formPage(site, viewer, {
    title: 'New service for the app',
    lead: 'It belongs to your account, and reaches for every account what its scopes allow.',
    current: PATH,
    problem,
    action: `${PATH}/new`,
    inputs: [
      nameField(props, 'The third-party system that will use it. One service for each.'),
      scopeBoxes(props, 'Choose only what it needs.'),
      checkbox({
        label: 'It is a resource server',
        name: 'resourceServer',
        checked: form.resourceServer,
        hint: 'It may ask at /oauth/introspect whether any token of this site is good.',
      }),
      reasonField(
        form.reason,
        problem,
        'What it is for, in a sentence. It stands beside the service wherever it is shown.',
      ),
      expiryFields(props, { label: 'Its secret expires in', hint: SECRET_EXPIRY_HINT }),
    ],
    submitLabel: 'Make the service',
  });
}

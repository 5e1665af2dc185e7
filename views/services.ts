import { ADMIN_SECRET_DAYS_MAX, ADMIN_USE_DAYS, NOTE_LENGTH_MAX } from '../server/ground/limits.ts';
import {
  allowsOf,
  type CredentialForm,
  type CredentialView,
  expiryFields,
  type LiveAndDead,
  nameField,
  scopeBoxes,
} from './credentials.ts';
import { problemAt } from './form-problem.ts';
import { type Html, html, type Part } from './html.ts';
import { buttons, postForm, submit } from './kit/buttons.ts';
import { checkbox, radioGroup } from './kit/choices.ts';
import { code, codeBlock, copyBox } from './kit/code.ts';
import { field } from './kit/fields.ts';
import { confirmPage, formPage, VIEWER_FIELD } from './kit/form-pages.ts';
import { emptyListing, isLong, type Listing, listingForm, listingPages } from './kit/listing.ts';
import { badge, doneNotice, notice } from './kit/notices.ts';
import { dangerZone, keyValues, section } from './kit/sections.ts';
import { dataTable, foldedTable } from './kit/tables.ts';
import { relativeTime } from './kit/times.ts';
import { layout, type Site, type Viewer } from './layout.ts';
import { SECRET_EXPIRY_HINT, SECRETS_DONE, secretsSection } from './secrets.ts';
import { activityLink, type UsageView, usedFor } from './usage.ts';

/** A service as its owner sees it. */
export type ServiceView = {
  id: string;
  name: string;
  /** What it may do, in plain words. */
  allows: readonly string[];
  actsFor: 'account' | 'app';
  resourceServer: boolean;
  isAdmin: boolean;
  reason?: string | undefined;
  createdAt: number;
  revokedAt?: number | undefined;
  pausedAt?: number | undefined;
  /** Only an admin resumes it. */
  pausedByAdmin?: true | undefined;
};

/** How often it was used as an admin lately; `isAll` is false where it was more. */
export type AdminUseView = { count: number; isAll: boolean };

const DONE: Record<string, string> = {
  ...SECRETS_DONE,
  paused: 'The service was paused. Its secrets and access tokens are refused until you resume it.',
  resumed: 'The service was resumed. It works as before.',
  changed: 'The service was changed. From the next call on it may do what stands below.',
  revoked: 'The service was revoked. Its secrets and access tokens are refused from now on.',
};

/** The list of an account's services. */
export function servicesPage(
  site: Site,
  viewer: Viewer,
  {
    live,
    dead,
    listing,
    now,
    done,
  }: LiveAndDead<ServiceView> & { listing: Listing; now: number; done: string },
): Html {
  const mayMake = viewer.admin || site.adminsOnly?.services !== true;
  const action = mayMake ? { label: 'Make a service', url: '/services/new' } : undefined;
  return layout(site, {
    title: 'Services',
    lead: 'A service is one third-party system that calls by itself, with a client id and a secret of its own.',
    action: listing.total === 0 ? undefined : action,
    viewer,
    current: '/services',
    body: [
      doneNotice(DONE, done),
      !mayMake && notice('info', 'Only admins make services here. Ask one for what you need.'),
      listingForm(listing),
      dataTable({
        caption: 'Your services',
        isDense: isLong(listing),
        columns: ['Name', 'Allows', 'Reaches', 'Made'],
        rows: live.map((service) => [
          html`<a href="/services/${service.id}">${service.name}</a>${pausedBadge(service)}<br>${code(service.id)}`,
          [allowsOf(service.allows), badgesOf(service)],
          reachOf(service),
          relativeTime(service.createdAt, now),
        ]),
        empty: emptyListing(listing, {
          title: dead.length === 0 ? 'No services yet' : 'No live services',
          text: mayMake
            ? 'Make one for each third-party system that should call by itself. You get a client id and a secret for it.'
            : 'A service is made by an admin, and belongs to who made it.',
          action,
        }),
      }),
      listingPages(listing),
      foldedTable({
        caption: 'Revoked services',
        columns: ['Name', 'Revoked', 'Made'],
        rows: dead.map((service) => [
          html`${service.name}<br>${code(service.id)}`,
          service.revokedAt !== undefined && relativeTime(service.revokedAt, now),
          relativeTime(service.createdAt, now),
        ]),
      }),
    ],
  });
}

function reachOf(service: ServiceView): string {
  return service.actsFor === 'app' ? 'The whole app' : 'Your own data';
}

function pausedBadge({ pausedAt }: ServiceView): Part {
  return pausedAt !== undefined && html` ${badge('neutral', 'Paused')}`;
}

/** What sets a service apart from others. */
export function badgesOf({ isAdmin, resourceServer }: ServiceView): Part {
  return [
    isAdmin && html` ${badge('admin', 'Admin')}`,
    resourceServer && html` ${badge('neutral', 'Resource server')}`,
  ];
}

/** What was typed about a service. */
export type ServiceForm = {
  name: string;
  scopes: readonly string[];
  expires: string;
  date: string;
  actsFor: string;
  resourceServer: boolean;
  reason: string;
};

/** The form for a new service; admins see what only they may choose. */
export function newServicePage(site: Site, viewer: Viewer, props: CredentialForm<ServiceForm>): Html {
  return formPage(site, viewer, {
    title: 'New service',
    current: '/services',
    problem: props.problem,
    action: '/services/new',
    inputs: [
      nameField(props, 'The third-party system that will use it. One service for each.'),
      scopeBoxes(props, 'Choose only what it needs.'),
      viewer.admin && adminFields(props),
      expiryFields(props, { label: 'Its secret expires in', hint: SECRET_EXPIRY_HINT }),
    ],
    submitLabel: 'Make the service',
  });
}

/** What was typed about a service that is there. */
export type ServiceEditForm = { name: string; scopes: readonly string[] };

/** The form for a service that is there: what else it is was settled when it was made. */
export function editServicePage(
  site: Site,
  viewer: Viewer,
  service: { id: string; name: string },
  props: Omit<CredentialForm<ServiceEditForm>, 'expiry'>,
): Html {
  return formPage(site, viewer, {
    title: `Change “${service.name}”`,
    current: '/services',
    problem: props.problem,
    action: `/services/${service.id}/edit`,
    inputs: [
      nameField(props, 'The third-party system that uses it.'),
      scopeBoxes(props, 'Choose only what it needs. What you take away is refused from its next call on.'),
    ],
    submitLabel: 'Save the changes',
    cancelUrl: `/services/${service.id}`,
  });
}

function adminFields({ form, problem }: CredentialForm<ServiceForm>): Part {
  return [
    radioGroup({
      label: 'It reaches',
      name: 'actsFor',
      value: ['account', 'app'].includes(form.actsFor) ? form.actsFor : '',
      problem: problemAt(problem, 'actsFor'),
      options: [
        {
          value: '',
          label: 'What goes with its scopes',
          hint: 'The whole app with an admin scope, otherwise my own data.',
        },
        { value: 'account', label: 'My own data' },
        {
          value: 'app',
          label: 'The whole app',
          hint: 'Everything that its scopes allow, for every account.',
        },
      ],
    }),
    checkbox({
      label: 'It is a resource server',
      name: 'resourceServer',
      checked: form.resourceServer,
      hint: 'It may ask at /oauth/introspect whether any token of this site is good.',
    }),
    field({
      label: 'Reason',
      name: 'reason',
      value: form.reason,
      hint: `Needed for an admin scope: what it is for, in a sentence. Its secrets then live at most ${ADMIN_SECRET_DAYS_MAX} days.`,
      problem: problemAt(problem, 'reason'),
      lengthMax: NOTE_LENGTH_MAX,
      autocomplete: 'off',
    }),
  ];
}

/** One service: what it is, its secrets, how it gets a token, and its end. */
export function servicePage(
  site: Site,
  viewer: Viewer,
  props: {
    service: ServiceView;
    secrets: LiveAndDead<CredentialView>;
    /** Of one that is or was an admin. */
    adminUse: AdminUseView | undefined;
    /** Ready to be tried, with SECRET where the secret goes. */
    calls: readonly { label: string; code: string }[];
    now: number;
    done: string;
  },
): Html {
  const { service, secrets, adminUse, calls, now, done } = props;
  const facts = keyValues([
    ...serviceFacts(service, { reaches: reachOf(service), adminUse, now }),
    {
      label: 'Activity',
      value: activityLink(viewer, 'Its calls and changes', service.id),
    },
  ]);
  const isDead = service.revokedAt !== undefined;
  return layout(site, {
    title: service.name,
    action: isDead ? undefined : { label: 'Edit…', url: `/services/${service.id}/edit` },
    viewer,
    current: '/services',
    back: { label: 'All services', url: '/services' },
    body: [
      doneNotice(DONE, done),
      stateNotice(service, now),
      html`<div class="card">${copyBox({ label: 'Client id', value: service.id })}${facts}</div>`,
      !isDead && [
        secretsSection({ ...service, kind: 'service' }, secrets, now),
        calls.map(codeBlock),
        (service.pausedByAdmin !== true || viewer.admin) && pauseSection(service, viewer),
        dangerZone({
          title: 'Revoke this service',
          text: 'Ends the service with all its secrets and access tokens, at once and for good.',
          url: `/services/${service.id}/revoke`,
        }),
      ],
    ],
  });
}

/** What a service is, as its owner and admins see it. */
export function serviceFacts(
  service: ServiceView,
  more: { reaches: string; adminUse: AdminUseView | undefined; now: number },
): { label: string; value: Part }[] {
  const { reaches, adminUse, now } = more;
  return [
    { label: 'Allows', value: allowsOf(service.allows) },
    { label: 'Reaches', value: [reaches, badgesOf(service)] },
    { label: 'Reason', value: service.reason },
    { label: 'Used as an admin', value: adminUse && adminUseInWords(adminUse) },
    { label: 'Made', value: relativeTime(service.createdAt, now) },
  ];
}

/** What stands above the page of a service that opens nothing now. */
export function stateNotice({ revokedAt, pausedAt, pausedByAdmin }: ServiceView, now: number): Part {
  if (revokedAt !== undefined)
    return notice('warning', 'This service is revoked: its secrets and access tokens are refused.');
  return pausedAt !== undefined && pausedNotice(pausedAt, now, pausedByAdmin === true);
}

function pausedNotice(pausedAt: number, now: number, byAdmin: boolean): Html {
  const since = relativeTime(pausedAt, now);
  return notice(
    'warning',
    html`This service was paused ${since}${byAdmin && ' by an admin of this site, and only an admin resumes it'}: its secrets and access tokens are refused.`,
  );
}

/** Stands still and goes on again: nothing is lost by either, so nothing is asked once more. */
function pauseSection({ id, pausedAt }: ServiceView, viewer: Viewer): Html {
  const isPaused = pausedAt !== undefined;
  return section({
    title: isPaused ? 'Resume this service' : 'Pause this service',
    lead: isPaused
      ? 'Its secrets, and the access tokens that it still holds, are taken again.'
      : 'Its secrets and access tokens are refused until you resume it. Nothing of it is lost.',
    body: postForm({
      action: `/services/${id}/${isPaused ? 'resume' : 'pause'}`,
      fields: { [VIEWER_FIELD]: viewer.email },
      body: buttons(submit(isPaused ? 'Resume' : 'Pause', 'quiet')),
    }),
  });
}

/** `12 times in the last 30 days`, as pages and the command line say it. */
export function adminUseInWords({ count, isAll }: AdminUseView): string {
  const times = `${count.toLocaleString('en')} ${count === 1 ? 'time' : 'times'}`;
  return `${isAll ? '' : 'at least '}${times} in the last ${ADMIN_USE_DAYS} days`;
}

/** Asks once more before a service is revoked, and says what it was used for. */
export function revokeServicePage(
  site: Site,
  viewer: Viewer,
  { service, usage }: { service: { id: string; name: string }; usage: UsageView },
): Html {
  return confirmPage(site, viewer, {
    title: `Revoke the service “${service.name}”?`,
    consequences: [
      'All its secrets are refused from now on.',
      usedFor(usage),
      'Every access token that it holds is refused with the very next call.',
      'It cannot be brought back. Whatever uses it needs a new service.',
    ],
    action: `/services/${service.id}/revoke`,
    confirmLabel: 'Revoke this service',
    cancelUrl: `/services/${service.id}`,
    current: '/services',
  });
}

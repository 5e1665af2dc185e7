import type { IdentityView, SessionView } from '../account.ts';
import {
  type CredentialView,
  endOf,
  expiryOf,
  LAST_USED_HINT,
  type LiveAndDead,
  lastUseOf,
} from '../credentials.ts';
import { type Html, html, type Part } from '../html.ts';
import { buttonLink, labelOf } from '../kit/buttons.ts';
import { badge } from '../kit/notices.ts';
import { bulletList, section } from '../kit/sections.ts';
import { ACTIONS, dataTable, foldedTable } from '../kit/tables.ts';
import { exactTime, relativeTime } from '../kit/times.ts';
import type { ServiceView } from '../services.ts';
import type { TokenView } from '../tokens.ts';
import { credentialLink } from './credential-link.ts';

/** One entry of a history in words. */
type HistoryEntry = {
  at: number;
  what: string;
  about: string;
  result: string;
  by: string;
  reason: string | undefined;
};

/** Nobody lets in so many apps by hand; the management API lists all of them. */
const GRANTS_SHOWN_MAX = 50;

/** All that an account has. */
export type WholeAccount = {
  accountId: string;
  hasPassword: boolean;
  /** The service that brought it by a portal link. */
  broughtBy: string | undefined;
  identities: readonly IdentityView[];
  sessions: readonly Omit<SessionView, 'isThis'>[];
  tokens: LiveAndDead<TokenView>;
  services: readonly ServiceView[];
  secrets: readonly (CredentialView & { clientName: string })[];
  apps: readonly { id: string; name: string; createdAt: number }[];
  grants: readonly {
    grantId: string;
    appId: string;
    appName: string;
    allows: readonly string[];
    createdAt: number;
    lastUsedAt: number | undefined;
  }[];
  entries: readonly HistoryEntry[];
  /** What others did to it. */
  managed: readonly HistoryEntry[];
};

/** What stands below the facts of an account, each thing with what can be done to it. */
export function wholeAccount(whole: WholeAccount, now: number): Part {
  return [
    tokensSection(whole, now),
    servicesSection(whole, now),
    secretsSection(whole, now),
    grantsSection(whole, now),
    appsSection(whole, now),
    sessionsSection(whole, now),
    waysSection(whole, now),
    managedSection(whole),
    activitySection(whole),
    html`<p class="fine">${LAST_USED_HINT}</p>`,
  ];
}

/** The button of one thing that asks once more. */
function actLink({ accountId }: WholeAccount, path: string, label: string, subject: string): Html {
  return buttonLink(labelOf(`${label}…`, subject), `/admin/accounts/${accountId}/${path}`);
}

function listed(
  title: string,
  table: Omit<Parameters<typeof dataTable>[0], 'caption'>,
  none: string,
  more?: Part,
): Html {
  const body =
    table.rows.length === 0 ? html`<p class="fine">${none}</p>` : dataTable({ caption: title, ...table });
  return section({ title, plain: true, body: [body, more] });
}

function tokensSection(whole: WholeAccount, now: number): Part {
  const { live, dead } = whole.tokens;
  const link = ({ id, name }: TokenView, act: string, label: string) =>
    actLink(whole, `tokens/${id}/${act}`, label, name);
  const table = listed(
    'Tokens',
    {
      columns: ['Token', 'Expires', 'Last used', ACTIONS],
      rows: live.map((token) => [
        html`${credentialLink(token)}${token.state === 'paused' && html` ${badge('expired', 'Paused')}`}`,
        expiryOf(token, now),
        lastUseOf(token, now),
        html`${token.state === 'paused' ? link(token, 'resume', 'Resume') : link(token, 'pause', 'Pause')} ${link(token, 'revoke', 'Revoke')}`,
      ]),
    },
    'None that works.',
  );
  const ended = foldedTable({
    caption: 'Ended tokens',
    columns: ['Token', 'Ended', 'Last used'],
    rows: dead.map((token) => [credentialLink(token), endOf(token, now), lastUseOf(token, now)]),
  });
  return [table, ended];
}

function servicesSection(whole: WholeAccount, now: number): Html {
  const link = ({ id, name }: ServiceView, act: string, label: string) =>
    actLink(whole, `services/${id}/${act}`, label, name);
  return listed(
    'Services',
    {
      columns: ['Service', 'Acts for', 'Made', ACTIONS],
      rows: whole.services.map((service) => [
        html`<a href="/admin/services/${service.id}">${service.name}</a><br>${serviceState(service)}`,
        service.actsFor === 'app' ? 'The app' : 'Its owner',
        relativeTime(service.createdAt, now),
        service.revokedAt === undefined &&
          html`${service.pausedAt === undefined ? link(service, 'pause', 'Pause') : link(service, 'resume', 'Resume')} ${link(service, 'revoke', 'Revoke')}`,
      ]),
    },
    'None.',
  );
}

function serviceState({ revokedAt, pausedAt, isAdmin }: ServiceView): Part {
  const state =
    revokedAt !== undefined
      ? badge('revoked', 'Revoked')
      : pausedAt !== undefined
        ? badge('expired', 'Paused')
        : badge('active', 'In use');
  return html`${state}${isAdmin && html` ${badge('admin', 'Admin')}`}`;
}

function secretsSection(whole: WholeAccount, now: number): Html {
  return listed(
    'Secrets of services and apps',
    {
      columns: ['Secret', 'Of', 'Expires', 'Last used', ACTIONS],
      rows: whole.secrets.map((secret) => [
        credentialLink(secret),
        secret.clientName,
        expiryOf(secret, now),
        lastUseOf(secret, now),
        actLink(whole, `secrets/${secret.id}/revoke`, 'Revoke', `${secret.name} of ${secret.clientName}`),
      ]),
    },
    'None that works.',
  );
}

function grantsSection(whole: WholeAccount, now: number): Html {
  const moreGrants = whole.grants.length - GRANTS_SHOWN_MAX;
  return listed(
    'Apps that it let in',
    {
      columns: ['App', 'Allows', 'Allowed', 'Last used', ACTIONS],
      rows: whole.grants
        .slice(0, GRANTS_SHOWN_MAX)
        .map((grant) => [
          html`<a href="/admin/apps/${grant.appId}">${grant.appName}</a>`,
          bulletList(grant.allows),
          relativeTime(grant.createdAt, now),
          lastUseOf({ lastUsedAt: grant.lastUsedAt }, now),
          actLink(whole, `grants/${grant.grantId}/end`, 'Cut off', grant.appName),
        ]),
    },
    'None.',
    moreGrants > 0 && html`<p class="fine">And ${moreGrants} more that it let in before these.</p>`,
  );
}

function appsSection({ apps }: WholeAccount, now: number): Html {
  return listed(
    'Apps of its own',
    {
      columns: ['App', 'Made'],
      rows: apps.map(({ id, name, createdAt }) => [
        html`<a href="/admin/apps/${id}">${name}</a>`,
        relativeTime(createdAt, now),
      ]),
    },
    'None.',
  );
}

function sessionsSection(whole: WholeAccount, now: number): Html {
  return listed(
    'Sessions',
    {
      columns: ['Browser', 'Network address', 'First seen', 'Last seen', ACTIONS],
      rows: whole.sessions.map(({ uid, browser, seenFrom, createdAt, lastSeenAt }) => [
        browser,
        seenFrom ?? 'Not noted',
        relativeTime(createdAt, now),
        relativeTime(lastSeenAt, now),
        actLink(whole, `sessions/${uid}/end`, 'End', browser),
      ]),
    },
    'It is signed in nowhere.',
  );
}

function waysSection(whole: WholeAccount, now: number): Html {
  const { hasPassword, identities } = whole;
  const isOnly = !hasPassword && identities.length === 1;
  return listed(
    'Ways to sign in',
    {
      columns: ['Way', 'State', ACTIONS],
      rows: [
        ['Password', hasPassword ? 'Set' : 'Not set', ''],
        ...identities.map(({ id, provider, email, createdAt }) => [
          provider,
          html`${email}, linked ${relativeTime(createdAt, now)}`,
          isOnly ? 'Its only way in' : actLink(whole, `identities/${id}/remove`, 'Remove', provider),
        ]),
      ],
    },
    '',
  );
}

function managedSection({ accountId, managed }: WholeAccount): Html {
  return listed(
    'What was done to it by others',
    {
      columns: ['What', 'About', 'By', 'Reason', 'When'],
      rows: managed.map(({ what, about, by, reason, at }) => [
        what,
        about,
        by,
        reason ?? 'None',
        exactTime(at),
      ]),
    },
    'Nothing lately.',
    html`<p class="fine"><a href="/admin/audit?account=${accountId}&amp;reason=yes">All that was done with a reason</a></p>`,
  );
}

function activitySection({ accountId, entries }: WholeAccount): Html {
  return listed(
    'Latest activity',
    {
      columns: ['What', 'About', 'Result', 'By', 'When'],
      rows: entries.map(({ what, about, result, by, reason, at }) => [
        what,
        about,
        result,
        html`${by}${reason !== undefined && html` (${reason})`}`,
        exactTime(at),
      ]),
    },
    'Nothing so far.',
    html`<p class="fine"><a href="/admin/activity?account=${accountId}">All of its calls</a> · <a href="/admin/audit?account=${accountId}">All changes</a> · <a href="/admin/mail?q=${accountId}">Its mail</a> · <a href="/admin/reviews?q=${accountId}">Its reviews</a></p>`,
  );
}

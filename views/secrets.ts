import { LIVE_SECRETS_MAX, OVERLAP_DAYS_MAX } from '../server/ground/limits.ts';
import { DAY_SECONDS, duration, HOUR_SECONDS } from '../server/ground/time.ts';
import {
  type CredentialForm,
  type CredentialView,
  endOf,
  expiryFields,
  expiryOf,
  LAST_USED_HINT,
  type LiveAndDead,
  lastUseOf,
  nameAndEnds,
  nameField,
} from './credentials.ts';
import { type FormProblem, formNotice, problemAt } from './form-problem.ts';
import { type Html, html, type Part } from './html.ts';
import { buttonLink, buttons, labelOf } from './kit/buttons.ts';
import { select } from './kit/choices.ts';
import { codeBlock, copyBox, secretBox } from './kit/code.ts';
import { confirmPage, formPage } from './kit/form-pages.ts';
import { section } from './kit/sections.ts';
import { ACTIONS, dataTable, foldedTable } from './kit/tables.ts';
import { relativeTime } from './kit/times.ts';
import { layout, type Site, type Viewer } from './layout.ts';
import { copiedForm, gonePage } from './shown-once.ts';

/** The client that secrets belong to. */
export type SecretHolder = { kind: 'service' | 'app'; id: string; name: string };

/** Where the clients of each kind have their pages. */
const SECTIONS = { service: '/services', app: '/developer' } as const;

function pathOf(holder: SecretHolder): string {
  return `${SECTIONS[holder.kind]}/${holder.id}`;
}

/** What the end of a secret means. */
export const SECRET_EXPIRY_HINT = 'After that no access token is given out for it.';

/** What the service and the app page say after a change of secrets. */
export const SECRETS_DONE: Record<string, string> = {
  copied: 'The secret is not shown any more. If you do not have it after all, rotate the secrets.',
  'secret-revoked': 'The secret was revoked. It is refused from now on.',
};

/** The secrets of a client, with what can be done to them. */
export function secretsSection(
  holder: SecretHolder,
  secrets: LiveAndDead<CredentialView>,
  now: number,
): Html {
  return section({
    title: 'Secrets',
    lead: `Up to ${inWords(LIVE_SECRETS_MAX)} can be live at a time, so that you can change over without a gap. ${LAST_USED_HINT}`,
    body: [
      secretTables(pathOf(holder), secrets, now),
      buttons(
        buttonLink('Rotate…', `${pathOf(holder)}/rotate`),
        buttonLink('Make a secret…', `${pathOf(holder)}/secrets/new`),
      ),
    ],
  });
}

/** Live secrets, each with the way to its end below `path`, and those that have ended. */
export function secretTables(path: string, { live, dead }: LiveAndDead<CredentialView>, now: number): Part {
  const table = dataTable({
    caption: 'Live secrets',
    columns: ['Name', 'Expires', 'Last used', 'Made', ACTIONS],
    rows: live.map((secret) => [
      nameAndEnds(secret),
      expiryOf(secret, now),
      lastUseOf(secret, now),
      relativeTime(secret.createdAt, now),
      buttonLink(labelOf('Revoke…', secret.name), `${path}/secrets/${secret.id}/revoke`),
    ]),
  });
  const ended = foldedTable({
    caption: 'Expired and revoked secrets',
    columns: ['Name', 'Ended', 'Last used'],
    rows: dead.map((secret) => [nameAndEnds(secret), endOf(secret, now), lastUseOf(secret, now)]),
  });
  return [
    live.length > 0 ? table : html`<p>There is no live secret: it cannot get access tokens now.</p>`,
    ended,
  ];
}

/** The client id and its secret, where the secret is shown for the one time. */
export function madeSecretPage(
  site: Site,
  viewer: Viewer,
  props: {
    title: string;
    holder: SecretHolder;
    secretId: string;
    value: string;
    until: number;
    /** Ready to be tried, each with what it does. */
    calls: readonly { label: string; code: string }[];
    /** After a rotation: when the older ones end. */
    othersEndAt?: number | undefined;
    now: number;
  },
): Html {
  const { title, holder, secretId, value, until, calls, othersEndAt, now } = props;
  return layout(site, {
    title,
    viewer,
    current: SECTIONS[holder.kind],
    body: html`${secretBox({ label: 'Client secret', value, until })}
<div class="card">${copyBox({ label: 'Client id', value: holder.id, hint: 'Not secret: it goes with the secret.' })}${
      othersEndAt !== undefined &&
      (othersEndAt > now
        ? html`<p>The older secrets end ${relativeTime(othersEndAt, now)} at the latest.</p>`
        : html`<p>The older secrets are refused from now on.</p>`)
    }</div>${calls.map(codeBlock)}${copiedForm(`${pathOf(holder)}/secrets/${secretId}/value`)}`,
  });
}

/** Where the value of a secret would be: it was copied, is too old, or was made in another browser. */
export function goneSecretPage(site: Site, viewer: Viewer, holder: SecretHolder): Html {
  return gonePage(site, viewer, {
    title: `This secret of “${holder.name}” cannot be shown again`,
    current: SECTIONS[holder.kind],
    remedy: 'If you do not have it, rotate the secrets: that makes a new one, and ends this one.',
    ways: [
      buttonLink('Rotate…', `${pathOf(holder)}/rotate`, 'primary'),
      buttonLink(`Go to “${holder.name}”`, pathOf(holder)),
    ],
  });
}

/** Small numbers stand as words in running text. */
function inWords(count: number): string {
  return ['no', 'one', 'two', 'three', 'four', 'five'][count] ?? String(count);
}

/** The form for one more secret. */
export function newSecretPage(
  site: Site,
  viewer: Viewer,
  holder: SecretHolder,
  props: Omit<CredentialForm<{ name: string; expires: string; date: string }>, 'scopes'>,
): Html {
  return formPage(site, viewer, {
    title: `New secret for “${holder.name}”`,
    lead: 'The secrets that are there stay good. To replace them, rotate instead.',
    current: SECTIONS[holder.kind],
    problem: props.problem,
    action: `${pathOf(holder)}/secrets/new`,
    inputs: [
      nameField(props, 'Where this secret will be kept, for example "Second machine".'),
      expiryFields(props, { hint: SECRET_EXPIRY_HINT }),
    ],
    submitLabel: 'Make the secret',
    cancelUrl: pathOf(holder),
  });
}

/** How long older secrets stay good beside the new one. */
const OVERLAPS = [
  { value: '0', label: 'Not at all: refuse them at once' },
  ...[HOUR_SECONDS, DAY_SECONDS, 7 * DAY_SECONDS, OVERLAP_DAYS_MAX * DAY_SECONDS].map((seconds) => ({
    value: String(seconds),
    label: duration(seconds),
  })),
];

/** Asks how long the older secrets stay good beside the new one. */
export function rotatePage(
  site: Site,
  viewer: Viewer,
  holder: SecretHolder,
  { overlap, problem }: { overlap: string; problem: FormProblem | undefined },
): Html {
  return confirmPage(site, viewer, {
    title: `Rotate the secrets of “${holder.name}”`,
    consequences: [
      'You get a new secret that lives as long as the newest one did. It is shown once.',
      'The older secrets end after the overlap, or before if they expire sooner.',
      'Without an overlap, access tokens that were got with the older secrets are refused at once too.',
    ],
    inputs: html`${formNotice(problem)}${select({
      label: 'The older secrets stay good for',
      name: 'overlap',
      options: OVERLAPS,
      value: overlap,
      problem: problemAt(problem, 'overlap'),
    })}`,
    action: `${pathOf(holder)}/rotate`,
    confirmLabel: 'Rotate now',
    cancelUrl: pathOf(holder),
    current: SECTIONS[holder.kind],
    danger: false,
  });
}

/** Asks once more before a secret is revoked, and says whether it is the last one. */
export function revokeSecretPage(
  site: Site,
  viewer: Viewer,
  holder: SecretHolder,
  { secret, isLast, now }: { secret: CredentialView; isLast: boolean; now: number },
): Html {
  return confirmPage(site, viewer, {
    title: `Revoke the secret “${secret.name}”?`,
    consequences: [
      `“${holder.name}” can no longer get access tokens with it, and those it got are refused at once.`,
      html`Last used: ${lastUseOf(secret, now)}`,
      isLast
        ? 'It is the only live one: nothing works until you make another.'
        : 'The other secrets go on working.',
    ],
    action: `${pathOf(holder)}/secrets/${secret.id}/revoke`,
    confirmLabel: 'Revoke this secret',
    cancelUrl: pathOf(holder),
    current: SECTIONS[holder.kind],
  });
}

import { LIVE_SECRETS_MAX, NAME_LENGTH_MAX, OVERLAP_DAYS_MAX } from '../server/ground/limits.ts';
import { DAY_SECONDS, duration, HOUR_SECONDS } from '../server/ground/time.ts';
import {
  type CredentialView,
  type ExpiryChoices,
  endOf,
  expiryFields,
  expiryOf,
  LAST_USED_HINT,
  lastUseOf,
  nameAndEnds,
} from './credentials.ts';
import { type FormProblem, formNotice, problemAt } from './form-problem.ts';
import { type Html, html } from './html.ts';
import { buttonLink, buttons, labelOf, postForm, submit } from './kit/buttons.ts';
import { select } from './kit/choices.ts';
import { codeBlock, copyBox, secretBox } from './kit/code.ts';
import { confirmPage } from './kit/confirm-page.ts';
import { field } from './kit/fields.ts';
import { disclosure, section } from './kit/sections.ts';
import { ACTIONS, dataTable } from './kit/tables.ts';
import { relativeTime } from './kit/times.ts';
import { layout, type Section, type Site, type Viewer } from './layout.ts';

/** The client that secrets belong to: a service or an app, and where its page is. */
export type SecretHolder = { id: string; name: string; path: string; current: Section };

/** What the end of a secret means. */
export const SECRET_EXPIRY_HINT = 'After that no access token is given out for it.';

/** What the service and the app page say after a change of secrets. */
export const SECRETS_DONE: Record<string, string> = {
  'secret-revoked': 'The secret was revoked. It is refused from now on.',
};

/** The secrets of a client, with what can be done to them. */
export function secretsSection(
  holder: SecretHolder,
  props: { live: readonly CredentialView[]; dead: readonly CredentialView[]; now: number },
): Html {
  const { live, dead, now } = props;
  const table = dataTable({
    caption: 'Live secrets',
    columns: ['Name', 'Expires', 'Last used', 'Made', ACTIONS],
    rows: live.map((secret) => [
      nameAndEnds('lk_cs_', secret),
      expiryOf(secret, now),
      lastUseOf(secret, now),
      relativeTime(secret.createdAt, now),
      buttonLink(labelOf('Revoke…', secret.name), `${holder.path}/secrets/${secret.id}/revoke`),
    ]),
  });
  const ended = dataTable({
    caption: 'Expired and revoked secrets',
    columns: ['Name', 'Ended', 'Last used'],
    rows: dead.map((secret) => [nameAndEnds('lk_cs_', secret), endOf(secret, now), lastUseOf(secret, now)]),
  });
  return section({
    title: 'Secrets',
    lead: `Up to ${inWords(LIVE_SECRETS_MAX)} can be live at a time, so that you can change over without a gap. ${LAST_USED_HINT}`,
    body: html`${live.length > 0 ? table : html`<p>There is no live secret: it cannot get access tokens now.</p>`}${
      dead.length > 0 && disclosure({ summary: 'Expired and revoked secrets', body: ended })
    }${buttons(
      buttonLink('Rotate…', `${holder.path}/rotate`),
      buttonLink('Add a secret…', `${holder.path}/secrets/new`),
    )}`,
  });
}

/** The client id and its secret, where the secret is shown for the one time. */
export function madeSecretPage(
  site: Site,
  viewer: Viewer,
  props: {
    title: string;
    holder: SecretHolder;
    value: string;
    /** Ready to be tried, each with what it does. */
    calls: readonly { label: string; code: string }[];
    /** After a rotation: when the older ones end. */
    othersEndAt?: number | undefined;
    now: number;
  },
): Html {
  const { title, holder, value, calls, othersEndAt, now } = props;
  return layout(site, {
    title,
    viewer,
    current: holder.current,
    body: html`${secretBox({ label: 'Client secret', value })}
<div class="card">${copyBox({ label: 'Client id', value: holder.id, hint: 'Not secret: it goes with the secret.' })}${
      othersEndAt !== undefined &&
      (othersEndAt > now
        ? html`<p>The older secrets end ${relativeTime(othersEndAt, now)} at the latest.</p>`
        : html`<p>The older secrets are refused from now on.</p>`)
    }</div>${calls.map(codeBlock)}${buttons(buttonLink('I have copied it', holder.path, 'primary'))}`,
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
  props: {
    holder: SecretHolder;
    form: { name: string; expires: string; date: string };
    expiry: ExpiryChoices;
    problem: FormProblem | undefined;
  },
): Html {
  const { holder, form, expiry, problem } = props;
  return layout(site, {
    title: `Add a secret to “${holder.name}”`,
    lead: 'The secrets that are there stay good. To replace them, rotate instead.',
    viewer,
    current: holder.current,
    body: html`${formNotice(problem)}${postForm({
      action: `${holder.path}/secrets/new`,
      body: html`${field({
        label: 'Name',
        name: 'name',
        value: form.name,
        hint: 'Where this secret will be kept, for example "Second machine".',
        problem: problemAt(problem, 'name'),
        required: true,
        lengthMax: NAME_LENGTH_MAX,
        autocomplete: 'off',
      })}${expiryFields({
        choices: expiry,
        ...form,
        hint: SECRET_EXPIRY_HINT,
        problem: problemAt(problem, 'expires'),
      })}${buttons(submit('Add the secret'), buttonLink('Cancel', holder.path))}`,
    })}`,
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
  props: { holder: SecretHolder; overlap: string; problem: FormProblem | undefined },
): Html {
  const { holder, overlap, problem } = props;
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
    action: `${holder.path}/rotate`,
    confirmLabel: 'Rotate now',
    cancelUrl: holder.path,
    current: holder.current,
    danger: false,
  });
}

/** Asks once more before a secret is revoked, and says whether it is the last one. */
export function revokeSecretPage(
  site: Site,
  viewer: Viewer,
  props: { holder: SecretHolder; secret: CredentialView; isLast: boolean; now: number },
): Html {
  const { holder, secret, isLast, now } = props;
  return confirmPage(site, viewer, {
    title: `Revoke the secret “${secret.name}”?`,
    consequences: [
      `“${holder.name}” can no longer get access tokens with it, and those it got are refused at once.`,
      html`Last used: ${lastUseOf(secret, now)}`,
      isLast
        ? 'It is the only live one: nothing works until you add another.'
        : 'The other secrets go on working.',
    ],
    action: `${holder.path}/secrets/${secret.id}/revoke`,
    confirmLabel: 'Revoke this secret',
    cancelUrl: holder.path,
    current: holder.current,
  });
}

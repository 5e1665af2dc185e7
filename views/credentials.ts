import { LAST_USED_SECONDS, NAME_LENGTH_MAX, NOTE_LENGTH_MAX } from '../server/ground/limits.ts';
import { DAY_SECONDS, duration } from '../server/ground/time.ts';
import { type FormProblem, problemAt } from './form-problem.ts';
import { type Html, html, type Part } from './html.ts';
import { checkboxGroup, select } from './kit/choices.ts';
import { code } from './kit/code.ts';
import { field } from './kit/fields.ts';
import { badge } from './kit/notices.ts';
import { bulletList } from './kit/sections.ts';
import { relativeTime } from './kit/times.ts';

/** A week to change over in, of one that lives for long. */
const EXPIRING_SECONDS = 7 * DAY_SECONDS;
/** Of one that lives for days only, the last part of its life: it does not expire soon from its first day on. */
const EXPIRING_SHARE = 1 / 4;

/** A token or a client secret as lists show it; the value itself is known to nobody any more. */
export type CredentialView = {
  id: string;
  name: string;
  prefix: string;
  firstFour: string;
  lastFour: string;
  /** A key that existed before and was taken over by its hash: of its value nothing is known. */
  imported?: boolean | undefined;
  createdAt: number;
  expiresAt?: number | undefined;
  lastUsedAt?: number | undefined;
  lastUsedFrom?: string | undefined;
  revokedAt?: number | undefined;
  state: 'live' | 'paused' | 'expired' | 'revoked';
};

/** The lists of a page: what works, and what has ended. */
export type LiveAndDead<T> = { live: readonly T[]; dead: readonly T[] };

/** What was typed into a form, and what is wrong with it. */
type Filled<Typed> = { form: Typed; problem: FormProblem | undefined };

/** The form for a new credential: what was typed, what is wrong with it, and what can be chosen. */
export type CredentialForm<Typed> = Filled<Typed> & { scopes: readonly ScopeView[]; expiry: ExpiryChoices };

/** A scope as people choose it: what it allows, and its name for those who know it. */
export type ScopeView = {
  name: string;
  description: string;
  kind: 'workflow' | 'data' | 'admin' | 'other';
};

/** The name of a credential above what is left of its value: prefix, first and last four characters. */
export function nameAndEnds(credential: CredentialView): Html {
  return html`${credential.name}<br>${endsOf(credential)}`;
}

/** What is left of a value for people to know it by. */
export function endsOf({ prefix, firstFour, lastFour, imported }: CredentialView): Html {
  return imported
    ? html`<span class="fine">only its hash is known</span>`
    : html`<code class="ends">${prefix}${firstFour}…${lastFour}</code>`;
}

/** When a credential ends, marked when that is soon for one of its life. */
export function expiryOf(credential: CredentialView, now: number): Html {
  if (credential.expiresAt === undefined) return html`Never`;
  const lifeSeconds = credential.expiresAt - credential.createdAt;
  const soonSeconds = Math.min(EXPIRING_SECONDS, lifeSeconds * EXPIRING_SHARE);
  const soon = credential.state === 'live' && credential.expiresAt - now < soonSeconds;
  return html`${relativeTime(credential.expiresAt, now)}${soon && html` ${badge('expiring', 'Expires soon')}`}`;
}

/** Stands below whatever shows when things were last used. */
export const LAST_USED_HINT = `“Last used” is exact to the ${duration(LAST_USED_SECONDS).replace(/^1 /, '')}.`;

/** When it was last used, as exactly as it is known; the page has `LAST_USED_HINT`. */
export function lastUseOf(used: Partial<CredentialView>, now: number): Html {
  const { lastUsedAt, lastUsedFrom } = used;
  if (lastUsedAt === undefined) return html`Never`;
  const from = lastUsedFrom !== undefined && html`<div class="fine from">from ${lastUsedFrom}</div>`;
  return html`${relativeTime(lastUsedAt, now)}${from}`;
}

/** How a credential ended: by itself, or by somebody. */
export function endOf(credential: CredentialView, now: number): Html {
  const at = credential.revokedAt ?? credential.expiresAt;
  const how = credential.state === 'revoked' ? badge('revoked', 'Revoked') : badge('expired', 'Expired');
  return html`${how} ${at !== undefined && relativeTime(at, now)}`;
}

/** Descriptions of scopes as a list. */
export function allowsOf(descriptions: readonly string[]): Part {
  return descriptions.length === 0 ? 'No calls' : bulletList(descriptions);
}

/** The name of a token, a secret, a service or an app, as its owner chooses it. */
export function nameField({ form, problem }: Filled<{ name: string }>, hint: string): Html {
  return field({
    label: 'Name',
    name: 'name',
    value: form.name,
    hint,
    problem: problemAt(problem, 'name'),
    required: true,
    autofocus: problem === undefined,
    lengthMax: NAME_LENGTH_MAX,
    autocomplete: 'off',
  });
}

/** What the owner of a token writes down about it. */
export function noteField({ form, problem }: Filled<{ note: string }>): Html {
  return field({
    label: 'Note (optional)',
    name: 'note',
    value: form.note,
    hint: 'For yourself, for example where the token is kept.',
    problem: problemAt(problem, 'note'),
    lengthMax: NOTE_LENGTH_MAX,
    autocomplete: 'off',
  });
}

/** Boxes for scopes: those of workflows, of data and the others. All carry the name `scopes`. */
export function scopeBoxes(
  props: Filled<{ scopes: readonly string[] }> & { scopes: readonly ScopeView[] },
  hint: string,
): Part {
  const { form, problem, scopes } = props;
  const groups = [
    { label: 'Workflows it may run', of: scopes.filter(({ kind }) => kind === 'workflow') },
    { label: 'Data, as far as you may yourself', of: scopes.filter(({ kind }) => kind === 'data') },
    { label: 'What else it may do', of: scopes.filter(({ kind }) => kind === 'other') },
    { label: 'Past privacy rules, as an admin', of: scopes.filter(({ kind }) => kind === 'admin') },
  ].filter((group) => group.of.length > 0);
  return groups.map((group, index) =>
    checkboxGroup({
      name: 'scopes',
      values: form.scopes,
      label: group.label,
      options: group.of.map(({ name, description }) => ({
        value: name,
        label: description,
        hint: code(name),
      })),
      ...(index === 0 ? { hint, problem: problemAt(problem, 'scopes') } : { idPrefix: `other${index}` }),
    }),
  );
}

/** The choice of an expiry: some days, a date, or never. */
export type ExpiryChoices = {
  days: readonly number[];
  allowNever: boolean;
  /** `2026-02-20`: first and last day that may be chosen. */
  dateMin: string;
  dateMax: string;
};

/** A list of lives, and a date, which the style sheet hides as long as nobody chooses one. */
export function expiryFields(
  props: Filled<{ expires: string; date: string }> & { expiry: ExpiryChoices },
  { label = 'Expires in', hint }: { label?: string; hint: string },
): Html {
  const { form, problem, expiry } = props;
  const options = [
    ...expiry.days.map((count) => ({ value: String(count), label: duration(count * DAY_SECONDS) })),
    { value: 'date', label: 'On a date (choose it below)' },
    ...(expiry.allowNever ? [{ value: 'never', label: 'Never' }] : []),
  ];
  return html`${select({
    label,
    name: 'expires',
    options,
    value: form.expires,
    problem: problemAt(problem, 'expires'),
    hint,
  })}<div class="on-date">${field({
    label: 'Date',
    name: 'date',
    type: 'date',
    value: form.date === '' ? undefined : form.date,
    min: expiry.dateMin,
    max: expiry.dateMax,
    hint: 'Only read if you chose "On a date". It works until the end of that day, UTC.',
  })}</div>`;
}

import { type Html, html, type Part } from './html.ts';
import {
  badge,
  bulletList,
  checkboxGroup,
  code,
  field,
  notice,
  type Option,
  relativeTime,
  select,
} from './parts.ts';

/** From here on before its end a credential is shown as expiring: a week to change over in. */
const EXPIRING_SECONDS = 7 * 86_400;

/** A token or a client secret as lists show it; the value itself is known to nobody any more. */
export type ShownCredential = {
  id: string;
  name: string;
  firstFour: string;
  lastFour: string;
  createdAt: number;
  expiresAt?: number | undefined;
  lastUsedAt?: number | undefined;
  lastUsedFrom?: string | undefined;
  revokedAt?: number | undefined;
  state: 'live' | 'expired' | 'revoked';
};

/** A scope as people choose it: what it allows, and its name for those who know it. */
export type ShownScope = { name: string; description: string };

/** The name of a credential above what is left of its value: prefix, first and last four characters. */
export function nameAndEnds(prefix: 'lk_pat_' | 'lk_cs_', shown: ShownCredential): Html {
  return html`${shown.name}<br><code class="ends">${prefix}${shown.firstFour}…${shown.lastFour}</code>`;
}

/** When a credential ends, marked in its last week. */
export function expiryOf(shown: Pick<ShownCredential, 'expiresAt' | 'state'>, now: number): Html {
  if (shown.expiresAt === undefined) return html`Never`;
  const soon = shown.state === 'live' && shown.expiresAt - now < EXPIRING_SECONDS;
  return html`${relativeTime(shown.expiresAt, now)}${soon && html` ${badge('expiring')}`}`;
}

/** When it was last used. The minute is as exact as it gets; a heading or hint of the page says so. */
export function lastUseOf(shown: Pick<ShownCredential, 'lastUsedAt' | 'lastUsedFrom'>, now: number): Html {
  if (shown.lastUsedAt === undefined) return html`Never`;
  const from =
    shown.lastUsedFrom !== undefined && html`<br><span class="fine">from ${shown.lastUsedFrom}</span>`;
  return html`${relativeTime(shown.lastUsedAt, now)}${from}`;
}

/** How a credential ended: by itself, or by somebody. */
export function endOf(shown: ShownCredential, now: number): Html {
  const at = shown.revokedAt ?? shown.expiresAt;
  return html`${badge(shown.state === 'revoked' ? 'revoked' : 'expired')} ${at !== undefined && relativeTime(at, now)}`;
}

/** Descriptions of scopes as a list. */
export function allowsOf(descriptions: readonly string[]): Part {
  return descriptions.length === 0 ? 'No calls' : bulletList(descriptions);
}

/** Boxes for scopes, those of workflows apart from the others. All carry the name `scopes`. */
export function scopeBoxes(given: {
  scopes: readonly ShownScope[];
  chosen: readonly string[];
  hint: string;
  problem: string | undefined;
}): Html {
  const toOption = ({ name, description }: ShownScope): Option => ({
    value: name,
    label: description,
    hint: code(name),
  });
  const isWorkflow = (scope: ShownScope) => scope.name.startsWith('wf:');
  const groups = [
    { label: 'Workflows it may run', scopes: given.scopes.filter(isWorkflow) },
    { label: 'What else it may do', scopes: given.scopes.filter((scope) => !isWorkflow(scope)) },
  ];
  return html`${groups
    .filter((group) => group.scopes.length > 0)
    .map((group, index) =>
      checkboxGroup({
        name: 'scopes',
        values: given.chosen,
        label: group.label,
        options: group.scopes.map(toOption),
        idPrefix: index === 0 ? undefined : 'other',
        hint: index === 0 ? given.hint : undefined,
        problem: index === 0 ? given.problem : undefined,
      }),
    )}`;
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
export function expiryFields(given: {
  choices: ExpiryChoices;
  expires: string;
  date: string;
  label?: string;
  hint: string;
  problem: string | undefined;
}): Html {
  const { days, allowNever, dateMin, dateMax } = given.choices;
  const options = [
    ...days.map((count) => ({ value: String(count), label: count === 1 ? '1 day' : `${count} days` })),
    { value: 'date', label: 'On a date (choose it below)' },
    ...(allowNever ? [{ value: 'never', label: 'Never' }] : []),
  ];
  return html`${select({
    label: given.label ?? 'Expires in',
    name: 'expires',
    options,
    value: given.expires,
    problem: given.problem,
    hint: given.hint,
  })}<div class="on-date">${field({
    label: 'Date',
    name: 'date',
    type: 'date',
    value: given.date === '' ? undefined : given.date,
    min: dateMin,
    max: dateMax,
    hint: 'Only read if you chose "On a date". It works until the end of that day, UTC.',
  })}</div>`;
}

/** The sentence for a `?done=` code; nothing for a code that a page does not know. */
export function doneNotice(sentences: Record<string, string>, done: string): Html | undefined {
  const sentence = Object.hasOwn(sentences, done) ? sentences[done] : undefined;
  return sentence === undefined ? undefined : notice('done', sentence);
}

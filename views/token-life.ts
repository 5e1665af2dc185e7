import { OVERLAP_DAYS_MAX, OVERLAP_SECONDS_DEFAULT } from '../server/ground/limits.ts';
import { DAY_SECONDS, duration, HOUR_SECONDS, timeFromNow } from '../server/ground/time.ts';
import {
  allowsOf,
  endOf,
  endsOf,
  expiryOf,
  LAST_USED_HINT,
  lastUseOf,
  nameField,
  noteField,
  type ScopeView,
  scopeBoxes,
} from './credentials.ts';
import { type FormProblem, formNotice, problemAt } from './form-problem.ts';
import { type Html, html, type Part } from './html.ts';
import { buttonLink, buttons, postForm, submit } from './kit/buttons.ts';
import { select } from './kit/choices.ts';
import { field } from './kit/fields.ts';
import { confirmPage, formPage, VIEWER_FIELD } from './kit/form-pages.ts';
import { badge, doneNotice, notice } from './kit/notices.ts';
import { bulletList, dangerZone, keyValues, section } from './kit/sections.ts';
import { relativeTime } from './kit/times.ts';
import { layout, type Site, type Viewer } from './layout.ts';
import { standingOf, type TokenView } from './tokens.ts';
import { activityLink, addressesTable, callsOf, type UsageView } from './usage.ts';

const DONE: Record<string, string> = {
  changed: 'The token was changed. That holds from its next call on.',
  paused: 'The token is paused. Every call with it is refused until you resume it.',
  resumed: 'The token works again.',
};

/** The value that a rotation replaced, as long as it works: since when, and where it is still used. */
export type OldValueView = { token: TokenView; rotatedAt: number; usage: UsageView };

/** One token: what it is set to, and what can be done to it. */
export function tokenPage(
  site: Site,
  viewer: Viewer,
  props: { token: TokenView; old: OldValueView | undefined; now: number; done: string },
): Html {
  const { token, old, now, done } = props;
  const isStanding = token.state === 'live' || token.state === 'paused';
  return layout(site, {
    title: token.name,
    viewer,
    current: '/tokens',
    back: { label: 'All tokens', url: '/tokens' },
    body: [
      doneNotice(DONE, done),
      token.replacedBy !== undefined && replacedNotice(token),
      token.imported && token.replacedBy === undefined && isStanding && importedNotice(),
      token.state === 'paused' && token.pausedByAdmin && adminPauseNotice(),
      html`<div class="card">${tokenFacts(token, now)}${isStanding && actsOf(token, viewer)}
<p class="fine">${LAST_USED_HINT} ${activityLink(viewer, 'See each of its calls.', token.id)}</p></div>`,
      old !== undefined && oldValueSection(old, now),
      isStanding &&
        token.replacedBy === undefined &&
        dangerZone({
          title: 'Revoke this token',
          text: 'It is refused from the next call on, and cannot be brought back.',
          url: `/tokens/${token.id}/revoke`,
        }),
    ],
  });
}

/** What a token is set to; `first` stands before it, `folder` is where the page of another one is. */
export function tokenFacts(
  token: TokenView,
  now: number,
  { first = [], folder = '/tokens' }: { first?: Parameters<typeof keyValues>[0]; folder?: string } = {},
): Html {
  const { state } = token;
  const standing = state === 'live' && token.replacedBy === undefined && badge('active', 'Live');
  const isStanding = state === 'live' || state === 'paused';
  return keyValues([
    ...first,
    { label: 'State', value: isStanding ? [standing, standingOf(token)] : endOf(token, now) },
    {
      label: 'Paused',
      value: isStanding && token.pausedAt !== undefined && relativeTime(token.pausedAt, now),
    },
    { label: 'Value', value: endsOf(token) },
    { label: 'Allows', value: allowsOf(token.allows) },
    { label: 'Narrowed', value: token.narrows.length > 0 && bulletList(token.narrows) },
    { label: 'Note', value: token.note },
    { label: 'Issued by', value: token.issuedBy !== undefined && `the service ${token.issuedBy}` },
    { label: 'Expires', value: isStanding && expiryOf(token, now) },
    { label: 'Last used', value: lastUseOf(token, now) },
    { label: 'Made', value: relativeTime(token.createdAt, now) },
    {
      label: 'Replaces',
      value:
        token.replaces !== undefined &&
        html`<a href="${folder}/${token.replaces}">its value before the rotation</a>`,
    },
  ]);
}

function actsOf({ id, state, replacedBy, pausedByAdmin }: TokenView, viewer: Viewer): Html {
  const act = state === 'paused' ? { path: 'resume', label: 'Resume' } : { path: 'pause', label: 'Pause' };
  const isOld = replacedBy !== undefined;
  return buttons(
    !isOld && state === 'live' && buttonLink('Rotate…', `/tokens/${id}/rotate`, 'primary'),
    !isOld && buttonLink('Edit…', `/tokens/${id}/edit`),
    !isOld && buttonLink('Narrow…', `/tokens/${id}/narrow`),
    (pausedByAdmin !== true || viewer.admin) &&
      postForm({
        action: `/tokens/${id}/${act.path}`,
        fields: { [VIEWER_FIELD]: viewer.email },
        body: submit(act.label, 'quiet'),
      }),
  );
}

/** Why the owner finds no button. */
export function adminPauseNotice(): Html {
  return notice(
    'warning',
    'An admin of this site paused it, and only an admin resumes it. Your activity says why.',
  );
}

function importedNotice(): Html {
  return notice(
    'info',
    'It was given out before there was this page, and works as it is. Rotate it to get a value of today’s form, which nobody can guess and which scanners find where it leaks.',
    'This key was imported.',
  );
}

function replacedNotice({ replacedBy, state }: TokenView): Html {
  const link = html`<a href="/tokens/${replacedBy}">the token with the new value</a>`;
  return state === 'live' || state === 'paused'
    ? notice(
        'warning',
        html`A rotation put ${link} in its place. This one works until it expires.`,
        'This is an old value.',
      )
    : notice('info', html`A rotation put ${link} in its place.`);
}

function oldValueSection({ token, rotatedAt, usage }: OldValueView, now: number): Html {
  const ends = token.expiresAt === undefined ? '' : html` It ends ${relativeTime(token.expiresAt, now)}.`;
  const used: Part =
    usage.calls === 0
      ? html`<p>Since the rotation, ${timeFromNow(rotatedAt - now)}, no call was made with it: nothing seems to need it.</p>`
      : html`<p>Since the rotation, ${timeFromNow(rotatedAt - now)}, it made ${callsOf(usage)}. Put the new value there before it ends.</p>`;
  return section({
    title: 'The old value',
    lead: html`The value before the rotation, ${endsOf(token)},
still ${token.state === 'paused' ? 'stands, but is paused' : 'works'}.${ends}`,
    body: [
      used,
      usage.calls > 0 && addressesTable(usage, now),
      buttons(
        buttonLink('End the old value now…', `/tokens/${token.id}/revoke`),
        buttonLink('See its calls', `/activity?credential=${token.id}`),
      ),
    ],
  });
}

/** What stands for the time that is left to the old value, whatever that is when the form arrives. */
export const UNTIL_END = 'end';

/** The overlaps that fit into what is left of a token's life. */
function overlapsOf({ expiresAt }: TokenView, now: number) {
  const leftSeconds = (expiresAt ?? Number.POSITIVE_INFINITY) - now;
  const lengths = [HOUR_SECONDS, DAY_SECONDS, 7 * DAY_SECONDS, OVERLAP_DAYS_MAX * DAY_SECONDS];
  const isShort = leftSeconds < OVERLAP_DAYS_MAX * DAY_SECONDS;
  return [
    { value: '0', label: 'Not at all: refuse it at once' },
    ...lengths
      .filter((seconds) => seconds <= leftSeconds)
      .map((seconds) => ({ value: String(seconds), label: duration(seconds) })),
    ...(isShort
      ? [{ value: UNTIL_END, label: `Until it expires by itself, ${timeFromNow(leftSeconds)}` }]
      : []),
  ];
}

/** Asks how long the old value of a token works on beside the new one. */
export function rotateTokenPage(
  site: Site,
  viewer: Viewer,
  props: { token: TokenView; overlap: string; problem: FormProblem | undefined; now: number },
): Html {
  const { token, overlap, problem, now } = props;
  const options = overlapsOf(token, now);
  const fits = (value: string) => options.some((option) => option.value === value);
  const fallback = fits(String(OVERLAP_SECONDS_DEFAULT)) ? String(OVERLAP_SECONDS_DEFAULT) : UNTIL_END;
  return confirmPage(site, viewer, {
    title: `Rotate the token “${token.name}”`,
    consequences: [
      'You get a new value of the same settings. It is shown once.',
      token.expiresAt === undefined
        ? 'Like the old one it does not expire.'
        : 'It lives as long as the old one did from its first day to its last.',
      'The old value works on for the overlap, so that nothing stops while you put the new one in its place. You see then whether and from where it is still used.',
      html`Last used: ${lastUseOf(token, now)}`,
    ],
    inputs: html`${formNotice(problem)}${select({
      label: 'The old value works on for',
      name: 'overlap',
      options,
      value: fits(overlap) ? overlap : fallback,
      problem: problemAt(problem, 'overlap'),
    })}`,
    action: `/tokens/${token.id}/rotate`,
    confirmLabel: 'Rotate now',
    cancelUrl: `/tokens/${token.id}`,
    current: '/tokens',
    danger: false,
  });
}

/** Where the form for a rotation would be: of a token that cannot be rotated, with what can be done instead. */
export function notRotatablePage(
  site: Site,
  viewer: Viewer,
  {
    token,
    anewUrl,
  }: { token: TokenView /** The form for a new token, filled in with what this one was. */; anewUrl: string },
): Html {
  const ended = token.replacedBy === undefined && token.state !== 'paused';
  const why =
    token.replacedBy !== undefined
      ? 'It was rotated already: another value has taken its place.'
      : token.state === 'paused'
        ? token.pausedByAdmin
          ? 'An admin of this site paused it, and only an admin resumes it.'
          : 'It is paused. Resume it first.'
        : `It is ${token.state}. Make a new one with the same settings instead.`;
  return layout(site, {
    title: `The token “${token.name}” cannot be rotated`,
    viewer,
    current: '/tokens',
    body: html`<div class="card"><p>${why}</p>${buttons(
      ended && buttonLink('Make it anew', anewUrl, 'primary'),
      token.replacedBy !== undefined &&
        buttonLink('Go to the new one', `/tokens/${token.replacedBy}`, 'primary'),
      token.state === 'paused' && buttonLink('Go to the token', `/tokens/${token.id}`, 'primary'),
      buttonLink('All tokens', '/tokens'),
    )}</div>`,
  });
}

/** What was typed about a token that is there. */
export type TokenEditForm = { name: string; note: string; scopes: readonly string[] };

/** The form for name, note and scopes of a token. */
export function editTokenPage(
  site: Site,
  viewer: Viewer,
  props: {
    token: TokenView;
    form: TokenEditForm;
    scopes: readonly ScopeView[];
    problem: FormProblem | undefined;
  },
): Html {
  const { token, problem } = props;
  return formPage(site, viewer, {
    title: `Edit the token “${token.name}”`,
    lead: 'Its value stays the same. What you change holds from its next call on.',
    current: '/tokens',
    problem,
    action: `/tokens/${token.id}/edit`,
    inputs: [
      token.issuedBy === undefined
        ? nameField(props, 'What uses it. You see this name in the list and in your activity.')
        : field({
            label: 'Name',
            name: 'name',
            value: token.name,
            hint: `The service ${token.issuedBy} issued this token and has named it.`,
            problem: problemAt(problem, 'name'),
            readonly: true,
          }),
      scopeBoxes(props, 'Fewer hold at once. For more than it has now you sign in once more.'),
      noteField(props),
    ],
    submitLabel: 'Save the changes',
    cancelUrl: `/tokens/${token.id}`,
  });
}

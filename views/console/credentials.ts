import { REVIEW_UNUSED_DAYS, USED_DAYS } from '../../server/ground/limits.ts';
import { type CountsView, callCounts, type EntryView, entryCells } from '../activity.ts';
import { endOf, expiryOf, LAST_USED_HINT, lastUseOf, nameAndEnds } from '../credentials.ts';
import { type FormProblem, problemAt } from '../form-problem.ts';
import { type Html, html, type Part } from '../html.ts';
import { buttonLink, buttons, submit } from '../kit/buttons.ts';
import { isLong } from '../kit/listing.ts';
import { badge, doneNotice, notice } from '../kit/notices.ts';
import { section } from '../kit/sections.ts';
import { dataTable } from '../kit/tables.ts';
import { layout, type Site, type Viewer } from '../layout.ts';
import { tokenFacts } from '../token-life.ts';
import { standingOf, type TokenView } from '../tokens.ts';
import { addressesTable, type UsageView, usedFor } from '../usage.ts';
import { CREDENTIALS_PATH, credentialLink } from './credential-link.ts';
import { type ListAsked, listForm, listPager } from './list.ts';
import { metadataFact } from './metadata.ts';
import { managePage } from './reason.ts';
import { dataFact } from './type-links.ts';

/** A token or a secret as the console shows it. A secret allows what its client does. */
export type CredentialInConsole = TokenView & {
  kind: 'personal_access_token' | 'client_secret';
  accountId: string;
  /** The e-mail address of its owner; absent where the account is gone. */
  owner?: string | undefined;
  /** What the owner of the app noted of it. */
  metadata?: Readonly<Record<string, string>> | undefined;
  /** Whose secret it is. */
  client?: { id: string; name: string; kind: 'service' | 'app'; pausedAt?: number | undefined } | undefined;
};

type Act = 'pause' | 'resume' | 'revoke';

const PATH = CREDENTIALS_PATH;
const FORM_ID = 'chosen-credentials';

/** What a list says after something was done, and where a value led that is no token's and no secret's own. */
const DONE: Record<string, string> = {
  pause: 'The token is paused. Every call with it is refused from now on. Its owner is mailed.',
  resume: 'The token works again. Its owner is mailed.',
  revoke: 'It is revoked, and refused from now on. Its owner is mailed.',
  chosen: 'What was chosen is revoked, and refused from now on. The owners are mailed.',
  access_token: 'That value is an access token which this client was given.',
  refresh_token: 'That value is a refresh token which this app was given.',
};

export type CredentialsAsked = Pick<ListAsked, 'q' | 'firstUrl' | 'nextUrl' | 'isPartial'> & {
  kind: string;
  state: string;
};

/** /admin/credentials */
export function credentialsPage(
  site: Site,
  viewer: Viewer,
  props: {
    credentials: readonly CredentialInConsole[];
    asked: CredentialsAsked;
    now: number;
    done: string;
    problem?: FormProblem | undefined;
  },
): Html {
  const { credentials, asked, now, done, problem } = props;
  const list = { ...asked, path: PATH, filters: filtersOf(asked) };
  return layout(site, {
    title: 'Tokens and secrets',
    lead: 'Those of everybody: personal access tokens, and the secrets of services and apps.',
    viewer,
    current: PATH,
    body: [
      doneNotice(DONE, done),
      done === 'none' && notice('info', 'Nothing is revoked: none was chosen, or they had ended already.'),
      listForm(
        list,
        'The end of a value, a whole one that was found somewhere, an owner’s e-mail address, or the id of a token, a secret, an account, a service or an app.',
        { method: 'post', problem: problemAt(problem, 'q') },
      ),
      dataTable({
        caption: 'Tokens and secrets',
        columns: ['Name', 'Owner', 'State', 'Last used'],
        isDense: isLong({ total: credentials.length }),
        rows: credentials.map((credential) => cellsOf(credential, now)),
        empty: {
          title: 'No token and no secret found',
          text: 'Search for something else, or choose another state.',
        },
      }),
      credentials.some(isStanding) &&
        html`<form method="get" action="${PATH}/revoke" id="${FORM_ID}" class="chosen">${submit('Revoke the chosen ones…', 'quiet')}</form>`,
      listPager(list),
      credentials.length > 0 && html`<p class="fine">${LAST_USED_HINT}</p>`,
    ],
  });
}

function filtersOf({ kind, state }: CredentialsAsked): ListAsked['filters'] {
  return [
    {
      label: 'Kind',
      name: 'kind',
      value: kind,
      options: [
        { value: '', label: 'Both' },
        { value: 'personal_access_token', label: 'Personal access tokens' },
        { value: 'client_secret', label: 'Secrets of services and apps' },
      ],
    },
    {
      label: 'State',
      name: 'state',
      value: state,
      options: [
        { value: '', label: 'Any' },
        { value: 'live', label: 'Live' },
        { value: 'unused', label: `Unused for ${REVIEW_UNUSED_DAYS} days` },
        { value: 'never_used', label: 'Never used' },
        { value: 'paused', label: 'Paused' },
        { value: 'expired', label: 'Expired' },
        { value: 'revoked', label: 'Revoked' },
      ],
    },
  ];
}

function isStanding({ state }: Pick<TokenView, 'state'>): boolean {
  return state === 'live' || state === 'paused';
}

function cellsOf(credential: CredentialInConsole, now: number): Part[] {
  const { id, name, kind, client } = credential;
  const box =
    isStanding(credential) &&
    html`<input class="choose" type="checkbox" name="credential" value="${id}" form="${FORM_ID}" aria-label="Choose ${name}"> `;
  const what = kind === 'client_secret' ? 'secret of ' : 'personal access token';
  return [
    html`${box}${credentialLink(credential)}`,
    html`${ownerOf(credential)} <br><span class="fine">${what}${client !== undefined && html`<bdi>${client.name}</bdi>`}</span>`,
    isStanding(credential)
      ? [liveOf(credential), html` <br>Expires: ${expiryOf(credential, now)}`]
      : endOf(credential, now),
    lastUseOf(credential, now),
  ];
}

function liveOf(credential: CredentialInConsole): Part {
  const isPlain = credential.state === 'live' && credential.replacedBy === undefined;
  return isPlain ? badge('active', 'Live') : standingOf(credential);
}

function ownerOf({ owner, accountId }: CredentialInConsole): Html {
  return html`<a href="/admin/accounts/${accountId}"><bdi>${owner ?? accountId}</bdi></a>`;
}

/** /admin/credentials/ID */
export function credentialPage(
  site: Site,
  viewer: Viewer,
  props: {
    credential: CredentialInConsole;
    /** The names of the data types. */
    types: readonly string[];
    /** Of an app's secret there is none: its calls are those of the people who let the app in. */
    use: { latest: UsageView; counts: CountsView } | undefined;
    entries: readonly EntryView[];
    now: number;
    done: string;
  },
): Html {
  const { credential, types, use, entries, now, done } = props;
  return layout(site, {
    title: credential.name,
    viewer,
    current: PATH,
    back: { label: 'Tokens and secrets', url: PATH },
    body: [
      doneNotice(DONE, done),
      html`<div class="card">${tokenFacts(credential, now, { first: firstFacts(credential, types), folder: PATH })}${actsOf(credential)}
<p class="fine">${LAST_USED_HINT} <a href="/admin/activity?credential=${credential.id}">See each of its calls.</a></p></div>`,
      use && useSection(credential, use, now),
      section({
        title: 'Lately',
        plain: true,
        body: dataTable({
          caption: 'Calls and changes',
          columns: ['What', 'About', 'Result', 'When', 'From, request id'],
          rows: entries.map(entryCells),
          empty: { title: 'Nothing yet', text: 'No call was made with it, and nothing was changed.' },
        }),
      }),
    ],
  });
}

function firstFacts(credential: CredentialInConsole, types: readonly string[]) {
  const { id, kind, client, metadata } = credential;
  const clientPaused = client?.pausedAt !== undefined && html` ${badge('neutral', 'Paused')}`;
  return [
    { label: 'Id', value: html`<code>${id}</code>` },
    { label: 'Kind', value: kind === 'client_secret' ? 'Client secret' : 'Personal access token' },
    { label: 'Owner', value: ownerOf(credential) },
    {
      label: client?.kind === 'app' ? 'App' : 'Service',
      value: client && html`${clientOf(client)} <code>${client.id}</code>${clientPaused}`,
    },
    metadataFact(metadata),
    // A secret opens what its service or app does.
    dataFact(id, kind === 'client_secret' ? [] : types),
  ];
}

function clientOf({ id, name, kind }: NonNullable<CredentialInConsole['client']>): Html {
  return html`<a href="/admin/${kind === 'app' ? 'apps' : 'services'}/${id}"><bdi>${name}</bdi></a>`;
}

function actsOf(credential: CredentialInConsole): Part {
  if (!isStanding(credential)) return undefined;
  const { id, kind, state, pausedByAdmin } = credential;
  const isToken = kind === 'personal_access_token';
  return buttons(
    // A pause of the owner is taken over by that of an admin.
    isToken && pausedByAdmin !== true && buttonLink('Pause…', `${PATH}/${id}/pause`),
    isToken && state === 'paused' && buttonLink('Resume…', `${PATH}/${id}/resume`),
    buttonLink('Revoke…', `${PATH}/${id}/revoke`, 'danger'),
  );
}

function useSection(
  { client }: CredentialInConsole,
  { latest, counts }: { latest: UsageView; counts: CountsView },
  now: number,
): Html {
  return section({
    title: `Use in the last ${USED_DAYS} days`,
    lead: client && 'With all secrets of this service together.',
    body: [
      html`<div>${usedFor(latest)}</div>`,
      latest.calls > 0 && addressesTable(latest, now),
      // Those of the last minute are not counted yet.
      counts.days.some(({ whole, problems }) => whole + problems > 0) && callCounts(counts),
    ],
  });
}

const WORDS: Record<Act, { label: string; token: readonly string[]; secret: readonly string[] }> = {
  pause: {
    label: 'Pause',
    token: [
      'Every call with it is refused from the next one on. Nothing of it is lost.',
      'Only an admin can resume it.',
    ],
    secret: [],
  },
  resume: { label: 'Resume', token: ['It works again from the next call on, as it did before.'], secret: [] },
  revoke: {
    label: 'Revoke',
    token: ['Whatever uses it stops working with the very next call.', 'It cannot be brought back.'],
    secret: [
      'No access token is given out for it any more, and those that were are refused at once.',
      'The other secrets of its client go on working. It cannot be brought back.',
    ],
  },
};

/** Asks once more, and why. */
export function credentialActPage(
  site: Site,
  viewer: Viewer,
  props: {
    act: Act;
    credential: CredentialInConsole;
    now: number;
    reason: string;
    problem: FormProblem | undefined;
  },
): Html {
  const { act, credential, now, reason, problem } = props;
  const { id, kind, name, owner = credential.accountId } = credential;
  const isToken = kind === 'personal_access_token';
  const { label, token, secret } = WORDS[act];
  return managePage(site, viewer, {
    title: `${label} the ${isToken ? 'token' : 'secret'} “${name}” of ${owner}?`,
    consequences: [...(isToken ? token : secret), html`Last used: ${lastUseOf(credential, now)}`],
    action: `${PATH}/${id}/${act}`,
    confirmLabel: `${label} this ${isToken ? 'token' : 'secret'}`,
    current: PATH,
    cancelUrl: `${PATH}/${id}`,
    danger: act === 'revoke',
    reason,
    problem,
  });
}

/** Asks once more before several are revoked, names each with its owner, and asks why. */
export function revokeChosenPage(
  site: Site,
  viewer: Viewer,
  props: {
    credentials: readonly CredentialInConsole[];
    now: number;
    reason: string;
    problem: FormProblem | undefined;
  },
): Html {
  const { credentials, now, reason, problem } = props;
  const one = credentials.length === 1;
  return managePage(site, viewer, {
    title: one ? 'Revoke the chosen one?' : `Revoke these ${credentials.length}?`,
    consequences: [
      'Whatever uses one of them stops working with the very next call. None can be brought back.',
      'Each owner gets one mail about their tokens, and one about each secret, with your reason.',
      ...credentials.map(
        (credential) =>
          html`${nameAndEnds(credential)}<br><span class="fine">of ${credential.owner ?? credential.accountId}. Last used: ${lastUseOf(credential, now)}</span>`,
      ),
    ],
    action: `${PATH}/revoke`,
    fields: { credentials: credentials.map(({ id }) => id).join(',') },
    confirmLabel: one ? 'Revoke it' : 'Revoke all of these',
    current: PATH,
    reason,
    problem,
  });
}

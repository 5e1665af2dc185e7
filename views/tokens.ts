import { CHOSEN_DONE, chooseBox, chosenForm, namesOf } from './chosen-tokens.ts';
import {
  allowsOf,
  type CredentialForm,
  type CredentialView,
  endOf,
  endsOf,
  expiryFields,
  expiryOf,
  LAST_USED_HINT,
  type LiveAndDead,
  lastUseOf,
  nameField,
  noteField,
  scopeBoxes,
} from './credentials.ts';
import { type FormProblem, formNotice } from './form-problem.ts';
import { type Html, html, type Part } from './html.ts';
import { buttonLink, labelOf } from './kit/buttons.ts';
import { checkbox } from './kit/choices.ts';
import { codeBlock, secretBox } from './kit/code.ts';
import { confirmPage, formPage } from './kit/form-pages.ts';
import { emptyListing, isLong, type Listing, listingForm, listingPages } from './kit/listing.ts';
import { badge, doneNotice } from './kit/notices.ts';
import { dangerZone, keyValues } from './kit/sections.ts';
import { ACTIONS, dataTable, foldedTable } from './kit/tables.ts';
import { relativeTime } from './kit/times.ts';
import { layout, type Site, type Viewer } from './layout.ts';
import { copiedForm, gonePage } from './shown-once.ts';
import { type NarrowingForm, narrowingDisclosure, narrowsOf } from './token-narrowing.ts';
import { activityLink, type UsageView, usedFor } from './usage.ts';

/** A personal access token as its owner sees it. */
export type TokenView = CredentialView & {
  scopes: readonly string[];
  /** What it may do, in plain words. */
  allows: readonly string[];
  /** What narrows it beyond that, in words. */
  narrows: readonly string[];
  note?: string | undefined;
  /** The service that made it, in its owner's name. */
  issuedBy?: string | undefined;
  pausedAt?: number | undefined;
  /** Only an admin resumes it. */
  pausedByAdmin?: true | undefined;
  /** The token whose place it took in a rotation, and the one that took its own. */
  replaces?: string | undefined;
  replacedBy?: string | undefined;
};

const DONE: Record<string, string> = {
  copied: 'The token is not shown any more. If you do not have it after all, revoke it and make another one.',
  revoked: 'The token was revoked. Every call with it is refused from now on.',
  'revoked-all': 'All your tokens were revoked. Every call with one of them is refused from now on.',
};

/** The list of an account's personal access tokens. */
export function tokensPage(
  site: Site,
  viewer: Viewer,
  {
    live,
    dead,
    listing,
    now,
    done,
    chosen,
    problem,
  }: LiveAndDead<TokenView> & {
    listing: Listing;
    now: number;
    done: string;
    /** Whose boxes are ticked. */
    chosen: readonly string[];
    problem?: FormProblem | undefined;
  },
): Html {
  const action = { label: 'Make a token', url: '/tokens/new' };
  // When one of many was made stands on its page.
  const isDense = isLong(listing);
  return layout(site, {
    title: 'Personal access tokens',
    lead: `A token lets a script or a tool of yours call ${site.appName} in your name, within what you allow it.`,
    action: listing.total === 0 ? undefined : action,
    viewer,
    current: '/tokens',
    body: [
      doneNotice({ ...DONE, ...CHOSEN_DONE }, done),
      formNotice(problem),
      listingForm(listing),
      dataTable({
        caption: 'Your live tokens',
        isDense,
        columns: ['Name', 'Allows', 'Expires', 'Last used', ...(isDense ? [] : ['Made']), ACTIONS],
        rows: live.map((token) => [
          [
            listing.total > 1 && chooseBox(token, chosen.includes(token.id)),
            linkAndEnds(token),
            issuerOf(token),
            token.note !== undefined && html`<br><span class="fine">${token.note}</span>`,
          ],
          [allowsOf(token.allows), narrowsOf(token)],
          expiryOf(token, now),
          lastUseOf(token, now),
          ...(isDense ? [] : [relativeTime(token.createdAt, now)]),
          buttonLink(labelOf('Revoke…', token.name), `/tokens/${token.id}/revoke`),
        ]),
        empty: emptyListing(listing, {
          title: dead.length === 0 ? 'No tokens yet' : 'No live tokens',
          text: 'Make one for each thing that needs access, so that you can revoke one without breaking the others.',
          action,
        }),
      }),
      listingPages(listing),
      listing.total > 1 && live.length > 0 && chosenForm(viewer),
      live.length > 0 &&
        html`<p class="fine">${LAST_USED_HINT} ${activityLink(viewer, 'See every call.')}</p>`,
      foldedTable({
        caption: 'Expired and revoked tokens',
        columns: ['Name', 'Ended', 'Last used', 'Made'],
        rows: dead.map((token) => [
          [linkAndEnds(token), issuerOf(token)],
          endOf(token, now),
          lastUseOf(token, now),
          relativeTime(token.createdAt, now),
        ]),
      }),
      listing.total > 1 &&
        dangerZone({
          title: 'Revoke all tokens',
          text: 'If you think that somebody has your tokens, end all of them at once.',
          url: '/tokens/revoke-all',
        }),
    ],
  });
}

/** As `nameAndEnds`, with the way to its own page, and marked where it is no token like the others. */
function linkAndEnds(token: TokenView): Html {
  const { id, name } = token;
  return html`<a href="/tokens/${id}"><bdi>${name}</bdi></a>${standingOf(token)}<br>${endsOf(token)}`;
}

/** What is to be said of the state of a token that has not ended, if it is not simply live. */
export function standingOf({ state, replacedBy, imported }: TokenView): Part {
  return [
    imported && html` ${badge('neutral', 'Imported')}`,
    state === 'paused' && html` ${badge('neutral', 'Paused')}`,
    state === 'live' && replacedBy !== undefined && html` ${badge('expiring', 'Old value')}`,
  ];
}

/** By which service it was made, where not by its owner. */
function issuerOf({ issuedBy }: TokenView): Part {
  return issuedBy !== undefined && html`<br><span class="fine">issued by the service ${issuedBy}</span>`;
}

/** What was typed about a token. */
export type TokenForm = {
  name: string;
  note: string;
  scopes: readonly string[];
  expires: string;
  date: string;
  /** Of admins only. */
  honey?: boolean;
} & NarrowingForm;

/** The form for a new token. It comes back with what was typed when something is wrong. */
export function newTokenPage(
  site: Site,
  viewer: Viewer,
  props: CredentialForm<TokenForm> & { boundable: readonly string[] },
): Html {
  const { form, problem } = props;
  return formPage(site, viewer, {
    title: 'New personal access token',
    current: '/tokens',
    problem,
    action: '/tokens/new',
    inputs: [
      nameField(
        props,
        'What will use it, for example "Build server". You see this name in the list and in your activity.',
      ),
      scopeBoxes(props, 'Choose only what is needed: whoever has the token can do this in your name.'),
      expiryFields(props, { hint: 'After that every call with it is refused.' }),
      noteField(props),
      narrowingDisclosure(props),
      viewer.admin &&
        checkbox({
          label: 'Honey token',
          name: 'honey',
          checked: form.honey === true,
          hint: 'Opens nothing. Leave it where nobody should look: its use is mailed to you and the admins.',
        }),
    ],
    submitLabel: 'Make the token',
  });
}

/** The one page that ever shows a token. */
export function mintedTokenPage(
  site: Site,
  viewer: Viewer,
  props: {
    token: TokenView;
    title: string;
    value: string;
    until: number;
    curl: string;
    /** After a rotation: when the old value ends. */
    othersEndAt?: number | undefined;
    now: number;
  },
): Html {
  const { token, title, value, until, curl, othersEndAt, now } = props;
  return layout(site, {
    title,
    viewer,
    current: '/tokens',
    body: html`${secretBox({ label: 'Token', value, until })}${codeBlock({ label: 'Try it in a terminal', code: curl })}
<div class="card">${keyValues([
      { label: 'Name', value: token.name },
      { label: 'Allows', value: [allowsOf(token.allows), narrowsOf(token)] },
      { label: 'Expires', value: expiryOf(token, now) },
      { label: 'Old value', value: othersEndAt !== undefined && oldEndOf(othersEndAt, now) },
    ])}</div>${copiedForm(`/tokens/${token.id}/value`)}`,
  });
}

function oldEndOf(at: number, now: number): Part {
  return at > now ? html`ends ${relativeTime(at, now)}` : 'is refused from now on';
}

/** Where the value of a token would be: it was copied, is too old, or was made in another browser. */
export function goneTokenPage(site: Site, viewer: Viewer, token: TokenView): Html {
  return gonePage(site, viewer, {
    title: `The token “${token.name}” cannot be shown again`,
    current: '/tokens',
    remedy:
      token.state === 'live'
        ? 'If you do not have it, revoke it and make another one.'
        : 'It has ended. Make another one if you need it.',
    ways: [
      buttonLink('Make a token', '/tokens/new', 'primary'),
      token.state === 'live' && buttonLink('Revoke…', `/tokens/${token.id}/revoke`),
      buttonLink('All tokens', '/tokens'),
    ],
  });
}

/** Asks once more before a token is revoked, and says what it was used for. */
export function revokeTokenPage(
  site: Site,
  viewer: Viewer,
  { token, usage, now }: { token: TokenView; usage: UsageView; now: number },
): Html {
  const isOld = token.replacedBy !== undefined;
  return confirmPage(site, viewer, {
    title: isOld ? `End the old value of “${token.name}”?` : `Revoke the token “${token.name}”?`,
    consequences: [
      isOld
        ? 'Whatever still uses the old value stops working with the very next call. The new value goes on working.'
        : 'Whatever uses it stops working with the very next call.',
      html`Last used: ${lastUseOf(token, now)}`,
      usedFor(usage),
      isOld
        ? 'It cannot be brought back.'
        : 'It cannot be brought back. You can make another token of the same name.',
    ],
    action: `/tokens/${token.id}/revoke`,
    confirmLabel: isOld ? 'End the old value' : 'Revoke this token',
    cancelUrl: isOld ? `/tokens/${token.id}` : '/tokens',
    current: '/tokens',
  });
}

/** Asks once more before all tokens are revoked, and names them. */
export function revokeAllTokensPage(site: Site, viewer: Viewer, tokens: readonly TokenView[]): Html {
  return confirmPage(site, viewer, {
    title: tokens.length === 1 ? 'Revoke your one token?' : `Revoke all ${tokens.length} tokens?`,
    consequences: [
      'Everything that uses one of them stops working with the very next call.',
      namesOf(tokens),
      'They cannot be brought back. Services and connected apps are not touched.',
    ],
    action: '/tokens/revoke-all',
    confirmLabel: 'Revoke all tokens',
    current: '/tokens',
  });
}

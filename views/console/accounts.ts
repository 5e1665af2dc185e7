import type { FormProblem } from '../form-problem.ts';
import { type Html, html, type Part } from '../html.ts';
import { buttonLink, buttons } from '../kit/buttons.ts';
import { isLong } from '../kit/listing.ts';
import { badge, doneNotice } from '../kit/notices.ts';
import { keyValues, section } from '../kit/sections.ts';
import { dataTable } from '../kit/tables.ts';
import { relativeTime } from '../kit/times.ts';
import { layout, type Site, type Viewer } from '../layout.ts';
import { THINGS_DONE } from './account-things.ts';
import { listForm, listPager } from './list.ts';
import { metadataFact } from './metadata.ts';
import { managePage } from './reason.ts';
import { dataFact } from './type-links.ts';
import { type WholeAccount, wholeAccount } from './whole-account.ts';

/** An account as the console shows it. */
type AccountView = {
  id: string;
  email: string;
  name?: string | undefined;
  externalId?: string | undefined;
  metadata?: Readonly<Record<string, string>> | undefined;
  admin: boolean;
  createdAt: number;
  suspendedAt?: number | undefined;
  /** While it is being deleted: since when. */
  removalAt?: number | undefined;
};

type Act =
  | 'suspend'
  | 'restore'
  | 'end-sessions'
  | 'end-access'
  | 'send-reset-link'
  | 'promote'
  | 'demote'
  | 'delete';

/** What is done, in words: the button, what happens, and the sentence when it is done. */
const ACTS: Record<
  Act,
  { label: string; title: (email: string) => string; consequences: string[]; done: string }
> = {
  suspend: {
    label: 'Suspend',
    title: (email) => `Suspend ${email}?`,
    consequences: [
      'Nothing of the account works from the next moment on: sign-in, tokens, services and apps.',
      'Nothing is lost: what it has works again when the account is restored.',
    ],
    done: 'The account is suspended.',
  },
  restore: {
    label: 'Restore',
    title: (email) => `Restore ${email}?`,
    consequences: ['The account can sign in, and what it had works again.'],
    done: 'The account is restored.',
  },
  'end-sessions': {
    label: 'End all sessions',
    title: (email) => `End all sessions of ${email}?`,
    consequences: ['It is signed out of every browser. Its tokens, services and apps go on.'],
    done: 'All sessions of the account are ended.',
  },
  'end-access': {
    label: 'End all access',
    title: (email) => `End all access of ${email}?`,
    consequences: [
      'Its sessions are ended, its tokens and services are revoked, the apps that it let in are cut off.',
      'The account can sign in again, and makes new tokens.',
    ],
    done: 'All access of the account is ended.',
  },
  'send-reset-link': {
    label: 'Send a link for a new password',
    title: (email) => `Send ${email} a link for a new password?`,
    consequences: ['It gets a mail with a link, good for half an hour and once. Until then nothing changes.'],
    done: 'The link is on its way.',
  },
  promote: {
    label: 'Make an admin',
    title: (email) => `Make ${email} an admin?`,
    consequences: ['It can see and do everything on these pages, and make admin services.'],
    done: 'The account is an admin.',
  },
  demote: {
    label: 'Make an ordinary account',
    title: (email) => `Take the admin rights of ${email} away?`,
    consequences: ['It is signed out everywhere, and is an ordinary account from then on.'],
    done: 'The account is no admin any more.',
  },
  delete: {
    label: 'Delete',
    title: (email) => `Delete the account ${email}?`,
    consequences: [
      'It is gone at once and for good, with its tokens, services, apps and what it allowed other apps.',
      'Its records of data types go too where the type says so, and stay otherwise.',
      'What was done with it stays in the records of this site.',
    ],
    done: 'The account is deleted.',
  },
};

const DONE = {
  ...Object.fromEntries(Object.entries(ACTS).map(([act, { done }]) => [act, done])),
  'being-deleted':
    'The account is being deleted: nothing of it works any more. It takes a while, and goes on by itself.',
};

type AccountsAsked = Pick<
  Parameters<typeof listForm>[0],
  'path' | 'q' | 'firstUrl' | 'nextUrl' | 'isPartial'
> & {
  state: string;
};

/** /admin/accounts */
export function accountsPage(
  site: Site,
  viewer: Viewer,
  {
    accounts,
    asked,
    now,
    done,
  }: { accounts: readonly AccountView[]; asked: AccountsAsked; now: number; done: string },
): Html {
  const list = {
    ...asked,
    filters: [
      {
        label: 'State',
        name: 'state',
        value: asked.state,
        options: [
          { value: '', label: 'All' },
          { value: 'active', label: 'Active' },
          { value: 'suspended', label: 'Suspended' },
          { value: 'admin', label: 'Admins' },
        ],
      },
    ],
  };
  const table = dataTable({
    caption: 'Accounts',
    columns: ['Account', 'Name', 'State', 'Made'],
    isDense: isLong({ total: accounts.length }),
    rows: accounts.map((account) => [
      html`<a href="/admin/accounts/${account.id}">${account.email}</a>`,
      account.name ?? '',
      stateOf(account),
      relativeTime(account.createdAt, now),
    ]),
    empty: {
      title: 'No account found',
      text: 'Search for the beginning of an e-mail address, or for a whole id, ours or your app’s.',
    },
  });
  return layout(site, {
    title: 'Accounts',
    lead: html`Everybody who can sign in. <a href="/admin/invitations">Open invitations</a>`,
    action: { label: 'Add somebody', url: '/admin/invitations/new' },
    viewer,
    current: '/admin/accounts',
    body: [
      doneNotice(DONE, done),
      listForm(list, 'The beginning of an e-mail address, or a whole id, ours or your app’s.'),
      table,
      listPager(list),
    ],
  });
}

/** /admin/accounts/ID */
export function accountPage(
  site: Site,
  viewer: Viewer,
  props: {
    account: AccountView;
    whole: WholeAccount;
    /** The names of the data types. */
    types: readonly string[];
    isOwn: boolean;
    now: number;
    done: string;
  },
): Html {
  const { account, whole, types, isOwn, now, done } = props;
  const { id, email, name, externalId, metadata, admin, createdAt, suspendedAt, removalAt } = account;
  const locking: Act[] = isOwn
    ? []
    : [suspendedAt === undefined ? 'suspend' : 'restore', admin ? 'demote' : 'promote', 'delete'];
  const acts: Act[] =
    removalAt === undefined ? ['end-sessions', 'end-access', 'send-reset-link', ...locking] : ['delete'];
  return layout(site, {
    title: email,
    back: { label: 'Accounts', url: '/admin/accounts' },
    viewer,
    current: '/admin/accounts',
    body: [
      doneNotice({ ...DONE, ...THINGS_DONE, made: 'The account is made. It has no password yet.' }, done),
      section({
        title: 'Account',
        body: keyValues([
          { label: 'Id', value: html`<code>${id}</code>` },
          { label: 'Name', value: name },
          { label: 'External id', value: externalId },
          {
            label: 'Brought by',
            value: whole.broughtBy && `The service ${whole.broughtBy}, on its word for the e-mail address`,
          },
          metadataFact(metadata),
          dataFact(id, types),
          { label: 'State', value: stateOf(account) },
          { label: 'Made', value: relativeTime(createdAt, now) },
        ]),
      }),
      section({
        title: 'What you can do',
        lead: isOwn ? 'This is your own account: what locks you out, another admin can do.' : undefined,
        body: buttons(...acts.map((act) => actLink(account, act))),
      }),
      wholeAccount(whole, now),
    ],
  });
}

function actLink({ id }: AccountView, act: Act): Html {
  const look = act === 'delete' || act === 'suspend' ? 'danger' : 'quiet';
  return buttonLink(`${ACTS[act].label}…`, `/admin/accounts/${id}/${act}`, look);
}

/** Asks once more, and why. */
export function accountActPage(
  site: Site,
  viewer: Viewer,
  props: { act: Act; account: AccountView; reason: string; problem: FormProblem | undefined },
): Html {
  const { act, account, reason, problem } = props;
  const { label, title, consequences } = ACTS[act];
  const path = `/admin/accounts/${account.id}`;
  return managePage(site, viewer, {
    title: title(account.email),
    consequences,
    action: `${path}/${act}`,
    confirmLabel: label,
    current: '/admin/accounts',
    cancelUrl: path,
    danger: !['restore', 'send-reset-link', 'promote'].includes(act),
    reason,
    problem,
  });
}

function stateOf({ admin, suspendedAt, removalAt }: AccountView): Part {
  if (removalAt !== undefined) return badge('revoked', 'Being deleted');
  const state = suspendedAt === undefined ? badge('active', 'Active') : badge('revoked', 'Suspended');
  return html`${state}${admin && html` ${badge('admin', 'Admin')}`}`;
}

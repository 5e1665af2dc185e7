import type { Collection } from '../../adapters/port.ts';
import type { Bearers } from '../access/bearer.ts';
import type { createLeaks } from '../access/leaks.ts';
import { type Account, isActive } from '../accounts/account.ts';
import type { Accounts } from '../accounts/accounts.ts';
import { type Client, isLiveClient } from '../credentials/client.ts';
import { type Credential, stateOf } from '../credentials/credential.ts';
import { narrowingInWords } from '../credentials/narrowing.ts';
import { dataScope, type Scopes } from '../credentials/scopes.ts';
import type { Clock } from '../ground/clock.ts';
import { invalidField, noSuch } from '../ground/errors.ts';
import { timeInProse } from '../ground/time.ts';
import { findNamed } from '../management/named-account.ts';
import type { DataCaller } from './access.ts';

/** Of whom an admin asks what they may do: by a value, or by ids; of nobody who is signed in where all is absent. */
export type CallerNamed = {
  /** The value of any token or client secret of ours. It is repeated nowhere. */
  value?: string | undefined;
  /** The id of a personal access token or client secret. */
  credential?: string | undefined;
  /** An e-mail address or id. */
  account?: string | undefined;
  /** The id of a service, or of an app, which acts for an account. */
  client?: string | undefined;
};

/** The caller that was asked about, as if everything that it hangs on were live. */
export type ExplainedCaller = {
  caller: DataCaller | undefined;
  tokenId?: string;
  /** Who it is, in words. */
  words: string;
  /** What keeps its calls out before any rule is asked. */
  obstacles: string[];
  /** Where it works, if not everywhere. */
  places: string[];
};

export type CallerParts = {
  accounts: Pick<Accounts, 'get' | 'findByEmail'>;
  bearers: Pick<Bearers, 'find'>;
  leaks: Pick<ReturnType<typeof createLeaks>, 'identify'>;
  rows: { clients: Collection<Client>; credentials: Collection<Credential> };
  scopes: Pick<Scopes, 'declared'>;
  clock: Clock;
};

/** Finds the caller that an admin asks about, for records of this type. Throws Problem. */
export async function findExplainedCaller(
  parts: CallerParts,
  asked: CallerNamed,
  type: string,
): Promise<ExplainedCaller> {
  if (asked.value !== undefined) return byValue(parts, asked.value, type);
  if (asked.credential !== undefined) {
    const row = await parts.rows.credentials.get(asked.credential);
    if (row === undefined) throw noSuch('token or secret');
    return byCredential(parts, row);
  }
  const account = asked.account === undefined ? undefined : await findNamed(parts.accounts, asked.account);
  if (asked.account !== undefined && account === undefined) throw noSuch('account');
  if (asked.client !== undefined) {
    const found = await byClient(parts, asked.client, account);
    // Who let it in may have allowed it less: that stands in its tokens.
    const all = found.caller?.client?.kind === 'app' ? ', with all scopes that it may ask for' : '';
    return { ...found, words: found.words + all };
  }
  if (account === undefined) return NOBODY_SIGNED_IN;
  return {
    caller: {
      account,
      actsFor: 'account',
      scopes: parts.scopes.declared([dataScope(type, 'read'), dataScope(type, 'write')]),
    },
    words: `${account.email}, by a token that may read and write this type`,
    obstacles: obstaclesOfAccount(account, 'The account'),
    places: [],
  };
}

const NOBODY_SIGNED_IN: ExplainedCaller = {
  caller: undefined,
  words: 'somebody without a token',
  obstacles: [],
  places: [],
};

async function byValue(parts: CallerParts, value: string, type: string): Promise<ExplainedCaller> {
  const known = await parts.leaks.identify(value);
  if (known === undefined) throw noSuch('token or secret');
  const { kind, id, accountId, state } = known;
  if (kind === 'personal_access_token' || kind === 'client_secret')
    return findExplainedCaller(parts, { credential: id }, type);
  const [client, found] = await Promise.all([parts.rows.clients.get(id), parts.bearers.find(value)]);
  const account = client?.kind === 'app' ? await parts.accounts.get(accountId) : undefined;
  const asked = await byClient(parts, id, account);
  // What it may do was settled when it was given out; of a dead one what its client may do is shown.
  if (!('refused' in found)) return { ...asked, caller: found, tokenId: found.tokenId };
  const obstacles = [
    ...(kind === 'refresh_token' ? [REFRESH] : []),
    ...(state === 'live' ? [] : [`The ${kind.replace('_', ' ')} is ${state}.`]),
  ];
  return { ...asked, obstacles: [...obstacles, ...asked.obstacles] };
}

const REFRESH =
  'It is a refresh token, which calls nothing itself: this is what the tokens got by it may do.';

async function byCredential(parts: CallerParts, row: Credential): Promise<ExplainedCaller> {
  if (row.kind === 'client_secret') {
    const client = await parts.rows.clients.get(row.clientId ?? '');
    const account = client?.kind === 'app' ? await parts.accounts.get(row.accountId) : undefined;
    const asked = await byClient(parts, row.clientId ?? '', account);
    return {
      ...asked,
      obstacles: [...obstaclesOfCredential(row, 'secret', parts.clock()), ...asked.obstacles],
    };
  }
  const account = await parts.accounts.get(row.accountId);
  if (account === undefined) throw noSuch('account');
  const { id, name, metadata, narrowing: { ipRanges, origin } = {} } = row;
  return {
    caller: { account, actsFor: 'account', scopes: parts.scopes.declared(row.scopes), metadata },
    tokenId: id,
    words: `the token “${name}” of ${account.email}`,
    obstacles: [
      ...obstaclesOfCredential(row, 'token', parts.clock()),
      ...obstaclesOfAccount(account, 'Its account'),
    ],
    places: narrowingInWords({ ipRanges, origin }),
  };
}

/** A service acts for its owner or for the app; an app for the account that let it in. */
async function byClient(
  parts: CallerParts,
  id: string,
  account: Account | undefined,
): Promise<ExplainedCaller> {
  const client = await parts.rows.clients.get(id);
  if (client === undefined) throw noSuch('service or app');
  const owner = await parts.accounts.get(client.accountId);
  if (owner === undefined) throw noSuch('account');
  const { kind, name, actsFor } = client;
  if (kind === 'app' && account === undefined)
    throw invalidField('account', 'is missing', 'An app acts for somebody: say for which account.');
  if (kind === 'service' && account !== undefined && account.id !== owner.id)
    throw invalidField(
      'account',
      'is not the owner of this service',
      'Leave it out: a service acts for its owner, or for the app.',
    );
  const person = kind === 'app' ? (account ?? owner) : owner;
  const whom = kind === 'app' || actsFor === 'account' ? person.email : 'the whole app';
  const caller = {
    account: person,
    client,
    actsFor: kind === 'app' ? 'account' : actsFor,
    scopes: parts.scopes.declared(client.scopes),
  } as const;
  return {
    caller,
    words: `the ${kind} “${name}”, which acts for ${whom}`,
    obstacles: [...obstaclesOfClient(client, owner), ...obstaclesOfAccount(person, 'The account')],
    places: [],
  };
}

function* obstaclesOfClient(client: Client, owner: Account): Generator<string> {
  const { kind, revokedAt, pausedAt } = client;
  if (!isLiveClient(client)) yield `The ${kind} is revoked${sinceInWords(revokedAt)}.`;
  else if (pausedAt !== undefined) yield `The ${kind} is paused${sinceInWords(pausedAt)}.`;
  if (kind === 'app' && !isActive(owner)) yield 'The account of the app’s developer is suspended.';
}

function obstaclesOfCredential(row: Credential, what: string, now: number): string[] {
  const state = stateOf(row, now);
  const { revokedAt, pausedAt } = row;
  if (row.honey === true) return [`It is a honey token, which opens nothing.`];
  if (state === 'live') return [];
  const at = { revoked: revokedAt, paused: pausedAt, expired: undefined }[state];
  return [`The ${what} is ${state}${sinceInWords(at)}.`];
}

function obstaclesOfAccount(account: Account, which: string): string[] {
  return isActive(account) ? [] : [`${which} is suspended${sinceInWords(account.suspendedAt)}.`];
}

function sinceInWords(at: number | undefined): string {
  return at === undefined ? '' : ` since ${timeInProse(at)}`;
}

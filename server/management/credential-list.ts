import type { Collection, Where } from '../../adapters/port.ts';
import type { Accounts } from '../accounts/accounts.ts';
import { type Credential, stateOf, useOf } from '../credentials/credential.ts';
import type { Clock } from '../ground/clock.ts';
import { REVIEW_UNUSED_DAYS } from '../ground/limits.ts';
import { DAY_SECONDS } from '../ground/time.ts';
import { type PageAsked, type PageOf, pageByKey, wholeList } from './by-key.ts';

/** Unused and never used ones are live, and no honey tokens, which nobody should use. */
export const CREDENTIAL_STATES = ['live', 'unused', 'never_used', 'paused', 'expired', 'revoked'] as const;

type StateAsked = (typeof CREDENTIAL_STATES)[number];

/** Which tokens and secrets are asked for; all of it must hold. */
export type CredentialsAsked = {
  id?: string | undefined;
  kind?: Credential['kind'] | undefined;
  state?: StateAsked | undefined;
  accountId?: string | undefined;
  clientId?: string | undefined;
  lastFour?: string | undefined;
};

type Order = { by: 'createdAt' | 'pausedAt' | 'expiresAt' | 'revokedAt' | 'clientId'; descending: true };

/** What the prefix of an id says that it is. */
const FIELDS = { tok: 'id', sec: 'id', acc: 'accountId', svc: 'clientId', app: 'clientId' } as const;
const FOUR = /^[0-9A-Za-z]{4}$/;

type Way = { where: Where<Credential>; order: Order };

const NEWEST: Order = { by: 'createdAt', descending: true };

/** The tokens and secrets of everybody, for admins. */
export function createCredentialList(parts: {
  credentials: Collection<Credential>;
  accounts: Pick<Accounts, 'findByEmail'>;
  clock: Clock;
}) {
  const { credentials, accounts, clock } = parts;

  return {
    /** One of them, whatever its state. */
    get: (id: string): Promise<Credential | undefined> => credentials.get(id),

    /**
     * What a text asks for that somebody typed: the id of a credential, an account or a client, an e-mail address, or the
     * last four characters of a value. Undefined for what none of them is.
     */
    async read(typed: string): Promise<CredentialsAsked | undefined> {
      const [id, prefix] = /^(tok|sec|acc|svc|app)_[0-9A-Za-z]{20}$/.exec(typed) ?? [];
      if (id !== undefined) return { [FIELDS[prefix as keyof typeof FIELDS]]: id };
      if (FOUR.test(typed)) return { lastFour: typed };
      const account = typed.includes('@') ? await accounts.findByEmail(typed) : undefined;
      return account && { accountId: account.id };
    },

    /** One page: the newest first, of one state those that came into it last, of secrets by client. Throws Problem 400. */
    async list(asked: CredentialsAsked, page: PageAsked): Promise<PageOf<Credential>> {
      const now = clock();
      const isMatch = matchOf(asked, now);
      if (asked.id === undefined) {
        return pageByKey(credentials, page, { ...leadOf(asked, now, page.cursor === ''), isMatch });
      }
      const row = await credentials.get(asked.id);
      const isFound = row !== undefined && isMatch?.(row) !== false;
      return wholeList(isFound ? [row] : []);
    },
  };
}

/** What an index leads to: of all that is asked for, that which fewest have. */
function leadOf(asked: CredentialsAsked, now: number, isFirst: boolean): Way {
  const { kind, state, accountId, clientId, lastFour } = asked;
  if (lastFour !== undefined) return { where: [['lastFour', '=', lastFour]], order: NEWEST };
  if (clientId !== undefined) return { where: [['clientId', '=', clientId]], order: NEWEST };
  if (accountId !== undefined) return ofAccount(accountId, state);
  // They are few among the tokens, and only they have a client: side by side here with the others of theirs.
  if (kind === 'client_secret')
    return { where: [['clientId', 'present']], order: { by: 'clientId', descending: true } };
  switch (state) {
    case 'paused':
      return { where: [['pausedAt', 'present']], order: { by: 'pausedAt', descending: true } };
    case 'expired': {
      // With two ends SQLite would begin each page at the one of now, and not at the place of the cursor.
      const where: Where<Credential> = [isFirst ? ['expiresAt', '<=', now] : ['expiresAt', 'present']];
      return { where, order: { by: 'expiresAt', descending: true } };
    }
    case 'revoked':
      return { where: [['revokedAt', 'present']], order: { by: 'revokedAt', descending: true } };
    case 'unused': {
      // None is younger. From the oldest on, a long record of dead ones would have to be walked through first.
      const madeBy = now - REVIEW_UNUSED_DAYS * DAY_SECONDS;
      return { where: isFirst ? [['createdAt', '<=', madeBy]] : [], order: NEWEST };
    }
    default:
      return { where: [], order: NEWEST };
  }
}

/** Of an account that services issue tokens for, most are revoked: those that are not are found beside them. */
function ofAccount(accountId: string, state: StateAsked | undefined): Way {
  const of = ['accountId', '=', accountId] as const;
  if (state === undefined) return { where: [of], order: NEWEST };
  if (state !== 'revoked') return { where: [of, ['revokedAt', 'absent']], order: NEWEST };
  // Not `present`: SQLite would walk on through all that are not revoked.
  return { where: [of, ['revokedAt', '>', 0]], order: { by: 'revokedAt', descending: true } };
}

/** What is looked at in each row; undefined where all are wanted. */
function matchOf(asked: CredentialsAsked, now: number): ((row: Credential) => boolean) | undefined {
  const { state, ...fields } = asked;
  const wanted = Object.entries(fields).filter(([, value]) => value !== undefined);
  if (state === undefined && wanted.length === 0) return undefined;
  return (row) =>
    wanted.every(([name, value]) => row[name as keyof Credential] === value) &&
    (state === undefined || isIn(state, row, now));
}

function isIn(state: StateAsked, row: Credential, now: number): boolean {
  if (state !== 'unused' && state !== 'never_used') return stateOf(row, now) === state;
  return stateOf(row, now) === 'live' && useOf(row, now) === state && row.honey !== true;
}

import type { Collection } from '../../adapters/port.ts';
import type { Client } from '../credentials/client.ts';
import { type Credential, hasEnded } from '../credentials/credential.ts';
import type { Secrets } from '../credentials/secrets.ts';
import type { Tokens } from '../credentials/tokens.ts';
import type { Clock } from '../ground/clock.ts';
import { noSuch, Problem } from '../ground/errors.ts';
import { CHOSEN_TOKENS_MAX } from '../ground/limits.ts';
import { nothingToDo } from './nothing-to-do.ts';
import type { Manager } from './reason.ts';

/** What an admin can do to a token of somebody else. A secret is only revoked: what has it is paused as a whole. */
export type CredentialAct = (typeof CREDENTIAL_ACTS)[number];

export const CREDENTIAL_ACTS = ['pause', 'resume', 'revoke'] as const;

type Parts = {
  credentials: Pick<Collection<Credential>, 'get'>;
  tokens: Pick<Tokens, 'pause' | 'resume' | 'revoke' | 'revokeEach'>;
  secrets: Pick<Secrets, 'revoke' | 'list'>;
  clients: Pick<Collection<Client>, 'get'>;
  clock: Clock;
};

/**
 * What is done to tokens and secrets by somebody else: by the same acts as their owner does it, who is mailed and finds
 * the reason in the mail and in their activity.
 */
export function createCredentialActs(parts: Parts) {
  const { credentials, tokens, clock } = parts;

  return {
    /**
     * Does it. `callerId` is the client by which the manager acts, where it is no person. Throws Problem 409 where there
     * is nothing to do, and where that client would lock itself out.
     */
    async do(act: CredentialAct, credential: Credential, manager: Manager, callerId?: string): Promise<void> {
      if (act === 'revoke') return revoke(parts, credential, manager, callerId);
      if (credential.kind === 'client_secret') throw noSuch('token');
      if (!(await tokens[act](credential, manager)))
        throw nothingToDo(act === 'pause' ? 'It is paused already.' : 'It is not paused.');
    },

    /** Those of these ids. Throws Problem for more than may be, and where one is not there: then nothing is done to any. */
    async chosen(ids: readonly string[]): Promise<Credential[]> {
      const all = [...new Set(ids)];
      if (all.length > CHOSEN_TOKENS_MAX) throw tooManyChosen();
      const rows = await Promise.all(all.map((id) => credentials.get(id)));
      const known = rows.filter((row) => row !== undefined);
      if (known.length < all.length) throw noSuch('token or secret');
      return known;
    },

    /** Revokes those of them that have not ended, with one mail to each owner about their tokens; answers how many. */
    async revokeEach(chosen: readonly Credential[], manager: Manager): Promise<number> {
      const standing = chosen.filter((credential) => !hasEnded(credential, clock()));
      const isToken = ({ kind }: Credential) => kind === 'personal_access_token';
      let count = 0;
      for (const [accountId, theirs] of Map.groupBy(standing.filter(isToken), (token) => token.accountId)) {
        const ids = theirs.map(({ id }) => id);
        count += await tokens.revokeEach(accountId, ids, manager);
      }
      for (const secret of standing.filter((credential) => !isToken(credential))) {
        if (await revokeSecret(parts, secret, manager)) count += 1;
      }
      return count;
    },
  };
}

async function revoke(parts: Parts, credential: Credential, manager: Manager, callerId?: string) {
  if (hasEnded(credential, parts.clock())) throw nothingToDo('It has ended already.');
  const { kind, clientId, accountId } = credential;
  if (kind === 'client_secret' && clientId !== undefined && clientId === callerId) {
    const all = await parts.secrets.list({ accountId, clientId });
    if (all.filter((secret) => !hasEnded(secret, parts.clock())).length === 1) throw ownSecret();
  }
  const act = kind === 'client_secret' ? revokeSecret : revokeToken;
  if (!(await act(parts, credential, manager))) throw nothingToDo('It has ended already.');
}

function revokeToken({ tokens }: Parts, token: Credential, manager: Manager): Promise<boolean> {
  return tokens.revoke(token, manager);
}

async function revokeSecret(
  { secrets, clients }: Parts,
  { id, clientId = '', accountId }: Credential,
  manager: Manager,
): Promise<boolean> {
  const client = await clients.get(clientId);
  if (client === undefined) throw noSuch('secret');
  return secrets.revoke({ kind: client.kind, accountId, clientId, id }, manager);
}

function tooManyChosen(): Problem {
  return new Problem({
    status: 400,
    code: 'INVALID_DATA',
    message: 'These are too many at once.',
    hint: `Name at most ${CHOSEN_TOKENS_MAX}, and the others after them.`,
    parameter: 'ids',
  });
}

function ownSecret(): Problem {
  return new Problem({
    status: 409,
    code: 'OWN_SECRET',
    message: 'This is the only secret of the service that you call with: it would lock itself out.',
    hint: 'Make another secret for it first, or revoke it on a page.',
  });
}

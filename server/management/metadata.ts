import type { Collection } from '../../adapters/port.ts';
import type { Account } from '../accounts/account.ts';
import { auditOf } from '../accounts/accounts.ts';
import { type Credential, hasEnded } from '../credentials/credential.ts';
import { auditEntry } from '../credentials/owner.ts';
import { notLive } from '../credentials/token-changes.ts';
import type { Effects } from '../effects/effects.ts';
import type { Actor } from '../ground/actor.ts';
import type { Clock } from '../ground/clock.ts';
import { noSuch } from '../ground/errors.ts';
import { type Metadata, metadataFrom } from '../ground/metadata.ts';

type Parts = {
  accounts: Collection<Account>;
  credentials: Collection<Credential>;
  effects: Effects;
  clock: Clock;
};

/**
 * Notes of whoever runs the app, on tokens and accounts of others. Nothing of the account itself sets them: its owner
 * could give themselves another plan.
 */
export function createMetadata({ accounts, credentials, effects, clock }: Parts) {
  async function tokenOf(id: string): Promise<Credential> {
    const token = await credentials.get(id);
    if (token?.kind !== 'personal_access_token') throw noSuch('token');
    return token;
  }

  async function accountOf(id: string): Promise<Account> {
    const account = await accounts.get(id);
    if (account === undefined) throw noSuch('account');
    return account;
  }

  return {
    /** Throws Problem 404. */
    ofToken: async (id: string): Promise<Metadata> => (await tokenOf(id)).metadata ?? {},
    ofAccount: async (id: string): Promise<Metadata> => (await accountOf(id)).metadata ?? {},

    /** Puts this in the place of all that was noted of a token. Throws Problem for one that has ended. */
    async setOfToken(id: string, sent: unknown, actor: Actor): Promise<Metadata> {
      const metadata = metadataFrom(sent);
      const token = await tokenOf(id);
      requireCurrent(token, clock());
      const changed = await effects.update(
        credentials,
        id,
        // A rotation that read the token before must not carry on what stood there then.
        { set: { metadata }, add: { edits: 1 } },
        [
          ['revokedAt', 'absent'],
          ['replacedBy', 'absent'],
        ],
        { audit: [auditEntry('token.metadata_set', token, actor)] },
      );
      if (changed === undefined) {
        requireCurrent(await tokenOf(id), clock());
        throw notLive('It was changed just now.', 'Send it again.');
      }
      return metadata ?? {};
    },

    /** The same for an account, whatever its state. */
    async setOfAccount(id: string, sent: unknown, actor: Actor): Promise<Metadata> {
      const metadata = metadataFrom(sent);
      const account = await accountOf(id);
      const audit = auditOf(account, 'account.metadata_set', actor);
      if ((await effects.update(accounts, id, { set: { metadata } }, [], audit)) === undefined)
        throw noSuch('account');
      return metadata ?? {};
    },
  };
}

/** What is noted of a value that was rotated would be lost with it. Throws Problem 409. */
function requireCurrent(token: Credential, now: number): void {
  if (token.replacedBy !== undefined)
    throw notLive('It was rotated.', `Set it on ${token.replacedBy}, which has taken its place.`);
  if (hasEnded(token, now)) throw notLive('It has ended.', 'There is nothing to be noted of it any more.');
}

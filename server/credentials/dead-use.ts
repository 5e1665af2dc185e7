import { deadCredentialUsed } from '../../views/mail/dead-use.ts';
import { type Credential, stateOf } from './credential.ts';
import type { ClientDependencies } from './dependencies.ts';
import { mailToOwner } from './owner.ts';

export type DeadUse = ReturnType<typeof createDeadUse>;

/** Where a value was used, and for what: `POST /api/1.1/wf/…`. */
export type Use = { from: string; what: string };

/**
 * Tells the owner once that a value is in use which has ended: something of theirs has stopped working, or somebody has
 * what was revoked. One guarded write of its row, so that of all calls with it, in whichever process, one mails.
 */
export function createDeadUse(parts: ClientDependencies) {
  return {
    /** Does nothing for a credential that is live or paused, or whose owner was told before. */
    async tell(credential: Credential, use: Use): Promise<void> {
      const { credentials, clients, accounts, effects, clock, settings } = parts;
      const { id, accountId, clientId, deadUseAt, name, replacedBy } = credential;
      const now = clock();
      const state = stateOf(credential, now);
      if (deadUseAt !== undefined || state === 'live' || state === 'paused') return;
      const client = clientId === undefined ? undefined : await clients.get(clientId);
      const written = deadCredentialUsed(settings, {
        name: client === undefined ? name : `${client.name}: ${name}`,
        kind: client === undefined ? 'token' : 'secret',
        how: replacedBy !== undefined ? 'replaced' : state,
        usedAt: now,
        ...use,
      });
      const mail = await mailToOwner(accounts, accountId, written);
      const change = { set: { deadUseAt: now } };
      await effects.update(credentials, id, change, [['deadUseAt', 'absent']], { mail });
    },
  };
}

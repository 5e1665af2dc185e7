import type { Bearer } from '../access/bearer.ts';
import type { Accounts } from '../accounts/accounts.ts';
import { minuteId } from '../activity/entry-ids.ts';
import type { EffectsOfChange } from '../effects/effects.ts';
import type { Clock } from '../ground/clock.ts';

/**
 * What the owners of records that an admin's call touches read in their activity: which service did it, by what (a
 * workflow, or the records of a type), when, and for which reason. Who calls does not read it of themself, and whose account
 * is gone reads nothing any more. Entries of a minute have one id for each account, service and way to the data: a busy
 * service buries nobody's own history.
 */
export async function touchEntries(
  { accounts, clock }: { accounts: Pick<Accounts, 'get'>; clock: Clock },
  owners: readonly (string | undefined)[],
  made: { by: string; caller: Bearer; request: { id: string; from: string } },
): Promise<NonNullable<EffectsOfChange['audit']>> {
  const { by, caller, request } = made;
  const others = new Set(owners.filter((id) => id !== undefined));
  others.delete(caller.account.id);
  const found = await Promise.all([...others].map((id) => accounts.get(id)));
  const service = caller.client?.id ?? caller.tokenId;
  const { id: requestId, from } = request;
  return found
    .filter((account) => account !== undefined)
    .map(({ id: accountId }) => ({
      id: minuteId(clock(), [accountId, service, by]),
      accountId,
      actor: { kind: 'client' as const, id: service, from, requestId, reason: caller.client?.reason },
      action: 'data.touched',
      targetId: service,
      targetName: by,
      count: 1,
    }));
}

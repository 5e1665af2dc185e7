import type { Bearer } from '../access/bearer.ts';
import { momentOf } from '../activity/entry-ids.ts';
import type { EffectsOfChange } from '../effects/effects.ts';
import { hashOf } from '../ground/opaque.ts';
import { MINUTE_SECONDS } from '../ground/time.ts';

/** One entry for so long, of each account, service and way to the data: a busy service buries nobody's own history. */
const WINDOW_SECONDS = MINUTE_SECONDS;

/**
 * What the owners of the data that an admin's call touches read in their activity: which service did it, by what (a
 * workflow, or the records of a type), when, and for which reason. Entries of one window have one id, so that they are counted as one.
 */
export function touchEntries(
  accountIds: readonly string[],
  made: { by: string; caller: Bearer; request: { id: string; from: string } },
  now: number,
): NonNullable<EffectsOfChange['audit']> {
  const { by, caller, request } = made;
  const service = caller.client?.id ?? caller.tokenId;
  const startsAt = Math.floor(now / WINDOW_SECONDS) * WINDOW_SECONDS;
  const { id: requestId, from } = request;
  return accountIds.map((accountId) => ({
    id: `${momentOf(startsAt)}${hashOf([accountId, service, by, startsAt].join('\n'))}`,
    accountId,
    actor: { kind: 'client' as const, id: service, from, requestId, reason: caller.client?.reason },
    action: 'data.touched',
    targetId: service,
    targetName: by,
    count: 1,
  }));
}

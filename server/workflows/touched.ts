import type { Bearer } from '../access/bearer.ts';
import { momentOf } from '../activity/entry-ids.ts';
import type { EffectsOfChange } from '../effects/effects.ts';
import { hashOf } from '../ground/opaque.ts';
import { MINUTE_SECONDS } from '../ground/time.ts';
import type { Workflow } from './workflow.ts';

/** One entry for so long, of each account, service and workflow: a busy service buries nobody's own history. */
const WINDOW_SECONDS = MINUTE_SECONDS;

/**
 * What the owners of the data that an admin's run touches read in their activity: which service did it, by which
 * workflow, when, and for which reason. Entries of one window have one id, so that they are counted as one.
 */
export function touchEntries(
  accountIds: readonly string[],
  run: { workflow: Workflow; caller: Bearer; request: { id: string; from: string } },
  now: number,
): NonNullable<EffectsOfChange['audit']> {
  const { workflow, caller, request } = run;
  const service = caller.client?.id ?? caller.tokenId;
  const startsAt = Math.floor(now / WINDOW_SECONDS) * WINDOW_SECONDS;
  const { id: requestId, from } = request;
  return accountIds.map((accountId) => ({
    id: `${momentOf(startsAt)}${hashOf([accountId, service, workflow.name, startsAt].join('\n'))}`,
    accountId,
    actor: { kind: 'client' as const, id: service, from, requestId, reason: caller.client?.reason },
    action: 'data.touched',
    targetId: service,
    targetName: workflow.name,
    count: 1,
  }));
}

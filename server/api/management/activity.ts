import { z } from 'zod';
import type { AuditEntry } from '../../activity/audit.ts';
import type { Call } from '../../activity/call.ts';
import { SEARCH_LENGTH_MAX } from '../../ground/limits.ts';
import { midnightOf } from '../../ground/time.ts';
import { timesOf } from '../times.ts';
import { type ManagementEndpoint, pageAskedBy, pageQuery, queryOf } from './endpoint.ts';
import type { ManagementDependencies } from './routes.ts';

const text = z.string().max(SEARCH_LENGTH_MAX).default('');
const time = z
  .string()
  .refine((written) => timeFrom(written) !== undefined, 'no time')
  .optional();
const flag = z.enum(['true', 'false']).default('false');
const shared = pageQuery.extend({
  account: text,
  since: time,
  before: time,
  address: text,
  request_id: z.string().min(1).max(80).optional(),
});
const callsQuery = shared.extend({
  credential: text,
  // The code of a Problem, or `success`, `refused`, `failed`.
  result: z
    .string()
    .regex(/^[A-Za-z_]{1,60}$/, 'no result')
    .default(''),
  admin_use: flag,
});
const changesQuery = shared.extend({
  actor: text,
  action: text,
  target: text,
  with_reason: flag,
});

/** `/activity` and `/audit`: the calls and the changes of everybody. */
export function activityEndpoints({ callList, auditList }: ManagementDependencies): ManagementEndpoint[] {
  return [
    {
      method: 'GET',
      path: '/activity',
      async answer({ ctx }) {
        const query = queryOf(ctx, callsQuery);
        const { account, credential, result, address } = query;
        const adminUse = query.admin_use === 'true';
        const asked = { ...timeAsked(query), account, credential, result, address, adminUse };
        const { rows, next } = await callList.list(asked, pageAskedBy(ctx, query));
        return { items: rows.map(callJson), next_cursor: next ?? null };
      },
    },
    {
      method: 'GET',
      path: '/audit',
      async answer({ ctx }) {
        const query = queryOf(ctx, changesQuery);
        const { account, actor, action, target, address } = query;
        const withReason = query.with_reason === 'true';
        const asked = { ...timeAsked(query), account, actor, action, target, address, withReason };
        const { rows, next } = await auditList.list(asked, pageAskedBy(ctx, query));
        return { items: rows.map(changeJson), next_cursor: next ?? null };
      },
    },
  ];
}

function timeAsked({ since = '', before = '', request_id: requestId }: z.infer<typeof shared>) {
  return { from: timeFrom(since), before: timeFrom(before), requestId };
}

/** Epoch seconds, a day (UTC) or RFC 3339; undefined for what is none of them. */
function timeFrom(written: string): number | undefined {
  if (/^\d{1,11}$/.test(written)) return Number(written);
  const isExact = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/.test(written);
  const at = isExact ? Math.floor(Date.parse(written) / 1000) : Number.NaN;
  return Number.isNaN(at) ? midnightOf(written) : at;
}

/** A call as programs are told of it. */
function callJson(call: Call) {
  const { id, at, accountId, clientId, tokenId, tokenKind, tokenName, method, path, status, result } = call;
  return {
    ...{ id, ...timesOf('created', at), account_id: accountId, client_id: clientId ?? null },
    ...{ token_id: tokenId, token_kind: tokenKind, token_name: tokenName, method, path, status, result },
    ...{ ms: call.ms ?? null, count: call.count ?? 1, from: call.from, request_id: call.requestId },
    privacy_bypassed: call.privacyBypassed === true,
    records_hidden: call.hidden ?? null,
  };
}

/** A change as programs are told of it. */
function changeJson(entry: AuditEntry) {
  const { id, at, accountId, action, targetId, targetName, refused, count, actor } = entry;
  return {
    ...{ id, ...timesOf('created', at), account_id: accountId === '' ? null : accountId, action },
    ...{ target_id: targetId, target_name: targetName, refused: refused === true, count: count ?? 1 },
    actor: { kind: actor.kind, id: actor.id ?? null },
    from: actor.from ?? null,
    request_id: actor.requestId ?? null,
    reason: actor.reason ?? null,
  };
}

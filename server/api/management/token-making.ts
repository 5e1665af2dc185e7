import { z } from 'zod';
import { requireActive } from '../../accounts/account.ts';
import { type Narrowing, typedNarrowing, type WantedNarrowing } from '../../credentials/narrowing.ts';
import { noSuch, Problem } from '../../ground/errors.ts';
import { DAY_SECONDS } from '../../ground/time.ts';
import { nothingToDo } from '../../management/nothing-to-do.ts';
import { managerFrom } from '../../management/reason.ts';
import { timesOf } from '../times.ts';
import { credentialIn, credentialJson } from './credentials.ts';
import { bodyOf, type ManagementCall, type ManagementEndpoint, reasonBody } from './endpoint.ts';
import type { ManagementDependencies } from './routes.ts';

/** What narrows a token, in the form that it is told in, too. */
const narrowed = {
  ip_ranges: z.array(z.string()).optional(),
  idle_days: z.number().nullable().optional(),
  origin: z.string().nullable().optional(),
  bounds: z.array(z.string()).optional(),
};
const narrowingBody = z.strictObject(narrowed);
const newBody = reasonBody.extend({
  account_id: z.string(),
  name: z.string(),
  scopes: z.array(z.string()),
  note: z.string().optional(),
  /** Null for never. */
  expires_at: z.number().nullable().optional(),
  honey: z.boolean().default(false),
  ...narrowed,
});
const editBody = reasonBody.extend({
  name: z.string().optional(),
  scopes: z.array(z.string()).optional(),
  note: z.string().optional(),
  ...narrowed,
});
const rotateBody = reasonBody.extend({ overlap: z.number().optional() });

/** `POST /tokens`, `/tokens/ID/edit` and `/tokens/ID/rotate`: tokens made and changed for the accounts that they are of. */
export function tokenMakingEndpoints(parts: ManagementDependencies): ManagementEndpoint[] {
  return [
    { method: 'POST', path: '/tokens', answer: (call) => mint(parts, call) },
    { method: 'POST', path: '/tokens/:id/edit', answer: (call) => edit(parts, call) },
    { method: 'POST', path: '/tokens/:id/rotate', answer: (call) => rotate(parts, call) },
  ];
}

/** Makes a token for an account; its value is in this answer and nowhere else. */
async function mint(parts: ManagementDependencies, { ctx, actor }: ManagementCall): Promise<object> {
  const { accounts, tokens, settings, clock } = parts;
  const body = await bodyOf(ctx, newBody);
  const { account_id: id, name, scopes, note, honey, expires_at } = body;
  const manager = managerFrom(actor, body.reason);
  const account = await accounts.get(id);
  if (account === undefined) throw noSuch('account');
  requireActive(account);
  const usual = clock() + settings.tokens.defaultDays * DAY_SECONDS;
  const expiresAt = expires_at === undefined ? usual : (expires_at ?? undefined);
  const wanted = { account, name, scopes, note, honey, expiresAt, narrowing: narrowingIn(body) };
  const { credential, value } = await tokens.mint(wanted, manager);
  return { token: value, ...credentialJson(credential, clock()) };
}

/** One of two changes, so that no half of a call is done. What is not named stays. */
async function edit(parts: ManagementDependencies, call: ManagementCall): Promise<object> {
  const { tokens, scopes: catalogue, clock } = parts;
  const body = await bodyOf(call.ctx, editBody);
  const token = await credentialIn(parts, call, 'personal_access_token');
  const manager = managerFrom(call.actor, body.reason);
  const narrowing = narrowingIn(body, token.narrowing);
  const isNamed = [body.name, body.scopes, body.note].some((field) => field !== undefined);
  if (narrowing !== undefined && isNamed) throw twoChanges();
  const { name = token.name, scopes = catalogue.declared(token.scopes), note = token.note ?? '' } = body;
  const changed = await (narrowing === undefined
    ? tokens.edit(token, { name, scopes, note }, manager)
    : tokens.narrow(token, narrowing, manager));
  // Each change counts its edits on.
  if (changed.edits === token.edits) throw nothingToDo(`The token “${token.name}” stands so already.`);
  return credentialJson(changed, clock());
}

/** Gives a token a new value, which is in this answer and nowhere else. */
async function rotate(parts: ManagementDependencies, call: ManagementCall): Promise<object> {
  const { accounts, tokens, clock } = parts;
  const { reason, overlap: overlapSeconds } = await bodyOf(call.ctx, rotateBody);
  const token = await credentialIn(parts, call, 'personal_access_token');
  const manager = managerFrom(call.actor, reason);
  const account = await accounts.get(token.accountId);
  if (account === undefined) throw noSuch('account');
  const { credential, value } = await tokens.rotate(token, { account, overlapSeconds }, manager);
  const old = await credentialIn(parts, call, 'personal_access_token');
  const oldEndsAt = old.revokedAt ?? old.expiresAt;
  return { token: value, ...credentialJson(credential, clock()), ...timesOf('old_ends', oldEndsAt) };
}

/** What narrows it; undefined where nothing of it is named. What is not named stays as it is in `before`. */
function narrowingIn(body: z.infer<typeof narrowingBody>, before?: Narrowing): WantedNarrowing | undefined {
  const { ip_ranges: ipRanges, idle_days: idleDays, origin, bounds } = body;
  if ([ipRanges, idleDays, origin, bounds].every((field) => field === undefined)) return undefined;
  const kept = typedNarrowing(before);
  return {
    ipRanges: ipRanges ?? kept.ipRanges,
    idleDays: idleDays === undefined ? kept.idleDays : String(idleDays ?? ''),
    origin: origin === undefined ? kept.origin : (origin ?? ''),
    bounds: bounds ?? kept.bounds,
  };
}

function twoChanges(): Problem {
  return new Problem({
    status: 400,
    code: 'INVALID_DATA',
    message: 'What narrows a token is changed by itself; nothing was done.',
    hint: `Call it once with name, scopes or note, and once with ${Object.keys(narrowed).join(', ')}.`,
  });
}

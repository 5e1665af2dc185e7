import type { Context } from 'koa';
import type { Credential } from '../credentials/credential.ts';
import { narrowingForPrograms } from '../credentials/narrowing.ts';
import type { Domain } from '../domain.ts';
import { ME_TOKEN_PATH } from '../ground/api-address.ts';
import { Problem } from '../ground/errors.ts';
import { msSince } from '../ground/time.ts';
import { actorOf, startedMsOf } from '../http/request.ts';
import type { Authenticate } from './authenticate.ts';
import { allowOf, wrongMethod } from './methods.ts';
import { readRequestBody, readRequestQuery } from './request-body.ts';
import type { ApiCall, Endpoint } from './responder.ts';
import { timesOf } from './times.ts';
import { findWrapped } from './wrapped-values.ts';

/** A call of a personal access token about itself. */
type OwnCall = ApiCall & { own: { accountId: string; id: string } };

type Method = 'GET' | 'POST' | 'DELETE';

/**
 * What a token may ask and do about itself, by path and method, and nothing about any other: there is no id in these
 * addresses. Access tokens of services and apps are renewed at /oauth/token instead.
 */
export function createOwnToken(
  parts: Pick<Domain, 'tokens' | 'recorder' | 'clock'> & { authenticate: Authenticate },
) {
  const { tokens, recorder, clock, authenticate } = parts;

  async function show(call: OwnCall): Promise<object> {
    const token = await tokens.get(call.own);
    await record(call);
    return settingsOf(token, clock());
  }

  async function rotate(call: OwnCall): Promise<object> {
    const { ctx, own, caller, entry } = call;
    const overlapSeconds = await overlapIn(ctx);
    if (caller === undefined) throw authenticate.noCredential(ctx);
    if (entry !== undefined) entry.ms = msSince(startedMsOf(ctx));
    // On record together with the change: an answer that is held back for want of an entry would lose the value.
    const wanted = { account: caller.account, overlapSeconds, call: entry };
    const { credential, value } = await tokens.rotate(own, wanted, actorOf(ctx, own.accountId));
    const old = await tokens.get(own);
    const oldEndsAt = old.revokedAt ?? old.expiresAt;
    return { token: value, ...settingsOf(credential, clock()), ...timesOf('old_ends', oldEndsAt) };
  }

  async function revoke(call: OwnCall): Promise<object> {
    const { ctx, own } = call;
    await tokens.revoke(own, actorOf(ctx, own.accountId));
    await record(call);
    return { id: own.id, revoked: true };
  }

  async function record({ ctx, entry }: ApiCall): Promise<void> {
    if (entry === undefined) return;
    entry.ms = msSince(startedMsOf(ctx));
    await recorder.record(entry);
  }

  const endpoints: Record<string, Partial<Record<Method, (call: OwnCall) => Promise<object>>>> = {
    [ME_TOKEN_PATH]: { GET: show, DELETE: revoke },
    [`${ME_TOKEN_PATH}/rotate`]: { POST: rotate },
    [`${ME_TOKEN_PATH}/revoke`]: { POST: revoke },
  };

  const methodsOf = (path: string): Method[] => Object.keys(endpoints[path] ?? {}) as Method[];

  /** Throws Problem for who is no personal access token, and then for another method. */
  const answer: Endpoint = async (call) => {
    const { ctx, caller } = call;
    if (caller === undefined) throw authenticate.noCredential(ctx);
    if (caller.tokenKind !== 'personal_access_token') throw notPersonal();
    // HEAD is GET without the body (RFC 9110 section 9.3.2).
    const method = (ctx.method === 'HEAD' ? 'GET' : ctx.method) as Method;
    const act = endpoints[ctx.path]?.[method];
    if (act === undefined) throw wrongMethod(ctx, ctx.path, methodsOf(ctx.path));
    const own = { accountId: caller.account.id, id: caller.tokenId };
    return { status: 'success', response: await act({ ...call, own }) };
  };

  return {
    answer,

    /** Whether it is one of these addresses. */
    isAt: (path: string): boolean => Object.hasOwn(endpoints, path),

    /** The `Allow` header of one of them. */
    allow: (path: string): string => allowOf(methodsOf(path)),
  };
}

/** As people set it, and what came of it; the value itself is known to nobody any more. */
export function settingsOf(token: Credential, now: number) {
  const { createdAt, expiresAt, lastUsedAt } = token;
  return {
    id: token.id,
    name: token.name,
    note: token.note ?? null,
    scopes: token.scopes,
    ...narrowingForPrograms(token.narrowing),
    // Of an imported key nothing is known but its hash.
    first_four: token.imported ? null : token.firstFour,
    last_four: token.imported ? null : token.lastFour,
    imported: token.imported === true,
    issued_by: token.issuedBy ?? null,
    ...timesOf('created', createdAt),
    ...timesOf('expires', expiresAt),
    expires_in: expiresAt === undefined ? null : Math.max(0, expiresAt - now),
    ...timesOf('last_used', lastUsedAt),
    last_used_from: token.lastUsedFrom ?? null,
    replaces: token.replaces ?? null,
    replaced_by: token.replacedBy ?? null,
  };
}

/** The overlap that is asked for, in seconds; undefined where none is. Throws Problem for one that is not read, or none. */
async function overlapIn(ctx: Context): Promise<number | undefined> {
  const { values } = await readRequestBody(ctx);
  const overlap = values.get('overlap');
  if (overlap === undefined) {
    const query = readRequestQuery(ctx).values;
    if (query.has('overlap')) throw misplaced('in the query');
    const place = findWrapped([...values, ...query], ['overlap']).get('overlap');
    if (place !== undefined) throw misplaced(place);
    return undefined;
  }
  if (typeof overlap === 'number') return overlap;
  // As a form has it. What is no number at all, no rotation takes.
  return typeof overlap === 'string' && /^\d{1,10}$/.test(overlap) ? Number(overlap) : Number.NaN;
}

function misplaced(place: string): Problem {
  return new Problem({
    status: 400,
    code: 'INVALID_OVERLAP',
    message: `The overlap was sent ${place}, where it is not read.`,
    hint: 'Send {"overlap":3600} as the body, with the header "Content-Type: application/json".',
    parameter: 'overlap',
  });
}

function notPersonal(): Problem {
  return new Problem({
    status: 403,
    code: 'FORBIDDEN',
    message: 'This is for personal access tokens, and yours is an access token.',
    hint: 'A service or an app gets a new one at /oauth/token, and ends one at /oauth/revoke.',
  });
}

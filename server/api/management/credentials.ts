import { z } from 'zod';
import type { Credential } from '../../credentials/credential.ts';
import { stateOf } from '../../credentials/credential.ts';
import { noSuch } from '../../ground/errors.ts';
import type { CredentialAct } from '../../management/credential-acts.ts';
import { CREDENTIAL_STATES } from '../../management/credential-list.ts';
import { managerFrom } from '../../management/reason.ts';
import { settingsOf } from '../own-token.ts';
import { timesOf } from '../times.ts';
import {
  bodyOf,
  type ManagementCall,
  type ManagementEndpoint,
  pageAskedBy,
  pageQuery,
  queryOf,
  reasonBody,
} from './endpoint.ts';
import type { ManagementDependencies } from './routes.ts';

/** Longer than any value of ours. */
const VALUE_LENGTH_MAX = 200;

const listQuery = pageQuery.extend({
  account_id: z.string().max(80).optional(),
  last_four: z
    .string()
    .regex(/^[0-9A-Za-z]{4}$/)
    .optional(),
  state: z.enum(CREDENTIAL_STATES).optional(),
});
const QUERIES = {
  personal_access_token: listQuery,
  client_secret: listQuery.extend({ client_id: z.string().max(80).optional() }),
};
const chosenBody = reasonBody.extend({ ids: z.array(z.string()).min(1) });
const valueBody = z.strictObject({ value: z.string().max(VALUE_LENGTH_MAX) });

type Kind = Credential['kind'];

/** `/tokens…` and `/secrets…`: those of everybody, and what is done to them. No value that exists is ever given. */
export function credentialEndpoints(parts: ManagementDependencies): ManagementEndpoint[] {
  return [
    ...listEndpoints(parts, 'personal_access_token', '/tokens'),
    ...(['pause', 'resume', 'revoke'] as const).map((which) => actEndpoint(parts, which, '/tokens')),
    { method: 'POST', path: '/tokens/revoke', answer: (call) => revokeChosen(parts, call) },
    { method: 'POST', path: '/tokens/find', answer: (call) => findByValue(parts, call) },
    ...listEndpoints(parts, 'client_secret', '/secrets'),
    actEndpoint(parts, 'revoke', '/secrets'),
  ];
}

const PATHS = { '/tokens': 'personal_access_token', '/secrets': 'client_secret' } as const;

function listEndpoints(parts: ManagementDependencies, kind: Kind, path: string): ManagementEndpoint[] {
  const { credentialList, clock } = parts;
  return [
    {
      method: 'GET',
      path,
      async answer({ ctx }) {
        const asked = { client_id: undefined, ...queryOf(ctx, QUERIES[kind]) };
        const { account_id: accountId, client_id: clientId, last_four: lastFour, state } = asked;
        const page = pageAskedBy(ctx, asked);
        const found = await credentialList.list({ kind, accountId, clientId, lastFour, state }, page);
        const now = clock();
        return { items: found.rows.map((row) => credentialJson(row, now)), next_cursor: found.next ?? null };
      },
    },
    {
      method: 'GET',
      path: `${path}/:id`,
      answer: async (call) => credentialJson(await credentialIn(parts, call, kind), clock()),
    },
  ];
}

function actEndpoint(
  parts: ManagementDependencies,
  which: CredentialAct,
  path: keyof typeof PATHS,
): ManagementEndpoint {
  const kind = PATHS[path];
  return {
    method: 'POST',
    path: `${path}/:id/${which}`,
    async answer(call) {
      const { reason } = await bodyOf(call.ctx, reasonBody);
      const credential = await credentialIn(parts, call, kind);
      const manager = managerFrom(call.actor, reason);
      await parts.credentialActs.do(which, credential, manager, call.caller.client?.id);
      return credentialJson(await credentialIn(parts, call, kind), parts.clock());
    },
  };
}

/** What a value is that somebody found: looked up by its hash, and not repeated. */
async function findByValue({ leaks }: ManagementDependencies, { ctx }: ManagementCall): Promise<object> {
  const { value } = await bodyOf(ctx, valueBody);
  const known = await leaks.identify(value);
  if (known === undefined) throw noSuch('token or secret');
  const { kind, name, id, accountId, state, isHoney } = known;
  const isOurs = kind === 'personal_access_token' || kind === 'client_secret';
  return {
    kind,
    name,
    ...(isOurs ? { id } : { client_id: id }),
    account_id: accountId,
    state,
    honey: isHoney,
  };
}

/** Revokes some tokens, whoever they belong to, with one mail to each owner. */
async function revokeChosen(
  { credentialActs }: ManagementDependencies,
  { ctx, actor }: ManagementCall,
): Promise<object> {
  const { ids, reason } = await bodyOf(ctx, chosenBody);
  const manager = managerFrom(actor, reason);
  const chosen = await credentialActs.chosen(ids);
  if (chosen.some(({ kind }) => kind !== 'personal_access_token')) throw noSuch('token');
  return { revoked: await credentialActs.revokeEach(chosen, manager) };
}

/** The token or secret that a path names. Throws Problem 404. */
export async function credentialIn(
  { credentialList }: ManagementDependencies,
  { params }: Pick<ManagementCall, 'params'>,
  kind: Kind,
): Promise<Credential> {
  const row = await credentialList.get(params.id ?? '');
  if (row?.kind !== kind) throw noSuch(kind === 'client_secret' ? 'secret' : 'token');
  return row;
}

/** A token or a secret as programs are told of it: of its value only the ends. */
export function credentialJson(row: Credential, now: number) {
  const { scopes, issued_by, imported, replaces, replaced_by, ...facts } = settingsOf(row, now);
  const shared = {
    ...facts,
    account_id: row.accountId,
    state: stateOf(row, now),
    ...timesOf('revoked', row.revokedAt),
  };
  if (row.kind === 'client_secret') return { ...shared, client_id: row.clientId ?? null };
  const { honey = false, metadata = {} } = row;
  const token = { scopes, issued_by, imported, replaces, replaced_by, honey, metadata };
  const pause = { ...timesOf('paused', row.pausedAt), paused_by_admin: row.pausedByAdmin === true };
  return { ...shared, ...token, ...pause };
}

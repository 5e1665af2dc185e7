import { errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider';
import type { Grants } from '../access/grants.ts';
import { scopesIn } from '../credentials/scopes.ts';

type Grant = InstanceType<Provider['Grant']>;

/** By resource, with '' for the server itself: scopes that an authorization request asks for. */
type ScopesByResource = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * Finds what this account allowed this app before, in whichever browser: the engine by itself looks in the session at
 * hand only, and would ask again in each new one. Each browser has a grant of its own, so that an app which signs out
 * in one of them (RFC 7009) ends nothing in the others; what stands in the others' is taken over.
 */
export function createGivenConsent(grants: Pick<Grants, 'liveIds' | 'revokeOne'>) {
  return async (ctx: KoaContextWithOIDC): Promise<Grant | undefined> => {
    const { provider, client, account, session, result } = ctx.oidc;
    if (client === undefined || account === undefined) return undefined;
    const whose = { accountId: account.accountId, clientId: client.clientId };
    const ownId = result?.consent?.grantId ?? session?.grantIdFor(client.clientId);
    const own = ownId === undefined ? undefined : await provider.Grant.find(ownId);
    const missing = missingIn(own, askedScopes(ctx));
    if (missing.size === 0) return own;

    const others = (await grants.liveIds(whose)).filter((id) => id !== ownId);
    const found = await Promise.all(others.map((id) => provider.Grant.find(id)));
    const former = found.filter((grant) => grant !== undefined);
    const grant = own ?? (former.length > 0 ? new provider.Grant(whose) : undefined);
    if (grant === undefined || !takeOver(grant, former, missing)) return own;
    try {
      await grant.save();
    } catch (error) {
      // Ended at this moment.
      if (error instanceof errors.InvalidGrant) return undefined;
      throw error;
    }
    if (own !== undefined) return own;
    // Whoever ends all of them goes on until none is left, so either they see this one or we see them.
    const live = new Set(await grants.liveIds(whose));
    if (former.every(({ jti }) => live.has(jti))) return grant;
    await grants.revokeOne(grant.jti, { kind: 'system' });
    return undefined;
  };
}

function askedScopes(ctx: KoaContextWithOIDC): ScopesByResource {
  const { requestParamOIDCScopes, requestParamScopes, resourceServers = {} } = ctx.oidc;
  const ofResources = Object.entries(resourceServers).map(([resource, { scopes }]) => {
    const available = [...requestParamScopes].filter((scope) => scopes.has(scope));
    return [resource, new Set(available)] as const;
  });
  return new Map([['', requestParamOIDCScopes] as const, ...ofResources]);
}

function missingIn(grant: Grant | undefined, asked: ScopesByResource): ScopesByResource {
  const missing = [...asked].map(([resource, scopes]) => {
    const given = new Set(grant === undefined ? [] : givenScopes(grant, resource, scopes));
    return [resource, new Set([...scopes].filter((scope) => !given.has(scope)))] as const;
  });
  return new Map(missing.filter(([, scopes]) => scopes.size > 0));
}

function givenScopes(grant: Grant, resource: string, scopes: ReadonlySet<string>): string[] {
  return scopesIn(
    resource === ''
      ? grant.getOIDCScopeFiltered(new Set(scopes))
      : grant.getResourceScopeFiltered(resource, new Set(scopes)),
  );
}

/** Adds to a grant what of `missing` stands in one of the others; answers whether that was anything. */
function takeOver(grant: Grant, others: readonly Grant[], missing: ScopesByResource): boolean {
  let isWider = false;
  for (const [resource, scopes] of missing) {
    const given = new Set(others.flatMap((other) => givenScopes(other, resource, scopes)));
    // The consent page says of every app that it keeps its access while the person is away.
    if (scopes.has('offline_access')) given.add('offline_access');
    if (given.size === 0) continue;
    isWider = true;
    if (resource === '') grant.addOIDCScope([...given].join(' '));
    else grant.addResourceScope(resource, [...given].join(' '));
  }
  return isWider;
}

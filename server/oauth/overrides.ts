import type { Provider } from 'oidc-provider';
import { ledByMoment } from '../access/artifact.ts';

/*
 * Where a model of the engine does not do what this server needs and no setting changes it: each override with its
 * reason. How secrets are compared stands in client-secrets.ts.
 */

/** Replaces what has to be replaced in the models of this provider. */
export function overrideModels(provider: Provider): void {
  leadTokensByMoment(provider);
  letRefreshNameOfflineAccess(provider);
  keepRowsOfSessions(provider);
  saveSecurityVersionWithSessions(provider);
}

/** So that the rows of tokens that come one after another are written side by side, see artifact.ts. */
function leadTokensByMoment(provider: Provider): void {
  for (const { prototype } of [provider.AccessToken, provider.ClientCredentials, provider.RefreshToken]) {
    const token = prototype as unknown as { generateTokenId(): string };
    const { generateTokenId } = token;
    token.generateTokenId = function generateLed() {
      return ledByMoment(generateTokenId.call(this));
    };
  }
}

/**
 * The engine drops `offline_access` from a request without `prompt=consent` (OpenID Connect Core section 11). Clients
 * that name the scopes of their first request again when they refresh would be refused for it, with a token in hand
 * that is offline access.
 */
function letRefreshNameOfflineAccess(provider: Provider): void {
  Object.defineProperty(provider.RefreshToken.prototype, 'scopes', {
    get(this: { scope?: string }) {
      return new Set([...(this.scope?.split(' ') ?? []), 'offline_access']);
    },
  });
}

/**
 * A session's row stays when its bearer value changes, so the former value is gone with the change, and there is
 * nothing of before to destroy: the engine would end the very session that it saves.
 */
function keepRowsOfSessions(provider: Provider): void {
  const session = provider.Session.prototype as unknown as {
    oldId?: string;
    save(ttlSeconds: number): Promise<string>;
  };
  const { save } = session;
  session.save = function saveInPlace(ttlSeconds) {
    delete this.oldId;
    return save.call(this, ttlSeconds);
  };
}

/** A session brings the number under which its person was let in to the storage, which keeps it beside the payload. */
function saveSecurityVersionWithSessions({ Session }: Provider): void {
  Object.defineProperty(Session, 'IN_PAYLOAD', { value: [...Session.IN_PAYLOAD, 'securityVersion'] });
}

import { DATA_PATH, ME_PATH, ME_TOKEN_PATH, WORKFLOWS_PATH } from '../ground/api-address.ts';
import { withoutSecrets } from '../ground/without-secrets.ts';

/** Last words of paths that other servers have, or that people guess, and what answers to them here. */
const BY_LAST_WORD: Record<string, string> = wordsOf({
  '/oauth/token': 'token access_token access-token accesstoken token.oauth2',
  '/oauth/authorize': 'authorize authorise authorization auth',
  '/oauth/introspect': 'introspect introspection tokeninfo token_info check_token',
  '/oauth/revoke': 'revoke revocation revoke_token',
  '/oauth/userinfo': 'userinfo user_info user-info',
  '/oauth/jwks': 'jwks jwks.json jwks_uri jwk certs keys',
  '/oauth/end-session': 'end-session end_session endsession logout signout sign-out sign_out',
  '/.well-known/openid-configuration': 'openid-configuration openid_configuration openid-configuration.json',
  '/.well-known/oauth-authorization-server': 'oauth-authorization-server oauth_authorization_server',
  '/.well-known/oauth-protected-resource': 'oauth-protected-resource oauth_protected_resource',
  '/sign-in': 'sign-in login signin log-in sign_in',
  '/sign-up': 'sign-up signup sign_up',
  '/healthz': 'healthz health livez live ping',
  '/readyz': 'readyz ready readiness',
  [ME_PATH]: 'me whoami',
});

/** A workflow called below another path, such as `/api/wf/NAME`. */
const WORKFLOW = /(?:^|\/)(?:wf|workflows?)\/([\w-]{1,80})$/i;

/** Records of a data type below another path, such as `/api/obj/TYPE`. */
const DATA = /(?:^|\/)obj\/([\w-]{1,80}(?:\/[\w-]{1,80})?)$/i;

/** Ends of paths whose last word by itself means another address. */
const BY_END = [
  ['/me/token/rotate', `${ME_TOKEN_PATH}/rotate`],
  ['/me/token/revoke', `${ME_TOKEN_PATH}/revoke`],
  ['/me/token', ME_TOKEN_PATH],
  ['/credentials/revoke', '/credentials/revoke'],
] as const;

/** Metadata behind or before the path of an issuer or a resource (RFC 8414 section 3.1, RFC 9728 section 3.1). */
const METADATA =
  /\/\.well-known\/(openid[-_]configuration|oauth[-_]authorization[-_]server|oauth[-_]protected[-_]resource)\b/;

/** Words such as `revoke` mean something else below these. */
const OWN_PAGES = /^\/(tokens|services|developer|apps|account|activity|interaction|admin|assets)\b/;

/** Longer paths are no slip. */
const LENGTH_MAX = 200;

/** The address that somebody who asks for `path` probably means; undefined where nothing here is near it. */
export function nearAddress(path: string): string | undefined {
  if (path.length > LENGTH_MAX) return undefined;
  const plain = path
    .replace(/\/{2,}/g, '/')
    .replace(/;[^/]*$/, '')
    .replace(/\/$/, '');
  const workflow = WORKFLOW.exec(plain)?.[1];
  if (workflow !== undefined) return only(path, withoutSecrets(WORKFLOWS_PATH + workflow));
  const data = DATA.exec(plain)?.[1];
  if (data !== undefined) return only(path, withoutSecrets(DATA_PATH + data));
  const lower = plain.toLowerCase();
  if (OWN_PAGES.test(lower)) return undefined;
  const [, address] = BY_END.find(([end]) => lower.endsWith(end)) ?? [];
  if (address !== undefined) return only(path, address);
  const word = METADATA.exec(lower)?.[1] ?? lower.slice(lower.lastIndexOf('/') + 1);
  return Object.hasOwn(BY_LAST_WORD, word) ? only(path, BY_LAST_WORD[word]) : undefined;
}

/** What was asked for is no hint. */
function only(path: string, near: string | undefined): string | undefined {
  return near === path ? undefined : near;
}

function wordsOf(words: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(words).flatMap(([address, list]) => list.split(' ').map((word) => [word, address])),
  );
}

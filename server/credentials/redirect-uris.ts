import { checkAll, Problem } from '../ground/errors.ts';
import { REDIRECT_URIS_MAX } from '../ground/limits.ts';
import { isLoopback } from '../ground/loopback.ts';

/** Longer than any honest one; some browsers cut at 2,048. */
const URI_LENGTH_MAX = 1000;

/**
 * Schemes that browsers or systems treat as their own: sent there, a code would run as script, be saved,
 * mailed, or reach a program that nobody meant (GHSA-86j7-9j95-vpqj).
 */
const FORBIDDEN_SCHEMES = new Set(
  `about acap acct android-app appstore blob callto chrome chrome-extension chrome-search chrome-untrusted cid
  content data devtools dns edge facetime facetime-audio feed file filesystem finger ftp ftps git gopher hcp help
  imap intent irc ircs itms itms-apps itms-appss jar javascript jscript ldap ldaps livescript magnet mailto maps
  market mhtml mid mms moz-extension moz-icon news nfs nntp opera payto pop resource rlogin rtsp search search-ms
  sftp shell sip sips skype sms smsto smb ssh steam svn tel telnet tn3270 urn vbs vbscript view-source webcal ws
  wss wyciwyg xmpp x-apple-helpbasic x-javascript`.split(/\s+/),
);

/**
 * Editors whose own schemes have no dot. Any other app takes a name that it controls, in reverse order (RFC 8252
 * section 7.1): a plain word may be any program's.
 */
const EDITOR_SCHEMES = new Set(
  'code-oss cursor kiro positron trae void vscode vscode-insiders vscodium windsurf zed'.split(' '),
);

/** Where an app has people sent: after sign-in and consent, or after signing out. */
type UriList = 'redirectUris' | 'postLogoutRedirectUris';

const WORDS: Record<UriList, string> = {
  redirectUris: 'redirect URI',
  postLogoutRedirectUris: 'post-logout redirect URI',
};

/**
 * The redirect URIs that an app may register, one for each way back: https, http on this machine only, or a
 * scheme of the app's own (RFC 8252 section 7); the same for where people go after signing out (RP-Initiated
 * Logout section 3). They are compared character by character later, so whatever a browser would read
 * differently from what stands there is refused. Throws Problem.
 */
export function redirectUrisFrom(
  typed: readonly string[],
  typedForLogout: readonly string[] = [],
): {
  redirectUris: string[];
  postLogoutRedirectUris: string[];
  /** `native` as soon as one of them leads to a program on the person's own machine. */
  applicationType: 'web' | 'native';
} {
  const { redirectUris, postLogoutRedirectUris } = checkAll({
    redirectUris: () => someFrom(typed),
    postLogoutRedirectUris: () => listFrom(typedForLogout, 'postLogoutRedirectUris'),
  });
  const isNative = [...redirectUris, ...postLogoutRedirectUris].some((uri) => !uri.startsWith('https:'));
  return { redirectUris, postLogoutRedirectUris, applicationType: isNative ? 'native' : 'web' };
}

/** Without one there is no way back from the sign-in. */
function someFrom(typed: readonly string[]): string[] {
  const uris = listFrom(typed, 'redirectUris');
  if (uris.length > 0) return uris;
  throw refused('redirectUris', 'A redirect URI is missing.', 'Enter at least one, one a line.');
}

/** Each once and as it stands, without blank lines. Throws what is wrong with any of them. */
function listFrom(typed: readonly string[], list: UriList): string[] {
  const uris = [...new Set(typed.map((uri) => uri.trim()).filter((uri) => uri !== ''))];
  if (uris.length > REDIRECT_URIS_MAX) {
    throw refused(
      list,
      `More than ${REDIRECT_URIS_MAX} ${WORDS[list]}s.`,
      `Enter at most ${REDIRECT_URIS_MAX}, one a line.`,
    );
  }
  checkAll(uris.map((uri) => () => requireFit(uri, list)));
  return uris;
}

function requireFit(uri: string, list: UriList): void {
  const fault = faultOf(uri);
  if (fault !== undefined) throw refused(list, `The ${WORDS[list]} ${quoted(uri)} cannot be used.`, fault);
}

/** What is wrong with one URI, as a hint; undefined when it is fit. */
function faultOf(uri: string): string | undefined {
  if (uri.length > URI_LENGTH_MAX) return `Use at most ${URI_LENGTH_MAX} characters.`;
  if (!/^[\x21-\x7e]+$/.test(uri)) {
    return 'Use plain ASCII without spaces: write an international host name in its xn-- form.';
  }
  if (/[\\"<>^`{|}]/.test(uri)) return 'Write special characters percent-encoded.';
  if (uri.includes('*')) return 'Write the whole address: wildcards are not matched.';
  if (uri.includes('#')) return 'Leave out the fragment, from # on (RFC 6749 section 3.1.2).';
  const [, scheme] = /^([a-z][a-z0-9+.-]*):\//.exec(uri) ?? [];
  const url = URL.parse(uri);
  if (scheme === undefined || url === null) {
    return 'Write it in full, scheme in lower case, like https://app.example.com/callback.';
  }
  return scheme === 'https' || scheme === 'http' ? faultOfWeb(uri, url) : faultOfScheme(uri, scheme, url);
}

function faultOfWeb(uri: string, url: URL): string | undefined {
  const [, authority] = /^https?:\/\/([^/?]*)/.exec(uri) ?? [];
  if (authority === undefined || authority === '') return 'Write the host behind two slashes.';
  if (authority.includes('@')) return 'Leave out the user name and password before @.';
  const host = authority.replace(/:\d*$/, '').toLowerCase();
  // 0x7f.1, 2130706433, 127.1, %31… : a browser reads another host than people do.
  if (host !== url.hostname || host.endsWith('.')) {
    return 'Write the host as it is: a name, or an address in its usual form like 127.0.0.1.';
  }
  if (url.protocol === 'http:' && !isLoopback(url)) {
    return 'Use https:// (http:// is for localhost, 127.0.0.1 and [::1] only).';
  }
  return undefined;
}

function faultOfScheme(uri: string, scheme: string, url: URL): string | undefined {
  if (FORBIDDEN_SCHEMES.has(scheme) || /^(?:ms-|microsoft)|^x-ms-|-ms$/.test(scheme)) {
    return `Browsers or systems use ${scheme}: for themselves; use a scheme of your own, like com.example.app:/callback.`;
  }
  if (url.username !== '' || url.password !== '' || /^[^/]*\/\/[^/?]*@/.test(uri)) {
    return 'Leave out the user name and password before @.';
  }
  const isOwn = scheme.includes('.') || (EDITOR_SCHEMES.has(scheme) && url.host !== '');
  return isOwn
    ? undefined
    : 'Use a scheme with a domain name of yours turned round, like com.example.app:/callback.';
}

function quoted(uri: string): string {
  return JSON.stringify(uri.length > 100 ? `${uri.slice(0, 100)}…` : uri);
}

function refused(parameter: UriList, message: string, hint: string): Problem {
  return new Problem({
    status: 400,
    code: 'INVALID_REDIRECT_URI',
    message,
    hint,
    parameter,
  });
}

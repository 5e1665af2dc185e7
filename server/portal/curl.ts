import type { Client } from '../credentials/client.ts';
import { ME_PATH } from '../ground/api-address.ts';
import { type ExampleCall, exampleCall } from '../workflows/example-call.ts';
import type { Declarations } from '../workflows/load.ts';

/** The call that needs no scope. */
const ME: Pick<ExampleCall, 'path' | 'body'> = { path: ME_PATH };

/** The first call that one of these scopes allows; for none of them who the token is. */
export function callLine(
  url: string,
  token: string,
  scopes: readonly string[],
  declarations: Declarations,
): string {
  const call =
    scopes.map((scope) => exampleCall(declarations, scope)).find((example) => example !== undefined) ?? ME;
  return lines([
    'curl',
    `-H ${quoted(`Authorization: Bearer ${token}`)}`,
    call.body !== undefined && `-H ${quoted('Content-Type: application/json')}`,
    call.body !== undefined && `-d ${quoted(JSON.stringify(call.body))}`,
    quoted(`${url}${call.path}`),
  ]);
}

/** What a service does with its secret: get an access token, ask about others' tokens, or both. */
export function serviceCalls(
  url: string,
  client: Pick<Client, 'id' | 'scopes' | 'resourceServer'>,
  secret: string,
): { label: string; code: string }[] {
  const { id, scopes, resourceServer } = client;
  const token = { label: 'Get an access token', code: tokenLine(url, id, secret, scopes) };
  const ask = { label: 'Ask whether a token is good', code: introspectionLine(url, id, secret) };
  return [...(scopes.length > 0 ? [token] : []), ...(resourceServer ? [ask] : [])];
}

/** How a service gets an access token (RFC 6749 section 4.4). */
function tokenLine(url: string, id: string, secret: string, scopes: readonly string[]): string {
  return lines([
    `curl -u ${quoted(`${id}:${secret}`)}`,
    '-d grant_type=client_credentials',
    scopes.length > 0 && `--data-urlencode ${quoted(`scope=${scopes.join(' ')}`)}`,
    quoted(`${url}/oauth/token`),
  ]);
}

/** How a resource server asks about a token (RFC 7662 section 2.1). */
function introspectionLine(url: string, id: string, secret: string): string {
  return lines([
    `curl -u ${quoted(`${id}:${secret}`)}`,
    '-d token=THE_TOKEN_TO_ASK_ABOUT',
    quoted(`${url}/oauth/introspect`),
  ]);
}

function lines(parts: readonly (string | false)[]): string {
  return parts.filter((part) => part !== false).join(' \\\n  ');
}

/** One word for a POSIX shell, whatever is in it. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

import type { Client } from '../credentials/client.ts';
import { ME_PATH } from '../ground/api-address.ts';
import { type ExampleCall, exampleCall, type FormPart } from '../workflows/example-call.ts';
import type { Declarations } from '../workflows/load-declarations.ts';

/** The first call that one of these scopes allows; for none of them who the token is. */
export function callLine(
  url: string,
  token: string,
  scopes: readonly string[],
  declarations: Declarations,
): string {
  const call = scopes
    .map((scope) => exampleCall(declarations, scope))
    .find((example) => example !== undefined);
  return lines([
    'curl',
    `-H ${quoted(`Authorization: Bearer ${token}`)}`,
    ...sentWith(call),
    quoted(`${url}${call?.path ?? ME_PATH}`),
  ]);
}

function sentWith(call: ExampleCall | undefined): string[] {
  if (call?.form !== undefined) return call.form.map(formOption);
  if (call?.body === undefined) return [];
  return [`-H ${quoted('Content-Type: application/json')}`, `-d ${quoted(JSON.stringify(call.body))}`];
}

/** As `-F` a text that begins with `@` would be the name of a file. */
function formOption(part: FormPart): string {
  if ('text' in part) return `--form-string ${quoted(`${part.name}=${part.text}`)}`;
  const type = part.type === undefined ? '' : `;type=${part.type}`;
  return `-F ${quoted(`${part.name}=@${part.path}${type}`)}`;
}

/** What a service does with its secret: get an access token, ask about others' tokens, or both. */
export function serviceCalls(
  url: string,
  client: Pick<Client, 'id' | 'scopes' | 'resourceServer'>,
  secret: string,
): { label: string; code: string }[] {
  const { id, scopes, resourceServer } = client;
  const curl = `curl -u ${quoted(`${id}:${secret}`)}`;
  // RFC 6749 section 4.4
  const token = lines([
    curl,
    '-d grant_type=client_credentials',
    `--data-urlencode ${quoted(`scope=${scopes.join(' ')}`)}`,
    quoted(`${url}/oauth/token`),
  ]);
  // RFC 7662 section 2.1
  const ask = lines([curl, '-d token=THE_TOKEN_TO_ASK_ABOUT', quoted(`${url}/oauth/introspect`)]);
  return [
    ...(scopes.length > 0 ? [{ label: 'Get an access token', code: token }] : []),
    ...(resourceServer ? [{ label: 'Ask whether a token is good', code: ask }] : []),
  ];
}

function lines(parts: readonly (string | false)[]): string {
  return parts.filter((part) => part !== false).join(' \\\n  ');
}

/** One word for a POSIX shell, whatever is in it. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

import { expect, type Telling } from './telling.ts';

export type Caller = ReturnType<typeof createCaller>;

export type ApiCall = {
  method?: 'GET' | 'POST';
  path: string;
  /** Bearer token. */
  token?: string;
  /** Client id and secret as Basic authentication (RFC 6749 section 2.3.1). */
  basic?: readonly [id: string, secret: string];
  headers?: Record<string, string>;
  json?: unknown;
  form?: Record<string, string>;
};

/** A JSON answer; asked of by path, since each step knows what it looks for. */
export type Answer = { status: number; headers: Headers; body: unknown };

/** A program that calls by HTTP: tells each call as a line for curl, and the answer to it. */
export function createCaller(url: string, telling: Telling) {
  return {
    /** Makes a call and checks its status. */
    async call(wanted: number, given: ApiCall): Promise<Answer> {
      telling.keepSecretsOf(Object.entries(given.form ?? {}));
      telling.keepSecretsOf(Object.entries((given.json ?? {}) as object));
      telling.asked(curlOf(url, given));
      const response = await fetch(`${url}${given.path}`, {
        method: methodOf(given),
        headers: headersOf(given),
        ...(given.json === undefined ? {} : { body: JSON.stringify(given.json) }),
        ...(given.form === undefined ? {} : { body: new URLSearchParams(given.form).toString() }),
      });
      const text = await response.text();
      const body: unknown = text === '' ? undefined : JSON.parse(text);
      telling.keepSecretsOf(Object.entries((body ?? {}) as object));
      telling.answered(response.status, response.headers.get('content-type')?.split(';')[0] ?? 'no body');
      const challenge = response.headers.get('www-authenticate');
      if (challenge !== null) telling.quote(`WWW-Authenticate: ${challenge}`);
      if (body !== undefined) telling.quote(prettyJson(body));
      expect(response.status === wanted, `wanted status ${wanted}, got ${response.status}`);
      return { status: response.status, headers: response.headers, body };
    },
  };
}

/** What stands at a path like `response.token` of an answer; undefined where there is nothing. */
export function at(answer: Answer, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], answer.body);
}

/** The same where a text is wanted. */
export function textAt(answer: Answer, path: string): string {
  const value = at(answer, path);
  expect(typeof value === 'string' && value !== '', `wanted a text at ${path} of the answer`);
  return value;
}

/** Indented, with lists of plain values in one line. */
export function prettyJson(value: unknown): string {
  return JSON.stringify(value, undefined, 2).replace(/\[\s+([^[\]{}]*?)\s+\]/g, (_, inside: string) => {
    return `[${inside.replace(/\n\s+/g, ' ')}]`;
  });
}

function methodOf(given: ApiCall): string {
  return given.method ?? (given.json === undefined && given.form === undefined ? 'GET' : 'POST');
}

function headersOf({ token, basic, json, form, headers }: ApiCall): Record<string, string> {
  const credentials = basic === undefined ? '' : Buffer.from(basic.join(':')).toString('base64');
  return {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(basic === undefined ? {} : { authorization: `Basic ${credentials}` }),
    ...(json === undefined ? {} : { 'content-type': 'application/json' }),
    ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
    ...headers,
  };
}

function curlOf(url: string, given: ApiCall): string {
  const { token, basic, json, form = {}, headers = {} } = given;
  const words = [
    given.method === 'POST' && json === undefined && Object.keys(form).length === 0 && '-X POST',
    basic !== undefined && `-u ${quoted(basic.join(':'))}`,
    token !== undefined && `-H ${quoted(`Authorization: Bearer ${token}`)}`,
    ...Object.entries(headers).map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`),
    json !== undefined && `-H ${quoted('Content-Type: application/json')}`,
    json !== undefined && `-d ${quoted(JSON.stringify(json))}`,
    ...Object.entries(form).map(([name, value]) =>
      /^[\w.-]+$/.test(value) ? `-d ${name}=${value}` : `--data-urlencode ${quoted(`${name}=${value}`)}`,
    ),
    quoted(`${url}${given.path}`),
  ].filter((word) => word !== false);
  return ['curl', ...words].reduce((lines, word) => {
    const last = lines.slice(lines.lastIndexOf('\n') + 1);
    return last.length + word.length > 100 ? `${lines} \\\n  ${word}` : `${lines} ${word}`;
  });
}

/** One word for a POSIX shell, whatever is in it. */
function quoted(text: string): string {
  return /^[\w./:=@+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

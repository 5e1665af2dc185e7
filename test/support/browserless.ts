/**
 * A browser without a window: keeps cookies, sends what browsers send with a form, follows no redirect by
 * itself.
 */
export type Agent = {
  get(path: string, headers?: Record<string, string>): Promise<Page>;
  /** Sends a form as this site's own page would. */
  post(
    path: string,
    form: Record<string, string | string[]>,
    headers?: Record<string, string>,
  ): Promise<Page>;
  /** As `get`, and on through redirects for as long as they stay on this site. */
  follow(path: string): Promise<Page>;
  /** As `post`, and on to the page that shows what was made this once. */
  make(path: string, form: Record<string, string | string[]>): Promise<Page>;
  cookie(name: string): string | undefined;
  cookies(): Record<string, string>;
  setCookie(name: string, value: string): void;
};

export type Page = {
  status: number;
  /** Where it redirects to: a path for this site's own, whole otherwise; '' when it does not. */
  location: string;
  headers: Headers;
  text: string;
  /** The path that was asked for. */
  path: string;
};

type Cookie = { value: string; path: string };

const REDIRECTS_MAX = 15;

export function createAgent(url: string): Agent {
  const jar = new Map<string, Cookie>();

  function cookieHeader(path: string): string {
    return [...jar]
      .filter(
        ([, cookie]) =>
          path === cookie.path || path.startsWith(cookie.path === '/' ? '/' : `${cookie.path}/`),
      )
      .map(([key, cookie]) => `${key.split(' ')[0]}=${cookie.value}`)
      .join('; ');
  }

  function keep(header: string): void {
    const [pair = '', ...attributes] = header.split(';').map((part) => part.trim());
    const name = pair.slice(0, pair.indexOf('='));
    const value = pair.slice(pair.indexOf('=') + 1);
    const attribute = (key: string) =>
      attributes.find((one) => one.toLowerCase().startsWith(`${key}=`))?.slice(key.length + 1);
    const path = attribute('path') ?? '/';
    const expires = attribute('expires');
    const gone = value === '' || (expires !== undefined && Date.parse(expires) <= Date.now());
    if (gone) jar.delete(`${name} ${path}`);
    else jar.set(`${name} ${path}`, { value, path });
  }

  async function request(
    path: string,
    init: RequestInit & { headers: Record<string, string> },
  ): Promise<Page> {
    const target = new URL(path, url);
    const cookies = cookieHeader(target.pathname);
    const response = await fetch(target, {
      ...init,
      redirect: 'manual',
      headers: { accept: 'text/html', ...(cookies === '' ? {} : { cookie: cookies }), ...init.headers },
    });
    for (const header of response.headers.getSetCookie()) keep(header);
    const location = response.headers.get('location') ?? '';
    return {
      status: response.status,
      location: location.startsWith(`${url}/`) ? location.slice(url.length) : location,
      headers: response.headers,
      text: await response.text(),
      path,
    };
  }

  const agent: Agent = {
    get: (path, headers = {}) => request(path, { method: 'GET', headers }),
    post(path, form, headers = {}) {
      const body = new URLSearchParams();
      for (const [name, value] of Object.entries(form)) {
        for (const one of Array.isArray(value) ? value : [value]) body.append(name, one);
      }
      return request(path, {
        method: 'POST',
        body: body.toString(),
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          origin: url,
          'sec-fetch-site': 'same-origin',
          ...headers,
        },
      });
    },
    async follow(path) {
      let page = await agent.get(path);
      for (let turn = 0; turn < REDIRECTS_MAX && page.location.startsWith('/'); turn += 1) {
        page = await agent.get(page.location);
      }
      return page;
    },
    async make(path, form) {
      const page = await agent.post(path, form);
      return page.location.endsWith('/value') ? agent.get(page.location) : page;
    },
    cookie: (name) => [...jar].find(([key]) => key.startsWith(`${name} `))?.[1].value,
    cookies: () => Object.fromEntries([...jar].map(([key, cookie]) => [key, cookie.value])),
    setCookie: (name, value) => void jar.set(`${name} /`, { value, path: '/' }),
  };
  return agent;
}

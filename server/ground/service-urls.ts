import { resolve } from 'node:path';

/** What to do where a user or a password has signs that mean something in a URL. */
export const PERCENT_ENCODE =
  'with the special signs of USER and PASSWORD percent-encoded: %40 for @, %3A for :, %2F for /, %3F for ?, %23 for #, %25 for %';

/** A sign that means nothing in a URL, or two hex digits behind a percent sign (RFC 3986 section 2). */
const ENCODED = '(?:[^@/?#:%\\[\\]\\s]|%[\\da-f]{2})';
const HOST = '(?:[^@/?#:%\\[\\]\\s,]+|\\[[\\da-f:.]+\\])(?::\\d{1,5})?';
const MONGODB = new RegExp(
  `^mongodb(?:\\+srv)?://(?:${ENCODED}+(?::${ENCODED}*)?@)?${HOST}(?:,${HOST})*(?:/[^/?#\\s@]*)?(?:\\?[^#\\s@]*)?$`,
  'i',
);

/** Whether the driver can tell user, password, hosts and database apart. */
export function isMongodbUrl(url: string): boolean {
  return MONGODB.test(url);
}

/** What a mail URL says; user and password decoded. Undefined where it says it in a way that cannot be told apart. */
export function readSmtpUrl(mail: string): { url: URL; user: string; password: string } | undefined {
  const url = URL.parse(mail);
  if (url === null || url.hostname === '') return undefined;
  if (!/^\/?$/.test(url.pathname) || /[?#]/.test(mail)) return undefined;
  try {
    return { url, user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) };
  } catch {
    return undefined;
  }
}

/** Which store a URL names, for people: the whole path of a file, or hosts and database, never a password. */
export function storeName(url: string): string {
  if (url.startsWith('sqlite:')) return resolve(url.slice('sqlite:'.length));
  return url.replace(/^(mongodb(?:\+srv)?:\/\/)(?:.*@)?([^?]*).*$/s, '$1$2');
}

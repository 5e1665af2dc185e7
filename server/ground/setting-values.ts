/** Settings that are read by people: blanks, quotes and joiners may be meant. */
const WRITTEN_FOR_PEOPLE = ['appName', 'mailFrom', 'google.name'];
const QUOTES = `"'\`“”„‘’«»`;

/** Settings whose value is a path, or has one behind its scheme. */
const PATHS: Record<string, RegExp> = {
  data: /^/,
  config: /^/,
  logo: /^/,
  'google.icon': /^/,
  store: /^sqlite:/,
  mail: /^file:/,
};

/**
 * What slipped into a value on its way from a file or a shell: it would be taken as it stands, and name another folder,
 * database or secret than was meant. Undefined where nothing did.
 */
export function slipIn(key: string, value: string): string | undefined {
  const forPeople = WRITTEN_FOR_PEOPLE.includes(key);
  if (/\r$/.test(value)) {
    return 'it ends in a carriage return, as lines of a Windows file do; save the file with Unix line ends (LF)';
  }
  if (/\p{Cc}/u.test(value) || (!forPeople && /[\p{Cf}\p{Zl}\p{Zp}]/u.test(value))) {
    return 'there is a control character or an invisible one in it; take it out';
  }
  if (value.includes('\ufffd'))
    return 'it is not UTF-8, so a character of it is lost; save the file as UTF-8';
  if (value !== value.trim()) return 'there is a blank before or behind it; take it out';
  const [first = '', last = ''] = [value.at(0), value.at(-1)];
  const isQuoted = QUOTES.includes(first) && QUOTES.includes(last);
  const isHalfQuoted = QUOTES.includes(first) || QUOTES.includes(last);
  if (!forPeople && (isQuoted || (isHalfQuoted && !/secret$/i.test(key)))) {
    return 'there are quotes around it, which are taken as a part of it; leave them out';
  }
  return slipInPath(key, value);
}

function slipInPath(key: string, value: string): string | undefined {
  const scheme = PATHS[key];
  if (scheme?.test(value) !== true) return undefined;
  const path = value.replace(scheme, '');
  if (path !== path.trimStart()) return 'there is a blank before the path; take it out';
  if (/^~|^\$|\$\{|^%\w+%/.test(path)) {
    return 'a ~ or a variable in a path is put in by a shell only, and would be a folder of that name here; write the whole path';
  }
  if (/^[a-z]:[\\/]/i.test(path) && process.platform !== 'win32') {
    return 'a path with a drive is one of Windows, and would be a folder of that name here; write the path of this machine';
  }
  return undefined;
}

/** Settings that may hold a user and a password. */
const WITH_PASSWORD = ['url', 'store', 'mail', 'google.issuer'];

/** What stands before a host, or before a path, behind which there is no password. */
const SCHEME = /^(?:[a-z][a-z\d+.-]*:\/\/|(?:sqlite|file):)/i;

/**
 * A value as it was given, but for what may be a password in it: whatever stands before the last @, and where there is
 * none, whatever looks like `USER:PASSWORD`.
 */
export function shownSetting(key: string, value: unknown): string {
  if (typeof value !== 'string') return shownOther(key, value);
  const text = JSON.stringify(value);
  if (!WITH_PASSWORD.includes(key)) return text;
  const [scheme = ''] = SCHEME.exec(value) ?? [];
  if (/^(sqlite|file):$/i.test(scheme)) return text;
  const rest = value.slice(scheme.length);
  const at = rest.lastIndexOf('@');
  if (at !== -1) return JSON.stringify(`${scheme}***${rest.slice(at)}`);
  return isWithoutPassword(rest) ? text : JSON.stringify(`${scheme}***`);
}

/** What is no text, as only settings.ts can give it. */
function shownOther(key: string, value: unknown): string {
  if (value === undefined) return 'not set';
  if (typeof value === 'bigint' || typeof value === 'symbol') return String(value);
  const isHidden = typeof value === 'object' && value !== null && WITH_PASSWORD.includes(key);
  return isHidden || typeof value === 'function' ? 'not good' : JSON.stringify(value);
}

/** `HOST:PORT/PATH`, or the same with an IPv6 address: no colon with anything but a port behind it. */
function isWithoutPassword(rest: string): boolean {
  return /^[^:]*(:\d*)*([/?#"'\s][^:]*)?$/.test(rest) || /^\[[\da-f:.]*\]?(:\d*)?([/?#"'\s].*)?$/i.test(rest);
}

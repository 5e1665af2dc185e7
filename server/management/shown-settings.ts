import { storeName } from '../ground/service-urls.ts';
import type { Settings } from '../ground/settings.ts';
import { domainsInWords, type SignUpPolicy } from '../ground/sign-up-setting.ts';

/** One setting as it is in force: nothing of its value where that is a secret, or has a password in it. */
export type ShownSetting = {
  /** As in settings.ts: `tokens.maxDays`. */
  key: string;
  value: string;
  /** Where it came from: settings.ts, the name of a variable, a file, or `default`. */
  from: string;
};

type Words = Record<string, string>;

const HIDDEN = 'set, not shown';
const NOT_SET = 'not set';
const DEFAULT = 'default';

const text = (value: string | undefined) => value ?? NOT_SET;
const yesOrNo = (value: boolean | undefined) => (value === true ? 'yes' : 'no');
const days = (count: number) => `${count} days`;
const list = (values: readonly string[] | undefined) => values?.join(', ') || 'none';
const hidden = (value: string | undefined) => (value === undefined ? NOT_SET : HIDDEN);

/**
 * Each setting in words; '' under the key itself. A setting that is not named here does not compile, so that none is shown
 * before somebody thought of whether it is a secret.
 */
const WORDS: { readonly [K in keyof Settings]: ((value: Settings[K]) => string | Words) | undefined } = {
  url: text,
  host: text,
  port: String,
  store: storeInWords,
  data: text,
  config: text,
  secret: hidden,
  mail: mailInWords,
  mailFrom: text,
  proxies: list,
  portalReturnUrls: (urls) => list(urls.map(withoutUser)),
  appName: text,
  logo: text,
  accentColour: text,
  signUp: signUpInWords,
  register: (register) => group(register, { apps: text, services: text }),
  tokens: (tokens) => group(tokens, { defaultDays: days, maxDays: days, allowNever: yesOrNo }),
  retention: (retention) => group(retention, { calls: days, audit: days, credentials: days }),
  leaks: (leaks) => group(leaks, { github: yesOrNo, githubKeys: withoutUser }),
  google: (google) =>
    google === undefined
      ? 'off'
      : group(google, {
          clientId: text,
          clientSecret: hidden,
          issuer: withoutUser,
          audiences: list,
          trustsEmails: yesOrNo,
          name: text,
          icon: text,
        }),
  // What follows from others, or is about them.
  production: undefined,
  secretIsOld: undefined,
  origins: undefined,
};

/** All settings as they are in force. */
export function shownSettings(settings: Settings): ShownSetting[] {
  const { origins } = settings;
  // What was given as a group may be shown as one: the domains of `signUp`.
  const given = (key: string) =>
    origins[key] ?? Object.entries(origins).find(([one]) => one.startsWith(`${key}.`))?.[1];
  const from = (key: string) => given(key) ?? (key === 'secret' ? 'secret file in the data folder' : DEFAULT);
  return Object.keys(WORDS).flatMap((key) => {
    const words = wordsOf(settings, key as keyof Settings);
    if (words === undefined) return [];
    if (typeof words === 'string') return [{ key, value: words, from: from(key) }];
    return Object.entries(words).map(([inner, value]) => {
      const path = `${key}.${inner}`;
      return { key: path, value, from: from(path) };
    });
  });
}

function wordsOf<K extends keyof Settings>(settings: Settings, key: K): string | Words | undefined {
  return WORDS[key]?.(settings[key]);
}

/** The settings of a group, each in words. */
function group<T extends object>(value: T, words: { [K in keyof T]-?: (inner: T[K]) => string }): Words {
  const keys = Object.keys(words) as (keyof T & string)[];
  return Object.fromEntries(keys.map((key) => [key, words[key](value[key])]));
}

/** Hosts and database alone: user, password and options, in which there may be secrets too, are left out. */
function storeInWords(store: string): string {
  return store.startsWith('sqlite:') ? store : storeName(store);
}

function mailInWords(mail: string): string {
  if (mail.startsWith('file:')) return mail;
  const url = URL.parse(mail);
  if (url === null) return HIDDEN;
  const signsIn = url.username === '' && url.password === '' ? '' : ', with a user and a password';
  return `${url.protocol}//${url.host}${signsIn}`;
}

/** An address without user and password. */
function withoutUser(written: string): string {
  const url = URL.parse(written);
  if (url === null || (url.username === '' && url.password === '')) return written;
  url.username = '';
  url.password = '';
  return url.href;
}

function signUpInWords(policy: SignUpPolicy): string {
  return typeof policy === 'string' ? policy : `addresses at ${domainsInWords(policy.domains)}, and invited`;
}

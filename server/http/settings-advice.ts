import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isLoopbackHost } from '../ground/loopback.ts';
import type { Settings } from '../ground/settings.ts';
import { domainsInWords } from '../ground/sign-up-setting.ts';
import { adviceOnProxies } from './client-address.ts';

/** `fail` keeps the server from working, `warn` from working well; `todo` says what to do about it. */
export type Found = { level: 'ok' | 'warn' | 'fail'; found: string; todo?: string };

/** One thing that was looked at. */
export type Finding = Found & { about: string };

/** What `doctor` says of the settings and of their files, and the console too: nothing outside is asked. */
export async function adviceOnSettings(settings: Settings): Promise<Finding[]> {
  const { data, mail } = settings;
  const kept = keptMail(mail);
  return [
    judge(settings),
    policyOf(settings),
    ...(await adviceOnFiles(data)),
    ...(kept === undefined ? [] : [{ about: 'mail', ...kept }]),
  ];
}

/** Whether others can come in or look in on what is sent. */
export function judge(settings: Settings): Finding {
  const { host, production } = settings;
  const proxies = adviceOnProxies(settings);
  if (proxies !== undefined) return { level: 'warn', about: 'settings', ...proxies };
  if (production || isLoopbackHost(host)) return { level: 'ok', about: 'settings', found: 'all good' };
  const found = `HOST is ${host} and the URL is http: others in the network can come in, and read what is sent`;
  const todo = 'set HOST to 127.0.0.1, or put a proxy with https before it and set LATCHKEY_URL';
  return { level: 'warn', about: 'settings', found, todo };
}

/** Who may come in, and who may register clients: nothing is wrong with any of it. */
export function policyOf({ signUp, register }: Settings): Finding {
  const who =
    typeof signUp === 'string' ? signUp : `addresses at ${domainsInWords(signUp.domains)}, and invited`;
  const found = `accounts: ${who}; apps: ${register.apps}; services: ${register.services}`;
  return { level: 'ok', about: 'who may make', found };
}

/** Whether others on this machine can look into the data folder and the secret. */
export async function adviceOnFiles(data: string): Promise<Finding[]> {
  const secret = join(data, 'secret');
  return Promise.all([
    // With a store elsewhere and the secret in the settings there may be no folder.
    ...(existsSync(data) ? [privacyOf('data folder', data, 0o700)] : []),
    // Without the file the secret comes from the settings; where there is neither, they were not good.
    ...(existsSync(secret) ? [privacyOf('secret file', secret, 0o600)] : []),
  ]);
}

async function privacyOf(about: string, path: string, wanted: number): Promise<Finding> {
  try {
    const mode = (await stat(path)).mode & 0o777;
    const found = `${path}, mode ${mode.toString(8).padStart(4, '0')}`;
    if ((mode & 0o077) === 0) return { level: 'ok', about, found };
    const todo = `chmod ${wanted.toString(8)} ${path}`;
    return { level: 'warn', about, found: `${found}: others can look in`, todo };
  } catch (error) {
    const todo = 'let the user that runs Latchkey own it';
    return { level: 'fail', about, found: (error as Error).message, todo };
  }
}

/** Undefined where mails are sent. */
export function keptMail(mail: string): Found | undefined {
  if (!mail.startsWith('file:')) return undefined;
  const found = `kept in ${mail.slice('file:'.length)}, not sent`;
  return { level: 'warn', found, todo: 'set LATCHKEY_MAIL to smtp://… when people are to get them' };
}

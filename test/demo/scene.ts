import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startGoogle, type TestGoogle } from '../support/google.ts';
import { type ServerProcess, startServerProcess } from '../support/process.ts';
import { createKeptMail } from '../support/smtp.ts';
import { type Browser, createBrowser } from './browser.ts';
import { type Caller, createCaller } from './caller.ts';
import { expect, type Telling } from './telling.ts';

/**
 * Where the demonstration takes place: a server of its own, a provider that plays Google, and the way to
 * both.
 */
export type Scene = {
  url: string;
  /** The one-time link that the server printed. */
  adminLink: string;
  mail: ReturnType<typeof createKeptMail>;
  google: TestGoogle;
  telling: Telling;
  api: Caller;
  newBrowser(): Browser;
  /** What the server wrote that is worth a look when something went wrong. */
  complaints(): string[];
  close(): Promise<void>;
};

const COMPLAINTS_MAX = 20;

/** The link is printed right behind the line that says where the server listens. */
const LINK_MS_MAX = 5_000;

/**
 * Opens it all in a temporary folder that goes with it: the server in a process of its own, as `npm start`
 * does.
 */
export async function openScene(telling: Telling): Promise<Scene> {
  const google = await startGoogle();
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-demo-'));
  let server: ServerProcess | undefined;
  const close = async () => {
    await Promise.all([server?.kill('SIGTERM'), google.stop()]);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    server = await startServerProcess(settingsFor(folder, google));
    const { url, output } = server;
    return {
      url,
      adminLink: await adminLinkOf(server),
      mail: createKeptMail(join(folder, 'mail')),
      google,
      telling,
      api: createCaller(url, telling),
      newBrowser: () => createBrowser(url, telling),
      complaints: () => complaintsIn(output()),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** All that config/settings.ts may say otherwise on somebody's machine. */
function settingsFor(folder: string, google: TestGoogle): Record<string, string> {
  return {
    HOST: '127.0.0.1',
    PORT: '0',
    LATCHKEY_URL: 'http://localhost:0',
    LATCHKEY_DATA: folder,
    LATCHKEY_STORE: `sqlite:${join(folder, 'latchkey.db')}`,
    LATCHKEY_MAIL: `file:${join(folder, 'mail')}`,
    GOOGLE_CLIENT_ID: google.settings.clientId,
    GOOGLE_CLIENT_SECRET: google.settings.clientSecret,
    GOOGLE_ISSUER: google.issuer,
  };
}

async function adminLinkOf(server: ServerProcess): Promise<string> {
  for (const until = Date.now() + LINK_MS_MAX; server.firstAdminLink === undefined; await delay(20)) {
    expect(Date.now() < until, 'wanted the server to print a link for the first admin');
  }
  return server.firstAdminLink;
}

/** Warnings and errors of the log, and words that are neither a log line nor those of a good start. */
function complaintsIn(output: string): string[] {
  const usual = /^(?:\{"level":[123]0,|Latchkey listens|Mails are kept|Make the first admin|$)/;
  return output
    .split('\n')
    .filter((line) => !usual.test(line))
    .slice(-COMPLAINTS_MAX);
}

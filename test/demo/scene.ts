import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startGoogle, type TestGoogle } from '../support/google.ts';
import { createKeptMail } from '../support/smtp.ts';
import { type Browser, createBrowser } from './browser.ts';
import { type Caller, createCaller } from './caller.ts';
import { Surprise, type Telling } from './telling.ts';

/** Where the demonstration takes place: a server of its own, a provider that plays Google, and the way to both. */
export type Scene = {
  url: string;
  /** The one-time link of the server's console. */
  adminLink: string;
  /** Where the server keeps its mails. */
  mailFolder: string;
  mail: ReturnType<typeof createKeptMail>;
  google: TestGoogle;
  telling: Telling;
  api: Caller;
  newBrowser(): Browser;
  /** What the server said that is worth a look when something went wrong. */
  complaints(): string[];
  close(): Promise<void>;
};

/** A loaded machine takes its time; a server that is not there by then will not come. */
const START_MS_MAX = 30_000;
const COMPLAINTS_MAX = 20;

/** Opens it all in a temporary folder that goes with it. */
export async function openScene(telling: Telling): Promise<Scene> {
  const google = await startGoogle();
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-demo-'));
  const server = startServer(folder, google);
  const close = async () => {
    await Promise.all([server.stop(), google.stop()]);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const { url, adminLink } = await server.ready;
    const mailFolder = join(folder, 'mail');
    return {
      url,
      adminLink,
      mailFolder,
      mail: createKeptMail(mailFolder),
      google,
      telling,
      api: createCaller(url, telling),
      newBrowser: () => createBrowser(url, telling),
      complaints: server.complaints,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The real thing, in a process of its own, as `npm start` starts it. */
function startServer(folder: string, google: TestGoogle) {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../../server/main.ts')], {
    env: environmentFor(folder, google),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  process.once('exit', () => child.kill());
  const complaints: string[] = [];
  const gone = once(child, 'exit');
  createInterface(child.stdout).on('line', (line) => {
    if (/"level":[456]0/.test(line) && complaints.push(line) > COMPLAINTS_MAX) complaints.shift();
  });
  return {
    ready: readyOf(child, complaints),
    complaints: () => complaints,
    async stop() {
      child.kill('SIGTERM');
      await gone;
    },
  };
}

/** Settings of whoever starts the demonstration do not reach it, whether they come from here or from config/. */
function environmentFor(folder: string, google: TestGoogle): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(LATCHKEY_|GOOGLE_)/.test(name));
  return {
    ...Object.fromEntries(inherited),
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

/** The server says on standard error where it listens and how the first admin is made. */
function readyOf(child: ChildProcess, complaints: string[]): Promise<{ url: string; adminLink: string }> {
  return new Promise((resolve, reject) => {
    let url = '';
    const late = setTimeout(() => reject(new Surprise('the server does not start')), START_MS_MAX);
    child.once('exit', (code) =>
      reject(new Surprise(`the server ended with ${code}:\n${complaints.join('\n')}`)),
    );
    if (child.stderr === null) return reject(new Surprise('the server has no standard error'));
    createInterface(child.stderr).on('line', (line) => {
      complaints.push(line);
      url = /^Latchkey listens on (\S+)/.exec(line)?.[1] ?? url;
      const adminLink = /(\S+\?invitation=\S+)$/.exec(line)?.[1];
      if (adminLink === undefined || url === '') return;
      complaints.length = 0;
      clearTimeout(late);
      resolve({ url, adminLink });
    });
  });
}

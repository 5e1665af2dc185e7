import { constants } from 'node:fs';
import { access, mkdir, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { createTransport as createMailer, type SendMailOptions, type SMTPPoolOptions } from 'nodemailer';
import addressParser from 'nodemailer/lib/addressparser';
import { isLoopbackHost } from '../ground/loopback.ts';
import { PERCENT_ENCODE, readSmtpUrl } from '../ground/service-urls.ts';
import { type Settings, WrongSettings } from '../ground/settings.ts';
import { isoTime } from '../ground/time.ts';
import type { Message } from './message.ts';
import { isOneAddress } from './recipient.ts';

/** The way a mail leaves: through SMTP, or into a folder for trying things out. */
export type Transport = {
  /** Fulfilled, with the file it was kept in if any, once the message was taken over; else throws `MailFault`. */
  send(message: Message, signal: AbortSignal): Promise<{ keptAs?: string }>;
  /** Throws, saying why, when no mail could be sent now. */
  verify(): Promise<void>;
  close(): void;
};

/** A mail was not taken over. The message names the fault and never an address or what a server answered. */
export class MailFault extends Error {
  /** Trying again cannot help. */
  readonly permanent: boolean;
  /** The mail server said of this mail that it will not take it (RFC 5321 section 4.2.1, 5yz). */
  readonly refused: boolean;
  /** It said of the mailbox that it takes none now: it is full, for one. */
  readonly deferred: boolean;
  constructor(message: string, { permanent = false, refused = false, deferred = false } = {}) {
    super(message);
    this.name = 'MailFault';
    this.permanent = permanent;
    this.refused = refused;
    this.deferred = deferred;
  }
}

/** Each step of a conversation with a mail server; none takes seconds in good health. */
const STEP_MS_MAX = 10_000;
/** Connections kept for the next mail are few, and closed before common servers (300 s) close them. */
const CONNECTIONS_MAX = 5;
const IDLE_MS_MAX = 30_000;

/** The only door to nodemailer. Throws `WrongSettings` for a mail URL or From line that cannot work. */
export function createTransport(settings: Pick<Settings, 'mail' | 'mailFrom'>): Transport {
  const from = senderFrom(settings.mailFrom);
  if (settings.mail.startsWith('file:')) return keepIn(resolve(settings.mail.slice('file:'.length)), from);
  return sendThrough(smtpOptions(settings.mail), from);
}

type Sender = { name: string; address: string };

function sendThrough(options: SMTPPoolOptions, from: Sender): Transport {
  const mailer = createMailer({ ...options, pool: true });
  return {
    async send(message, signal) {
      const mail = { ...headersOf(message, from), text: message.text, html: message.html, signal };
      await mailer.sendMail(mail).catch((error) => {
        throw new MailFault(faultOf(error), { refused: isRefusal(error), deferred: isDeferral(error) });
      });
      return {};
    },
    async verify() {
      await mailer.verify();
    },
    close: () => mailer.close({ force: true }),
  };
}

/** One `.eml` file for each message; sending a message again replaces its file. */
function keepIn(folder: string, from: Sender): Transport {
  const mailer = createMailer({
    streamTransport: true,
    buffer: true,
    newline: 'windows',
    ...NO_OUTSIDE_CONTENT,
  });
  const ready = () => mkdir(folder, { recursive: true, mode: 0o700 });
  return {
    async send(message) {
      const mail = { ...headersOf(message, from), alternatives: readableParts(message) };
      try {
        await ready();
        const { message: content } = await mailer.sendMail(mail);
        const path = join(folder, fileNameOf(message));
        await writeWhole(path, content as Buffer);
        return { keptAs: path };
      } catch (error) {
        throw error instanceof MailFault ? error : new MailFault(faultOf(error));
      }
    },
    async verify() {
      await requireWritable(folder);
    },
    close: () => mailer.close(),
  };
}

/** Whether files can be put into a folder, which need not be there yet: to look makes nothing. */
async function requireWritable(folder: string): Promise<void> {
  const there = await stat(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' && folder !== dirname(folder)) return undefined;
    throw error;
  });
  if (there === undefined) return requireWritable(dirname(folder));
  if (!there.isDirectory()) throw new Error(`${folder} is no folder`);
  await access(folder, constants.W_OK);
}

/** Mails hold text only: nothing in them may make the library read a file or a URL. */
const NO_OUTSIDE_CONTENT = { disableFileAccess: true, disableUrlAccess: true };

function headersOf(message: Message, from: Sender): SendMailOptions {
  if (!isOneAddress(message.to))
    throw new MailFault('the recipient is not one plain address', { permanent: true });
  const host = from.address.slice(from.address.lastIndexOf('@') + 1);
  return {
    from,
    to: { name: '', address: message.to },
    envelope: { from: from.address, to: [message.to] },
    subject: message.subject,
    date: new Date(message.createdAt * 1000),
    messageId: `<${message.id}@${host}>`,
    // RFC 3834 section 5: no vacation notes in answer, please; the second is Exchange's way to say it.
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
    ...NO_OUTSIDE_CONTENT,
  };
}

/** Unencoded parts, so that a link in a kept mail can be copied from the file as it is. */
function readableParts(message: Message): SendMailOptions['alternatives'] {
  const part = (type: string, content: string) => ({
    raw: `Content-Type: ${type}; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n${content}`,
  });
  return [part('text/plain', message.text), part('text/html', message.html)];
}

function fileNameOf(message: Message): string {
  if (!/^[\w-]+$/.test(message.id))
    throw new MailFault('the message id is no file name', { permanent: true });
  const time = isoTime(message.createdAt).slice(0, 19).replaceAll(/[-:]/g, '');
  return `${time}-${message.id}.eml`;
}

/** Written beside and renamed, so that nobody reads half a mail. For its owner only: it holds links. */
async function writeWhole(path: string, content: Buffer): Promise<void> {
  const beside = `${path}.part`;
  await writeFile(beside, content, { mode: 0o600, flush: true });
  await rename(beside, path);
}

function smtpOptions(mail: string): SMTPPoolOptions {
  const read = readSmtpUrl(mail);
  // The URL is not shown: it holds a password.
  if (read === undefined) {
    throw new WrongSettings([
      `LATCHKEY_MAIL is not good: wanted smtp://USER:PASSWORD@HOST:PORT or smtps://…, ${PERCENT_ENCODE}`,
    ]);
  }
  const { url, user, password: pass } = read;
  const secure = url.protocol === 'smtps:';
  const loopback = isLoopbackHost(url.hostname);
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    // RFC 6409 and RFC 8314: the submission ports.
    port: url.port === '' ? (secure ? 465 : 587) : Number(url.port),
    secure,
    // Passwords and links never cross a network in the clear; on this machine there is no network to cross.
    requireTLS: !secure && !loopback,
    ignoreTLS: !secure && loopback,
    ...(user === '' ? {} : { auth: { user, pass } }),
    maxConnections: CONNECTIONS_MAX,
    idleTimeout: IDLE_MS_MAX,
    // Trying again is the outbox's business.
    maxRequeues: 0,
    dnsTimeout: STEP_MS_MAX,
    connectionTimeout: STEP_MS_MAX,
    greetingTimeout: STEP_MS_MAX,
    socketTimeout: STEP_MS_MAX,
    ...NO_OUTSIDE_CONTENT,
  };
}

function senderFrom(mailFrom: string): Sender {
  const [only, ...rest] = addressParser(mailFrom);
  if (only?.address === undefined || rest.length > 0 || !isOneAddress(only.address)) {
    throw new WrongSettings([
      `mailFrom is ${JSON.stringify(mailFrom)}: wanted one address, like "My app" <no-reply@example.com>`,
    ]);
  }
  return { name: only.name, address: only.address };
}

/** Not where the server refuses all of us, as for a wrong password: that is for the operator to mend, and mails wait. */
function isRefusal(error: unknown): boolean {
  const { code, responseCode = 0 } = error as { code?: string; responseCode?: number };
  return (code === 'EENVELOPE' || code === 'EMESSAGE') && responseCode >= 500;
}

/** RFC 5321 section 4.2.3: 450 and 452 are of the mailbox; 451 and 421 are of the server. */
function isDeferral(error: unknown): boolean {
  const { command, responseCode } = error as { command?: string; responseCode?: number };
  return command === 'RCPT TO' && (responseCode === 450 || responseCode === 452);
}

/** What went wrong in the words of nodemailer's and Node's codes, for example `EENVELOPE RCPT TO 550`. */
function faultOf(error: unknown): string {
  const { code, command, responseCode } = error as { code?: string; command?: string; responseCode?: number };
  return [code, command, responseCode].filter((part) => part !== undefined).join(' ') || 'unknown fault';
}

import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type ParsedMail, simpleParser } from 'mailparser';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';

/** Which mail is meant; what is left out fits any. */
export type MailWanted = { to?: string; subject?: string | RegExp };

const WAIT_MS_MAX = 8_000;

/** A real mail server on a free port, whose post is read back. It refuses what it is told to refuse. */
export async function startSmtp(options: SMTPServerOptions = {}, host = '127.0.0.1') {
  const received: ParsedMail[] = [];
  const handedOut = new Set<ParsedMail>();
  let refusals = 0;
  const server = new SMTPServer({
    authOptional: true,
    hideSTARTTLS: true,
    logger: false,
    onData(stream, _session, done) {
      simpleParser(stream).then((mail) => {
        if (refusals > 0) {
          refusals -= 1;
          return done(Object.assign(new Error('4.3.0 not now'), { responseCode: 451 }));
        }
        received.push(mail);
        return done();
      }, done);
    },
    ...options,
  });
  server.on('error', () => {});
  server.listen(0, host);
  await once(server.server, 'listening');
  const { port } = server.server.address() as AddressInfo;

  return {
    url: `smtp://127.0.0.1:${port}`,
    port,
    /** Everything taken over so far, in order. */
    messages: (): readonly ParsedMail[] => received,
    /** The first mail that fits and was not handed out before; rejects when none comes. */
    waitFor: (wanted: MailWanted) => waitForMail(async () => received, wanted, handedOut),
    /** The next `count` mails are refused with a temporary error. */
    failNext(count: number): void {
      refusals = count;
    },
    stop: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

/** The mails that the server kept in a folder instead of sending them, oldest first. */
export async function readKeptMail(folder: string): Promise<ParsedMail[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const kept = names.filter((name) => name.endsWith('.eml')).sort();
  return Promise.all(kept.map(async (name) => simpleParser(await readFile(join(folder, name)))));
}

/** The same, to one address. */
export async function readKeptMailTo(folder: string, to: string): Promise<ParsedMail[]> {
  return (await readKeptMail(folder)).filter((mail) => fits(mail, { to }));
}

/** A reader of a folder of kept mail: like `startSmtp().waitFor`, each mail is handed out once. */
export function createKeptMail(folder: string) {
  const handedOut = new Set<string>();
  return {
    async waitFor(wanted: MailWanted): Promise<ParsedMail> {
      const fresh = async () => (await readKeptMail(folder)).filter((mail) => !handedOut.has(idOf(mail)));
      const mail = await waitForMail(fresh, wanted, new Set());
      handedOut.add(idOf(mail));
      return mail;
    },
  };
}

/** The first link in the text of a mail. */
export function linkIn(mail: ParsedMail): string {
  const link = /https?:\/\/\S+/.exec(mail.text ?? '')?.[0];
  if (link === undefined) throw new Error(`no link in "${mail.subject}":\n${mail.text}`);
  return link;
}

async function waitForMail(
  read: () => Promise<readonly ParsedMail[]>,
  wanted: MailWanted,
  handedOut: Set<ParsedMail>,
): Promise<ParsedMail> {
  const lastAt = Date.now() + WAIT_MS_MAX;
  for (;;) {
    const mails = await read();
    const mail = mails.find((candidate) => !handedOut.has(candidate) && fits(candidate, wanted));
    if (mail !== undefined) {
      handedOut.add(mail);
      return mail;
    }
    if (Date.now() > lastAt) {
      const there = mails.map((candidate) => `${recipientsOf(candidate)}: ${candidate.subject}`);
      throw new Error(`no mail to ${wanted.to} about ${wanted.subject}; there are ${JSON.stringify(there)}`);
    }
    await delay(20);
  }
}

function fits(mail: ParsedMail, wanted: MailWanted): boolean {
  const subject = mail.subject ?? '';
  const subjectFits =
    typeof wanted.subject === 'string'
      ? subject.includes(wanted.subject)
      : (wanted.subject?.test(subject) ?? true);
  return subjectFits && (wanted.to === undefined || recipientsOf(mail).includes(wanted.to));
}

function recipientsOf(mail: ParsedMail): string[] {
  const lists = mail.to === undefined ? [] : [mail.to].flat();
  return lists.flatMap((list) => list.value.map((one) => one.address ?? ''));
}

function idOf(mail: ParsedMail): string {
  return mail.messageId ?? '';
}

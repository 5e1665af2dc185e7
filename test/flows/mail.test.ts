import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { WrongSettings } from '../../server/ground/settings.ts';
import type { Message } from '../../server/mail/message.ts';
import { isOneAddress } from '../../server/mail/recipient.ts';
import { createTransport, MailFault, type Transport } from '../../server/mail/transport.ts';
import { linkIn, readKeptMail, startSmtp } from '../support/smtp.ts';

const mailFrom = '"Åpp, Inc." <no-reply@app.example>';
const link = `https://id.example.com/verify-email?token=${'Ab3-_'.repeat(20)}&next=%2Ftokens`;
const never = new AbortController().signal;

function message(over: Partial<Message> = {}): Message {
  return {
    id: 'Qm-9_z',
    to: 'ann@example.com',
    subject: 'Grüße von der App',
    text: `Öffne diesen Link:\n${link}\n`,
    html: `<!doctype html><p>Öffne <a href="${link.replace('&', '&amp;')}">diesen Link</a></p>`,
    createdAt: 1_800_000_000,
    dueAt: 1_800_000_000,
    attempts: 1,
    ...over,
  };
}

/** What a stranger may type where an address is asked for. */
const HOSTILE = [
  '',
  '@',
  'ann',
  'ann@',
  '@example.com',
  'ann@example.com\r\nBcc: eve@evil.example',
  'ann@example.com\nBcc: eve@evil.example',
  'ann@example.com\0',
  'ann@example.com, eve@evil.example',
  'ann@example.com;eve@evil.example',
  'ann@example.com eve@evil.example',
  'Ann <ann@example.com>',
  '<ann@example.com>',
  'list: ann@example.com, eve@evil.example;',
  '"eve@evil.example"@example.com',
  '"eve@evil.example x"@example.com',
  'eve@evil.example(@example.com',
  'ann(eve@evil.example)@example.com',
  'ann@example.com@evil.example',
  'ann@[192.0.2.1]',
  'ann@example..com',
  'ann@.example.com',
  'ann@example.com.',
  '.ann@example.com',
  'ann..b@example.com',
  'ann@exam_ple.com',
  'ann@-example.com',
  'ann＠example.com',
  'ann@example。com',
  'ann@ｅxample.com',
  'ann\u200b@example.com',
  'ann\u202e@example.com',
  'ann\ud800@example.com',
  `${'a'.repeat(65)}@example.com`,
  `ann@${'a'.repeat(64)}.example`,
  `ann@${'a.'.repeat(130)}com`,
  `${'('.repeat(50_000)}@example.com`,
  `group:${'a:'.repeat(50_000)};`,
];

describe('recipients', () => {
  it('are one plain address or nothing, and hostile ones are told in no time', () => {
    const startedAt = performance.now();
    for (const to of HOSTILE) assert.equal(isOneAddress(to), false, JSON.stringify(to.slice(0, 60)));
    for (const to of [
      'ann@example.com',
      "o'neil+tag@mail.example.co.uk",
      'josé@exämple.com',
      'root@localhost',
    ]) {
      assert.equal(isOneAddress(to), true, to);
    }
    assert.ok(performance.now() - startedAt < 200);
  });
});

describe('mail through SMTP', () => {
  let smtp: Awaited<ReturnType<typeof startSmtp>>;
  let transport: Transport;
  before(async () => {
    smtp = await startSmtp();
    transport = createTransport({ mail: smtp.url, mailFrom });
  });
  after(async () => {
    transport.close();
    await smtp.stop();
  });

  it('arrives with both parts, from whom the settings say, and marked as automatic', async () => {
    assert.deepEqual(await transport.send(message(), never), {});
    const mail = await smtp.waitFor({ to: 'ann@example.com' });
    assert.equal(mail.from?.text, '"Åpp, Inc." <no-reply@app.example>');
    assert.equal(mail.subject, 'Grüße von der App');
    assert.equal(mail.messageId, '<Qm-9_z@app.example>');
    assert.equal(mail.date?.getTime(), 1_800_000_000_000);
    assert.equal(mail.headers.get('auto-submitted'), 'auto-generated');
    assert.equal(linkIn(mail), link);
    assert.ok(typeof mail.html === 'string' && mail.html.includes(link.replace('&', '&amp;')));
  });

  it('goes to nobody when the recipient is hostile', async () => {
    const before = smtp.messages().length;
    for (const to of HOSTILE) {
      await assert.rejects(transport.send(message({ to }), never), (error) => {
        assert.ok(error instanceof MailFault && error.permanent);
        assert.doesNotMatch(error.message, /@|evil/);
        return true;
      });
    }
    assert.equal(smtp.messages().length, before);
  });

  it('takes no header from a subject', async () => {
    const subject = 'Hello\r\nBcc: eve@evil.example\r\n\r\nbody';
    await transport.send(message({ id: 'inject', to: 'bob@example.com', subject }), never);
    const mail = await smtp.waitFor({ to: 'bob@example.com' });
    assert.equal(mail.bcc, undefined);
    assert.match(mail.subject ?? '', /^Hello Bcc: eve@evil\.example\s+body$/);
    assert.equal(linkIn(mail), link);
  });

  it('says which step failed, without the address that the server repeats', async () => {
    const strict = await startSmtp({
      onRcptTo: (address, _session, done) =>
        done(Object.assign(new Error(`no ${address.address} here`), { responseCode: 550 })),
    });
    const other = createTransport({ mail: strict.url, mailFrom });
    try {
      await assert.rejects(other.send(message(), never), (error) => {
        assert.ok(error instanceof MailFault && !error.permanent);
        assert.equal(error.message, 'EENVELOPE RCPT TO 550');
        assert.equal(error.cause, undefined);
        return true;
      });
    } finally {
      other.close();
      await strict.stop();
    }
  });

  it('signs in with user and password from the URL', async () => {
    const seen: string[] = [];
    const strict = await startSmtp({
      authOptional: false,
      allowInsecureAuth: true,
      onAuth(auth, _session, done) {
        seen.push(`${auth.username} ${auth.password}`);
        done(null, { user: 'ok' });
      },
    });
    const mail = `smtp://me%40app.example:p%2Fw%3A@127.0.0.1:${strict.port}`;
    const other = createTransport({ mail, mailFrom });
    try {
      await other.verify();
      await other.send(message(), never);
      assert.deepEqual([...new Set(seen)], ['me@app.example p/w:']);
    } finally {
      other.close();
      await strict.stop();
    }
  });

  it('never crosses a network in the clear', async (t) => {
    const outside = Object.values(networkInterfaces())
      .flat()
      .find((one) => one?.family === 'IPv4' && !one.internal);
    if (outside === undefined) return t.skip('this machine has no address but its loopback');
    // One that offers no TLS, and one whose certificate nobody vouches for.
    for (const options of [{ disabledCommands: ['STARTTLS'] }, { hideSTARTTLS: false }]) {
      const plain = await startSmtp(options, '0.0.0.0');
      const other = createTransport({ mail: `smtp://${outside.address}:${plain.port}`, mailFrom });
      try {
        await assert.rejects(other.send(message(), never), MailFault);
        await assert.rejects(other.verify());
        assert.equal(plain.messages().length, 0);
      } finally {
        other.close();
        await plain.stop();
      }
    }
  });

  it('is cut off when a server never answers', async () => {
    const silent = createServer(() => {});
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const other = createTransport({
      mail: `smtp://127.0.0.1:${(silent.address() as AddressInfo).port}`,
      mailFrom,
    });
    try {
      await assert.rejects(other.send(message(), AbortSignal.timeout(100)), /EABORT/);
    } finally {
      other.close();
      silent.close();
    }
  });

  it('refuses a mail URL or a From line that cannot work, and shows no password', () => {
    const wrong = [
      'smtp://',
      'smtp://user:hunter2@host:99999',
      'smtp://user:hunter2%zz@host',
      'smtp://user:hunter2@host/path',
      'smtp://user:hunter2@host?tls.rejectUnauthorized=false',
    ];
    for (const mail of wrong) {
      assert.throws(
        () => createTransport({ mail, mailFrom }),
        (error) => error instanceof WrongSettings && !error.message.includes('hunter2'),
        mail,
      );
    }
    for (const from of ['nobody', 'a@example.com, b@example.com', '"x" <a@b@c>', 'group: a@example.com;']) {
      assert.throws(() => createTransport({ mail: smtp.url, mailFrom: from }), WrongSettings, from);
    }
  });
});

describe('mail kept in a folder', () => {
  let parent: string;
  before(async () => {
    parent = await mkdtemp(join(tmpdir(), 'latchkey-mail-'));
  });
  after(() => rm(parent, { recursive: true, force: true }));

  it('is one private file for each message, with links that can be copied', async () => {
    const folder = join(parent, 'kept', 'mail');
    const transport = createTransport({ mail: `file:${folder}`, mailFrom });
    await transport.verify();
    const { keptAs = '' } = await transport.send(message(), never);
    await transport.send(message(), never);
    assert.deepEqual(await readdir(folder), ['20270115T080000-Qm-9_z.eml']);
    assert.equal((await stat(folder)).mode & 0o777, 0o700);
    assert.equal((await stat(keptAs)).mode & 0o777, 0o600);
    const text = await readFile(keptAs, 'utf8');
    assert.ok(text.includes(`\r\n${link}\r\n`), 'the link stands in the file as it is');
    const [mail] = await readKeptMail(folder);
    assert.equal(mail?.subject, 'Grüße von der App');
    assert.equal(mail?.text, `Öffne diesen Link:\n${link}\n`);
    assert.ok(typeof mail?.html === 'string' && mail.html.includes('Öffne'));
    assert.equal(mail?.messageId, '<Qm-9_z@app.example>');
  });

  it('keeps nothing for a hostile recipient, and writes nowhere else', async () => {
    const folder = join(parent, 'hostile');
    const transport = createTransport({ mail: `file:${folder}`, mailFrom });
    for (const to of HOSTILE) await assert.rejects(transport.send(message({ to }), never), MailFault);
    const outside = transport.send(message({ id: '../../escaped' }), never);
    await assert.rejects(outside, (error) => error instanceof MailFault && error.permanent);
    assert.deepEqual(await readKeptMail(folder), []);
    assert.ok(!(await readdir(parent)).some((name) => name.includes('escaped')));
  });

  it('says so when the folder cannot be written', async () => {
    await writeFile(join(parent, 'a-file'), '');
    const transport = createTransport({ mail: `file:${join(parent, 'a-file', 'mail')}`, mailFrom });
    await assert.rejects(transport.verify());
    await assert.rejects(
      transport.send(message(), never),
      (error) => error instanceof MailFault && !error.permanent,
    );
  });
});

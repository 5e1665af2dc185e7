import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import { createListener } from '../../server/http/listener.ts';
import { STOPPING } from '../../server/http/stopping.ts';
import { startTestServer } from '../support/server.ts';
import { until } from '../support/until.ts';

const silent = pino({ level: 'silent' });

/** Opens a connection to a server of this machine and gathers what comes. */
async function open(url: string) {
  const { port } = new URL(url);
  const socket: Socket = connect(Number(port), '127.0.0.1');
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => void socket.on('close', () => resolve()));
  await once(socket, 'connect');
  return { socket, closed, text: () => text };
}

describe('the listener', () => {
  it('handles one client’s requests in turn, so that others get theirs', async () => {
    const listener = createListener(silent);
    const begun: string[] = [];
    listener.handle((req, res) => {
      begun.push(req.url ?? '');
      setImmediate(() => res.end('ok'));
    });
    await listener.listen({ port: 0, host: '127.0.0.1' });
    const address = listener.server.address() as { port: number };
    const url = `http://127.0.0.1:${address.port}`;
    const [greedy, other] = [await open(url), await open(url)];
    const many = 3000;
    greedy.socket.write('GET /many HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(many));
    await until('the first is begun', async () => begun.length > 0);
    other.socket.write('GET /other HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await other.closed;
    const place = begun.indexOf('/other');
    await until('all are answered', async () => greedy.text().split('HTTP/1.1 200').length - 1 === many);
    greedy.socket.destroy();
    await listener.close();
    assert.ok(place < many / 2, `it came after ${place} of the first client`);
  });

  it('leaves in its connection what a client sends without waiting, beyond what one read brings', async () => {
    const listener = createListener(silent);
    let answered = 0;
    let sent = 0;
    let aheadMax = 0;
    const isAnswered = () => {
      answered += 1;
    };
    listener.handle((_req, res) => {
      setImmediate(() => res.on('finish', isAnswered).end('ok'));
    });
    listener.server.on('request', () => {
      sent += 1;
      aheadMax = Math.max(aheadMax, sent - answered);
    });
    await listener.listen({ port: 0, host: '127.0.0.1' });
    const address = listener.server.address() as { port: number };
    const client = await open(`http://127.0.0.1:${address.port}`);
    const one = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
    const many = 8_000;
    client.socket.write(one.repeat(many));
    await until('all are answered', async () => answered === many, 30_000);
    client.socket.destroy();
    await listener.close();
    // Node reads 64 KiB at a time.
    assert.ok(aheadMax < 101 + (2 * 65_536) / one.length, String(aheadMax));
  });

  it('keeps the order of answers, and the bodies of requests, on one connection', async () => {
    const listener = createListener(silent);
    listener.handle(async (req, res) => {
      let body = '';
      for await (const chunk of req) body += chunk;
      res.end(`${req.url} ${body.length};`);
    });
    await listener.listen({ port: 0, host: '127.0.0.1' });
    const address = listener.server.address() as { port: number };
    const client = await open(`http://127.0.0.1:${address.port}`);
    const wanted = Array.from({ length: 400 }, (_, index) => ({
      path: `/${index}`,
      length: (index % 7) * 9000,
    }));
    for (const { path, length } of wanted) {
      client.socket.write(
        `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n${'b'.repeat(length)}`,
      );
    }
    const answers = () => [...client.text().matchAll(/\/\d+ \d+(?=;)/g)].map(([answer]) => answer);
    await until('all are answered', async () => answers().length === wanted.length);
    assert.deepEqual(
      answers(),
      wanted.map(({ path, length }) => `${path} ${length}`),
    );
    client.socket.destroy();
    await listener.close();
  });

  it('drops a connection whose answer nobody reads, and none whose answer is being made', async () => {
    const stillMs = 300;
    assert.ok(createListener(silent).server.timeout > 60_000);
    const listener = createListener(silent, { stillMs });
    let isDropped = false;
    listener.handle((req, res) => {
      if (req.url === '/small') return void setTimeout(() => res.end('made'), stillMs / 2);
      res.on('close', () => {
        isDropped = true;
      });
      res.end(Buffer.alloc(50_000_000));
    });
    await listener.listen({ port: 0, host: '127.0.0.1' });
    const { port } = listener.server.address() as { port: number };
    const unread = connect(port, '127.0.0.1').on('error', () => undefined);
    unread.pause().write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n');
    const other = await open(`http://127.0.0.1:${port}`);
    other.socket.write('GET /small HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await other.closed;
    assert.match(other.text(), /made/);
    await until('the end of the one', async () => isDropped);
    unread.destroy();
    await listener.close();
  });

  it('stops within seconds: first what is not here whole, at last also what is not answered', async () => {
    const logged: unknown[] = [];
    const listener = createListener({ info: (...told: unknown[]) => void logged.push(told) } as never);
    const ended: string[] = [];
    listener.handle((req, res) => {
      // Answered never, when it is ended, or when all of it is there.
      if (req.url === '/ended') res.on(STOPPING, () => res.end('it was ended'));
      else if (req.url === '/never') res.setHeader('X-Request-Id', 'request-1');
      else req.resume().on('end', () => setTimeout(() => res.end('done'), 1500));
    });
    await listener.listen({ port: 0, host: '127.0.0.1' });
    const address = listener.server.address() as { port: number };
    const url = `http://127.0.0.1:${address.port}`;
    const heads = {
      silent: '',
      'half a head': 'GET / HTTP/1.1\r\nHo',
      'half a body': 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345',
      slow: 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12345',
      ended: 'GET /ended HTTP/1.1\r\nHost: x\r\n\r\n',
      never: 'POST /never HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n',
    };
    const clients = await Promise.all(
      Object.entries(heads).map(async ([name, head]) => {
        const client = await open(url);
        if (head !== '') client.socket.write(head);
        void client.closed.then(() => ended.push(name));
        return { name, ...client };
      }),
    );
    await until('they are all here', async () => {
      const count = await new Promise((resolve) => listener.server.getConnections((_, all) => resolve(all)));
      return count === clients.length;
    });
    await new Promise((resolve) => setImmediate(resolve));
    const startedAt = performance.now();
    await listener.close();
    assert.ok(performance.now() - startedAt < 5000);
    await Promise.all(clients.map(({ closed }) => closed));
    assert.deepEqual(ended.slice(-3), ['slow', 'ended', 'never']);
    assert.match(clients.find(({ name }) => name === 'ended')?.text() ?? '', /it was ended$/);
    // Whoever is left has an answer too, which says that nobody knows what became of it.
    const last = clients.find(({ name }) => name === 'never')?.text() ?? '';
    assert.match(
      last,
      /^HTTP\/1\.1 503 [\s\S]*Retry-After: 5\r\n[\s\S]*"UNAVAILABLE"[\s\S]*It is not certain/,
    );
    assert.deepEqual(logged, [[{ requestId: 'request-1', status: 503 }, 'not answered before the stop']]);
    assert.match(last, /X-Request-Id: request-1\r\n[\s\S]*"requestId":"request-1"/);
    assert.match(clients.find(({ name }) => name === 'slow')?.text() ?? '', /done$/);
  });

  it('answers CONNECT, and goes on', async () => {
    const server = await startTestServer();
    const client = await open(server.url);
    client.socket.write('CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n');
    await client.closed;
    assert.match(client.text(), /^HTTP\/1\.1 405 [\s\S]*\r\nAllow: GET, /);
    assert.equal((await fetch(`${server.url}/healthz`)).status, 200);
    await server.stop();
  });

  it('outlives who resets the connection of a CONNECT', async () => {
    const server = await startTestServer();
    const request = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n';
    for (const before of ['', request]) {
      for (let count = 0; count < 20; count += 1) {
        const { socket, closed } = await open(server.url);
        socket.write(`${before}CONNECT example.com:443 HTTP/1.1\r\n\r\nmore`, () => socket.resetAndDestroy());
        await closed;
      }
    }
    assert.equal((await fetch(`${server.url}/healthz`)).status, 200);
    await server.stop();
  });

  it('has a server stop within five seconds while requests hang', async () => {
    const server = await startTestServer();
    const hanging = await Promise.all(Array.from({ length: 20 }, () => open(server.url)));
    for (const { socket } of hanging) {
      socket.write('POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n1');
    }
    const startedAt = performance.now();
    await server.stop();
    assert.ok(performance.now() - startedAt < 5000);
  });

  it('answers what is no request in words, and logs it', async () => {
    const server = await startTestServer();
    const cookie = 'x'.repeat(20_000);
    for (const [sent, status, says] of [
      ['\x16\x03\x01\x02\x00', 400, /without TLS/],
      ['GET / HTTP/1.3\r\nHost: x\r\n\r\n', 400, /no HTTP request.*HTTP.1\.1 and CRLF/],
      ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, /no HTTP request.*HTTP.2 is spoken/],
      ['GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n', 400, /One of the headers .* a colon/],
      ['GET /\xc3\xa4 HTTP/1.1\r\nHost: x\r\n\r\n', 400, /The address .* percent-encode/],
      ['GET /a b HTTP/1.1\r\nHost: x\r\n\r\n', 400, /%20/],
      [
        'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n',
        400,
        /one Content-Length/,
      ],
      ['POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 400, /How long the body/],
      ['GET / HTTP/1.1\r\n\r\n', 400, /has the header Host, once/],
      ['GET / HTTP/1.1\r\nHost: x\r\nHOST: x\r\n\r\n', 400, /has the header Host, once/],
      ['CONNECT example.com:443 HTTP/1.1\r\n\r\n', 405, /METHOD_NOT_ALLOWED.*no proxy/],
      [`GET / HTTP/1.1\r\nHost: x\r\nCookie: ${cookie}\r\n\r\n`, 431, /delete its cookies/],
    ] as const) {
      const client = await open(server.url);
      client.socket.write(sent, 'latin1');
      await client.closed;
      const [head = '', body = ''] = client.text().split('\r\n\r\n');
      assert.match(head, new RegExp(`^HTTP/1\\.1 ${status} `));
      assert.match(body, says);
      const { requestId } = JSON.parse(body).body;
      assert.match(server.logged(), new RegExp(`"requestId":"${requestId}","status":${status}`));
    }
    assert.match(server.logged(), /"fault":"HPE_INVALID_URL"/);
    await server.stop();
  });

  it('refuses a request without Host in its turn, and whatever comes behind it', async () => {
    const server = await startTestServer();
    const client = await open(server.url);
    const good = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n';
    const withBody = 'POST /healthz HTTP/1.1\r\nContent-Length: 44\r\n\r\n';
    client.socket.write(`${good}${withBody}${good}${good}`);
    await client.closed;
    const statuses = [...client.text().matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
    assert.deepEqual(statuses, ['200', '400']);
    const older = await open(server.url);
    older.socket.write('GET /healthz HTTP/1.0\r\n\r\n');
    await older.closed;
    assert.match(older.text(), /^HTTP\/1\.1 200 /);
    await server.stop();
  });

  it('answers what is a request before what is none, whatever is sent behind it', async () => {
    const server = await startTestServer();
    const request = 'GET /healthz HTTP/1.1\r\nHost: x\r\n';
    for (const [sent, wanted] of [
      [`${request}Connection: close\r\n\r\nmore`, ['200']],
      [`${request}\r\n${request}\r\nthis is none\r\n\r\n`, ['200', '200', '400']],
      [`${request}\r\nCONNECT example.com:443 HTTP/1.1\r\n\r\n`, ['200', '405']],
    ] as const) {
      const client = await open(server.url);
      client.socket.write(sent);
      setImmediate(() => client.socket.write('and more'));
      await client.closed;
      const statuses = [...client.text().matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
      assert.deepEqual(statuses, wanted);
    }
    const cut = await open(server.url);
    cut.socket.end('POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Le');
    await cut.closed;
    assert.match(cut.text(), /^HTTP\/1\.1 400 [\s\S]*ended before it was whole/);
    await server.stop();
  });

  it('answers a request with an expectation that it does not know as any other', async () => {
    const server = await startTestServer();
    const client = await open(server.url);
    client.socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\nExpect: tea\r\nConnection: close\r\n\r\n');
    await client.closed;
    assert.match(client.text(), /^HTTP\/1\.1 200 /);
    await server.stop();
  });
});

// Lines and Server-Sent Events from servers that stall, break off and refuse.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { inspect } from 'node:util';

import { AdapterError, CorrelationEngine, OptionError } from 'logbraid';
import type { AdapterNotice, StreamItem } from 'logbraid';
import { HttpAdapter } from 'logbraid/http';
import type { HttpOptions } from 'logbraid/http';

import { HttpProxyServer, SocksServer } from './servers/proxy-server.js';

type Answer = (response: ServerResponse, request: IncomingMessage) => unknown;

const servers: http.Server[] = [];
after(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

/** A server that gives each request the next answer, and the last to all that follow. */
async function serve(...answers: Answer[]): Promise<{ url: string; asked: IncomingMessage[] }> {
  const asked: IncomingMessage[] = [];
  const server = http.createServer({ keepAlive: false }, (request, response) => {
    response.setHeader('connection', 'close');
    const answer = answers[Math.min(asked.length, answers.length - 1)];
    asked.push(request);
    answer?.(response, request);
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/logs`, asked };
}

/** A stream of an adapter, as text. */
class Reading {
  readonly notices: AdapterNotice[] = [];
  readonly adapter: HttpAdapter;
  readonly abort = new AbortController();
  readonly stream: AsyncIterator<StreamItem>;
  text = '';

  constructor(options: HttpOptions) {
    this.adapter = new HttpAdapter({ baseDelay: 1, ...options });
    const made = this.adapter.createStream('', {
      range: 0,
      timeRange: '0s',
      signal: this.abort.signal,
      tell: (notice) => {
        if (notice.type === 'reconnect' || notice.type === 'gap') this.notices.push(notice);
      },
    });
    this.stream = made[Symbol.asyncIterator]();
  }

  /** Reads until the text has that, or else to the end. */
  async until(wanted?: string): Promise<string> {
    const decoder = new TextDecoder();
    while (wanted === undefined || !this.text.includes(wanted)) {
      const next = await this.stream.next();
      if (next.done) {
        assert.equal(wanted, undefined, 'the stream has ended');
        return this.text;
      }
      const item = next.value;
      assert.ok(typeof item === 'string' || item instanceof Uint8Array);
      this.text += typeof item === 'string' ? item : decoder.decode(item, { stream: true });
    }
    return this.text;
  }

  async leave(): Promise<void> {
    this.abort.abort();
    await this.stream.return?.();
  }

  get reconnects() {
    return this.notices.flatMap((notice) => (notice.type === 'reconnect' ? [notice] : []));
  }
}

const status =
  (code: number, body = '', headers = {}): Answer =>
  (response) =>
    response.writeHead(code, headers).end(body);
const lines = (text: string): Answer =>
  status(200, text, { 'content-type': 'application/x-ndjson' });
const EVENTS = { 'content-type': 'text/event-stream; charset=utf-8' };

/** Sends part of a body, and breaks the connection. */
const broken =
  (text: string): Answer =>
  (response) => {
    // The `fetch` of Node takes what breaks off for the end where a connection is to be closed.
    response.writeHead(200, { connection: 'keep-alive' });
    response.write(text, () => response.socket?.resetAndDestroy());
  };

/** Sends part of a body, and nothing more. */
const stalled =
  (text: string, headers = {}): Answer =>
  (response) => {
    response.writeHead(200, headers).flushHeaders();
    response.write(text);
  };

/** Never answers. */
const silent: Answer = () => undefined;

/** The error of a stream that fails for good. */
async function failure(reading: Reading): Promise<AdapterError> {
  const error: unknown = await reading.until().then(
    () => assert.fail('it has not failed'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof AdapterError, inspect(error));
  assert.equal(reading.adapter.status().state, 'failed');
  assert.equal(reading.adapter.status().lastError, error);
  return error;
}

test('a response is read once, to its end', async () => {
  const { url, asked } = await serve(lines('{"a":1}\n{"a":2}'));
  const reading = new Reading({ url, headers: { 'X-Tenant': 't' } });
  assert.equal(reading.adapter.bounded, true);
  assert.equal(reading.adapter.status().state, 'idle');
  assert.equal(await reading.until(), '{"a":1}\n{"a":2}\n');
  assert.equal(asked.length, 1);
  assert.equal(asked[0]?.headers['x-tenant'], 't');
  const { state, streams, requests, bytes } = reading.adapter.status();
  assert.deepEqual(
    { state, streams, requests, bytes },
    { state: 'idle', streams: 0, requests: 1, bytes: 15 },
  );
});

test('each Server-Sent Event is a line, whatever is in it', async () => {
  const body =
    ': hello\n\ndata: {"a":\ndata: 1}\n\nevent: other\nid: 7\ndata: ü\n\nid: 8\n\ndata: cut';
  const { url } = await serve(status(200, body, EVENTS));
  const reading = new Reading({ url });
  assert.equal(await reading.until(), '{"a": 1}\nü\n');
  assert.equal(reading.adapter.status().events, 2);
  // Unless told otherwise.
  assert.equal(await new Reading({ url, framing: 'lines' }).until(), `${body}\n`);
  const plain = await serve(lines('data: a\n\n'));
  assert.equal(await new Reading({ url: plain.url, framing: 'sse' }).until(), 'a\n');
});

test('a live stream of events goes on after the last id, and gives each once', async () => {
  const COUNT = 500;
  const { url, asked } = await serve((response, request) => {
    const from = Number(request.headers['last-event-id'] ?? -1) + 1;
    response.writeHead(200, EVENTS);
    if (from === 0) response.write('retry: 2\n\n');
    for (let at = from; at < Math.min(from + 37, COUNT); at += 1) {
      response.write(`id: ${at}\ndata: event ${at}\n\n`);
    }
    // The next is broken off, at times with the connection.
    response.write(`id: 9999\ndata: event `, () => {
      if (from % 2) response.socket?.resetAndDestroy();
      else response.end();
    });
  });
  const reading = new Reading({ url, follow: true });
  assert.equal(reading.adapter.bounded, false);
  const text = await reading.until(`event ${COUNT - 1}\n`);
  assert.equal(text, Array.from({ length: COUNT }, (_, at) => `event ${at}\n`).join(''));
  assert.ok(asked.length >= COUNT / 37);
  assert.ok(reading.reconnects.length >= asked.length - 1);
  // Each began anew, and waited as the server had asked.
  assert.ok(reading.reconnects.every(({ attempt, delayMs }) => attempt === 1 && delayMs >= 2));
  assert.equal(reading.adapter.status().reconnects, reading.reconnects.length);
  assert.equal(reading.adapter.status().gaps, 0);
  await reading.leave();
});

test('a live stream of lines that breaks off has a gap, and no line of two halves', async () => {
  const { url } = await serve(broken('one\ntwo\nthr'), broken('four\n'), stalled('five\n'));
  const reading = new Reading({ url, follow: true });
  assert.equal(await reading.until('five'), 'one\ntwo\nthr\nfour\nfive\n');
  const types = reading.notices.map(({ type }) => type);
  assert.deepEqual(types, ['reconnect', 'gap', 'reconnect', 'gap']);
  const { state, gaps, reconnects, lastError } = reading.adapter.status();
  assert.deepEqual({ state, gaps, reconnects }, { state: 'live', gaps: 2, reconnects: 2 });
  assert.ok(lastError?.message.startsWith(url));
  await reading.leave();
});

test('a response that is read once fails where it breaks off', async () => {
  const { url, asked } = await serve(broken('one\ntwo'));
  const reading = new Reading({ url });
  const { message } = await failure(reading);
  assert.ok(message.startsWith(`${url}: `), message);
  assert.equal(reading.text, 'one\ntwo\n');
  assert.equal(asked.length, 1);
});

test('servers that are busy are asked again, no earlier than they say', async () => {
  const { url, asked } = await serve(
    status(429, 'slow down', { 'retry-after': '1' }),
    status(503),
    status(500),
    status(408),
    status(425),
    lines('one\n'),
  );
  const reading = new Reading({ url });
  assert.equal(await reading.until(), 'one\n');
  assert.equal(asked.length, 6);
  assert.deepEqual(
    reading.reconnects.map(({ attempt }) => attempt),
    [1, 2, 3, 4, 5],
  );
  const [first] = reading.reconnects;
  assert.ok(first && first.delayMs >= 1000 && first.delayMs <= 1001);
  assert.equal(first.error.message, `${url}: 429 Too Many Requests: slow down`);
});

test('after so many failures in a row it is given up', async () => {
  const { url, asked } = await serve(status(503, 'not ready'));
  const error = await failure(new Reading({ url, maxRetries: 2 }));
  assert.equal(error.message, `${url}: 503 Service Unavailable: not ready; tried again 2 times`);
  assert.equal(error.details['status'], 503);
  assert.equal(asked.length, 3);
  const nobody = await failure(new Reading({ url: 'http://127.0.0.1:1/', maxRetries: 0 }));
  assert.match(nobody.message, /^http:\/\/127\.0\.0\.1:1\/: .+/);
});

test('one that goes well gives all attempts back', async () => {
  const answers = Array.from({ length: 4 }, (_, at) => [status(500), broken(`${at}\n`)]).flat();
  const { url } = await serve(...answers, stalled('end\n'));
  const reading = new Reading({ url, follow: true, maxRetries: 2 });
  assert.equal(await reading.until('end'), '0\n1\n2\n3\nend\n');
  await reading.leave();
});

test('what a client did wrong is told at once, and never with its secrets', async () => {
  const echo: Answer = (response, request) => {
    const sent = `${request.url ?? ''} ${JSON.stringify(request.headers)}`;
    response.writeHead(401).end(`refused ${sent} ${'x'.repeat(1000)}`);
  };
  const { url, asked } = await serve(echo);
  const target = new URL(url);
  target.search = '?query=a&access_token=hunter-token';
  const secrets = ['hunter-user', 'hunter-pass', 'hunter-token', 'hunter-key', 'hunter-bearer'];
  const basic = { username: 'hunter-user', password: 'hunter-pass' };
  const own = new URL(target);
  own.username = basic.username;
  own.password = basic.password;
  const headers = { 'X-Api-Key': 'hunter-key' };
  for (const [options, sent] of [
    [{ url: own, headers }, 'Basic aHVudGVyLXVzZXI6aHVudGVyLXBhc3M='],
    [{ url: target, headers, ...basic }, 'Basic aHVudGVyLXVzZXI6aHVudGVyLXBhc3M='],
    [{ url: target.href, headers, token: 'hunter-bearer' }, 'Bearer hunter-bearer'],
  ] as const) {
    const reading = new Reading(options);
    const error = await failure(reading);
    assert.equal(asked.at(-1)?.headers.authorization, sent);
    assert.equal(asked.at(-1)?.headers['x-api-key'], 'hunter-key');
    const told = `${inspect(error, { depth: 9, showHidden: true })} ${inspect(reading.adapter, { depth: 9 })}`;
    for (const secret of [...secrets, sent.split(' ')[1] ?? '']) {
      assert.ok(!told.includes(secret), `${secret} is told`);
    }
    const begin = `${url}?query=a&access_token=***: 401 Unauthorized: refused /logs?query=a&access_token=*** {`;
    assert.ok(error.message.startsWith(begin), error.message);
    assert.equal(
      error.message.length,
      `${url}?query=a&access_token=***: 401 Unauthorized: `.length + 200,
    );
    assert.equal(error.details['status'], 401);
  }
  assert.equal(asked.length, 3);
});

test('what does not come in time is left', async () => {
  const mute = await serve(silent);
  const late = await failure(new Reading({ url: mute.url, connectTimeout: 30, maxRetries: 1 }));
  assert.equal(late.message, `${mute.url}: did not answer for 30ms; tried again once`);
  const stuck = await serve(stalled('one\n'), lines('two\n'), stalled('three\n'));
  const reading = new Reading({ url: stuck.url, follow: true, silenceTimeout: 30 });
  assert.equal(await reading.until('three'), 'one\ntwo\nthree\n');
  assert.equal(reading.reconnects[0]?.error.message, `${stuck.url}: sent nothing for 30ms`);
  assert.equal(reading.reconnects[1]?.error.message, `${stuck.url}: the response has ended`);
  await reading.leave();
  // The body of a refusal is not waited for, either.
  const refuses = await serve((response) => {
    response.writeHead(400).flushHeaders();
  });
  const refused = await failure(new Reading({ url: refuses.url, silenceTimeout: 30 }));
  assert.equal(refused.message, `${refuses.url}: 400 Bad Request`);
});

test('a live source ends where the server says that there is nothing more', async () => {
  const { url } = await serve(lines('one\n'), status(204));
  assert.equal(await new Reading({ url, follow: true }).until(), 'one\n');
});

test('an event without end is not held', async () => {
  const { url } = await serve(stalled(`data: ${'x'.repeat(3 << 20)}`, EVENTS));
  const { message } = await failure(new Reading({ url, follow: true }));
  assert.match(message, /: an event has more than 2097152 characters$/);
});

test('what nobody asks for is not read', async () => {
  const TOTAL = 256 << 20;
  let sent = 0;
  const block = Buffer.alloc(1 << 20, 'x\n');
  const { url } = await serve((response) => {
    const write = () => {
      while (sent < TOTAL) {
        sent += block.length;
        if (!response.write(block)) return;
      }
      response.end();
    };
    response.on('drain', write);
    write();
  });
  const reading = new Reading({ url });
  await reading.until('x');
  // Until what is between the two is full.
  for (let before = 0; sent > before;) {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.ok(reading.adapter.status().bytes < 1 << 20);
  assert.ok(sent < TOTAL / 4, `${sent} bytes were sent`);
  await reading.leave();
});

test('whenever a stream is left, it leaves no socket and no timer', async () => {
  const { url } = await serve(
    silent,
    stalled('one\n'),
    status(503),
    stalled('data: a\n\n', EVENTS),
  );
  const before = process.getActiveResourcesInfo().length;
  for (const way of ['abort', 'destroy', 'return'] as const) {
    for (let turns = 0; turns < 24; turns += 1) {
      const reading = new Reading({ url, follow: true, baseDelay: '1h', maxDelay: '1h' });
      const seen = reading.until();
      for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate);
      if (way === 'destroy') await reading.adapter.destroy();
      else if (way === 'abort') reading.abort.abort();
      else await reading.leave();
      await seen;
      assert.equal(reading.adapter.status().streams, 0);
    }
  }
  // Sockets are closed in turns of their own; one that is never closed runs into the timeout.
  while (process.getActiveResourcesInfo().length > before) await new Promise(setImmediate);
});

test('options that make no sense are named, and secrets are not', () => {
  const url = 'http://localhost/';
  for (const [option, options] of [
    ['url', { url: 'hunter2' }],
    ['url', { url: 'ftp://me:hunter2@localhost/' }],
    ['url', { url: 'http://me:hunter2%zz@localhost/' }],
    ['proxy', { url, proxy: '//me:hunter2@localhost:3128' }],
    ['proxy', { url, proxy: 'socks5://me:hunter2%zz@localhost:1080' }],
    ['headers', { url, headers: { 'X-Api-Key': 'hunter2\n\0' } }],
    ['headers', { url, headers: { 'a b': 'hunter2' } }],
    ['token', { url, token: 'hunter2\0' }],
    ['token', { url, token: 'hunter2', username: 'u', password: 'hunter2' }],
    ['connectTimeout', { url, connectTimeout: 0 }],
    ['silenceTimeout', { url, silenceTimeout: 'long' }],
    ['maxRetries', { url, maxRetries: -1 }],
    ['framing', { url, framing: 'xml' as 'sse' }],
  ] as const) {
    assert.throws(
      () => new HttpAdapter(options),
      (error: unknown) => {
        assert.ok(error instanceof OptionError);
        assert.equal(error.details['option'], option);
        assert.doesNotMatch(inspect(error), /hunter2/);
        return true;
      },
    );
  }
});

test('a query goes on over a source that is broken off, and tells of it', async () => {
  const event = (second: number, id: string) =>
    `${JSON.stringify({ time: new Date(Date.now() + second * 1000), id })}\n`;
  const app = await serve(broken(`${event(0, 'r1')}{"time":`), stalled(event(1, 'r2')));
  const edge = await serve(stalled(event(0, 'r1') + event(1, 'r2')));
  await using engine = new CorrelationEngine();
  for (const [name, { url }] of Object.entries({ app, edge })) {
    engine.addAdapter(name, new HttpAdapter({ url, follow: true, baseDelay: 1 }));
  }
  const told: string[] = [];
  engine.on('adapterReconnect', ({ adapter, attempt }) => told.push(`${adapter} ${attempt}`));
  engine.on('badLine', ({ source, line, count }) =>
    told.push(`${source} line ${line ?? 0} x${count}`),
  );
  const found = new Set<string>();
  for await (const { joinValue } of engine.correlate('app({})[5m] and on(id) edge({})[5m]')) {
    found.add(joinValue);
    if (found.size === 2) break;
  }
  assert.deepEqual([...found].sort(), ['r1', 'r2']);
  assert.deepEqual(told.sort(), ['app 1', 'app line 2 x1']);
});

test('a proxy is asked, and its password is not told', async () => {
  const { url } = await serve((response) => response.end('one\n'));
  const proxies = [
    await HttpProxyServer.start({ user: 'me', password: 'hunter-pass' }),
    await SocksServer.start({ user: 'me', password: 'hunter-pass' }),
  ];
  try {
    for (const [at, scheme] of ['http', 'socks5'].entries()) {
      const { port = 0, connections: before = 0 } = proxies[at] ?? {};
      const reading = new Reading({ url, proxy: `${scheme}://me:hunter-pass@127.0.0.1:${port}` });
      assert.equal(await reading.until(), 'one\n');
      assert.equal(before, 0);
      assert.ok((proxies[at]?.connections ?? 0) > 0, scheme);
      await reading.adapter.destroy();
      const proxy = `${scheme}://me:hunter-wrong@127.0.0.1:${port}`;
      const refused = new Reading({ url, proxy, maxRetries: 0 });
      const error = await failure(refused);
      assert.doesNotMatch(inspect(error, { depth: 9 }), /hunter/);
      await refused.adapter.destroy();
    }
  } finally {
    for (const proxy of proxies) await proxy.close();
  }
});

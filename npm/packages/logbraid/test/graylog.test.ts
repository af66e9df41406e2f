import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';

import { CorrelationEngine, OptionError } from 'logbraid';
import type { AdapterNotice, CorrelationError } from 'logbraid';
import { GraylogAdapter } from 'logbraid/graylog';
import type { GraylogOptions } from 'logbraid/graylog';

import { conforms } from './conformance.js';
import { Reading, range } from './reading.js';
import { GRAYLOG_REFUSES } from './real-subjects.js';
import { GraylogServer } from './servers/graylog-server.js';
import type { PushedMessage } from './servers/graylog-store.js';

const PAGE = 50;
const APIS = ['scripting', 'views', 'legacy'] as const;

/** A version that has the API, and one behind which the end of a search is not part of it. */
const VERSIONS = {
  scripting: ['5.2.0', '6.1.2'],
  views: ['4.2.6', '6.1.2'],
  legacy: ['2.5.1', '6.1.2'],
};

const CREDENTIALS = { user: 'me', password: 's3cr3t-password' };

/** Messages of the last seconds, three of each millisecond. */
function pusher(server: GraylogServer) {
  return (numbers: Iterable<number>) => {
    const then = Date.now() - 2000;
    for (const number of numbers) {
      server.push({ timestamp: then + Math.floor(number / 3), message: `number ${number}` });
    }
  };
}

for (const api of APIS) {
  for (const mode of ['history', 'poll'] as const) {
    conforms({
      name: `Graylog, ${api}, ${mode}`,
      isLive: mode === 'poll',
      page: PAGE,
      start: async () => {
        const [version = ''] = VERSIONS[api];
        const server = await GraylogServer.start({ version, ...CREDENTIALS });
        return {
          server,
          selector: 'number',
          adapter: (options) =>
            new GraylogAdapter({
              url: server.url,
              api,
              mode,
              limit: PAGE,
              pollInterval: 5,
              timeout: 1000,
              username: CREDENTIALS.user,
              password: CREDENTIALS.password,
              ...options,
            }),
          push: pusher(server),
          secret: CREDENTIALS.password,
          refuses: GRAYLOG_REFUSES,
        };
      },
    });
  }
}

interface Line {
  timestamp: string;
  message: string;
  labels: Record<string, unknown>;
}

const T0 = Date.parse('2026-11-20T20:38:23.000Z');
/** All that is pushed around that time. */
const AROUND = { start: new Date(T0 - 60_000), end: new Date(T0 + 3_600_000) };

/** Reads what there is between two times, or of the last hour. */
async function read(
  server: GraylogServer,
  options: Partial<GraylogOptions>,
  { selector = '*', times = AROUND }: { selector?: string; times?: Partial<typeof AROUND> } = {},
) {
  const adapter = new GraylogAdapter({
    url: server.url,
    mode: 'history',
    ...(!options.apiToken && !options.session && { username: 'admin', password: 'secret' }),
    ...options,
  });
  const notices: AdapterNotice[] = [];
  const stream = adapter.createStream(selector, {
    range: 3_600_000,
    timeRange: '1h',
    ...times,
    signal: new AbortController().signal,
    tell: (notice) => {
      if (notice.type === 'reconnect' || notice.type === 'gap') notices.push(notice);
    },
  }) as AsyncIterable<{ bytes: Uint8Array }>;
  const lines: Line[] = [];
  try {
    for await (const { bytes } of stream) {
      for (const line of new TextDecoder().decode(bytes).trimEnd().split('\n')) {
        lines.push(JSON.parse(line) as Line);
      }
    }
  } finally {
    await adapter.destroy();
  }
  return { lines, notices, status: adapter.status() };
}

function messagesOf(lines: Line[]): string[] {
  return lines.map(({ message }) => message);
}

function pushed(count: number, timestamp: (at: number) => number): PushedMessage[] {
  return range(0, count).map((at) => ({ timestamp: timestamp(at), message: `m${at}` }));
}

for (const api of APIS) {
  for (const version of VERSIONS[api]) {
    const name = `Graylog ${version}, ${api}`;

    void test(`${name}: pages go through what has no order and no end that they rely on`, async () => {
      await using server = await GraylogServer.start({ version });
      const messages = pushed(301, (at) => T0 + Math.floor(at / 7) * 1000);
      server.push(...messages);
      const { lines, notices, status } = await read(server, { api, limit: 100 });
      assert.deepEqual(
        messagesOf(lines),
        messages.map(({ message }) => message),
      );
      assert.deepEqual(notices, []);
      assert.equal(status.events, 301);
      for (const { path, query, body } of server.requests) {
        assert.match(path, api === 'legacy' ? /absolute$/ : /messages$/);
        assert.ok(query.has('from') || body.includes('"absolute"'));
      }
    });

    void test(`${name}: thousands of one millisecond come once, between others`, async () => {
      await using server = await GraylogServer.start({ version });
      const messages = pushed(2530, (at) => T0 + (at < 15 ? 0 : at < 2515 ? 1 : 2));
      server.push(...messages);
      const { lines, notices } = await read(server, { api, limit: 100 });
      assert.deepEqual(
        messagesOf(lines),
        messages.map(({ message }) => message),
      );
      assert.deepEqual(notices, []);
    });

    void test(`${name}: what is beyond the result window is told as a gap, the rest comes`, async () => {
      await using server = await GraylogServer.start({ version });
      const messages = pushed(20_215, (at) => T0 + (at < 15 ? 0 : at < 10_115 ? 1 : 2));
      server.push(...messages, { timestamp: T0 + 9, message: 'last' });
      const { lines, notices, status } = await read(server, { api, limit: 100 });
      const at = (time: string) => lines.filter(({ timestamp }) => timestamp.includes(time)).length;
      assert.deepEqual(
        [at(':23.000'), at(':23.001'), at(':23.002'), at(':23.009')],
        [15, 10_000, 10_000, 1],
      );
      assert.equal(new Set(messagesOf(lines)).size, 20_016);
      assert.deepEqual(
        notices.map((notice) => notice.type === 'gap' && [notice.from, notice.to]),
        ['001', '002'].map((ms) => {
          const time = `2026-11-20T20:38:23.${ms}000000Z`;
          return [time, time];
        }),
      );
      assert.equal(status.gaps, 2);
    });

    void test(`${name}: streams, fields, lines within messages, and values that are missing`, async () => {
      await using server = await GraylogServer.start({ version });
      const message = 'failed, see\n"trace"\n\tat a.b(c.java:1)\n';
      server.push(
        { timestamp: T0, message: 'elsewhere', streams: ['other'] },
        { timestamp: T0 + 1, message, streams: ['s1'], source: 'api', request_id: 'r1', took: 3 },
        { timestamp: T0 + 2, message: 'again', streams: ['s2', 's3'], source: 'web' },
      );
      const options = { api, streams: ['s1', 's2'], fields: ['request_id', 'took'] };
      const { lines } = await read(server, options);
      assert.deepEqual(messagesOf(lines), [message, 'again']);
      const [first, second] = lines.map(({ labels }) => labels);
      assert.equal(first?.['request_id'], 'r1');
      assert.equal(first['source'], 'api');
      assert.equal(String(first['took']), '3');
      assert.ok(first['gl2_message_id']);
      assert.equal(second?.['source'], 'web');
      assert.ok(!('request_id' in second));
      const all = await read(server, { api });
      assert.equal(all.lines.length, 3);
      assert.equal('request_id' in (all.lines[1]?.labels ?? {}), api === 'legacy');
    });
  }
}

void test('the way to search is chosen by the version of the server', async () => {
  for (const [version, path] of [
    ['2.5.2', '/api/search/universal/absolute'],
    ['3.2.6', '/api/search/universal/absolute'],
    ['3.3.0', '/api/views/search/messages'],
    ['4.3.0', '/api/views/search/messages'],
    ['5.1.3', '/api/search/messages'],
    ['6.1.2', '/api/search/messages'],
    ['10.0.0', '/api/search/messages'],
  ] as const) {
    await using server = await GraylogServer.start({ version });
    server.push(...pushed(3, (at) => T0 + at));
    server.answer(1, { status: 503, headers: { 'retry-after': '0' } });
    server.answer(1, { status: 200, body: '<!doctype html><title>Starting</title>' });
    const { lines } = await read(server, {});
    assert.deepEqual(messagesOf(lines), ['m0', 'm1', 'm2']);
    assert.deepEqual(
      server.requests.map((request) => request.path),
      ['/api/', '/api/', '/api/', path],
      version,
    );
  }
});

void test('legacy pages need no offset, where it is ignored', async () => {
  await using server = await GraylogServer.start({ version: '4.3.0' });
  const messages = pushed(700, () => T0);
  server.push(...messages);
  const { lines } = await read(server, { api: 'legacy', limit: 100 });
  assert.equal(new Set(messagesOf(lines)).size, 700);
});

void test('a server that finds less at once is asked for that', async () => {
  for (const version of ['3.2.6', '5.2.0', '7.1.0']) {
    await using server = await GraylogServer.start({ version, resultWindow: 200 });
    server.push(...pushed(450, (at) => T0 + (at < 100 ? at : at < 350 ? 100 : at)));
    const { lines, notices } = await read(server, { api: 'legacy', limit: 500 });
    assert.equal(lines.length, 400, version);
    assert.deepEqual(
      notices.map(({ type }) => type),
      ['gap'],
    );
  }
});

void test('the last hour is of the clock of the server, later pages and polls go by times', async () => {
  for (const api of APIS) {
    await using server = await GraylogServer.start();
    const now = Date.now();
    server.push({ timestamp: now - 4_000_000, message: 'too old' });
    server.push(...pushed(5, (at) => now - 1_000_000 + at));
    const { lines } = await read(server, { api }, { times: {} });
    assert.deepEqual(messagesOf(lines), ['m0', 'm1', 'm2', 'm3', 'm4']);
    assert.equal(server.requests.length, 1);
    for (const { path, query, body } of server.requests) {
      if (api === 'legacy') {
        assert.equal(path, '/api/search/universal/relative');
        assert.equal(query.get('range'), '3600');
      } else {
        assert.ok(body.includes('"timerange":{"type":"relative","range":3600}'), body);
      }
    }
  }
});

void test('clocks that differ by an hour lose nothing', async () => {
  for (const api of APIS) {
    for (const aheadMs of [-3_600_000, 3_600_000]) {
      await using server = await GraylogServer.start({ aheadMs });
      const push = (agoMs: number, message: string) => {
        server.push({ timestamp: Date.now() + aheadMs - agoMs, message });
      };
      const adapter = new GraylogAdapter({
        url: server.url,
        api,
        pollInterval: 5,
        // Also further back than what was asked for.
        overlap: '2m',
        username: 'admin',
        password: 'secret',
      });
      const signal = AbortSignal.timeout(10_000);
      const stream = adapter.createStream('*', {
        range: 60_000,
        timeRange: '1m',
        signal,
      }) as AsyncIterable<{ bytes: Uint8Array }>;
      push(70_000, 'too old');
      push(50_000, 'before');
      let found = '';
      for await (const { bytes } of stream) {
        found += new TextDecoder().decode(bytes);
        if (found.includes('much later')) break;
        push(100, found.includes('after') ? 'much later' : 'after');
      }
      assert.match(found, /before[^]*after[^]*much later/, `${api} ${aheadMs}`);
      assert.doesNotMatch(found, /too old/);
      await adapter.destroy();
    }
  }
});

void test('users, access tokens and sessions are let in, and no error shows them', async () => {
  const apiToken = 'tok-12345678';
  const session = 'ses-87654321';
  await using server = await GraylogServer.start({ tokens: [apiToken], sessions: [session] });
  server.push(...pushed(1, () => T0));
  const url = server.url.replace('//', '//admin:secret@');
  const user = { username: 'admin', password: 'secret' };
  for (const way of [{ apiToken }, { session }, { url }, user]) {
    const adapter = new GraylogAdapter({ url: server.url, mode: 'history', ...way });
    const stream = adapter.createStream('*', {
      range: 1000,
      timeRange: '1s',
      ...AROUND,
      signal: new AbortController().signal,
    }) as AsyncIterable<{ bytes: Uint8Array }>;
    let bytes = 0;
    for await (const chunk of stream) bytes += chunk.bytes.length;
    assert.ok(bytes > 0, JSON.stringify(way));
    await adapter.destroy();
  }
  for (const { method, headers } of server.requests) {
    assert.match(headers.authorization ?? '', /^Basic /);
    assert.ok(headers.accept);
    if (method === 'POST') assert.equal(headers['x-requested-by'], 'logbraid');
  }
  for (const way of [{ apiToken: 'wrong-12345678' }, { session: 'wrong-12345678' }]) {
    const sent = Object.values(way)[0] ?? '';
    await assert.rejects(read(server, { api: 'scripting', ...way }), { code: 'AUTH_REQUIRED' });
    for (const status of [400, 401, 500]) {
      const encoded = server.requests.at(-1)?.headers.authorization?.slice(6) ?? '';
      const body = JSON.stringify({
        type: 'ApiError',
        message: `expired token ${sent} ${encoded}`,
      });
      server.answer(1, { status, body });
      const error = (await read(server, { api: 'scripting', maxRetries: 0, ...way }).catch(
        (thrown: unknown) => thrown,
      )) as CorrelationError;
      assert.ok(encoded.length > 20);
      const shown = `${error.message} ${JSON.stringify(error.details)} ${error.stack}`;
      assert.match(shown, /expired token \*\*\* \*\*\*/);
      assert.ok(!shown.includes(sent) && !shown.includes(encoded), shown);
    }
  }
});

void test('a search that makes no sense fails with what Graylog says of it, at once', async () => {
  for (const version of ['2.5.1', '4.2.6', '6.1.2']) {
    await using server = await GraylogServer.start({ version });
    const error = (await read(server, {}, { selector: 'a:"b' }).catch(
      (thrown: unknown) => thrown,
    )) as CorrelationError;
    assert.equal(error.code, 'GRAYLOG_SEARCH_ERROR');
    assert.match(error.message, /^(GET|POST) http.* answered 400 Bad Request: Unable to .*search/);
    assert.equal(error.details['status'], 400);
    assert.equal(server.requests.length, 2);
  }
});

for (const api of APIS) {
  void test(`${api}: messages that are found late, and out of order, come once within the overlap`, async () => {
    const [version = ''] = VERSIONS[api];
    await using server = await GraylogServer.start({ version });
    const then = Date.now() - 5000;
    const message = (number: number) => ({
      timestamp: then + number * 100,
      message: `number ${number}`,
    });
    const hidden = range(0, 10).map((number) => server.pushUnindexed(message(number * 2)));
    server.push(...range(0, 10).map((number) => message(number * 2 + 1)));
    const adapter = new GraylogAdapter({
      url: server.url,
      api,
      limit: 7,
      pollInterval: 5,
      username: 'admin',
      password: 'secret',
    });
    const reading = new Reading(adapter, 'number');
    await reading.until(10);
    for (const [at, index] of hidden.reverse().entries()) {
      index();
      await reading.until(11 + at);
    }
    // What came twice would be here before the last.
    server.push({ timestamp: Date.now(), message: 'number 20' });
    await reading.until(21);
    assert.deepEqual(reading.sorted, range(0, 21));
    assert.deepEqual(reading.notices, []);
    assert.ok(adapter.status().repeats > 0);
    await reading.leave();
    await adapter.destroy();
  });
}

void test('streams that there are, by their IDs; options are checked', async () => {
  await using server = await GraylogServer.start({ user: 'me', password: 's3cr3t-password' });
  server.push({ timestamp: T0, message: 'a', streams: ['s1', 's2'] });
  const { url } = server;
  const adapter = new GraylogAdapter({ url, username: 'me', password: 's3cr3t-password' });
  assert.deepEqual(await adapter.getAvailableStreams(), ['s1', 's2']);
  assert.equal(adapter.validateQuery('source:web'), true);
  assert.equal(adapter.validateQuery(' '), false);
  assert.equal(adapter.getName(), 'graylog');
  await adapter.destroy();
  const other = new GraylogAdapter({ url, username: 'me', password: 'another' });
  await assert.rejects(other.getAvailableStreams(), { code: 'AUTH_REQUIRED' });
  await other.destroy();

  const wrong = (options: object, message: RegExp) => {
    assert.throws(
      () => new GraylogAdapter(options as GraylogOptions),
      (error) => {
        assert.ok(error instanceof OptionError, String(error));
        assert.match(error.message, message);
        assert.doesNotMatch(inspect(error), /s3cr3t/);
        return true;
      },
    );
  };
  const apiToken = 's3cr3t-token';
  wrong({ url, token: apiToken }, /^Graylog takes no bearer token: .*apiToken/);
  wrong({ url, apiToken, session: 's3cr3t' }, /apiToken, session and username exclude each other/);
  wrong({ url, apiToken, username: 'me' }, /exclude each other/);
  wrong({ url: 'http://me:s3cr3t@g', session: 'a' }, /exclude each other/);
  wrong({ url: 'graylog:9000' }, /^url must be/);
  wrong({ url: 'http://me:s3cr3t%zz@g' }, /^url has a user or a password with a % that encodes/);
  wrong({ url, proxy: '//me:s3cr3t@proxy:3128' }, /^proxy must be .*, not \(no URL\)$/);
  wrong({ url, mode: 'tail' }, /^mode must be 'poll' or 'history'/);
  wrong({ url, api: 'rest' }, /^api must be 'scripting' or 'views' or 'legacy'/);
  wrong({ url, streams: 's1' }, /^streams must be an array of texts/);
  wrong({ url, limit: 0 }, /^limit must be a whole number above 0/);
  wrong({ url, interval: 1 }, /there is no option interval; there are: url, headers, username/);
});

void test('messages join with others in a query', async () => {
  await using server = await GraylogServer.start();
  await using engine = new CorrelationEngine();
  const now = Date.now();
  server.push(
    { timestamp: now - 2000, message: 'refused', source: 'shop', request_id: 'r1' },
    { timestamp: now - 1000, message: 'refused', source: 'web', request_id: 'r2' },
  );
  engine.addAdapter(
    'graylog',
    new GraylogAdapter({
      url: server.url,
      mode: 'history',
      username: 'admin',
      password: 'secret',
      fields: ['request_id'],
    }),
  );
  engine.addAdapter('app', [
    { timestamp: now, message: 'called', labels: { request_id: 'r1' } },
    { timestamp: now, message: 'called', labels: { request_id: 'r2' } },
  ]);
  const found = await engine.run('graylog(source:shop)[1m] and on(request_id) app({})[1m]');
  assert.deepEqual(
    found.map(({ joinValue }) => joinValue),
    ['r1'],
  );
});

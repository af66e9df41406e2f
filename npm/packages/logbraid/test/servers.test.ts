// The protocol servers of the tests answer as the real ones were seen to, and misbehave as told.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { suite, test } from 'node:test';
import { WebSocket } from 'ws';

import type { Labels } from './servers/logql.js';
import type { LokiOptions } from './servers/loki-server.js';
import { LokiServer, QUERY_RANGE, TAIL } from './servers/loki-server.js';
import type { PushedEntry } from './servers/loki-store.js';

const SAMPLES = new URL('../../../../../tests/samples/loki/', import.meta.url);
const CATEGORIZE = { 'X-Loki-Response-Encoding-Flags': 'categorize-labels' };
/** The first second of what was pushed. */
const T0 = 1795207103075549564n;
const SECOND = 1_000_000_000n;

interface PushRequest {
  streams: { stream: Labels; values: [string, string, Labels?][] }[];
}

async function sample(name: string): Promise<string> {
  return readFile(new URL(name, SAMPLES), 'utf8');
}

async function loki(t: TestContext, options: LokiOptions = {}): Promise<LokiServer> {
  const server = await LokiServer.start(options);
  t.after(() => server.close());
  return server;
}

/** With what the recorded one held. */
async function recorded(t: TestContext): Promise<LokiServer> {
  const server = await loki(t);
  const { streams } = JSON.parse(await sample('push.req.json')) as PushRequest;
  for (const { stream, values } of streams) {
    const entries = values.map(([ns, line, metadata]): PushedEntry => [
      BigInt(ns),
      line,
      metadata ?? {},
    ]);
    server.push(stream, entries);
  }
  return server;
}

type Parameters = Record<string, string | number | bigint>;

function search(parameters: Parameters): string {
  const texts = Object.entries(parameters).map(([name, value]) => [name, String(value)]);
  return new URLSearchParams(texts).toString();
}

const AROUND: Parameters = { query: '{env="prod"}', start: T0, end: T0 + 10n * SECOND };

function range(server: LokiServer, parameters: Parameters, init?: RequestInit): Promise<Response> {
  return fetch(`${server.url}${QUERY_RANGE}?${search({ ...AROUND, ...parameters })}`, init);
}

interface Streams {
  data: { result: { stream: Labels; values: [string, string, unknown?][] }[]; stats?: unknown };
}

/** What only a real one knows: what a query cost, and fields a parser of the query found. */
function comparable(body: string): unknown {
  const { data, ...rest } = JSON.parse(body) as Streams;
  delete data.stats;
  for (const { values } of data.result) {
    for (const [, , extra] of values) if (extra) delete (extra as { parsed?: unknown }).parsed;
  }
  return { ...rest, data };
}

async function lines(response: Response): Promise<string[]> {
  const { data } = (await response.json()) as Streams;
  return data.result.flatMap(({ values }) => values.map(([, line]) => line));
}

interface Frame {
  streams: { stream: Labels; values: [string, string, unknown?][] }[];
  dropped_entries?: { timestamp: string; labels: Labels }[];
  encodingFlags?: string[];
}

/** A client of a tail, with the frames it got. */
class Client {
  readonly ws: WebSocket;
  readonly texts: string[] = [];
  pings = 0;
  error: Error | undefined;
  readonly closed: Promise<[code: number, reason: string]>;

  constructor(server: LokiServer, parameters: Parameters, headers: Record<string, string> = {}) {
    const url = `${server.url.replace('http', 'ws')}${TAIL}?${search(parameters)}`;
    this.ws = new WebSocket(url, { headers });
    this.ws.on('message', (data: Buffer) => this.texts.push(data.toString()));
    this.ws.on('ping', () => (this.pings += 1));
    this.ws.on('error', (error) => (this.error = error));
    this.closed = new Promise((resolve) => {
      this.ws.on('close', (code, reason) => {
        resolve([code, reason.toString()]);
      });
    });
  }

  get frames(): Frame[] {
    return this.texts.map((text) => JSON.parse(text) as Frame);
  }

  get lines(): string[] {
    return this.frames.flatMap(({ streams }) =>
      streams.flatMap(({ values }) => values.map(([, line]) => line)),
    );
  }

  async received(frames: number): Promise<void> {
    while (this.texts.length < frames) await once(this.ws, 'message');
  }
}

async function tailing(
  server: LokiServer,
  parameters: Parameters = {},
  headers: Record<string, string> = {},
): Promise<Client> {
  const opened = server.nextTail();
  const client = new Client(server, { query: '{a="b"}', ...parameters }, headers);
  await opened;
  return client;
}

/** What the upgrade was refused with. */
function refusal(server: LokiServer, parameters: Parameters, headers: Record<string, string> = {}) {
  const ws = new WebSocket(`${server.url}${TAIL}?${search(parameters)}`, { headers });
  ws.on('error', () => undefined);
  return new Promise<[status: number | undefined, body: string]>((resolve) => {
    ws.on('unexpected-response', (_request, response) => {
      let body = '';
      response.on('data', (data: Buffer) => (body += data.toString()));
      response.on('end', () => {
        resolve([response.statusCode, body]);
      });
    });
  });
}

void suite('Loki answers as recorded', () => {
  const ranges: [name: string, parameters: Parameters, init?: RequestInit][] = [
    ['range-backward', {}],
    ['range-backward-limit', { limit: 2 }],
    ['range-forward', { limit: 2, direction: 'forward' }],
    ['range-categorize', {}, { headers: CATEGORIZE }],
    ['range-empty', { query: '{env="none"}' }],
    ['range-rfc3339', { start: '2026-11-20T20:38:26Z', end: '2026-11-20T20:38:28.5+00:00' }],
    ['range-float-sec', { start: '1795207106.0', end: '1795207106.5' }],
    ['range-sm-filter', { query: '{env=~"pr.*"} | trace_id="abc123"' }],
  ];
  for (const [name, parameters, init] of ranges) {
    test(name, async (t) => {
      const server = await recorded(t);
      const response = await range(server, parameters, init);
      const [status = '', type = ''] = (await sample(`${name}.meta`)).split(/ (.*)/);
      assert.equal(
        `${response.status} ${response.headers.get('content-type')}`,
        `${status} ${type}`,
      );
      assert.deepEqual(comparable(await response.text()), comparable(await sample(`${name}.body`)));
    });
  }

  const path = (text: string) => `/loki/api/v1/${text}`;
  const query = (parameters: Parameters) =>
    `${QUERY_RANGE}?${search({ ...AROUND, ...parameters })}`;
  const texts: [name: string, path: string][] = [
    ['range-limit-0', query({ limit: 0 })],
    ['range-limit-neg', query({ limit: -1 })],
    ['range-limit-5001', query({ limit: 5001 })],
    ['range-bad-direction', query({ direction: 'sideways' })],
    ['range-bad-start', query({ start: 'yesterday' })],
    ['range-bad-query', query({ query: '{env="prod"' })],
    ['range-bad-regex', query({ query: '{env=~"("}' })],
    ['range-empty-matcher', query({ query: '{env=~".*"}' })],
    ['range-no-query', query({ query: '' })],
    ['range-end-before-start', query({ end: T0 })],
    ['range-too-long', query({ end: T0 + 60n * 24n * 3600n * SECOND + SECOND })],
    ['labels', path(`labels?${search(AROUND)}`)],
    ['label-values', path(`label/service/values?${search(AROUND)}`)],
    ['label-values-none', path(`label/nothing/values?${search(AROUND)}`)],
    ['buildinfo', path('status/buildinfo')],
    ['ready', '/ready'],
    ['notfound', path('nothing')],
    ['series-bad', path('series?match[]=%7Benv%3D')],
    ['tail-http-bad-query', `${TAIL}?query=%7Benv%3D`],
    ['tail-http-no-ws', `${TAIL}?query=%7Benv%3D%22prod%22%7D`],
  ];
  for (const [name, path] of texts) {
    test(name, async (t) => {
      const server = await recorded(t);
      const response = await fetch(server.url + path);
      const type = response.headers.get('content-type') ?? '';
      assert.equal(`${response.status} ${type}`, await sample(`${name}.meta`));
      assert.equal(await response.text(), await sample(`${name}.body`));
    });
  }
});

void suite('Loki queries', () => {
  test('an entry is stored once for its time and line, and start is inclusive, end exclusive', async (t) => {
    const server = await loki(t);
    server.push({ a: 'b' }, [
      [T0, 'one'],
      [T0, 'one', { k: 'v' }],
      [T0, 'two'],
    ]);
    server.push({ a: 'b' }, [
      [T0, 'one'],
      [T0 + 1n, 'three'],
    ]);
    const query = { query: '{a="b"}', direction: 'forward' };
    assert.deepEqual(await lines(await range(server, { ...query, end: T0 + 1n })), ['one', 'two']);
    assert.deepEqual(await lines(await range(server, { ...query, start: T0 + 1n })), ['three']);
  });

  test('the default limit is 100', async (t) => {
    const server = await loki(t);
    const entries = Array.from({ length: 150 }, (_, k): PushedEntry => [T0 + BigInt(k), `l${k}`]);
    server.push({ a: 'b' }, entries);
    assert.equal((await lines(await range(server, { query: '{a="b"}' }))).length, 100);
    assert.equal((await lines(await range(server, { query: '{a="b"}', limit: 5000 }))).length, 150);
  });

  test('matchers and line filters', async (t) => {
    const server = await recorded(t);
    const found = async (query: string) => (await lines(await range(server, { query }))).length;
    assert.equal(await found('{env="prod", service!="backend"}'), 3);
    assert.equal(await found('{env="prod", service!~"front.*"}'), 3);
    assert.equal(await found('{env="prod", service=~"front"}'), 0);
    assert.equal(await found('{env="prod"} |= "request_id=r1"'), 2);
    assert.equal(await found('{env="prod"} |= "request_id=r1" != `status=500`'), 1);
    assert.equal(await found('{env="prod"} |~ "request_id=r[12]" !~ "^GET"'), 2);
  });
});

void suite('Loki tails', () => {
  test('sends what was stored and what comes, an entry to a stream object', async (t) => {
    const server = await loki(t);
    server.push({ a: 'b', service: 's' }, [[T0, 'old', { trace_id: 't0' }]]);
    const client = await tailing(server, { start: T0 });
    server.push({ a: 'b', service: 's' }, [
      [T0 + 1n, 'new', { trace_id: 't1' }],
      [T0 + 2n, 'newer'],
    ]);
    server.push({ a: 'c' }, [[T0 + 3n, 'of another']]);
    await client.received(2);
    const own = { a: 'b', service: 's', service_name: 's' };
    const stored = { ...own, detected_level: 'unknown', trace_id: 't0' };
    // Only what was stored has its structured metadata.
    assert.deepEqual(client.frames, [
      { streams: [{ stream: stored, values: [[String(T0), 'old']] }] },
      {
        streams: [
          { stream: own, values: [[String(T0 + 1n), 'new']] },
          { stream: own, values: [[String(T0 + 2n), 'newer']] },
        ],
      },
    ]);
    assert.deepEqual(
      client.frames.map((frame) => Object.keys(frame)),
      [['streams'], ['streams']],
    );
  });

  test('with the header, metadata apart', async (t) => {
    const server = await loki(t);
    const client = await tailing(server, {}, CATEGORIZE);
    server.push({ a: 'b' }, [[T0, 'new', { trace_id: 't1' }]]);
    await client.received(1);
    const extra = { structuredMetadata: { detected_level: 'unknown', trace_id: 't1' } };
    const stream = { a: 'b', service_name: 'unknown_service' };
    assert.deepEqual(client.frames, [
      {
        streams: [{ stream, values: [[String(T0), 'new', extra]] }],
        encodingFlags: ['categorize-labels'],
      },
    ]);
  });

  test('refused before it opens', async (t) => {
    const server = await loki(t, { multiTenant: true });
    const one = { 'X-Scope-OrgID': 't1' };
    const bad = await sample('tail-http-bad-query.body');
    assert.deepEqual(await refusal(server, { query: '{env=' }, one), [400, bad]);
    const late = { query: '{a="b"}', delay_for: 10 };
    assert.deepEqual(await refusal(server, late, one), [400, "delay_for can't be greater than 5"]);
    assert.deepEqual(await refusal(server, { query: '{a="b"}' }), [401, 'no org id\n']);
    assert.deepEqual(await refusal(server, { query: '{a="b"}' }, { 'X-Scope-OrgID': 'a|b' }), [
      400,
      'multiple org IDs present',
    ]);
  });

  test('closed with a reason after it opened', async (t) => {
    const server = await loki(t, { maxTails: 2 });
    const metric = new Client(server, { query: 'count_over_time({a="b"}[1m])' });
    assert.deepEqual(await metric.closed, [1011, 'only log selector is supported']);
    await tailing(server);
    await tailing(server);
    const third = new Client(server, { query: '{a="b"}' });
    const [, reason = ''] = /close 1011 (rpc .*\))/.exec(await sample('tail-mt.txt')) ?? [];
    assert.deepEqual(await third.closed, [1011, reason]);
  });

  test('it pings', async (t) => {
    const server = await loki(t, { pingMs: 5 });
    const client = await tailing(server);
    await once(client.ws, 'ping');
    await once(client.ws, 'ping');
  });

  test('entries that are dropped are told with the next frame, 1000 at most', async (t) => {
    const server = await loki(t);
    const client = await tailing(server);
    server.tail.dropEntries(1500);
    const flood = Array.from({ length: 1650 }, (_, k): PushedEntry => [T0 + BigInt(k), `l${k}`]);
    server.push({ a: 'b' }, flood);
    await client.received(2);
    const like = JSON.parse(await sample('tail-dropped.json')) as Frame;
    const [first, second] = client.frames;
    assert.deepEqual(Object.keys(first ?? {}), Object.keys(like));
    assert.equal(first?.streams.length, like.streams.length);
    assert.equal(first.dropped_entries?.length, like.dropped_entries?.length);
    assert.deepEqual(first.dropped_entries?.[0], {
      timestamp: String(T0),
      labels: { a: 'b', service_name: 'unknown_service' },
    });
    assert.deepEqual(Object.keys(second ?? {}), ['streams']);
    assert.deepEqual(
      client.lines,
      flood.slice(1500).map(([, line]) => line),
    );
  });
});

void suite('Loki misbehaves', () => {
  test('a restart cuts every connection and keeps the port and the entries', async (t) => {
    const server = await recorded(t);
    const { url } = server;
    const client = await tailing(server);
    const back = server.restart({ downMs: 50 });
    assert.equal((await client.closed)[0], 1006);
    await assert.rejects(range(server, {}), { name: 'TypeError' });
    await back;
    assert.equal(server.url, url);
    assert.equal((await lines(await range(server, {}))).length, 6);
  });

  test('a restart behind a proxy answers 503', async (t) => {
    const server = await recorded(t);
    const client = await tailing(server);
    const back = server.restart({ downMs: 50, refuse: 503 });
    assert.equal((await client.closed)[0], 1006);
    assert.equal((await range(server, {})).status, 503);
    assert.equal((await refusal(server, { query: '{a="b"}' }))[0], 503);
    await back;
    assert.equal((await range(server, {})).status, 200);
  });

  test('it answers as told, to requests of a path', async (t) => {
    const server = await recorded(t);
    server.answer(1, { status: 429, headers: { 'Retry-After': '1' }, body: 'slow' }, QUERY_RANGE);
    server.answer(1, { status: 400, body: 'no tail' }, TAIL);
    assert.equal((await fetch(`${server.url}/ready`)).status, 200);
    const response = await range(server, {});
    assert.deepEqual([response.status, response.headers.get('retry-after')], [429, '1']);
    assert.equal((await range(server, {})).status, 200);
    assert.deepEqual(await refusal(server, { query: '{a="b"}' }), [400, 'no tail']);
  });

  test('entries of a tail are lost silently', async (t) => {
    const server = await loki(t);
    const client = await tailing(server);
    server.tail.loseSilently(2);
    server.push({ a: 'b' }, [
      [T0, 'one'],
      [T0 + 1n, 'two'],
      [T0 + 2n, 'three'],
    ]);
    await client.received(1);
    assert.deepEqual(client.lines, ['three']);
    assert.deepEqual(Object.keys(client.frames[0] ?? {}), ['streams']);
  });
});

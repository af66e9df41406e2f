// The protocol servers of the tests answer as the real ones were seen to, and misbehave as told.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { suite, test } from 'node:test';

import type { Labels } from './servers/logql.js';
import type { LokiOptions } from './servers/loki-server.js';
import { LokiServer, QUERY_RANGE, TAIL } from './servers/loki-server.js';
import type { PushedEntry } from './servers/loki-store.js';
import type { Frame, Parameters } from './servers/tail-client.js';
import { refusal, search, tailing, TailClient } from './servers/tail-client.js';

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

  test('a POST has its parameters in the body, and since counts back from the end', async (t) => {
    const server = await recorded(t);
    const body = search({ query: '{env="prod"}', end: T0 + 3n * SECOND + 1n, since: '1s' });
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const response = await fetch(server.url + QUERY_RANGE, { method: 'POST', body, headers });
    assert.deepEqual(await lines(response), ['status=200 request_id=r2']);
    assert.equal(server.requests.at(-1)?.body, body);
  });

  test('labels of streams without an entry in the time asked for are not told', async (t) => {
    const server = await recorded(t);
    const later = search({ start: T0 + 20n * SECOND, end: T0 + 30n * SECOND });
    const response = await fetch(`${server.url}/loki/api/v1/labels?${later}`);
    assert.deepEqual(await response.json(), { status: 'success' });
  });

  test('series', async (t) => {
    const server = await recorded(t);
    const query = search({ ...AROUND, 'match[]': '{env="prod"}' });
    const response = await fetch(`${server.url}/loki/api/v1/series?${query}`);
    assert.deepEqual(await response.json(), JSON.parse(await sample('series.body')));
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

void suite('Loki behind a door', () => {
  const of = (result: unknown) => ({ status: 'success', data: { resultType: 'streams', result } });

  test('tenants', async (t) => {
    const server = await loki(t, { multiTenant: true });
    server.push({ a: 'b' }, [[T0, 'from t1']], { tenant: 't1' });
    server.push({ a: 'b' }, [[T0, 'from t2']], { tenant: 't2' });
    const ask = (tenant: string) =>
      range(server, { query: '{a="b"}' }, { headers: { 'X-Scope-OrgID': tenant } });
    const stream = { a: 'b', detected_level: 'unknown', service_name: 'unknown_service' };
    const one = { stream, values: [[String(T0), 'from t1']] };
    const two = { stream, values: [[String(T0), 'from t2']] };
    const named = (tenant: string) => ({ stream: { __tenant_id__: tenant, ...stream } });
    assert.deepEqual(comparable(await (await ask('t1')).text()), of([one]));
    assert.deepEqual(
      comparable(await (await ask('t1|t2')).text()),
      of([
        { ...one, ...named('t1') },
        { ...two, ...named('t2') },
      ]),
    );
    const refused = await range(server, {});
    assert.deepEqual([refused.status, await refused.text()], [401, 'no org id\n']);
    assert.equal((await fetch(`${server.url}/ready`)).status, 200);
  });

  test('a name and a password, or a token', async (t) => {
    const named = await loki(t, { auth: { user: 'me', password: 'pw' } });
    const basic = { authorization: `Basic ${Buffer.from('me:pw').toString('base64')}` };
    assert.equal((await range(named, {})).status, 401);
    assert.equal((await range(named, {}, { headers: basic })).status, 200);
    assert.equal((await refusal(named, { query: '{a="b"}' }))[0], 401);
    const tokened = await loki(t, { auth: { token: 'tok' } });
    assert.equal((await range(tokened, {}, { headers: basic })).status, 401);
    const bearer = { authorization: 'Bearer tok' };
    assert.equal((await range(tokened, {}, { headers: bearer })).status, 200);
  });

  test('not ready', async (t) => {
    const server = await loki(t);
    server.ready = false;
    const response = await fetch(`${server.url}/ready`);
    assert.deepEqual(
      [response.status, await response.text()],
      [503, await sample('ready-503.txt')],
    );
    server.ready = true;
    assert.equal((await fetch(`${server.url}/ready`)).status, 200);
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
    const metric = new TailClient(server, { query: 'count_over_time({a="b"}[1m])' });
    assert.deepEqual(await metric.closed, [1011, 'only log selector is supported']);
    await tailing(server);
    await tailing(server);
    const third = new TailClient(server, { query: '{a="b"}' });
    const [, reason = ''] = /close 1011 (rpc .*\))/.exec(await sample('tail-mt.txt')) ?? [];
    assert.deepEqual(await third.closed, [1011, reason]);
  });

  test('of what was stored it sends the newest, in the order of time', async (t) => {
    const server = await loki(t);
    server.push({ a: 'b' }, [
      [T0, 'one'],
      [T0 + 1n, 'two'],
      [T0 + 2n, 'three'],
    ]);
    const client = await tailing(server, { start: T0, limit: 2 });
    await client.received(1);
    assert.deepEqual(client.lines, ['two', 'three']);
  });

  test('what comes waits for delay_for', async (t) => {
    const server = await loki(t);
    const late = await tailing(server, { delay_for: 1 });
    const soon = await tailing(server);
    server.push({ a: 'b' }, [[T0, 'one']]);
    await soon.received(1);
    // What is on its way arrives before this.
    await range(server, {});
    assert.deepEqual(late.lines, []);
    await late.received(1);
    assert.deepEqual(late.lines, ['one']);
  });

  test('a tenant gets its own entries', async (t) => {
    const server = await loki(t, { multiTenant: true });
    const client = await tailing(server, {}, { 'X-Scope-OrgID': 't1' });
    server.push({ a: 'b' }, [[T0, 'from t2']], { tenant: 't2' });
    server.push({ a: 'b' }, [[T0, 'from t1']], { tenant: 't1' });
    await client.received(1);
    assert.deepEqual(client.lines, ['from t1']);
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

// Against a real Prometheus, with something in front of it that misbehaves.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { inspect } from 'node:util';

import { CorrelationEngine, OptionError } from 'logbraid';
import type { AdapterNotice, CorrelationError } from 'logbraid';
import { PrometheusAdapter } from 'logbraid/prometheus';
import type { PrometheusOptions } from 'logbraid/prometheus';

import { conforms } from './conformance.js';
import { prometheusSubject, PROMETHEUS_PAGE } from './real-subjects.js';
import { Front } from './servers/front.js';
import { PrometheusServer, SCRAPE_MS } from './servers/prometheus-server.js';

let prometheus: PrometheusServer;

before(async () => {
  prometheus = await PrometheusServer.start();
  prometheus.metrics = [
    'shop_orders{shop="a"} 12',
    'shop_orders{shop="b"} 0.5',
    'shop_ratio NaN',
    'shop_limit +Inf',
    '',
  ].join('\n');
  // So that there is a little of the past.
  await new Promise((resolve) => setTimeout(resolve, SCRAPE_MS * 8));
});

after(async () => {
  await prometheus.close();
});

for (const mode of ['range', 'poll'] as const) {
  conforms({
    name: `Prometheus, ${mode}`,
    isLive: mode === 'poll',
    page: PROMETHEUS_PAGE,
    cannot: { stops: 'time goes on, and each step has a sample' },
    start: async () => prometheusSubject(prometheus.url, mode),
  });
}

interface Sample {
  timestamp: string;
  message: string;
  labels: Record<string, string | number>;
}

/** Reads a query until there are enough samples or the stream ends. */
async function read(
  options: Partial<PrometheusOptions>,
  selector: string,
  { range = 1000, enough = Infinity } = {},
) {
  const adapter = new PrometheusAdapter({ url: prometheus.url, timeout: 500, ...options });
  const abort = new AbortController();
  const notices: AdapterNotice[] = [];
  const stream = adapter.createStream(selector, {
    range,
    timeRange: '',
    signal: abort.signal,
    tell: (notice) => {
      if (notice.type === 'reconnect' || notice.type === 'gap') notices.push(notice);
    },
  }) as AsyncIterable<{ bytes: Uint8Array }>;
  const samples: Sample[] = [];
  try {
    for await (const { bytes } of stream) {
      const lines = new TextDecoder().decode(bytes).trimEnd().split('\n');
      samples.push(...lines.map((line) => JSON.parse(line) as Sample));
      if (samples.length >= enough) abort.abort();
    }
  } finally {
    await adapter.destroy();
  }
  return { samples, notices, status: adapter.status() };
}

void test('a range has each step of each series once, with its labels and value', async () => {
  const { samples, status } = await read({ step: '100ms' }, 'shop_orders');
  assert.ok(samples.length >= 6, String(samples.length));
  const [first] = samples;
  assert.equal(first?.labels['__name__'], 'shop_orders');
  assert.equal(first.labels['job'], 'shop');
  for (const { labels, message } of samples) {
    assert.equal(labels['__value__'], labels['shop'] === 'a' ? 12 : 0.5);
    assert.match(message, /^shop_orders\{.*shop="[ab]".*\} (12|0\.5)$/);
  }
  const keys = samples.map(({ timestamp, labels }) => `${timestamp} ${labels['shop']}`);
  assert.equal(new Set(keys).size, keys.length);
  for (const { timestamp } of samples) assert.equal(Date.parse(timestamp) % 100, 0);
  assert.equal(status.events, samples.length);
  assert.equal(status.state, 'idle');
});

void test('an instant gives one sample of each series, a scalar and a text', async () => {
  const { samples } = await read({ mode: 'instant' }, 'shop_orders');
  assert.deepEqual(samples.map(({ labels }) => labels['shop']).sort(), ['a', 'b']);
  const scalar = await read({ mode: 'instant' }, 'scalar(shop_orders{shop="a"})');
  assert.deepEqual(scalar.samples[0]?.labels, { __value__: 12 });
  const text = await read({ mode: 'instant' }, '"hello"');
  assert.deepEqual(text.samples[0]?.labels, { __value__: 'hello' });
  const odd = await read({ mode: 'instant' }, '{__name__=~"shop_(ratio|limit)"}');
  assert.deepEqual(odd.samples.map(({ labels }) => labels['__value__']).sort(), ['+Inf', 'NaN']);
});

void test('polling asks for new steps only, and each comes once whatever the server does', async () => {
  await using front = await Front.start(prometheus.url);
  front.answer(1, { status: 503, headers: { 'retry-after': '0' }, body: 'starting' });
  front.answer(1, { status: 200, body: 'garbage' });
  front.spoil(1, 'inside-text');
  front.spoil(1, 'reset');
  front.stall(1, Infinity);
  const { samples, notices } = await read(
    { url: front.url, mode: 'poll', step: 100, pollInterval: 100 },
    // What does not depend on when it looked.
    'vector(time())',
    { range: 300, enough: 15 },
  );
  const times = samples.map(({ timestamp }) => Date.parse(timestamp));
  for (const [at, time] of times.entries()) {
    if (at > 0) assert.equal(time, (times[at - 1] ?? 0) + 100, 'each step once, none left out');
  }
  assert.equal(notices.length, 5);
  assert.ok(notices.every(({ type }) => type === 'reconnect'));
  // What was answered well was not asked for again.
  const asked = front.requests.slice(5).map(({ query }) => Number(query.get('start')));
  assert.equal(new Set(asked).size, asked.length);
});

void test('a wrong query, one that cannot be executed and a server that is not ready are told apart', async () => {
  const failing = (selector: string, options: Partial<PrometheusOptions> = {}) =>
    read({ step: 100, ...options }, selector).then(
      () => assert.fail('it has not failed'),
      (error: unknown) => error as CorrelationError,
    );
  const wrong = await failing('shop_orders{');
  assert.equal(wrong.code, 'PROMQL_QUERY_ERROR');
  assert.deepEqual(wrong.details, { status: 400, errorType: 'bad_data' });
  assert.match(wrong.message, /GET http\S*\/query_range answered 400 .*parse error/);
  const manyToMany = await failing('shop_orders * on(job) shop_orders');
  assert.equal(manyToMany.code, 'PROMQL_QUERY_ERROR');
  assert.deepEqual(manyToMany.details, { status: 422, errorType: 'execution' });
  await using front = await Front.start(prometheus.url);
  front.answer(100, { status: 503, body: 'Service Unavailable' });
  const unready = await failing('shop_orders', { url: front.url, maxRetries: 2 });
  assert.equal(unready.code, 'ADAPTER_ERROR');
  assert.deepEqual(unready.details, { status: 503 });
  assert.equal(front.requests.length, 3);
});

void test('options are checked', () => {
  const wrong = (options: object, message: RegExp) => {
    assert.throws(
      () => new PrometheusAdapter(options as PrometheusOptions),
      (error) => {
        assert.ok(error instanceof OptionError, String(error));
        assert.match(error.message, message);
        assert.doesNotMatch(inspect(error), /s3cr3t/);
        return true;
      },
    );
  };
  const { url } = prometheus;
  wrong({ url: 'prometheus:9090' }, /^url must be/);
  wrong({ url: 'http://me:s3cr3t%zz@p' }, /^url has a user or a password with a % that encodes/);
  wrong({ url, proxy: '//me:s3cr3t@proxy:3128' }, /^proxy must be .*, not \(no URL\)$/);
  wrong({ url, token: 's3cr3t', username: 'me' }, /token and username exclude each other/);
  wrong({ url, mode: 'tail' }, /^mode must be 'instant' or 'range' or 'poll'/);
  wrong({ url, step: 0 }, /^step must be a duration of at least 1ms/);
  wrong({ url, interval: 1 }, /there is no option interval; there are: url, headers/);
});

void test('values are numbers that conditions compare, and metrics join logs', async () => {
  await using engine = new CorrelationEngine();
  const { url } = prometheus;
  engine.addAdapter('prometheus', new PrometheusAdapter({ url, mode: 'instant' }));
  const timestamp = Date.now();
  engine.addAdapter('app', [
    { timestamp, message: 'order refused', labels: { shop: 'a' } },
    { timestamp, message: 'order refused', labels: { shop: 'b' } },
  ]);
  const found = await engine.run(
    'app({})[1m] and on(shop) within(1m) prometheus(shop_orders)[1m] as p | where p.__value__ > 0.75',
  );
  assert.deepEqual(
    found.map(({ joinValue }) => joinValue),
    ['a'],
  );
  assert.deepEqual(
    await new PrometheusAdapter({ url })
      .getAvailableStreams()
      .then((names) => names.includes('up')),
    true,
  );
});

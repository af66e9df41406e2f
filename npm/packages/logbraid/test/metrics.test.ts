import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import parsePrometheus from 'parse-prometheus-text-format';

import { CorrelationEngine, OptionError } from 'logbraid';
import type { LogEvent, Metrics, StreamItem } from 'logbraid';
import { Distribution } from '#dist/metrics.js';

/** What the parser gives; it comes without types. */
interface Family {
  name: string;
  help: string;
  type: 'COUNTER' | 'GAUGE' | 'HISTOGRAM';
  metrics: {
    value?: string;
    labels?: Record<string, string>;
    count?: string;
    sum?: string;
    buckets?: Record<string, string>;
  }[];
}

const parsed = (text: string) =>
  new Map((parsePrometheus as (text: string) => Family[])(text).map((one) => [one.name, one]));

const T0 = Date.UTC(2026, 0, 1);
const at = (seconds: number, k: number): LogEvent => ({
  timestamp: T0 + seconds * 1000,
  labels: { k },
});
const AND = 'a({})[1m] and on(k) b({})[1m]';

test('latency is measured from arrival to delivery, early and final', async () => {
  await using engine = new CorrelationEngine({ lateTolerance: 0 });
  const [a, b] = [engine.source('a'), engine.source('b')];
  const found = engine.correlate(AND);
  const first = found.next();
  void a.push(at(0, 1));
  void b.push(at(1, 1));
  await first;
  const { latency, turns } = engine.metrics();
  assert.deepEqual([latency.eager.count, latency.final.count], [1, 0]);
  assert.ok(turns.count > 0 && turns.max >= turns.p99 && turns.p99 >= turns.p50);
  const next = found.next();
  await sleep(60);
  void a.push(at(200, 2));
  void b.push(at(200, 3));
  assert.equal((await next).value?.final, true);
  // The last of its events had come before the pause.
  const { final } = engine.metrics().latency;
  assert.equal(final.count, 1);
  assert.ok(final.p50 >= 50 && final.p50 <= final.max, JSON.stringify(final));
  await engine.destroy();
  assert.deepEqual(engine.metrics().latency.final, final);
});

test('a chunk may say when it arrived', async () => {
  await using engine = new CorrelationEngine();
  const line = (k: number) => new TextEncoder().encode(`{"time":${T0 + k},"k":"${k}"}\n`);
  const before = performance.now() - 5000;
  // eslint-disable-next-line @typescript-eslint/require-await -- a stream
  async function* chunks(arrivedAt: number): AsyncGenerator<StreamItem> {
    yield { bytes: line(1), arrivedAt };
  }
  engine.addAdapter('a', chunks(before));
  // That it came in the future cannot be.
  engine.addAdapter('b', chunks(performance.now() + 1e9));
  engine.addAdapter('c', chunks(before));
  await engine.run('a({})[1m] and on(k) c({})[1m]');
  const { final } = engine.metrics().latency;
  assert.equal(final.count, 1);
  assert.ok(final.max >= 5000 && final.max < 60_000, JSON.stringify(final));
  engine.addAdapter('d', chunks(before));
  await engine.run('d({})[1m] and on(k) b({})[1m]');
  const both = engine.metrics().latency.final;
  assert.ok(both.count === 2 && both.p50 < 5000, JSON.stringify(both));
});

test('counters are totals over queries, and by source', async () => {
  await using engine = new CorrelationEngine();
  engine.addAdapter('a', [at(0, 1), at(0, 1)]).addAdapter('b', [at(1, 1)]);
  for (let round = 1; round <= 2; round += 1) {
    await engine.run(AND);
    const { events, correlations, queries, sources, waiting, paused } = engine.metrics();
    assert.deepEqual([events, correlations, queries], [3 * round, round, 0]);
    assert.deepEqual([sources['a']?.events, sources['b']?.events], [2 * round, round]);
    assert.deepEqual([waiting, paused], [0, 0]);
  }
});

test('the text for Prometheus is what its format says', async () => {
  await using engine = new CorrelationEngine({ lateTolerance: 0, maxMemoryMB: 7 });
  const [a, b] = [engine.source('a'), engine.source('b')];
  // Quotes and an escape in the query, to be escaped once more.
  const query = 'a({path!="C:\\\\x"}\n|= "é\\"") [1m] and on(k) b({})[1m]';
  const found = engine.correlate(query);
  const first = found.next();
  void a.push({ ...at(0, 1), message: 'é"' });
  void b.push(at(1, 1));
  await first;
  const families = parsed(engine.metrics({ format: 'prometheus' }));
  const value = (name: string) => families.get(name)?.metrics;
  assert.deepEqual(value('logbraid_events_total'), [
    { value: '1', labels: { source: 'a' } },
    { value: '1', labels: { source: 'b' } },
  ]);
  assert.deepEqual(value('logbraid_deliveries_total'), [{ value: '1' }]);
  assert.deepEqual(value('logbraid_queries'), [{ value: '1' }]);
  assert.deepEqual(value('logbraid_memory_limit_bytes'), [{ value: String(7 << 20) }]);
  assert.deepEqual(value('logbraid_held_events'), [{ value: '2', labels: { query } }]);
  assert.deepEqual(value('logbraid_watermark_timestamp_seconds'), [
    { value: String(T0 / 1000), labels: { query } },
  ]);
  const [latency] = value('logbraid_eager_latency_seconds') ?? [];
  assert.equal(latency?.count, '1');
  const buckets = latency.buckets ?? {};
  assert.equal(buckets['+Inf'], '1');
  const ends = Object.keys(buckets).sort((a, b) => Number(a) - Number(b));
  const counts = ends.filter((end) => end !== '+Inf').map((end) => Number(buckets[end]));
  assert.ok(counts.every((count, place) => count >= (counts[place - 1] ?? 0)));
  for (const [name, { help, type }] of families) {
    assert.match(name, /^logbraid_[a-z_]+$/);
    assert.ok(help.length > 0, name);
    assert.equal(name.endsWith('_total'), type === 'COUNTER', name);
  }
  for (const line of engine.metrics({ format: 'prometheus' }).split('\n')) {
    assert.match(line, /^(# (HELP|TYPE) .+|logbraid_\w+(\{.*\})? [\d.e+-]+|)$/);
  }
});

test('counters for Prometheus never go back', async () => {
  await using engine = new CorrelationEngine();
  engine.addAdapter('a', [at(0, 1)]).addAdapter('b', [at(1, 1)]);
  const before = new Map<string, number>();
  for (let round = 0; round < 4; round += 1) {
    const found = engine.correlate(AND);
    if (round % 2 === 0) await found.next();
    for (const { name, type, metrics } of parsed(
      engine.metrics({ format: 'prometheus' }),
    ).values()) {
      for (const { labels, value, count } of metrics) {
        if (type === 'GAUGE') continue;
        const key = name + JSON.stringify(labels);
        const now = Number(value ?? count);
        assert.ok(now >= (before.get(key) ?? 0), key);
        before.set(key, now);
      }
    }
    await found.return?.();
  }
  assert.ok(before.size > 15);
});

test('the Prometheus checker finds nothing wrong', () => {
  const text = new CorrelationEngine().metrics({ format: 'prometheus' });
  execFileSync('promtool', ['check', 'metrics'], { input: text });
});

test('an unknown format is refused', () => {
  const engine = new CorrelationEngine();
  for (const options of [{ format: 'xml' }, { form: 'prometheus' }]) {
    assert.throws(() => engine.metrics(options as never), OptionError);
  }
});

test('performanceMetrics comes while a query runs and somebody listens', async () => {
  await using engine = new CorrelationEngine({ metricsInterval: 5 });
  const timers = () => process.getActiveResourcesInfo().filter((one) => one === 'Timeout').length;
  const before = timers();
  const told: Metrics[] = [];
  const listen = (metrics: Metrics) => told.push(metrics);
  const heardSince = async (count: number) => {
    while (told.length <= count) await sleep(1);
  };
  engine.on('performanceMetrics', listen);
  await sleep(30);
  assert.equal(told.length, 0);
  engine.source('a');
  engine.source('b');
  const found = engine.correlate(AND);
  void found.next();
  await heardSince(1);
  assert.equal(told[0]?.queries, 1);
  engine.off('performanceMetrics', listen);
  const heard = told.length;
  await sleep(30);
  assert.equal(told.length, heard);
  engine.once('performanceMetrics', listen);
  await heardSince(heard);
  engine.addListener('performanceMetrics', listen);
  await found.return?.();
  const last = told.length;
  await sleep(30);
  assert.equal(told.length, last);
  assert.ok(timers() <= before, 'a timer is left');
});

test('metricsInterval is checked', () => {
  for (const metricsInterval of [0, '0s', -1, '100d', 'soon']) {
    assert.throws(() => new CorrelationEngine({ metricsInterval }), /metricsInterval/);
  }
});

test('a slow consumer pauses the sources, and one that has caught up resumes them', async () => {
  await using engine = new CorrelationEngine({ bufferSize: 10, threads: 1 });
  // On several threads all may have been read before the consumer is behind.
  const told: string[] = [];
  engine.on('paused', ({ query, source, reason }) => {
    assert.equal(query, AND);
    told.push(`paused ${source} ${reason}`);
  });
  engine.on('resumed', ({ query, source }) => {
    assert.equal(query, AND);
    told.push(`resumed ${source}`);
  });
  const events = Array.from({ length: 2000 }, (_, k) => at(k / 1000, k));
  engine.addAdapter('a', events).addAdapter('b', events);
  const found = engine.correlate(AND);
  await found.next();
  while (!told.includes('paused b consumer')) await sleep(1);
  assert.equal(engine.metrics().paused, 2);
  let count = 1;
  for await (const one of found) count += one.revision;
  assert.equal(count, 2000);
  assert.ok(told.includes('resumed a'), told.join(', '));
  // What is told of a source alternates.
  for (const source of ['a', 'b']) {
    const kinds = told
      .filter((one) => one.split(' ')[1] === source)
      .map((one) => one.split(' ')[0]);
    kinds.forEach((kind, place) => {
      assert.equal(kind, place % 2 === 0 ? 'paused' : 'resumed');
    });
  }
});

test('distributions add up, and subtract', () => {
  const raw = (buckets: [number, number][]) => ({
    count: buckets.reduce((sum, [, count]) => sum + count, 0),
    sum: buckets.reduce((sum, [value, count]) => sum + value * count, 0),
    max: Math.max(...buckets.map(([value]) => value)),
    buckets,
  });
  const one = new Distribution();
  one.add(raw([[1000, 50], [9000, 50]])); // prettier-ignore
  assert.deepEqual(one.summary(), { count: 100, p50: 1, p95: 9, p99: 9, max: 9 });
  const both = new Distribution();
  both.add(one.raw());
  both.add(raw([[2000, 100]]));
  assert.deepEqual(both.summary(), { count: 200, p50: 2, p95: 9, p99: 9, max: 9 });
  assert.deepEqual(both.since(one).summary(), { count: 100, p50: 2, p95: 2, p99: 2, max: 2 });
  const nothing = { count: 0, p50: 0, p95: 0, p99: 0, max: 0 };
  assert.deepEqual(both.since(both).summary(), nothing);
  assert.deepEqual(new Distribution().summary(), nothing);
});

import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test as onOneThread } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import {
  AdapterError,
  AdapterExistsError,
  AdapterNotFoundError,
  IterableAdapter,
  MemoryError,
  OptionError,
  QueryError,
  SourceEndedError,
  SourceError,
  SourceFullError,
  parse,
  render,
  validate,
} from 'logbraid';
import type { Correlation, LogEvent, StreamOptions } from 'logbraid';
import { FileAdapter } from 'logbraid/file';

import { CorrelationEngine, test } from './both.js';

const T0 = Date.UTC(2026, 0, 1);

/** An event `seconds` after midnight of 2026. */
function at(seconds: number, labels: LogEvent['labels'], message = ''): LogEvent {
  return { timestamp: T0 + seconds * 1000, ...(labels && { labels }), message };
}

/** What a correlation is made of: `a@0 b@1`. */
function shape(correlation: Correlation): string {
  return correlation.events
    .map(({ source, timestampNs }) => {
      const nanos = timestampNs - BigInt(T0) * 1_000_000n;
      return `${source}@${Number(nanos) / 1e9}`;
    })
    .join(' ');
}

async function shapes(found: AsyncIterable<Correlation>): Promise<string[]> {
  const all: string[] = [];
  for await (const correlation of found) all.push(shape(correlation));
  return all;
}

const AND = 'a({})[1m] and on(k) b({})[1m]';
const UNLESS = 'a({})[1m] unless on(k) within(10s) b({})[1m]';

test('arrays are sources: sorted, bounded, read again by each query', async () => {
  await using engine = new CorrelationEngine();
  engine.addAdapter('a', [at(30, { k: 2 }), at(0, { k: 1 })]);
  engine.addAdapter('b', [at(1, { k: '1' }), at(31, { k: '2' })]);
  assert.deepEqual((await engine.run(AND)).map(shape), ['a@0 b@1', 'a@30 b@31']);
  assert.deepEqual((await engine.run(AND)).map(shape), ['a@0 b@1', 'a@30 b@31']);
});

test('a correlation is what it says', async () => {
  await using engine = new CorrelationEngine();
  const a = { ...at(0, { k: 'x', n: 1 }, 'first'), source: 'edge', stream: 'access' };
  const b = at(1.5, { k: 'x' }, 'second');
  engine.addAdapter('a', [a]).addAdapter('b', [b]);
  const [found] = await engine.run('a({})[1m] as front and on(k) b({})[1m]');
  assert.ok(found);
  assert.equal(found.joinKey, 'k');
  assert.equal(found.joinValue, 'x');
  assert.deepEqual(found.joinKeys, { k: 'x' });
  assert.deepEqual(found.metadata, {
    completeness: 'complete',
    matchedStreams: ['front', 'b'],
    totalStreams: 2,
  });
  assert.deepEqual(
    [found.revision, found.final, found.replaces, found.truncated, found.withdrawn],
    [1, true, [], false, false],
  );
  assert.equal(found.eventCount, 2);
  assert.match(found.correlationId, /^[0-9a-f]{8,}$/);
  const [first, second] = found.events;
  assert.ok(first && second);
  assert.deepEqual(first.toJSON(), {
    alias: 'front',
    source: 'edge',
    stream: 'access',
    timestamp: '2026-01-01T00:00:00.000000000Z',
    timestampNs: '1767225600000000000',
    message: 'first',
    labels: { k: 'x', n: '1' },
  });
  assert.deepEqual([second.alias, second.source, second.stream], [null, 'b', 'b']);
  assert.equal(second.timestampNs, BigInt(T0) * 1_000_000n + 1_500_000_000n);
  assert.equal(first.raw, a);
  const json = JSON.parse(JSON.stringify(found)) as Record<string, unknown>;
  assert.deepEqual(JSON.parse(found.toLine()), json);
  assert.deepEqual(json['events'], [first.toJSON(), second.toJSON()]);
});

test('bytes and objects of one source correlate alike', async () => {
  await using engine = new CorrelationEngine();
  const line = (seconds: number, k: string) =>
    `${JSON.stringify({ time: new Date(T0 + seconds * 1000), k, msg: `of ${k}`, é: '€' })}\n`;
  const bytes = new TextEncoder().encode(line(1, 'x') + line(2, 'y') + line(3, 'z'));
  // eslint-disable-next-line @typescript-eslint/require-await -- a stream
  const cut = async function* () {
    for (let from = 0; from < bytes.length; from += 7) yield bytes.subarray(from, from + 7);
  };
  engine.addAdapter('a', [at(0, { k: 'x' }), at(0.5, { k: 'z' })]);
  engine.addAdapter('b', new IterableAdapter(cut(), { bounded: true, format: 'ndjson' }));
  const found = await engine.run(AND);
  assert.deepEqual(found.map(shape), ['a@0 b@1', 'a@0.5 b@3']);
  const event = found[0]?.events[1];
  assert.equal(event?.message, 'of x');
  assert.equal(event.labels['é'], '€');
  assert.equal(event.raw, line(1, 'x').trimEnd());
});

test('join keys: labels first, then joinKeys, then the message', async () => {
  await using engine = new CorrelationEngine();
  engine.addAdapter('a', [
    { ...at(0, { request_id: 'one' }), joinKeys: { request_id: 'two' } },
    { ...at(1, { request_id: '' }), joinKeys: { request_id: 'two' } },
    at(2, {}, 'GET / request_id=three 200'),
    at(3, { request_id: null }),
  ]);
  engine.addAdapter('b', [
    at(0, { request_id: 'one' }),
    at(1, { request_id: 'two' }),
    at(2, { request_id: 'three' }),
  ]);
  const found = await engine.run('a({})[5s] and on(request_id) b({})[5s]');
  assert.deepEqual(
    found.map(({ joinValue }) => joinValue),
    ['one', 'two', 'three'],
  );
});

test('a label named like a member of every object is a label only where it is given', async () => {
  await using engine = new CorrelationEngine();
  const given = Object.fromEntries([['constructor', 'x']]);
  engine.addAdapter('a', [at(0, {}), at(1, given)]);
  engine.addAdapter('b', [at(0, {}), at(1, given)]);
  const found = await engine.run('a({})[5s] and on(constructor) b({})[5s]');
  assert.deepEqual(found.map(shape), ['a@1 b@1']);
});

test('selectors and the trailing projection apply to objects', async () => {
  await using engine = new CorrelationEngine();
  engine.addAdapter('a', [
    at(0, { k: 1, level: 'error' }, 'it broke'),
    at(1, { k: 2, level: 'info' }, 'it broke'),
    at(2, { k: 3, level: 'error' }, 'fine'),
  ]);
  engine.addAdapter('b', [at(0, { k: 1 }), at(1, { k: 2 }), at(2, { k: 3 })]);
  const query = '(a({level="error"} |= "broke")[5s] and on(k) b({})[5s]) {level="error"}';
  assert.deepEqual((await engine.run(query)).map(shape), ['a@0']);
});

test('times keep their nanoseconds, whatever they are given as', async () => {
  await using engine = new CorrelationEngine();
  const nanos = BigInt(T0) * 1_000_000n;
  engine.addAdapter('a', [
    { timestamp: '2026-01-01T00:00:00.123456789Z', labels: { k: 1 } },
    { timestamp: nanos + 123_456_790n, labels: { k: 1 } },
    { timestamp: '2026-01-01T01:00:00.2+01:00', labels: { k: 1 } },
    { timestamp: new Date(T0 + 300), labels: { k: 1 } },
    { timestamp: '2026-01-01 00:00:01', labels: { k: 1 } },
    { timestamp: -1_500_001n, labels: { k: 2 } },
  ]);
  engine.addAdapter('b', [at(0, { k: 1 }), { timestamp: -2n, labels: { k: 2 } }]);
  const found = await engine.run(AND);
  assert.deepEqual(
    found.map(({ events }) =>
      events.filter(({ source }) => source === 'a').map((e) => e.timestampNs),
    ),
    [
      [-1_500_001n],
      [123_456_789n, 123_456_790n, 200_000_000n, 300_000_000n, 1_000_000_000n].map(
        (n) => nanos + n,
      ),
    ],
  );
  assert.equal(found[0]?.timestamp, '1969-12-31T23:59:59.998499999Z');
});

test('odd texts cost neither their event nor the query', async () => {
  await using engine = new CorrelationEngine();
  // Halves of a surrogate pair, which would join if the texts were put side by side.
  const labels = { j: 'a\ud83d', k: '\ude00b' };
  const silent = { toJSON: () => undefined } as unknown as string;
  engine.addAdapter('a', [at(0, { ...labels, odd: silent })]);
  engine.addAdapter('b', [at(1, labels)]);
  const found = await engine.run('a({odd!="x"})[5s] and on(j, k) b({})[5s]');
  assert.deepEqual(found.map(shape), ['a@0 b@1']);
  assert.deepEqual(found[0]?.joinKeys, { j: 'a\ufffd', k: '\ufffdb' });
});

test('labels of an object that are too long are reported, as those of a line are', async () => {
  await using engine = new CorrelationEngine();
  const reported: string[] = [];
  engine.on('badLine', ({ source, code, line }) => reported.push(`${source} ${code} ${line}`));
  engine.addAdapter('a', [at(0, { k: 1 }), at(1, { k: 'x'.repeat(4.3e6) })]);
  engine.addAdapter('b', [at(2, { k: 1 })]);
  assert.deepEqual((await engine.run(AND)).map(shape), ['a@0 b@2']);
  assert.deepEqual(reported, ['a EVENT_TOO_MANY_LABELS 2']);
  assert.equal(engine.metrics().unkeyed, 1);
});

test('what is no event is reported, and costs only itself', async () => {
  await using engine = new CorrelationEngine();
  const reported: string[] = [];
  engine.on('badLine', ({ source, code, message }) =>
    reported.push(`${source} ${code} ${message}`),
  );
  const broken = [
    null,
    'text',
    { labels: { k: 1 } },
    { timestamp: 'yesterday', labels: { k: 1 } },
    { timestamp: Number.NaN },
    { timestamp: 1e300 },
    { timestamp: '2026-13-01T00:00:00Z' },
    { timestamp: Object.create(null) as object },
  ] as unknown as LogEvent[];
  engine.addAdapter('a', [at(0, { k: 1 }), ...broken, at(1, { k: 1 })]);
  engine.addAdapter('b', [at(2, { k: 1 })]);
  assert.deepEqual((await engine.run(AND)).map(shape), ['a@0 a@1 b@2']);
  assert.equal(reported.length, broken.length);
  assert.ok(
    reported.every((text) => text.startsWith('a EVENT_INVALID ')),
    reported.join('\n'),
  );
  assert.equal(engine.metrics().badLines, broken.length);
});

test('a pushed source delivers at once, and finishes with its end', async () => {
  await using engine = new CorrelationEngine({ processingInterval: 0 });
  const a = engine.source('a');
  const b = engine.source('b');
  const found = engine.correlate(UNLESS.replace('unless', 'and'));
  await a.push(at(0, { k: 1 }));
  const first = found.next();
  await b.push([at(1, { k: 1 })]);
  const one = (await first).value;
  assert.ok(one);
  assert.deepEqual([shape(one), one.revision, one.final], ['a@0 b@1', 1, false]);
  const second = found.next();
  await a.push(at(2, { k: 1 }));
  const two = (await second).value;
  assert.ok(two);
  assert.deepEqual([shape(two), two.revision, two.final], ['a@0 b@1 a@2', 2, false]);
  assert.equal(two.correlationId, one.correlationId);
  a.end();
  b.end();
  const three = (await found.next()).value;
  assert.ok(three);
  assert.deepEqual([shape(three), three.revision, three.final], ['a@0 b@1 a@2', 2, true]);
  assert.equal((await found.next()).done, true);
  assert.throws(() => a.push(at(3, { k: 1 })), SourceEndedError);
});

test('however much arrives before the first result, a consumer that waits gets it', async () => {
  await using engine = new CorrelationEngine({ bufferSize: 10 });
  const [a, b] = [engine.source('a'), engine.source('b')];
  const next = engine.correlate(AND).next();
  for (let k = 0; k < 100; k += 1) await a.push(at(k / 100, { k }));
  await b.push(at(1, { k: 99 }));
  assert.equal((await next).value?.joinValue, '99');
});

test('time that passes without events closes what is open', async () => {
  await using engine = new CorrelationEngine({ idleTimeout: 50, lateTolerance: 0 });
  const a = engine.source('a');
  engine.source('b');
  const found = engine.correlate('a({})[1s] unless on(k) within(100ms) b({})[1s]');
  const begun = Date.now();
  void a.push({ timestamp: begun, labels: { k: 1 } });
  const { value } = await found.next();
  assert.ok(value);
  assert.deepEqual([value.eventCount, value.metadata.completeness], [1, 'partial']);
  const waited = Date.now() - begun;
  assert.ok(waited >= 100 && waited < 2000, `it took ${waited} ms`);
});

test('pushed text is cut anywhere, and a quiet source is flushed', async () => {
  await using engine = new CorrelationEngine({ processingInterval: 0 });
  engine.source('a');
  engine.source('b');
  const found = engine.correlate('a({})[1m] and on(k) b({})[1m]');
  const next = found.next();
  const line = `{"time":"2026-01-01T00:00:00Z","k":"1"}\n`;
  for (const char of line) await engine.source('a').push(char);
  await engine.source('b').push(new TextEncoder().encode(line));
  assert.equal((await next).value?.joinValue, '1');
});

test('pushing without reading is bounded; awaiting it is not refused', async () => {
  await using engine = new CorrelationEngine({ bufferSize: 10 });
  const source = engine.source('a');
  let taken = 0;
  const pushing = (async () => {
    for (let k = 0; k < 50; k += 1) {
      await source.push(at(k, { k }));
      taken += 1;
    }
    source.end();
  })();
  await sleep(20);
  assert.ok(taken >= 9 && taken <= 10, `${taken} pushes were let through`);
  engine.addAdapter('b', [at(0, { k: 3 }), at(49, { k: 49 })]);
  const found = await shapes(engine.correlate(AND, { emit: 'final' }));
  assert.deepEqual(found, ['b@0 a@3', 'a@49 b@49']);
  await pushing;
  const other = engine.source('c');
  assert.throws(() => {
    for (let k = 0; k < 20_000; k += 1) void other.push(at(k, { k }));
  }, SourceFullError);
});

test('what cannot be pushed is refused at once', async () => {
  await using engine = new CorrelationEngine();
  const source = engine.source('a');
  for (const data of [undefined, null, 5, () => 1]) {
    assert.throws(() => source.push(data as unknown as string), OptionError);
  }
});

test('what was pushed may be reused at once', async () => {
  await using engine = new CorrelationEngine();
  const [a, b, c] = ['a', 'b', 'c'].map((name) => engine.source(name));
  assert.ok(a && b && c);
  const events = [at(0, { k: 1 })];
  void a.push(events);
  events.length = 0;
  const line = (k: number) => `{"time":"2026-01-01T00:00:00Z","k":"${k}"}\n`;
  const buffer = Buffer.from(line(1));
  void b.push(buffer);
  void c.push({ bytes: buffer });
  buffer.write(line(2));
  for (const source of [a, b, c]) source.end();
  const found = await engine.run(`(${AND}) and on(k) c({})[1m]`, { emit: 'final' });
  assert.deepEqual(found.map(shape), ['a@0 b@0 c@0']);
});

test(
  'many small pieces that wait are taken, not copied for each',
  async () => {
    await using engine = new CorrelationEngine({ maxEventsPerCorrelation: 1_000_000 });
    const source = engine.source('a');
    const line = '{"time":"2026-01-01T00:00:00Z","k":"1"}\n';
    for (let n = 0; n < 100_000; n += 1) void source.push(line);
    source.end();
    engine.addAdapter('b', [at(0, { k: 1 })]);
    const [found] = await engine.run(AND, { emit: 'final' });
    assert.equal(found?.eventCount, 100_001);
  },
  { timeout: 60_000 },
);

test('bounds evict, and say so', async () => {
  await using engine = new CorrelationEngine({ maxEvents: 2, overflow: 'evict' });
  const told: unknown[] = [];
  engine.on('eventDropped', (dropped) => told.push(dropped));
  engine.addAdapter('a', [at(0, { k: 1 }), at(2, { k: 2 })]);
  engine.addAdapter('b', [at(1, { k: 1 }), at(3, { k: 1 })]);
  const found = await engine.run('a({})[1m] and on(k) within(10s) b({})[1m]');
  assert.deepEqual(
    found.map((one) => [shape(one), one.truncated]),
    [['a@0 b@1', true]],
  );
  const time = (second: string) => `2026-01-01T00:00:${second}.000000000Z`;
  assert.deepEqual(told, [
    { source: 'a', reason: 'evicted', count: 1, time: time('00') },
    { source: 'b', reason: 'truncated', count: 1, time: time('03') },
  ]);
  const { evicted, dropped, truncated, heldEvents } = engine.metrics();
  assert.deepEqual([evicted, dropped, truncated, heldEvents], [1, 1, 1, 0]);
});

test('a live query evicts what does not fit in memory, and warns before', async () => {
  await using engine = new CorrelationEngine({ maxMemoryMB: 2 });
  const warned: unknown[] = [];
  engine.on('memoryWarning', (warning) => warned.push(warning));
  const a = engine.source('a');
  const b = engine.source('b');
  const results = engine.correlate('a({})[1h] and on(k) b({})[1h]');
  const first = results.next();
  const message = 'x'.repeat(1000);
  const bytes = (n: number) => JSON.stringify({ ...at(n, { k: n }), message }) + '\n';
  for (let from = 0; from < 20_000; from += 100) {
    await a.push(Array.from({ length: 100 }, (_, n) => bytes(from + n)).join(''));
  }
  await b.push(bytes(19_999));
  assert.equal((await first).value?.joinValue, '19999');
  const { evicted, peakMemory } = engine.metrics();
  assert.ok(evicted > 10_000, String(evicted));
  // The bound, and one batch.
  assert.ok(peakMemory < 2.3 * (1 << 20), String(peakMemory));
  assert.equal(warned.length, 1);
});

test('repeats are told by all labels and the message of objects', async () => {
  await using engine = new CorrelationEngine({ dedupe: true });
  const one = { ...at(0, { k: 1, other: 'x' }), message: 'm' };
  engine.addAdapter('a', [one, one, { ...one, message: 'n' }, at(0, { k: 1, other: 'y' })]);
  engine.addAdapter('b', [at(0, { k: 1 })]);
  const [found] = await engine.run(AND);
  assert.deepEqual([found?.eventCount, engine.metrics().repeats], [4, 1]);
});

test('joinType outer reports what or leaves out', async () => {
  await using engine = new CorrelationEngine({ joinType: 'outer' });
  engine.addAdapter('a', [at(0, { k: 1 })]);
  engine.addAdapter('b', [at(0, { k: 2 })]);
  const found = await engine.run('a({})[1m] or on(k) b({})[1m]');
  assert.deepEqual(found.map(shape), ['a@0', 'b@0']);
});

test('a slow consumer loses nothing', async () => {
  await using engine = new CorrelationEngine({ bufferSize: 8 });
  const events = Array.from({ length: 5000 }, (_, k) => at(k * 100, { k }));
  engine.addAdapter('a', events);
  engine.addAdapter('b', events);
  let found = 0;
  for await (const correlation of engine.correlate(AND)) {
    assert.equal(correlation.joinValue, String(found));
    found += 1;
    if (found % 500 === 0) await sleep(2);
  }
  assert.equal(found, 5000);
});

test('leaving the loop closes the streams', async () => {
  await using engine = new CorrelationEngine();
  let closed = 0;
  // eslint-disable-next-line @typescript-eslint/require-await -- a stream
  async function* endless(): AsyncGenerator<LogEvent> {
    try {
      for (let k = 0; ; k += 1) yield at(k * 100, { k });
    } finally {
      closed += 1;
    }
  }
  engine.addAdapter('a', endless());
  engine.addAdapter('b', endless());
  for await (const correlation of engine.correlate(AND)) {
    if (Number(correlation.joinValue) >= 3) break;
  }
  assert.equal(closed, 2);
  assert.equal(engine.metrics().queries, 0);
});

test('a signal ends the query with its reason; one that has fired, before it starts', async () => {
  await using engine = new CorrelationEngine();
  engine.source('a');
  engine.source('b');
  const late = AbortSignal.timeout(20);
  await assert.rejects(shapes(engine.correlate(AND, { signal: late })), { name: 'TimeoutError' });
  const early = AbortSignal.abort(new Error('no'));
  await assert.rejects(shapes(engine.correlate(AND, { signal: early })), /no/);
});

test('after a signal nothing more is delivered', async () => {
  await using engine = new CorrelationEngine();
  const events = Array.from({ length: 100 }, (_, k) => at(k * 100, { k }));
  engine.addAdapter('a', events).addAdapter('b', events);
  const controller = new AbortController();
  let found = 0;
  const counting = async () => {
    for await (const one of engine.correlate(AND, { signal: controller.signal })) {
      found += one.eventCount > 0 ? 1 : 0;
      if (found === 3) controller.abort();
    }
  };
  await assert.rejects(counting(), { name: 'AbortError' });
  assert.equal(found, 3);
});

test('several engines, and several queries of one engine, at once', async () => {
  const engines = Array.from({ length: 4 }, () => new CorrelationEngine());
  const results = await Promise.all(
    engines.map(async (engine, n) => {
      engine.addAdapter(
        'a',
        Array.from({ length: 300 }, (_, k) => at(k, { k: `${n}-${k}` })),
      );
      engine.addAdapter(
        'b',
        Array.from({ length: 200 }, (_, k) => at(k, { k: `${n}-${k}` })),
      );
      const [and, unless] = await Promise.all([engine.run(AND), engine.run(UNLESS)]);
      return [and.length, unless.length, and.at(-1)?.joinValue];
    }),
  );
  assert.deepEqual(
    results,
    [0, 1, 2, 3].map((n) => [200, 100, `${n}-199`]),
  );
  await Promise.all(engines.map((engine) => engine.destroy()));
});

test('start, end and limit', async () => {
  await using engine = new CorrelationEngine();
  const events = Array.from({ length: 10 }, (_, k) => at(k * 100, { k }));
  engine.addAdapter('a', events).addAdapter('b', events);
  const values = async (options: Parameters<CorrelationEngine['run']>[1]) =>
    (await engine.run(AND, options)).map(({ joinValue }) => Number(joinValue));
  assert.deepEqual(await values({ start: T0 + 300_000, end: new Date(T0 + 600_000) }), [3, 4, 5]);
  assert.deepEqual(await values({ start: '2026-01-01T00:13:20Z' }), [8, 9]);
  assert.deepEqual(await values({ limit: 2 }), [0, 1]);
});

test('an adapter is asked for one reach beyond start and end, to the last nanosecond', async () => {
  await using engine = new CorrelationEngine();
  const asked: StreamOptions[] = [];
  engine.addAdapter('a', {
    getName: () => 'a',
    createStream: (_, options) => {
      asked.push(options);
      return new IterableAdapter([]).createStream();
    },
    validateQuery: () => true,
    destroy: () => Promise.resolve(),
  });
  engine.addAdapter('b', []);
  const start = '2026-01-01T00:00:10.000000001Z';
  const end = '2026-01-01T00:00:20.000000001Z';
  await engine.run('a({})[1500us] and on(k) b({})[1ms]', { start, end });
  const [{ range, start: from, end: to } = { range: 0 }] = asked;
  assert.equal(range, 2);
  assert.ok(from && from <= new Date('2026-01-01T00:00:09.998Z'), String(from));
  assert.ok(to && to >= new Date('2026-01-01T00:00:20.003Z'), String(to));
});

test('a query that makes no sense throws at once, with its diagnostics', async () => {
  await using engine = new CorrelationEngine();
  engine.addAdapter('a', []).addAdapter('b', []);
  const query = 'a({})[1m] and on(k) within(5q) b({})[1m]';
  assert.throws(
    () => engine.correlate(query),
    (error) => {
      assert.ok(error instanceof QueryError);
      assert.equal(error.code, 'QUERY_PARSE_ERROR');
      assert.equal(error.diagnostics[0]?.severity, 'error');
      assert.match(error.message, /within\(5q\)/);
      return true;
    },
  );
  await assert.rejects(engine.run(query), QueryError);
});

test('parse, validate and render work without an engine', () => {
  assert.ok(parse(AND));
  assert.throws(() => parse('a('), QueryError);
  assert.deepEqual(validate(AND), { valid: true, diagnostics: [] });
  // Spans count what JavaScript counts, not bytes.
  const query = 'a({x="é€😀"})[1m] nand on(k) b({})[1m]';
  const { valid, diagnostics } = validate(query);
  assert.equal(valid, false);
  const [first] = diagnostics;
  assert.ok(first);
  assert.equal(first.span.start, query.indexOf('nand'));
  assert.match(render(query), /\^/);
  assert.equal(render(AND), '');
});

test('options are checked, and a wrong one is named', () => {
  const wrong: [Record<string, unknown>, RegExp][] = [
    [{ lateTolerence: 1 }, /there is no option lateTolerence/],
    [{ lateTolerance: -1 }, /lateTolerance must be .* not -1/],
    [{ lateTolerance: '30 s' }, /lateTolerance must be .* not "30 s"/],
    [{ idleTimeout: Number.NaN }, /idleTimeout/],
    [{ bufferSize: 0 }, /bufferSize must be a whole number above 0/],
    [{ maxMemoryMB: '100' }, /maxMemoryMB/],
    [{ emit: 'late' }, /emit must be 'final' or 'eager'/],
    [{ shardCount: 2 }, /shardCount is not supported yet/],
    [{ overflow: 'drop' }, /overflow must be 'evict' or 'block'/],
    [{ late: 'keep' }, /late must be 'match' or 'drop'/],
    [{ maxEvents: 0 }, /maxEvents must be a whole number above 0/],
    [{ maxEventsPerCorrelation: 1 }, /maxEventsPerCorrelation must be at least 2/],
    [{ dedupe: 'yes' }, /dedupe must be true, false or an object/],
    [{ joinType: 'full' }, /joinType must be/],
    [{ backend: 'gpu' }, /backend/],
    [{ keyPatterns: { k: 1 } }, /keyPatterns/],
    [{ keyPatterns: { k: '(' } }, /^keyPatterns: .*unclosed group/],
    [{ keyPatterns: { k: 'abc' } }, /^keyPatterns: .*one capture group.*found 0/],
    [{ keyPatterns: { k: '(a)(b)' } }, /^keyPatterns: .*one capture group.*found 2/],
    [{ maxMemoryMB: 3000.5 }, /maxMemoryMB must be .*at most 3000/],
    [{ lateTolerance: 1e300 }, /lateTolerance must be/],
    [{ idleTimeout: '99999999w' }, /idleTimeout must be/],
    [{ dedupe: [] }, /dedupe must be/],
  ];
  for (const [options, message] of wrong) {
    assert.throws(
      () => new CorrelationEngine(options),
      (error) => {
        assert.ok(error instanceof OptionError);
        assert.match(error.message, message);
        assert.ok(Object.keys(options).includes(String(error.details['option'])));
        return true;
      },
    );
  }
  for (const [options, option] of [
    [{ dedupe: { window: 'x' } }, 'dedupe.window'],
    [{ dedupe: { fields: [] } }, 'dedupe.fields'],
    [{ dedupe: { since: 1 } }, 'dedupe.since'],
    [[], 'options'],
  ] as const) {
    assert.throws(
      () => new CorrelationEngine(options as never),
      (error) => error instanceof OptionError && error.details['option'] === option,
    );
  }
  new CorrelationEngine({ maxMemoryMB: 3000, keyPatterns: { k: '(?<id>\\w+)' } });
  // Zero is zero, and a duration may be text.
  new CorrelationEngine({
    lateTolerance: 0,
    idleTimeout: '1m30s',
    processingInterval: 0,
    gcInterval: 1,
  });
  const engine = new CorrelationEngine();
  engine.addAdapter('a', []).addAdapter('b', []);
  assert.throws(() => engine.correlate(AND, { limit: 0 }), OptionError);
  engine.addAdapter('c', new IterableAdapter([], { fromat: 'ndjson' } as never));
  assert.throws(() => engine.correlate('c({}) and on(k) a({})'), /there is no option fromat/);
  assert.throws(() => engine.correlate(AND, { start: 'noon' }), OptionError);
  assert.throws(() => engine.correlate(AND, { since: 1 } as never), /there is no option since/);
});

test('sources have names of their own', async () => {
  await using engine = new CorrelationEngine();
  const added: string[] = [];
  engine.on('adapterAdded', (name) => added.push(name));
  engine.addAdapter('a', []);
  assert.throws(() => engine.addAdapter('a', []), AdapterExistsError);
  assert.throws(() => engine.source('a'), AdapterExistsError);
  for (const name of ['a-b', 'a b', '', 'and', 'THEN', null, undefined, 5, ['a']]) {
    assert.throws(
      () => engine.addAdapter(name as string, []),
      (error) => error instanceof OptionError && error.message.startsWith('name must be'),
    );
  }
  assert.throws(() => engine.addAdapter('c', 5 as never), OptionError);
  assert.throws(() => engine.correlate(AND), AdapterNotFoundError);
  assert.equal(engine.source('b'), engine.source('b'));
  assert.deepEqual(added, ['a', 'b']);
  assert.deepEqual([...engine.getAdapters().keys()], ['a', 'b']);
  assert.equal(await engine.removeAdapter('b'), true);
  assert.equal(await engine.removeAdapter('b'), false);
  assert.equal(engine.getAdapter('b'), undefined);
});

test('an engine validates as it runs: with its adapters and its options', async () => {
  await using engine = new CorrelationEngine();
  const query = 'loki({a="1"} | line_format "x") and on(id) app({})';
  assert.equal(engine.validate(query).valid, false);
  engine.addAdapter('loki', {
    getName: () => 'loki',
    bounded: true,
    createStream: () =>
      new ReadableStream<LogEvent>({
        start: (events) => {
          events.close();
        },
      }),
    validateQuery: () => true,
    destroy: () => Promise.resolve(),
  });
  engine.addAdapter('app', []);
  assert.deepEqual(engine.validate(query), { valid: true, diagnostics: [] });
  assert.deepEqual(await engine.run(query), []);
});

test('an adapter that selects gets the selector unchanged, and what it asked for', async () => {
  await using engine = new CorrelationEngine();
  const asked: unknown[] = [];
  engine.addAdapter('graylog', {
    getName: () => 'graylog',
    bounded: true,
    createStream: (selector, { range, timeRange, start }) => {
      asked.push([selector, range, timeRange, start]);
      return new IterableAdapter([at(0, { k: 1 })]).createStream();
    },
    validateQuery: (selector) => selector !== 'bad',
    destroy: () => Promise.resolve(),
  });
  engine.addAdapter('b', [at(1, { k: 1 })]);
  const query = 'graylog(service:"a b" AND level:3)[1m30s] and on(k) b({})[1m]';
  const found = await engine.run(query, { start: T0 });
  assert.equal(found.length, 1);
  assert.deepEqual(asked, [['service:"a b" AND level:3', 90_000, '1m30s', new Date(T0 - 90_000)]]);
  assert.throws(() => engine.correlate('graylog(bad)[1m] and on(k) b({})[1m]'), QueryError);
});

test('a source that fails ends the query, and is reported', async () => {
  await using engine = new CorrelationEngine();
  const failed: string[] = [];
  engine.on('adapterError', ({ adapter, error }) => failed.push(`${adapter} ${error.code}`));
  const failing = { next: () => Promise.reject(new Error('gone')) };
  engine.addAdapter('a', { [Symbol.asyncIterator]: () => failing });
  engine.addAdapter('b', []);
  await assert.rejects(engine.run(AND), AdapterError);
  assert.deepEqual(failed, ['a ADAPTER_ERROR']);
});

onOneThread('a window that does not fit into memory is an error, not a crash', async () => {
  await using engine = new CorrelationEngine({ maxMemoryMB: 1, threads: 1 });
  const events = Array.from({ length: 50_000 }, (_, k) => at(k / 1000, { k }));
  engine.addAdapter('a', events).addAdapter('b', [at(0, {})]);
  await assert.rejects(engine.run('a({})[1h] and on(k) b({})[1h]'), (error) => {
    assert.ok(error instanceof MemoryError);
    const { maxBytes, heldBytes, ...rest } = error.details;
    assert.equal(maxBytes, 1 << 20);
    assert.ok(heldBytes > 1 << 20 && heldBytes < 1.2 * (1 << 20), String(heldBytes));
    const { heldEvents } = rest;
    // One event a millisecond. Nothing is known of b yet.
    assert.deepEqual(rest, { heldEvents, heldMs: heldEvents - 1, windowMs: 3_630_000 });
    return true;
  });
});

test('what a window takes is told to programs as well', async () => {
  const run = async (maxEvents?: number) => {
    await using engine = new CorrelationEngine({ maxEvents, lateTolerance: '1s' });
    // Batches come in turn, so that no source is ahead.
    async function* source() {
      for (let second = 0; second < 100; second += 1) {
        yield [at(second, { k: second })];
        await sleep(0);
      }
    }
    const bounded = (): IterableAdapter => new IterableAdapter(source(), { bounded: true });
    engine.addAdapter('a', bounded()).addAdapter('b', bounded());
    return await engine.run('a({})[9s] and on(k) b({})[9s]');
  };
  await assert.rejects(run(8), (error) => {
    assert.ok(error instanceof MemoryError);
    const { heldBytes, heldMs, neededEvents = 0, ...rest } = error.details;
    assert.deepEqual(rest, { maxEvents: 8, heldEvents: 9, windowMs: 10_000 });
    assert.ok(heldBytes > 0 && heldMs >= 4000, `${heldBytes} bytes, ${heldMs} ms`);
    assert.equal(neededEvents, Math.floor((9 * 10_000) / heldMs) + 1);
    return true;
  });
  assert.equal((await run(24)).length, 100);
});

test('few events may be held where few need be, however the sources are read', async () => {
  for (const maxEvents of [16, 100, 2000]) {
    for (const overflow of ['block', 'evict'] as const) {
      for (const emit of ['final', 'eager'] as const) {
        await using engine = new CorrelationEngine({ maxEvents, overflow, emit, lateTolerance: 0 });
        for (const name of ['a', 'b']) {
          const events = Array.from({ length: 3000 }, (_, k) => at(k, { k }));
          engine.addAdapter(name, Readable.from(events) as AsyncIterable<LogEvent>);
        }
        const found = new Set<string | null>();
        let taken = 0;
        for await (const { joinValue } of engine.correlate('a({})[2s] and on(k) b({})[2s]')) {
          found.add(joinValue);
          taken += 1;
          // A consumer that is slow at times.
          if (taken % 100 === 0) await sleep(2);
        }
        const { evicted } = engine.metrics();
        assert.deepEqual([found.size, evicted], [3000, 0], `${maxEvents} ${overflow} ${emit}`);
      }
    }
  }
});

test('an error says which file and which option it is about', async () => {
  await using engine = new CorrelationEngine();
  engine.addAdapter('a', new FileAdapter('nowhere.log')).addAdapter('b', []);
  await assert.rejects(engine.run(AND), (error) => {
    assert.ok(error instanceof SourceError);
    assert.deepEqual(error.details, { source: 'a', path: 'nowhere.log' });
    return true;
  });
  engine.addAdapter('c', new FileAdapter('nowhere.log', { format: 'morse' }));
  const query = 'c({}) and on(k) b({})';
  const wrong = (error: unknown) => {
    assert.ok(error instanceof OptionError);
    assert.match(error.message, /^decoder: source c: unknown format `morse`: expected one of/);
    assert.deepEqual(error.details, { option: 'decoder' });
    return true;
  };
  assert.throws(() => engine.correlate(query), wrong);
});

test('results and late events are told as events, and counted', async () => {
  await using engine = new CorrelationEngine({ lateTolerance: 0, processingInterval: 0 });
  let found = 0;
  const late: unknown[] = [];
  engine.on('correlationFound', () => {
    found += 1;
  });
  engine.on('lateEvent', (events) => late.push(events));
  const a = engine.source('a');
  const b = engine.source('b');
  const results = shapes(engine.correlate(AND));
  await a.push([at(10, { k: 1 }), at(500, { k: 2 })]);
  await b.push([at(11, { k: 1 }), at(1000, { k: 2 })]);
  while (engine.metrics().events < 4) await sleep(1);
  await a.push(at(0, { k: 1 }));
  while (engine.metrics().events < 5) await sleep(1);
  a.end();
  b.end();
  assert.deepEqual(await results, ['a@10 b@11']);
  assert.equal(found, 1);
  assert.deepEqual(late, [
    { source: 'a', count: 1, time: '2026-01-01T00:00:00.000000000Z', behindMs: 500_000 },
  ]);
  const { events, correlations, deliveries, late: counted, heldEvents, queries } = engine.metrics();
  assert.deepEqual(
    [events, correlations, deliveries, counted, heldEvents, queries],
    [5, 1, 1, 1, 0, 0],
  );
});

test('a source that is ahead in time is paused', async () => {
  await using engine = new CorrelationEngine();
  const told: string[] = [];
  engine.on('paused', ({ source }) => told.push(`paused ${source}`));
  engine.on('resumed', ({ source }) => told.push(`resumed ${source}`));
  const events = Array.from({ length: 20_000 }, (_, k) => at(k, { k }));
  engine.addAdapter('a', events);
  engine.addAdapter('b', events);
  let found = 0;
  let held = 0;
  for await (const { revision } of engine.correlate(AND)) {
    found += revision;
    held = Math.max(held, engine.metrics().heldEvents);
  }
  assert.equal(found, 20_000);
  assert.ok(told.includes('paused a') && told.includes('resumed a'), told.join(', '));
  // The window, and what is on the way: batches and results that wait.
  assert.ok(held < 8000, `${held} events were held`);
});

test('completion offers the labels and values that the engine has seen, and those that adapters know', async () => {
  await using engine = new CorrelationEngine();
  const offered = async (query: string, cursor = query.length) =>
    (await engine.complete(query, cursor)).map(({ label }) => label);
  const kinds = async (query: string) => (await engine.complete(query, query.length))[0]?.kind;

  engine.addAdapter('a', {
    getName: () => 'mine',
    bounded: true,
    selects: false,
    createStream: () => [] as never,
    validateQuery: () => true,
    getLabels: () => Promise.resolve([{ name: 'tier', values: ['gold'] }, { name: 'region' }]),
    destroy: () => Promise.resolve(),
  });
  engine.addAdapter('broken', {
    getName: () => 'broken',
    createStream: () => [] as never,
    validateQuery: () => true,
    getLabels: () => Promise.reject(new Error('not today')),
    destroy: () => Promise.resolve(),
  });
  const b = engine.source('b');
  assert.deepEqual(await offered(''), ['a', 'broken', 'b']);
  assert.deepEqual(await offered('b({'), []);

  engine.addAdapter('c', [at(0, { k: 1 })]);
  const found = engine.correlate('b({k="1"})[1m] and on(k) c({})[1m]');
  const first = found.next();
  await b.push([
    at(0, { k: 1, status: 503, 'req.id': '\ud800"' }),
    at(1, { k: 2, status: 200 }),
    at(2, { k: 3, status: 503, stage: 'pay' }),
    null as never,
    { timestamp: T0, labels: 7 as never },
  ]);
  await first;

  // Also of events that no stream selects, and of labels that the query does not read.
  assert.deepEqual(await offered('b({'), ['k', 'status', 'req.id', 'stage']);
  assert.deepEqual(await offered('b({sta"200"})', 6), ['status', 'stage']);
  assert.deepEqual(await offered('b({status="'), ['503', '200']);
  assert.deepEqual(await offered('b({status=~"2'), ['200']);
  assert.deepEqual(await offered('b({}) and on(st'), ['status', 'stage']);
  assert.equal((await engine.complete('b({req.id="', 11))[0]?.insert, '"\ufffd\\""');
  assert.equal(await kinds('b({sta'), 'label');
  assert.equal(await kinds('b({status="'), 'value');
  assert.deepEqual(await offered('a({'), ['tier', 'region']);
  assert.deepEqual(await offered('a({tier="'), ['gold']);

  // What has been seen stays known when the query has ended.
  await found.return?.();
  assert.deepEqual(await offered('b({status="'), ['503', '200']);
  const { sources } = await engine.vocabulary();
  assert.deepEqual(
    sources?.map(({ name, selects }) => [name, selects]),
    [
      ['a', false],
      ['broken', true],
      ['b', false],
      ['c', false],
    ],
  );
  await engine.removeAdapter('b');
  assert.deepEqual(await offered('b'), ['broken']);
});

test('what the engine has seen is a sample of a bounded size', async () => {
  await using engine = new CorrelationEngine();
  const id = (at: number) => `${'x'.repeat(100)}${at}`;
  engine.addAdapter(
    'a',
    Array.from({ length: 20_000 }, (_, n) =>
      at(n / 1000, { k: n, [id(n % 500)]: id(n), level: 'info' }),
    ),
  );
  engine.addAdapter('b', [at(0, { k: 7 })]);
  for (let run = 0; run < 3; run += 1) await engine.run(AND);
  const { sources = [] } = await engine.vocabulary();
  const labels = sources[0]?.labels ?? [];
  assert.ok(labels.length <= 256 && labels.every(({ values = [] }) => values.length <= 64));
  assert.ok(JSON.stringify(sources).length < 200_000);
  const names = labels.slice(0, 2).map(({ name }) => name);
  assert.deepEqual(names.sort(), ['k', 'level']);
  assert.deepEqual(labels.find(({ name }) => name === 'level')?.values, ['info']);
});

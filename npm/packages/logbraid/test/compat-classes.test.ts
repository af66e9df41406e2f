// The other classes of `logbraid/compat`: what they are documented to do.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';

import {
  BackpressureController,
  CorrelationEngine,
  CorrelationError,
  EventDeduplicator,
  IndexedEventStore,
  MultiStreamJoiner,
  ParallelProcessor,
  PeggyQueryParser,
  PerformanceMonitor,
  QueryBuilder,
  StreamJoiner,
  TimeWindow,
  debounce,
  extractLabels,
  formatDuration,
  generateCorrelationId,
  isValidTimestamp,
  parseTimeWindow,
} from 'logbraid/compat';
import type { CorrelatedEvent, LogEvent, StreamJoinerOptions } from 'logbraid/compat';
import { CorrelationError as AnyError } from 'logbraid';

import { T0, at } from './feed.js';

function shape({ events }: CorrelatedEvent): string {
  return events
    .map(({ alias, timestamp }) => `${alias ?? '?'}@${(Date.parse(timestamp) - T0) / 1000}`)
    .join(' ');
}

async function shapes(found: AsyncIterable<CorrelatedEvent>): Promise<string[]> {
  const all: string[] = [];
  for await (const one of found) all.push(shape(one));
  return all.sort();
}

function joined(options: StreamJoinerOptions, left: LogEvent[], right: LogEvent[]) {
  return shapes(new StreamJoiner(options).join(left, right, 'a', 'b'));
}

void test('StreamJoiner joins by its options', async () => {
  const left = [at(0, { k: '1', x: 'l' }), at(60, { k: '2' })];
  const right = [at(9, { k: '1', x: 'r', region: 'eu' })];
  const on = { joinKeys: ['k'] };
  assert.deepEqual(await joined(on, left, right), ['a@0 b@9']);
  assert.deepEqual(await joined({ ...on, joinType: 'left' }, left, right), ['a@0 b@9', 'a@60']);
  assert.deepEqual(await joined({ ...on, joinType: 'unless' }, left, right), ['a@60']);
  const other = [...right, at(70, { k: '3' })];
  const outer = ['a@0 b@9', 'a@60', 'b@70'];
  assert.deepEqual(await joined({ ...on, joinType: 'outer' }, left, other), outer);
  assert.deepEqual(await joined({ ...on, temporal: '5s' }, left, right), []);
  assert.deepEqual(await joined({ ...on, timeWindow: 5000 }, left, right), []);
  assert.deepEqual(await joined({ ...on, filter: 'x="r"' }, left, right), ['b@9']);
  assert.deepEqual(await joined({ ...on, filter: '{x!="r"}' }, left, right), ['a@0']);
  const all = [at(1, { k: '1', x: 'other' })];
  assert.deepEqual(await joined({ ignoring: ['x'] }, left, all), ['a@0 b@1']);
  const grouping = { side: 'left', labels: ['region'] } as const;
  const twice = [...left, at(5, { k: '1' })];
  assert.deepEqual(await joined({ ...on, grouping }, twice, right), ['a@0 b@9', 'a@5 b@9']);
  assert.throws(() => new StreamJoiner({}), { code: 'INVALID_OPTION' });
  const unknown = { ...on, joinKey: 'k' } as StreamJoinerOptions;
  assert.throws(() => new StreamJoiner(unknown), /there is no option joinKey/);
});

void test('of several names of a key the first that an event has counts, each on its side', async () => {
  const left = [at(0, { id: '1' }), at(1, { user: '2' }), at(2, { req: '8', uid: '2' })];
  const right = [at(3, { req: '1' }), at(4, { id: '9', uid: '2' }), at(5, { id: '1' })];
  const labelMappings = [
    { left: 'id', right: 'req' },
    { left: 'user', right: 'uid' },
  ];
  assert.deepEqual(await joined({ labelMappings }, left, right), ['a@0 b@3', 'a@1 b@4']);
  const first = [at(3, { req: '9', uid: '1' })];
  assert.deepEqual(await joined({ labelMappings }, left, first), []);
  // Those of a join key say what that is called on the right.
  const mapped = { joinKeys: ['id', 'user'], labelMappings };
  const both = [at(0, { id: '1', user: '2' })];
  assert.deepEqual(await joined(mapped, both, [at(1, { req: '1', uid: '2' })]), ['a@0 b@1']);
  assert.deepEqual(await joined(mapped, both, [at(1, { req: '1', uid: '3' })]), []);
});

void test('joinRealtime gives results before its streams end, and cleanup ends it', async () => {
  async function* open(events: LogEvent[]) {
    yield* events;
    await new Promise(() => undefined);
  }
  const joiner = new StreamJoiner({ joinKeys: ['k'] });
  const found = joiner.joinRealtime(open([at(0, { k: '1' })]), open([at(1, { k: '1' })]));
  const { value } = await found.next();
  assert.ok(value);
  assert.equal(shape(value), 'left@0 right@1');
  const waiting = found.next();
  await turn();
  await joiner.cleanup();
  assert.equal((await waiting).done, true);
});

void test('joinMultiple joins any number of streams, also many events close together', async () => {
  const joiner = new MultiStreamJoiner({ joinKeys: ['k'], temporal: '30s' });
  const one = (seconds: number) => [at(seconds, { k: '1' })];
  const streams = { front: one(0), back: one(1), base: one(2) };
  assert.deepEqual(await shapes(joiner.joinMultiple(streams)), ['front@0 back@1 base@2']);
  const map = new Map(Object.entries(streams));
  assert.deepEqual(await shapes(joiner.joinMultiple(map)), ['front@0 back@1 base@2']);
  const dense = Array.from({ length: 3000 }, (_, k) => at(k / 1000, { k }));
  assert.equal((await shapes(joiner.joinMultiple([dense, dense]))).length, 3000);
});

const parser = new PeggyQueryParser();

void test('PeggyQueryParser gives the old shape', () => {
  const query =
    '(loki({a="b"})[5m] and on(session_id=trace_id, user) within(30s) group_left(region) loki(B)[10m])' +
    ' unless on(k) ignoring(x) graylog(c:d) {status=~"4..|5.."}';
  assert.deepEqual(parser.parse(query), {
    leftStream: { source: 'loki', selector: '{a="b"}', timeRange: '5m' },
    rightStream: { source: 'loki', selector: 'B', timeRange: '10m' },
    joinType: 'and',
    joinKeys: ['session_id', 'user'],
    temporal: '30s',
    grouping: { side: 'left', labels: ['region'] },
    labelMappings: [{ left: 'session_id', right: 'trace_id' }],
    filter: '{status=~"4..|5.."}',
    additionalStreams: [
      { source: 'graylog', selector: 'c:d', joinType: 'unless', joinKeys: ['k'], ignoring: ['x'] },
    ],
  });
  assert.equal(parser.parse('a({}) and on(k) within(-1s, 5s) b({})').temporal, '-1s, 5s');
  assert.throws(() => parser.parse('a({}) and'), { code: 'QUERY_PARSE_ERROR' });
  assert.throws(() => parser.parse('a({})'), { code: 'QUERY_PARSE_ERROR' });
});

void test('PeggyQueryParser checks, suggests and formats', () => {
  const query = 'loki(A) and on(s=t) within(5s) loki(B) {x="1"}';
  assert.deepEqual(parser.validate(query), {
    valid: true,
    details: {
      streams: 2,
      joinType: 'and',
      temporal: '5s',
      hasFilter: true,
      hasLabelMappings: true,
    },
  });
  const wrong = parser.validate('a({}) and on(k) within(5s, 2s) b({})');
  assert.equal(wrong.valid, false);
  assert.match(wrong.error ?? '', /bound/);
  assert.match(parser.validate('a({}) nand b({})').error ?? '', /nand/);
  assert.deepEqual(parser.getSuggestions('a({}) un', 8), ['unless']);
  assert.equal(parser.formatQuery('a( {} )AND on(k)(b({}))'), 'a( {} ) and on(k) b({})');
});

void test('QueryBuilder builds queries that parse', () => {
  const query = new QueryBuilder()
    .addStream('loki', '{service="frontend"}', '5m')
    .join('and', ['session_id=trace_id', 'user'])
    .addStream('loki', '{service="backend"}', '5m')
    .withTemporal('30s')
    .withGrouping('left', ['region'])
    .andStream('graylog', 'service:api')
    .build();
  assert.deepEqual(parser.parse(query).joinKeys, ['session_id', 'user']);
  assert.equal(
    query,
    'loki({service="frontend"})[5m] and on(session_id=trace_id, user) within(30s) group_left(region) ' +
      'loki({service="backend"})[5m] and on(session_id=trace_id, user) graylog(service:api)',
  );
  assert.throws(() => new QueryBuilder().addStream('a', '{}').build(), { code: 'INVALID_OPTION' });
  const ready = () => new QueryBuilder().addStream('a', '{}').join('and', 'k').addStream('b', '{}');
  assert.equal(ready().build(), 'a({}) and on(k) b({})');
  assert.throws(() => ready().join('or', 'k').build(), { code: 'INVALID_OPTION' });
  assert.throws(() => new QueryBuilder().addStream('a', '{}) or b('), { code: 'INVALID_OPTION' });
  assert.throws(() => new QueryBuilder().withTemporal('5s'), { code: 'INVALID_OPTION' });
});

void test('TimeWindow holds the newest events in order', () => {
  const window = new TimeWindow({ windowSize: '10s', maxEvents: 3 });
  for (const second of [5, 1, 12]) window.addEvent(at(second));
  const times = (events: LogEvent[]) =>
    events.map(({ timestamp }) => (Date.parse(timestamp as string) - T0) / 1000);
  assert.deepEqual(times(window.getEvents()), [5, 12]);
  assert.deepEqual(times(window.addEvent(at(6))), []);
  assert.deepEqual(times(window.addEvent(at(7))), [5]);
  assert.deepEqual(times(window.getEvents(at(6).timestamp, at(7).timestamp)), [6, 7]);
  assert.deepEqual([window.size, window.end], [3, new Date(T0 + 12_000)]);
  assert.throws(() => new TimeWindow({ maxEvents: 0 }), { code: 'INVALID_OPTION' });
});

void test('BackpressureController reads no further than its marks, and loses nothing', async () => {
  let read = 0;
  let closed = false;
  async function* numbers() {
    try {
      for (; read < 1000; read += 1) {
        await turn();
        yield read;
      }
    } finally {
      closed = true;
    }
  }
  const controller = new BackpressureController({ highWaterMark: 10, lowWaterMark: 2 });
  const told: string[] = [];
  controller.on('paused', ({ waiting }) => told.push(`paused ${waiting}`));
  controller.on('resumed', ({ waiting }) => told.push(`resumed ${waiting}`));
  controller.on('processingError', ({ event }) => told.push(`left out ${String(event)}`));
  const given: number[] = [];
  const flow = controller.controlFlow(numbers(), (number) => {
    if (number === 3) throw new Error('no');
    return number * 2;
  });
  for await (const number of flow) {
    given.push(number);
    for (let turns = 0; turns < 50; turns += 1) await turn();
    assert.ok(read <= given.length + 12, `${read} were read when ${given.length} were taken`);
    if (given.length === 30) break;
  }
  assert.deepEqual(given.slice(0, 5), [0, 2, 4, 8, 10]);
  assert.deepEqual(told.slice(0, 3), ['paused 10', 'left out 3', 'resumed 2']);
  assert.equal(closed, true);
  async function* silent() {
    yield 1;
    await new Promise(() => undefined);
  }
  // Also one that says nothing more can be left.
  for await (const number of new BackpressureController().controlFlow(silent())) {
    assert.equal(number, 1);
    break;
  }
});

void test('PerformanceMonitor tells of an engine, and of limits that are passed', async (t) => {
  // Its timer keeps no process alive.
  const alive = setInterval(() => undefined, 1000);
  const monitor = new PerformanceMonitor(10);
  t.after(() => {
    clearInterval(alive);
    monitor.stop();
  });
  await using engine = new CorrelationEngine();
  const busy = new Promise<void>((resolve) => {
    let [events, correlations] = [0, 0];
    monitor.on('metrics', ({ throughput, correlationRate }) => {
      events += throughput;
      correlations += correlationRate;
      if (events > 0 && correlations > 0) resolve();
    });
  });
  const low = new Promise((resolve) => monitor.once('lowThroughput', resolve));
  const high = new Promise((resolve) => monitor.once('highLatency', resolve));
  monitor.start(engine);
  const events = [at(0, { k: '1' })];
  engine.addAdapter('a', events).addAdapter('b', events);
  for await (const found of engine.correlate('a({}) and on(k) b({})')) assert.ok(found);
  await busy;
  await low;
  monitor.recordEvent(500);
  await high;
});

void test('EventDeduplicator tells repeats, within its window and memory', async () => {
  const event = (second: number, k: string) => at(second, { k });
  const plain = new EventDeduplicator();
  const asked = [event(0, '1'), event(0, '1'), event(0, '2'), event(1, '1')];
  assert.deepEqual(
    asked.map((one) => plain.isDuplicate(one)),
    [false, true, false, false],
  );
  const byLabel = new EventDeduplicator({ hashFields: ['k'], windowSize: 5000 });
  const near = [event(0, '1'), event(5, '1'), event(11, '1')];
  assert.deepEqual(
    near.map((one) => byLabel.isDuplicate(one)),
    [false, true, false],
  );
  const small = new EventDeduplicator({ maxCacheSize: 1 });
  const others = [event(0, '1'), event(0, '2'), event(0, '1')];
  assert.deepEqual(
    others.map((one) => small.isDuplicate(one)),
    [false, false, false],
  );
  const left: LogEvent[] = [];
  for await (const one of new EventDeduplicator().deduplicate(asked)) left.push(one);
  assert.equal(left.length, 3);
});

void test('IndexedEventStore finds events by key and time, and what belongs together', async () => {
  const store = new IndexedEventStore({ maxEvents: 3 });
  const front = (second: number, k: string) => at(second, { k }, { source: 'front' });
  const back = at(3, {}, { source: 'back', joinKeys: { k: '2' } });
  for (const event of [front(0, '1'), front(1, '1'), front(2, '2'), back]) store.addEvent(event);
  assert.equal(store.getEventsByJoinKey('k', '1').length, 1);
  assert.equal(store.getEventsByJoinKey('k', '2').length, 2);
  assert.deepEqual(store.getEventsByTimeRange(back.timestamp, back.timestamp), [back]);
  const found = await store.findCorrelations({ joinKeys: ['k'] });
  assert.deepEqual(found.map(shape), ['front@2 back@3']);
  assert.deepEqual(store.getStats(), {
    events: 3,
    keys: 2,
    oldest: new Date(T0 + 1000),
    newest: new Date(T0 + 3000),
  });
  assert.equal(store.pruneOldEvents(new Date(T0 + 3000)), 2);
  assert.deepEqual(store.getEventsByJoinKey('k', '1'), []);
  assert.equal(store.getStats().keys, 1);
});

void test('ParallelProcessor joins chunks, windows and streams', async () => {
  const processor = new ParallelProcessor({ maxWorkers: 100, workerIdleTimeout: 1000 });
  assert.throws(() => new ParallelProcessor({ maxWorkers: 0 }), { code: 'INVALID_OPTION' });
  const options = { joinKeys: ['k'] };
  const chunk = [at(0, { k: '1' }, { source: 'a' }), at(1, { k: '1' }, { source: 'b' })];
  assert.deepEqual((await processor.processChunk(chunk, options)).map(shape), ['a@0 b@1']);
  const window = new TimeWindow();
  for (const event of chunk) window.addEvent(event);
  const windows = [window, new TimeWindow(), window];
  assert.deepEqual(await shapes(processor.processWindows(windows, options)), [
    'a@0 b@1',
    'a@0 b@1',
  ]);
  const streams = { x: chunk.slice(0, 1), y: chunk.slice(1) };
  assert.deepEqual(await shapes(processor.processStreamsParallel(streams, options)), ['x@0 y@1']);
});

void test('CorrelationError is made as it was, and is any error of the package', () => {
  const error = new CorrelationError('no', 'TIMEOUT_ERROR', { after: 5 });
  assert.deepEqual(
    [error.code, error.details, error.message],
    ['TIMEOUT_ERROR', { after: 5 }, 'no'],
  );
  assert.ok(error instanceof AnyError);
  assert.ok(new AnyError('no', 'X') instanceof CorrelationError);
  assert.ok(!(new Error('no') instanceof CorrelationError));
});

void test('utilities', async () => {
  assert.deepEqual(['500ms', '30s', '5m', '1h30m'].map(parseTimeWindow), [500, 3e4, 3e5, 54e5]);
  assert.throws(() => parseTimeWindow('5x'), { code: 'INVALID_OPTION' });
  const floored = [999, 1999, 90_000, 7_199_000, 86_400_000].map(formatDuration);
  assert.deepEqual(floored, ['999ms', '1s', '1m', '1h', '1d']);
  assert.notEqual(generateCorrelationId(), generateCorrelationId());
  const times = ['2026-01-01T00:00:00Z', T0, new Date(T0), 'noon', Number.NaN, undefined];
  assert.deepEqual(times.map(isValidTimestamp), [true, true, true, false, false, false]);
  assert.deepEqual(extractLabels(`{service="a \\"b\\"", constructor='x'} level=error`), {
    service: 'a "b"',
    constructor: 'x',
    level: 'error',
  });
  const calls: number[] = [];
  await new Promise<void>((resolve) => {
    const call = debounce((number: number) => {
      calls.push(number);
      resolve();
    }, 1);
    for (const number of [1, 2, 3]) call(number);
  });
  assert.deepEqual(calls, [3]);
});

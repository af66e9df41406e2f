// What users of log-correlator were promised, and what did not work there: the queries of `logbraid/compat`.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';

import type { LogEvent } from 'logbraid/compat';

import { AND, Feed, T0, at, engineOf, find, shape, shapes } from './feed.js';

void test('a label goes before the join key of that name', async () => {
  const sources = {
    a: [at(0, { k: '1' }, { joinKeys: { k: '2' } })],
    b: [at(1, {}, { joinKeys: { k: '1' } }), at(2, { k: '2' })],
  };
  assert.deepEqual(await shapes(AND, sources), ['a@0 b@1']);
});

void test('all labels of a composite key have to agree', async () => {
  const sources = {
    a: [at(0, { user: 'u', s: '1' })],
    b: [at(1, { user: 'u', s: '1' }), at(2, { user: 'u', s: '2' }), at(3, { user: 'u' })],
  };
  assert.deepEqual(await shapes('a({})[5m] and on(user, s) b({})[5m]', sources), ['a@0 b@1']);
});

void test('a mapping takes each name from its own side', async () => {
  const sources = {
    a: [at(0, { session_id: '1', trace_id: '9' })],
    b: [at(1, { trace_id: '1', session_id: '8' }), at(2, { session_id: '1', trace_id: '7' })],
  };
  const query = 'a({})[5m] and on(session_id=trace_id) b({})[5m]';
  assert.deepEqual(await shapes(query, sources), ['a@0 b@1']);
});

void test('a filter at the end keeps events, in order; where none is left there is no result', async () => {
  const sources = {
    a: [at(0, { k: '1', status: '200' }), at(3, { k: '1', status: '500' })],
    b: [at(1, { k: '1', status: '502' }), at(2, { k: '2', status: '500' })],
    c: [at(4, { k: '1', status: '200' })],
  };
  assert.deepEqual(await shapes(`${AND} {status=~"5.."}`, sources), ['b@1 a@3']);
  assert.deepEqual(await shapes('a({}) and on(k) c({}) {status="404"}', sources), []);
});

void test('a missing label passes != and !~ only', async () => {
  const sources = { a: [at(0, { k: '1' })], b: [at(1, { k: '1', x: 'y' })] };
  assert.deepEqual(await shapes(`${AND} {x!="y"}`, sources), ['a@0']);
  assert.deepEqual(await shapes(`${AND} {x!~"y|z"}`, sources), ['a@0']);
  assert.deepEqual(await shapes(`${AND} {x="y"}`, sources), ['b@1']);
  assert.deepEqual(await shapes(`${AND} {x=~"y|z"}`, sources), ['b@1']);
});

void test('filters take odd values', async () => {
  const odd = '/a}b, c="d" | \\ é';
  const sources = { a: [at(0, { k: '1', path: odd })], b: [at(1, { k: '1', path: '/a' })] };
  assert.deepEqual(await shapes(`${AND} {path=${JSON.stringify(odd)}}`, sources), ['a@0']);
});

void test('group_left and group_right give one result for each event of the many side', async () => {
  const sources = {
    a: [at(0, { k: '1' }), at(1, { k: '1' })],
    b: [at(2, { k: '1', region: 'eu' })],
  };
  const left = await find('a({})[5m] and on(k) group_left(region) b({})[5m]', sources);
  assert.deepEqual(left.map(shape).sort(), ['a@0 b@2', 'a@1 b@2']);
  assert.deepEqual(left[0]?.labels, { region: 'eu' });
  const right = 'b({})[5m] and on(k) group_right(region) a({})[5m]';
  assert.deepEqual(await shapes(right, sources), ['a@0 b@2', 'a@1 b@2']);
});

void test('unless gives the left side only, and or the left side alone as partial', async () => {
  const sources = { a: [at(0, { k: '1' }), at(1, { k: '2' })], b: [at(2, { k: '1' })] };
  const unless = await find('a({})[5m] unless on(k) b({})[5m]', sources);
  assert.deepEqual(unless.map(shape), ['a@1']);
  assert.deepEqual(unless[0]?.metadata, {
    completeness: 'partial',
    matchedStreams: ['a'],
    totalStreams: 2,
  });
  const or = await find('a({})[5m] or on(k) b({})[5m]', sources);
  const told = or.map((found) => `${shape(found)} ${found.metadata.completeness}`).sort();
  assert.deepEqual(told, ['a@0 b@2 complete', 'a@1 partial']);
});

void test('three streams name all three, with repeats', async () => {
  const choose = (event: LogEvent, selector: string) => selector.includes(event.message ?? '?');
  const loki = new Feed(
    ['front', 'back', 'base'].map((message, s) => at(s, { k: '1' }, { message })),
    choose,
  ).end();
  const three =
    'loki({service="front"}) and on(k) loki({service="back"}) and on(k) loki({service="base"})';
  const [found] = await find(three, { loki });
  assert.deepEqual(found?.metadata.matchedStreams, ['loki', 'loki', 'loki']);
  const [other] = await find('a({}) and on(k) b({}) and on(k) c({})', {
    a: [at(0, { k: '1' })],
    b: [at(1, { k: '1' })],
    c: [at(2, { k: '1' })],
  });
  assert.deepEqual(other?.metadata.matchedStreams, ['a', 'b', 'c']);
});

void test('operators after the first are what they say', async () => {
  const sources = {
    a: [at(0, { k: '1' }), at(10, { k: '2' })],
    b: [at(1, { k: '1' }), at(11, { k: '2' })],
    c: [at(2, { k: '1' })],
  };
  const and = 'a({}) and on(k) b({})';
  assert.deepEqual(await shapes(`${and} unless on(k) c({})`, sources), ['a@10 b@11']);
  assert.deepEqual(await shapes(`${and} or on(k) c({})`, sources), ['a@0 b@1 c@2', 'a@10 b@11']);
});

void test('results come before the inputs end, once, and quiet decides when', async () => {
  const [a, b] = [new Feed([at(0, { k: '1' })]), new Feed([at(1, { k: '1' }), at(2, { k: '1' })])];
  await using engine = engineOf({ a, b });
  const told: string[] = [];
  engine.on('correlationFound', (found) => told.push(shape(found)));
  const found = engine.correlate(AND);
  const first = await found.next();
  assert.ok(first.value);
  assert.equal(shape(first.value), 'a@0 b@1 b@2');
  // Too late for what has been delivered, which is not delivered again.
  b.give(at(3, { k: '1' }));
  a.give(at(4, { k: '2' }));
  b.give(at(5, { k: '2' }));
  const second = await found.next();
  assert.ok(second.value);
  assert.equal(shape(second.value), 'a@4 b@5');
  a.end();
  b.end();
  assert.equal((await found.next()).done, true);
  assert.deepEqual(told, ['a@0 b@1 b@2', 'a@4 b@5']);
});

void test('what is not quiet before the end of the input comes then', async () => {
  const [a, b] = [new Feed([at(0, { k: '1' })]), new Feed([at(1, { k: '1' })])];
  await using engine = engineOf({ a, b }, { processingInterval: '1h' });
  const next = engine.correlate(AND).next();
  for (let turns = 0; turns < 50; turns += 1) await turn();
  b.give(at(2, { k: '1' }));
  a.end();
  b.end();
  const { value } = await next;
  assert.ok(value);
  assert.equal(shape(value), 'a@0 b@1 b@2');
});

void test('slow consumers lose nothing, and have the sources wait', async () => {
  // Single events are read by the thousand.
  const events = Array.from({ length: 5000 }, (_, k) => at(k, { k }));
  const [a, b] = [new Feed(events.slice(0, 1)), new Feed(events.slice(0, 1))];
  await using engine = engineOf({ a, b }, { bufferSize: 10, timeWindow: 1000 });
  const paused: string[] = [];
  engine.on('paused', ({ source, reason }) => paused.push(`${source} ${reason}`));
  const correlations = engine.correlate('a({}) and on(k) b({})');
  const found = [shape((await correlations.next()).value ?? assert.fail())];
  for (const feed of [a, b]) feed.give(...events.slice(1)).end();
  for (let turns = 0; turns < 500; turns += 1) await turn();
  assert.ok(a.taken < events.length, 'it is not read to its end while nobody takes anything');
  assert.ok(paused.includes('a consumer'), String(paused));
  for await (const correlation of correlations) {
    found.push(shape(correlation));
    await turn();
  }
  assert.deepEqual(found.sort(), events.map((_, k) => `a@${k} b@${k}`).sort());
});

void test('events are in order of time, and times keep their nanoseconds', async () => {
  const nanos = '2026-01-01T00:00:05.000000001Z';
  const sources = {
    a: [at(3, { k: '1' }), at(1, { k: '1' })],
    b: [at(2, { k: '1' }), { timestamp: nanos, labels: { k: '1' } }],
  };
  const [found] = await find(AND, sources);
  assert.ok(found);
  assert.deepEqual(
    found.events.map(({ timestamp }) => timestamp),
    [1, 2, 3].map((second) => new Date(T0 + second * 1000).toISOString()).concat(nanos),
  );
  assert.equal(found.timeWindow.end, nanos);
});

void test('empty streams are streams', async () => {
  const a = [at(0, { k: '1' })];
  assert.deepEqual(await shapes(AND, { a, b: [] }), []);
  assert.deepEqual(await shapes(AND, { a: [], b: [] }), []);
  assert.deepEqual(await shapes('a({}) unless on(k) b({})', { a, b: [] }), ['a@0']);
});

void test('streams may end at different times', async () => {
  const [a, b] = [new Feed([at(0, { k: '1' })]).end(), new Feed()];
  await using engine = engineOf({ a, b });
  const next = engine.correlate(AND).next();
  await turn();
  b.give(at(1, { k: '1' }));
  const { value } = await next;
  assert.ok(value);
  assert.equal(shape(value), 'a@0 b@1');
});

void test('ranges and the default window bound matches, and say what adapters are asked for', async () => {
  const a = [at(0, { k: '1' })];
  const b = new Feed([at(9, { k: '1' })]).end();
  assert.deepEqual(await shapes('a({})[10s] and on(k) b({})[10s]', { a, b }), ['a@0 b@9']);
  assert.deepEqual(await shapes('a({})[8s] and on(k) b({})[8s]', { a, b }), []);
  assert.deepEqual(await shapes('a({}) and on(k) b({})', { a, b }, { timeWindow: 8000 }), []);
  const { asked } = b;
  assert.deepEqual(
    asked.map(({ range, timeRange }) => [range, timeRange]),
    [
      [10_000, '10s'],
      [8000, '8s'],
      [8000, '8s'],
    ],
  );
});

void test('within holds with or, unless and groups', async () => {
  const sources = { a: [at(0, { k: '1' })], b: [at(9, { k: '1' })] };
  const within = (operator: string, group = '') =>
    shapes(`a({}) ${operator} on(k) within(5s) ${group} b({})`, sources);
  assert.deepEqual(await within('or'), ['a@0']);
  assert.deepEqual(await within('unless'), ['a@0']);
  assert.deepEqual(await within('and', 'group_left()'), []);
});

void test('ignoring joins on all other labels, and does nothing behind on', async () => {
  const sources = {
    a: [at(0, { k: '1', x: '1' })],
    b: [at(1, { k: '1', x: '2' }), at(2, { k: '1', x: '2', y: '3' })],
  };
  assert.deepEqual(await shapes('a({}) and ignoring(x) b({})', sources), ['a@0 b@1']);
  const behind = 'a({}) and on(k) ignoring(x) b({})';
  assert.deepEqual(await shapes(behind, sources), ['a@0 b@1 b@2']);
});

void test('a label named constructor is a label, and ids in messages are whole', async () => {
  const sources = {
    a: [at(0, { constructor: '1' }), at(1, {}, { message: 'took request_id=req_123 in 3ms' })],
    b: [at(2, { constructor: '1' }), at(3, {}, { message: '"request_id":"req_123"' })],
    c: [at(4, {}, { message: 'request_id=req_124' })],
  };
  assert.deepEqual(await shapes('a({}) and on(constructor) b({})', sources), ['a@0 b@2']);
  const [found] = await find('a({}) and on(request_id) b({})', sources);
  assert.equal(found?.joinValue, 'req_123');
  assert.deepEqual(await shapes('a({}) and on(request_id) c({})', sources), []);
});

void test('a partial result comes when it is final, however quiet it is before', async () => {
  const [a, b] = [new Feed([at(0, { k: '1' }), at(8, { k: '1' })]), new Feed()];
  await using engine = engineOf({ a, b }, { lateTolerance: 0 });
  const found = engine.correlate('a({})[10s] or on(k) b({})[10s]');
  for (const feed of [a, b]) feed.give(at(12, { k: '2' }));
  // The engine knows of the event at 0 by then, and not yet of that at 8.
  assert.equal(shape((await found.next()).value ?? assert.fail()), 'a@12 b@12');
  for (const feed of [a, b]) feed.give(at(60, { k: '3' }));
  assert.equal(shape((await found.next()).value ?? assert.fail()), 'a@0 a@8');
});

void test('a query with stages gives final results, which nothing takes back', async () => {
  const events = [at(0, { k: '1' }), at(1, { k: '2' })];
  const [a, b] = [new Feed([...events]), new Feed([...events])];
  await using engine = engineOf({ a, b }, { lateTolerance: 0, processingInterval: 0 });
  const found = engine.correlate('a({})[10s] and on(k) b({})[10s] | limit 1');
  const first = found.next();
  let delivered = 0;
  engine.on('correlationFound', () => (delivered += 1));
  for (let turns = 0; turns < 100; turns += 1) await turn();
  assert.equal(delivered, 0);
  for (const feed of [a, b]) feed.give(at(60, { k: '3' }));
  assert.equal(shape((await first).value ?? assert.fail()), 'a@0 b@0');
  assert.equal((await found.next()).done, true);
});

void test('of two that turn out to be one, that one comes', async () => {
  const a = new Feed([at(0, { k: '1' }), at(10, { k: '1' })]);
  const b = new Feed([at(1, { k: '1' }), at(11, { k: '1' })]);
  await using engine = engineOf({ a, b }, { processingInterval: 500 });
  let known = 0;
  engine.on('windowCreated', () => {
    known += 1;
    if (known === 2) a.give(at(6, { k: '1' }));
  });
  const found = engine.correlate('a({})[5s] and on(k) b({})[5s]');
  assert.equal(shape((await found.next()).value ?? assert.fail()), 'a@0 b@1 a@6 a@10 b@11');
  for (const feed of [a, b]) feed.end();
  assert.equal((await found.next()).done, true);
});

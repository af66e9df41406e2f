// What users of log-correlator were promised, and what did not work there: the engine of `logbraid/compat`,
// its bounds, ends, errors and events.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';

import { CorrelationError } from 'logbraid/compat';
import type { Metrics } from 'logbraid';

import { AND, Feed, at, engineOf, find, shape, shapes } from './feed.js';

void test('maxEvents is a bound where overflow says what happens at it', async () => {
  const a = Array.from({ length: 40 }, (_, k) => at(k, { k: `a${k}` }));
  const b = Array.from({ length: 40 }, (_, k) => at(k, { k: `b${k}` }));
  await using engine = engineOf({ a, b }, { maxEvents: 10 });
  for await (const found of engine.correlate(AND)) assert.fail(shape(found));
  assert.equal(engine.metrics().evicted, 0);
  await assert.rejects(find(AND, { a, b }, { maxEvents: 10, overflow: 'block' }), {
    code: 'MEMORY_ERROR',
  });
});

void test('memory is bounded, and told before and when events are dropped', async () => {
  const events = Array.from({ length: 2000 }, (_, k) => at(k / 100, { k: `${k}` }));
  await using engine = engineOf({ a: events, b: [] }, { maxMemoryMB: 0.1 });
  const told = new Set<string>();
  engine.on('memoryWarning', ({ usedMB, maxMB }) => told.add(`warning ${usedMB <= maxMB}`));
  engine.on('eventDropped', ({ source, reason }) => told.add(`${source} ${reason}`));
  for await (const found of engine.correlate(AND)) assert.fail(shape(found));
  assert.deepEqual([...told].sort(), ['a evicted', 'warning true']);
});

void test('leaving the loop, a signal and destroy end live queries and close their streams', async () => {
  const sources = () => ({ a: new Feed([at(0, { k: '1' })]), b: new Feed([at(1, { k: '1' })]) });
  const left = sources();
  await using engine = engineOf(left);
  for await (const found of engine.correlate(AND)) {
    assert.equal(shape(found), 'a@0 b@1');
    break;
  }
  const aborted = engine.correlate(AND, { signal: AbortSignal.timeout(1) });
  await assert.rejects(async () => {
    for (;;) await aborted.next();
  }, /timeout/);
  const waiting = engine.correlate('a({}) and on(other) b({})').next();
  await turn();
  await engine.destroy();
  assert.equal((await waiting).done, true);
  // A generator that waits ends with its signal.
  while (left.a.open + left.b.open > 0) await sleep(1);
});

void test('what is wrong rejects the first step, with the code that it had', async () => {
  await using engine = engineOf({ a: [], b: [] });
  const codeOf = async (query: string) => {
    try {
      await engine.correlate(query).next();
    } catch (error) {
      assert.ok(error instanceof CorrelationError);
      return `${error.code} ${error.message}`;
    }
    return 'nothing is wrong';
  };
  assert.match(await codeOf('a({}) nand b({})'), /^QUERY_PARSE_ERROR /);
  const missing = await codeOf('a({}) and on(k) loki({})');
  assert.match(missing, /^ADAPTER_NOT_FOUND Required data source adapter not found/);
  assert.throws(() => engine.addAdapter('a', new Feed()), { code: 'ADAPTER_EXISTS' });
  const own = new CorrelationError('no such stream', 'LOKI_QUERY_ERROR', { status: 400 });
  engine.addAdapter('loki', new Feed().fail(own));
  assert.match(await codeOf('a({}) and on(k) loki({})'), /^LOKI_QUERY_ERROR no such stream/);
  engine.addAdapter('other', new Feed().fail(new Error('broken')));
  assert.match(await codeOf('a({}) and on(k) other({})'), /^ADAPTER_ERROR .*broken/);
});

void test('queries are checked with the adapters there are', async () => {
  await using engine = engineOf({ a: [], b: [] });
  assert.equal(engine.validateQuery(AND), true);
  assert.equal(engine.validateQuery('a({}) and b({})'), false);
  assert.ok(engine.getAdapter('a') instanceof Feed);
  assert.equal(engine.getAdapter('c'), undefined);
});

void test('events tell what arrives, is late, and begins and ends', async () => {
  const [a, b] = [[at(100, { k: '1' }), at(0, { k: '2' })], [at(101, { k: '1' })]];
  await using engine = engineOf({ a, b }, { lateTolerance: 0, idleTimeout: 0 });
  const told: string[] = [];
  engine.on('eventReceived', (event, source) =>
    told.push(`${source} ${String(event.labels?.['k'])}`),
  );
  engine.on('lateEvent', ({ source, count }) => told.push(`late ${source} ${count}`));
  engine.on('windowCreated', ({ start }) => told.push(`created ${start}`));
  engine.on('windowClosed', ({ end }) => told.push(`closed ${end}`));
  for await (const found of engine.correlate(AND)) told.push(shape(found));
  const expected = ['a 1', 'a 2', 'b 1', 'a@100 b@101'];
  for (const one of expected) assert.ok(told.includes(one), `${one} in ${told.join(', ')}`);
  const ends = told.filter((one) => /^(created|closed)/.test(one));
  assert.deepEqual(ends, ['created 2026-01-01T00:01:40.000Z', 'closed 2026-01-01T00:01:41.000Z']);
});

void test('adapterAdded has a name, performanceMetrics what metrics() gives', async () => {
  await using engine = engineOf({ a: new Feed() }, { metricsInterval: 5 });
  const added: string[] = [];
  engine.on('adapterAdded', (name) => added.push(name));
  engine.addAdapter('b', new Feed());
  assert.deepEqual(added, ['b']);
  const told = new Promise<Metrics>((resolve) => engine.once('performanceMetrics', resolve));
  const found = engine.correlate(AND).next();
  const metrics = await told;
  assert.equal(metrics.queries, 1);
  assert.deepEqual(Object.keys(metrics), Object.keys(engine.metrics()));
  await engine.destroy();
  assert.equal((await found).done, true);
});

void test('shards share the results between them', async () => {
  const events = Array.from({ length: 50 }, (_, k) => at(k, { k }));
  const all = await shapes(AND, { a: events, b: events });
  const shares = [0, 1, 2].map((shardId) =>
    shapes(AND, { a: events, b: events }, { shardId, shardCount: 3 }),
  );
  const shared = await Promise.all(shares);
  assert.ok(shared.every((share) => share.length > 0));
  assert.deepEqual(shared.flat().sort(), all);
  const mixed = `${AND} and on(j) c({})`;
  await assert.rejects(find(mixed, { a: [], b: [], c: [] }, { shardCount: 2 }), /shardCount/);
});

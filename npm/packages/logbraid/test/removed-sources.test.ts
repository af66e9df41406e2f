import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CorrelationEngine } from 'logbraid';
import type { LogEvent } from 'logbraid';

const T0 = Date.UTC(2026, 0, 1);
const at = (seconds: number, labels: Record<string, string | number>): LogEvent => ({
  timestamp: T0 + seconds * 1000,
  labels,
});
const joined = (left: string, right: string) => `${left}({})[1m] and on(k) ${right}({})[1m]`;

/** So many removed sources are told of, as `metrics()` documents. */
const KEPT = 1000;

/** An engine with one source that stays. */
function engineWithB(): CorrelationEngine {
  return new CorrelationEngine({ threads: 1 }).addAdapter('b', [at(1, { k: 1 })]);
}

/** Sources with names of their own are queried and removed; each gives one event, and its query another. */
async function comeAndGo(engine: CorrelationEngine, names: string[]): Promise<void> {
  for (const name of names) {
    engine.addAdapter(name, [at(0, { k: 1 })]);
    await engine.run(joined(name, 'b'));
    await engine.removeAdapter(name);
  }
}

const namesOf = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, n) => `${prefix}${n}`);

/** What Prometheus reads of the events of each source. */
function exposed(engine: CorrelationEngine): string[] {
  const samples = engine.metrics({ format: 'prometheus' }).matchAll(/^logbraid_events_total.*$/gm);
  return [...samples].map(([sample]) => sample);
}

test('of removed sources the last are told of, and all counters together keep the others', async () => {
  await using engine = engineWithB();
  engine.addAdapter('early', [at(0, { k: 1 })]);
  await engine.run(joined('early', 'b'));
  const names = namesOf('a', KEPT + 200);
  await comeAndGo(engine, names);
  const before = engine.metrics();
  assert.deepEqual(Object.keys(before.sources).sort(), ['b', 'early', ...names.slice(200)].sort());
  assert.equal(before.events, 2 * names.length + 2);

  // What counts is when it was removed, not when it was queried.
  await engine.removeAdapter('early');
  const { sources, events } = engine.metrics();
  assert.deepEqual(Object.keys(sources).sort(), ['b', 'early', ...names.slice(201)].sort());
  assert.equal(events, before.events);
  assert.equal(sources['b']?.events, names.length + 1);
  const samples = exposed(engine);
  assert.equal(samples.length, KEPT + 1);
  assert.ok(samples.includes(`logbraid_events_total{source="b"} ${names.length + 1}`));
  assert.ok(samples.includes('logbraid_events_total{source="early"} 1'));
});

test('the counters of a removed source stay while a query reads it', async () => {
  await using engine = engineWithB();
  const [p, q] = [engine.source('p'), engine.source('q')];
  const query = async () => {
    const found = engine.correlate(joined('p', 'q'));
    const first = found.next();
    void p.push(at(0, { k: 1 }));
    void q.push(at(1, { k: 1 }));
    await first;
    return found;
  };
  const past = await query();
  await past.return?.();
  const found = await query();
  await engine.removeAdapter('p');
  await comeAndGo(engine, namesOf('a', KEPT + 1));
  const running = engine.metrics();
  assert.equal(running.queries, 1);
  assert.equal(running.sources['p']?.events, 2);
  await found.return?.();
  const { sources, events } = engine.metrics();
  assert.equal(sources['p'], undefined);
  assert.equal(Object.keys(sources).length, KEPT + 2);
  assert.equal(events, running.events);
});

test('a source that comes again goes on counting, and nothing is known of its labels', async () => {
  await using engine = engineWithB();
  const known = async (source: string) => {
    const { sources = [] } = await engine.vocabulary();
    return sources.find(({ name }) => name === source)?.labels?.map(({ name }) => name);
  };
  const add = () => engine.addAdapter('a', [at(0, { k: 1, former: 'x' })]);
  for (const round of [1, 2]) {
    add();
    assert.deepEqual(await known('a'), []);
    await engine.run(joined('a', 'b'));
    assert.deepEqual(await known('a'), ['k', 'former']);
    assert.equal(engine.metrics().sources['a']?.events, round);
    assert.equal(await engine.removeAdapter('a'), true);
    assert.equal(await engine.removeAdapter('a'), false);
  }

  // Nor is what a query has seen that ends after the source has been removed.
  const live = engine.source('live');
  const found = engine.correlate(joined('live', 'b'));
  const first = found.next();
  void live.push(at(0, { k: 1, former: 'x' }));
  await first;
  await engine.removeAdapter('live');
  await found.return?.();
  engine.source('live');
  assert.deepEqual(await known('live'), []);
  assert.deepEqual(await known('b'), ['k']);
});

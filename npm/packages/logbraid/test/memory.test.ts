// The memory bound of an engine whose queries run: less, and more again.
import assert from 'node:assert/strict';
import { once as onceEmitted } from 'node:events';
import { test as once } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import {
  EngineDestroyedError,
  MemoryError,
  OptionError,
  CorrelationEngine as Engine,
  createWorkerEngine,
} from 'logbraid';
import type { Correlation, LogEvent, Metrics } from 'logbraid';

import { CorrelationEngine, test } from './both.js';

const QUERY = 'a({})[1h] and on(k) b({})[1h]';
const MIB = 1 << 20;
const MESSAGE = 'x'.repeat(1000);

/** What is waited for comes, or the test runs into its timeout. */
const PATIENT = { timeout: 60_000 };

/** Events of a second each, as lines. */
function lines(from: number, to: number): string {
  const line = (n: number) => {
    const time = new Date(Date.UTC(2026, 0, 1) + n * 1000).toISOString();
    return JSON.stringify({ time, k: `k${n}`, message: MESSAGE });
  };
  return Array.from({ length: to - from }, (_, at) => line(from + at)).join('\n') + '\n';
}

/** The same, as objects. */
function events(count: number): LogEvent[] {
  return Array.from({ length: count }, (_, n) => ({
    timestamp: Date.UTC(2026, 0, 1) + n,
    labels: { k: n },
  }));
}

/** What both engines have of it. */
interface Bounded {
  setMaxMemory(maxMemoryMB: number): void | Promise<void>;
  metrics(): Metrics | Promise<Metrics>;
  on(event: 'memoryWarning', listener: (told: { maxMB: number }) => void): unknown;
  on(
    event: 'eventDropped',
    listener: (told: { source: string; reason: string; count: number }) => void,
  ): unknown;
  source(name: string): { push(item: string): unknown };
  correlate(query: string): AsyncIterableIterator<Correlation, undefined>;
}

/** Counters, once they are as they should be. */
async function metricsWhen(
  engine: Bounded,
  holds: (metrics: Metrics) => boolean,
): Promise<Metrics> {
  for (;;) {
    const metrics = await engine.metrics();
    if (holds(metrics)) return metrics;
    await sleep(1);
  }
}

/** Has a live query hold 5000 events, then less, then more. */
async function lowers(engine: Bounded): Promise<void> {
  const warned: number[] = [];
  engine.on('memoryWarning', ({ maxMB }) => warned.push(maxMB));
  let dropped = 0;
  engine.on('eventDropped', ({ source, reason, count }) => {
    assert.deepEqual([source, reason], ['a', 'evicted']);
    dropped += count;
  });
  const [a, b] = [engine.source('a'), engine.source('b')];
  const results = engine.correlate(QUERY);
  const first = results.next();
  await a.push(lines(0, 5000));
  const before = await metricsWhen(engine, ({ heldEvents }) => heldEvents === 5000);
  assert.ok(before.memory > 5 * MIB, String(before.memory));

  await engine.setMaxMemory(2);
  const after = await metricsWhen(engine, ({ heldEvents }) => heldEvents < 5000);
  assert.ok(after.memory <= 2 * MIB, String(after.memory));
  assert.ok(after.heldEvents > 1000, String(after.heldEvents));
  assert.equal(after.evicted, 5000 - after.heldEvents);

  await engine.setMaxMemory(50);
  await a.push(lines(5000, 10_000));
  // The oldest are gone; of the others each is found.
  await b.push(lines(0, 1) + lines(5000 - 1, 5000));
  assert.equal((await first).value?.joinValue, 'k4999');
  const last = await metricsWhen(engine, ({ heldEvents }) => heldEvents > 5000);
  assert.equal(last.evicted, after.evicted);
  assert.deepEqual([warned, dropped], [[2], after.evicted]);
  await results.return?.();
}

test(
  'what a query holds beyond a lower bound goes at once',
  async () => {
    await using engine = new CorrelationEngine();
    await lowers(engine);
  },
  PATIENT,
);

once('so it does in WebAssembly', PATIENT, async () => {
  await using engine = new Engine({ backend: 'wasm' });
  await lowers(engine);
});

once('so it does in a Worker', PATIENT, async () => {
  await using engine = createWorkerEngine();
  await lowers(engine);
  for (const value of [0, 3001, NaN, (() => 1) as never]) {
    await assert.rejects(engine.setMaxMemory(value), OptionError);
  }
});

test(
  'a query that may drop nothing fails where less may be held',
  async () => {
    await using engine = new CorrelationEngine({ overflow: 'block' });
    const a = engine.source('a');
    engine.source('b');
    const first = engine.correlate(QUERY).next();
    await a.push(lines(0, 3000));
    await metricsWhen(engine, ({ heldEvents }) => heldEvents === 3000);
    engine.setMaxMemory(1);
    await assert.rejects(first, (error) => {
      assert.ok(error instanceof MemoryError);
      assert.deepEqual([error.details.maxBytes, error.details.heldEvents], [MIB, 3000]);
      return true;
    });
  },
  PATIENT,
);

test(
  'sources wait where less may be held, and go on where more may be',
  async () => {
    await using engine = new CorrelationEngine({ overflow: 'block', idleTimeout: '1h' });
    const a = engine.source('a');
    engine.source('b');
    const results = engine.correlate(QUERY);
    const first = results.next();
    await a.push(lines(0, 3000));
    await metricsWhen(engine, ({ heldEvents }) => heldEvents === 3000);
    const paused = onceEmitted(engine as never, 'paused');
    engine.setMaxMemory(5);
    assert.deepEqual(await paused, [{ query: QUERY, source: 'a', reason: 'ahead' }]);
    const pushed = a.push(lines(3000, 6000));
    const resumed = onceEmitted(engine as never, 'resumed');
    engine.setMaxMemory(50);
    assert.deepEqual(await resumed, [{ query: QUERY, source: 'a' }]);
    await pushed;
    await metricsWhen(engine, ({ heldEvents }) => heldEvents === 6000);
    await results.return?.();
    assert.equal((await first).done, true);
  },
  PATIENT,
);

test('queries to come have the new bound, and those that have been asked for', async () => {
  await using engine = new CorrelationEngine();
  engine.addAdapter('a', events(20_000)).addAdapter('b', []);
  const waits = engine.correlate(QUERY);
  engine.setMaxMemory(0.5);
  const isBounded = (error: unknown) =>
    error instanceof MemoryError && error.details.maxBytes === MIB / 2;
  await assert.rejects(waits.next(), isBounded);
  await assert.rejects(engine.run(QUERY), isBounded);
  assert.match(
    engine.metrics({ format: 'prometheus' }),
    new RegExp(`^logbraid_memory_limit_bytes ${MIB / 2}$`, 'm'),
  );
  engine.setMaxMemory(100);
  assert.deepEqual(await engine.run(QUERY), []);
});

once('what makes no sense as a bound is refused, and changes nothing', async () => {
  const engine = new Engine({ maxMemoryMB: 7 });
  for (const value of [0, -1, NaN, Infinity, 3000.5, '5', null, undefined]) {
    assert.throws(
      () => {
        engine.setMaxMemory(value as number);
      },
      (error) => {
        assert.ok(error instanceof OptionError);
        assert.deepEqual(error.details, { option: 'maxMemoryMB', value });
        return true;
      },
    );
  }
  const bound = engine.metrics({ format: 'prometheus' });
  assert.match(bound, new RegExp(`^logbraid_memory_limit_bytes ${7 * MIB}$`, 'm'));
  await engine.destroy();
  assert.throws(() => {
    engine.setMaxMemory(5);
  }, EngineDestroyedError);
});

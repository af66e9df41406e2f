// What becomes of a query when a source of it fails for good, or is interrupted.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import { AdapterError, createWorkerEngine } from 'logbraid';
import type { AdapterNotice, Correlation, LogEvent } from 'logbraid';
import { FileAdapter } from 'logbraid/file';

import { CorrelationEngine, test } from './both.js';

const T0 = Date.UTC(2026, 0, 1);

/** An event `seconds` after midnight of 2026. */
function at(seconds: number, labels: LogEvent['labels']): LogEvent {
  return { timestamp: T0 + seconds * 1000, ...(labels && { labels }) };
}

test('onAdapterError: continue goes on without a source that fails, and says so', async () => {
  const options = { onAdapterError: 'continue', lateTolerance: 0 } as const;
  for (const make of [() => new CorrelationEngine(options), () => createWorkerEngine(options)]) {
    await using engine = make();
    const failed: string[] = [];
    engine.on('adapterError', ({ adapter, error }) => failed.push(`${adapter} ${error.code}`));
    const events = Array.from({ length: 9 }, (_, k) => at(k, { k }));
    const matches = (async function* () {
      // eslint-disable-next-line @typescript-eslint/await-thenable -- a stream
      yield await events.slice(0, 2);
      throw new Error('gone');
    })();
    engine.addAdapter('a', events).addAdapter('b', matches);
    const found = await engine.run('a({})[1s] or on(k) b({})[1s]', { emit: 'final' });
    assert.equal(found.length, 9);
    assert.deepEqual(failed, ['b ADAPTER_ERROR']);
    const last = found.at(-1);
    assert.equal(last?.metadata.completeness, 'partial');
    assert.deepEqual(last.metadata.failedSources, ['b']);
    assert.deepEqual((JSON.parse(last.toLine()) as Correlation).metadata.failedSources, ['b']);
    // With nobody left there is nothing to go on with.
    const failing = { next: () => Promise.reject(new Error('gone')) };
    engine.addAdapter('c', { [Symbol.asyncIterator]: () => failing });
    engine.addAdapter('d', { [Symbol.asyncIterator]: () => failing });
    await assert.rejects(engine.run('c({})[1s] and on(k) d({})[1s]'), AdapterError);
  }
});

test('onAdapterError: continue goes on without a file that cannot be read', async () => {
  await using engine = new CorrelationEngine({ onAdapterError: 'continue' });
  engine.addAdapter('a', [at(0, { k: 1 })]).addAdapter('b', new FileAdapter('/no/such/file'));
  const [found] = await engine.run('a({})[1s] or on(k) b({})[1s]');
  assert.deepEqual(found?.metadata.failedSources, ['b']);
});

test('nothing is called missing in a source that reads history or is interrupted', async () => {
  const options = { idleTimeout: 20, lateTolerance: 0 };
  for (const make of [() => new CorrelationEngine(options), () => createWorkerEngine(options)]) {
    await using engine = make();
    const told: unknown[] = [];
    engine.on('adapterReconnect', ({ adapter, attempt, delayMs, error }) => {
      told.push([adapter, attempt, delayMs, error.code, error.message]);
    });
    engine.on('adapterGap', (gap) => told.push(gap));
    let tell: ((notice: AdapterNotice) => void) | undefined;
    engine.addAdapter('b', {
      getName: () => 'test',
      selects: false,
      createStream: (_selector, { signal, tell: given }) => {
        tell = given;
        tell?.({ type: 'history' });
        const ended = new Promise<IteratorResult<LogEvent, undefined>>((resolve) => {
          signal.addEventListener('abort', () => {
            resolve({ value: undefined, done: true });
          });
        });
        return { [Symbol.asyncIterator]: () => ({ next: () => ended }) };
      },
      validateQuery: () => true,
      destroy: () => Promise.resolve(),
    });
    const a = engine.source('a');
    const found: string[] = [];
    const run = engine.correlate('a({})[1s] unless on(k) within(10ms) b({})[1s]');
    const reading = (async () => {
      for await (const { joinValue } of run) found.push(joinValue);
    })();
    while (!tell) await sleep(5);
    void a.push({ timestamp: Date.now() - 1000, labels: { k: 'first' } });
    void a.push({ timestamp: Date.now(), labels: { k: 'second' } });
    await sleep(150);
    assert.equal(found.length, 0, 'history is read');
    tell({ type: 'live' });
    while (!found.includes('first')) await sleep(5);
    const error = new AdapterError('the wire was cut');
    tell({ type: 'reconnect', attempt: 1, delayMs: 7, error });
    const gap = { from: '2026-01-01T00:00:00Z', to: '2026-01-01T00:00:01Z', reason: 'lost' };
    tell({ type: 'gap', ...gap });
    await sleep(50);
    found.length = 0;
    void a.push({ timestamp: Date.now(), labels: { k: 'third' } });
    await sleep(150);
    assert.ok(!found.includes('third'), 'it is interrupted');
    tell({ type: 'live' });
    while (!found.includes('third')) await sleep(5);
    assert.deepEqual(told, [
      ['b', 1, 7, 'ADAPTER_ERROR', 'the wire was cut'],
      { adapter: 'b', ...gap },
    ]);
    await run.return?.();
    await reading;
  }
});

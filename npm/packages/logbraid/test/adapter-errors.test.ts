// What becomes of a query when a source of it fails for good.
import assert from 'node:assert/strict';

import { AdapterError, createWorkerEngine } from 'logbraid';
import type { Correlation, LogEvent } from 'logbraid';
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

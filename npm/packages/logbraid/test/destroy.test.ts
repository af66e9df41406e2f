import assert from 'node:assert/strict';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';

import { EngineDestroyedError, IterableAdapter } from 'logbraid';
import type { DataSourceAdapter, StreamItem } from 'logbraid';

import { CorrelationEngine, test } from './both.js';

const AND = 'a({})[1m] and on(k) b({})[1m]';

test('an adapter that cannot be destroyed keeps no other from it', async () => {
  const engine = new CorrelationEngine();
  let destroyed = 0;
  const adapter = (destroy: () => Promise<void>) =>
    Object.assign(new IterableAdapter([]), { destroy });
  const stuck = adapter(() => {
    throw new Error('stuck');
  });
  const fine = adapter(() => {
    destroyed += 1;
    return Promise.resolve();
  });
  engine.addAdapter('a', stuck).addAdapter('b', fine);
  await assert.rejects(engine.destroy(), /stuck/);
  assert.equal(destroyed, 1);
});

test('destroy ends running queries normally, and the engine for good', async () => {
  const engine = new CorrelationEngine();
  let destroyed = 0;
  engine.addAdapter('b', {
    getName: () => 'b',
    selects: false,
    createStream: () =>
      engine
        .source('a')
        .createStream('', { range: 0, timeRange: '', signal: new AbortController().signal }),
    validateQuery: () => true,
    destroy: () => {
      destroyed += 1;
      return Promise.resolve();
    },
  });
  engine.source('a');
  const found = engine.correlate(AND).next();
  await sleep(10);
  await Promise.all([engine.destroy(), engine.destroy()]);
  assert.equal((await found).done, true);
  assert.equal(destroyed, 1);
  assert.throws(() => engine.correlate(AND), EngineDestroyedError);
  assert.throws(() => engine.source('c'), EngineDestroyedError);
});

/** A live source that always has more, and tells what becomes of it. A stream that is left ends after `ended`. */
function endless(told: string[], ended: Promise<void>, destroy: () => void): DataSourceAdapter {
  const next = (): Promise<IteratorResult<StreamItem>> =>
    Promise.resolve({ value: [{ timestamp: Date.now(), labels: { k: 1 } }], done: false });
  const leave = async (): Promise<IteratorResult<StreamItem>> => {
    told.push('left');
    await ended;
    told.push('ended');
    return { value: undefined, done: true };
  };
  return {
    getName: () => 'endless',
    selects: false,
    createStream: (_selector, { signal }) => {
      signal.addEventListener('abort', () => told.push('aborted'));
      return { [Symbol.asyncIterator]: () => ({ next, return: leave }) };
    },
    validateQuery: () => true,
    destroy: () => {
      told.push('destroyed');
      destroy();
      return Promise.resolve();
    },
  };
}

/** Runs a query until its sources wait for its consumer: only such a stream is waited for when it is left. */
async function untilPaused(engine: CorrelationEngine): Promise<void> {
  const paused = new Promise((resolve) => engine.once('paused', resolve));
  await engine.correlate(AND).next();
  await paused;
  // What had been asked for has come.
  await turn();
}

/** A promise, and what resolves it. */
function later(): [promise: Promise<void>, resolve: () => void] {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((settle) => (resolve = settle));
  return [promise, resolve];
}

test('a stream that does not end keeps no adapter from being destroyed', async () => {
  const engine = new CorrelationEngine({ bufferSize: 1 });
  const [stuck, other]: [string[], string[]] = [[], []];
  const [ended, end] = later();
  const [aDestroyed, destroyA] = later();
  const [bDestroyed, destroyB] = later();
  engine.addAdapter('a', endless(stuck, ended, destroyA));
  engine.addAdapter('b', endless(other, Promise.resolve(), destroyB));
  await untilPaused(engine);
  let isDone = false;
  const destroyed = engine.destroy().then(() => (isDone = true));
  await Promise.all([aDestroyed, bDestroyed]);
  assert.deepEqual(stuck, ['aborted', 'left', 'destroyed']);
  assert.deepEqual(other, ['aborted', 'left', 'ended', 'destroyed']);
  // It has all closed when it resolves.
  await turn();
  assert.equal(isDone, false);
  end();
  await destroyed;
  assert.equal(stuck.at(-1), 'ended');
});

test('a stream may end by its adapter being destroyed', async () => {
  const engine = new CorrelationEngine({ bufferSize: 1 });
  const told: string[] = [];
  const [ended, end] = later();
  engine.addAdapter('a', endless(told, ended, end));
  engine.addAdapter(
    'b',
    endless([], Promise.resolve(), () => undefined),
  );
  await untilPaused(engine);
  await engine.destroy();
  assert.deepEqual(told, ['aborted', 'left', 'destroyed', 'ended']);
});

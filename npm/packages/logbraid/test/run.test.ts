import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';

import type { DataSourceAdapter, StreamItem } from '#dist/adapters/adapter.js';
import type { Columns } from '#dist/backend.js';
import { AdapterError, MemoryError } from '#dist/errors.js';
import { adapter, fakeRun } from './fake.js';

const event = (k: number) => ({ timestamp: k, labels: { k }, message: '' });

// eslint-disable-next-line @typescript-eslint/require-await -- a stream
async function* stream(items: StreamItem[], seen: StreamItem[] = []): AsyncGenerator<StreamItem> {
  for (const item of items) {
    seen.push(item);
    yield item;
  }
}

/** A stream that never says anything, and ends with its signal. */
function silent(signal: AbortSignal): AsyncIterable<StreamItem> {
  return {
    [Symbol.asyncIterator]: () => ({
      next: () =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            resolve({ value: undefined, done: true });
          });
        }),
    }),
  };
}

async function turns(count: number): Promise<void> {
  for (let at = 0; at < count; at += 1) await turn();
}

test('threads that are busy are looked after, where a file comes before a stream, too', async () => {
  const { run, engine } = fakeRun([
    adapter(silent, { file: '/a.log' }),
    adapter(() => stream([[event(1)]])),
  ]);
  engine.works = [{ pending: true, read: 0 }];
  engine.busy = true;
  const next = run.next();
  await turns(20);
  assert.equal(engine.of('close').length, 1);
  // They do not call, and nothing else comes.
  engine.notice({ type: 'end' });
  assert.equal((await next).done, true);
});

test('a paused source is not read until it is resumed', async () => {
  const seen: StreamItem[] = [];
  const items = [1, 2, 3, 4, 5].map((k) => [event(k)]);
  const { run, engine } = fakeRun([
    adapter(() => stream(items, seen)),
    adapter(silent, { bounded: false }),
  ]);
  engine.onPush = () => {
    engine.onPush = () => undefined;
    engine.notice({ type: 'pause', source: 0, reason: 'ahead' });
  };
  const next = run.next();
  await turns(20);
  // One item has been handed over, and one more had been asked for.
  assert.equal(engine.of('pushColumns').length, 1);
  assert.equal(seen.length, 2);
  engine.notice({ type: 'resume', source: 0 });
  engine.onClose = () => {
    engine.notice({ type: 'end' });
  };
  // What the engine says is heard with the next turn; a timer of its own causes one.
  void run.next();
  await next;
  assert.equal(engine.of('pushColumns').length, 5);
});

test('single events that follow each other at once travel together, in order', async () => {
  const items = Array.from({ length: 2000 }, (_, k) => event(k));
  const { run, engine } = fakeRun([
    adapter(() => stream([...items, 'text', event(2000)])),
    adapter(() => stream([])),
  ]);
  engine.onClose = (source) => {
    if (source === 0) engine.notice({ type: 'end' });
  };
  assert.equal((await run.next()).done, true);
  const fed = engine.calls.filter(([name]) => name.startsWith('push'));
  assert.deepEqual(fed, [
    ['pushColumns', 0, 1024],
    ['pushColumns', 0, 976],
    ['push', 0, 4],
    ['pushColumns', 0, 1],
  ]);
});

test('a listener that throws when a source fails ends the query', async () => {
  const failing = [
    () => {
      throw new Error('it cannot be opened');
    },
    () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error('cut')) }) }),
  ];
  for (const fails of failing) {
    const { run, engine, ended } = fakeRun(
      [adapter(fails), adapter(() => stream([]))],
      {},
      {
        onAdapterError: () => {
          throw new Error('nobody listens');
        },
      },
    );
    await assert.rejects(async () => run.next(), {
      code: 'INTERNAL_ERROR',
      message: 'nobody listens',
    });
    assert.equal((await run.next()).done, true);
    assert.deepEqual([ended(), engine.of('release').length], [1, 1]);
  }
});

test('a slow consumer stops the reading of every source', async () => {
  const seen: StreamItem[] = [];
  let given = 0;
  async function* endless(): AsyncGenerator<StreamItem> {
    for (;;) {
      await turn();
      given += 1;
      const item = event(given);
      seen.push(item);
      yield item;
    }
  }
  const { run, engine } = fakeRun([adapter(endless), adapter(silent, { bounded: false })], {
    bufferSize: 10,
  });
  engine.onPush = () => {
    engine.correlation(String(given), ['x']);
  };
  await run.next();
  await turns(100);
  const before = seen.length;
  assert.ok(before >= 10 && before <= 12, `${before} events were read`);
  await turns(100);
  assert.equal(seen.length, before);
  for (let at = 0; at < 30; at += 1) await run.next();
  assert.ok(seen.length > before, 'reading goes on with the consumer');
  await run.return();
});

test('input that causes many results at once does not make the engine hold ever more of them', async () => {
  let given = 0;
  async function* endless(): AsyncGenerator<StreamItem> {
    for (;;) {
      await turn();
      yield event((given += 1));
    }
  }
  const { run, engine } = fakeRun([adapter(endless), adapter(silent, { bounded: false })], {
    bufferSize: 10,
  });
  // Far more than are taken from the engine at once.
  engine.onPush = () => {
    for (let at = 0; at < 1000; at += 1) engine.correlation(`${given}.${at}`, ['x']);
  };
  for (let taken = 0; taken < 10_000; taken += 1) {
    await run.next();
    if (taken % 100 === 0) await turns(3);
    assert.ok(engine.of('pushColumns').length <= Math.floor(taken / 1000) + 2);
  }
  await run.return();
});

test('eager: what waits stays in the engine, where newer revisions replace it', async () => {
  let given = 0;
  async function* endless(): AsyncGenerator<StreamItem> {
    for (;;) {
      await turn();
      given += 1;
      yield event(given);
    }
  }
  const { run, engine } = fakeRun(
    [adapter(endless, { bounded: false }), adapter(silent, { bounded: false })],
    { emit: 'eager', bufferSize: 10 },
  );
  let drained = 0;
  const drain = engine.drain.bind(engine);
  engine.drain = (max) => {
    assert.equal(max, 1);
    const batch = drain(max);
    if (batch.length > 0) drained += 1;
    return batch;
  };
  engine.onPush = () => {
    engine.correlation(String(given), ['x']);
  };
  await run.next();
  await turns(100);
  assert.equal(drained, 1);
  assert.ok(given >= 10 && given <= 13, `reads ${given} events ahead of the consumer`);
  await run.next();
  assert.equal(drained, 2);
  await run.return();
});

test('objects are held until the engine releases them, and correlations keep theirs', async () => {
  const { run, engine } = fakeRun([
    adapter(() => stream([[event(1), event(2)], [event(3)]])),
    adapter(() => stream([])),
  ]);
  const ids: number[][] = [];
  engine.onPush = (columns) => {
    ids.push([...(columns as Columns).ids]);
    if (ids.length === 1) {
      engine.correlation('c', [...(columns as Columns).ids]);
      engine.released((columns as Columns).ids);
    }
  };
  engine.onClose = (source) => {
    if (source === 0) engine.notice({ type: 'end' });
  };
  const { value } = await run.next();
  assert.ok(value);
  assert.deepEqual((await run.next()).done, true);
  // The ids are used again, and the correlation still shows its own events.
  assert.deepEqual(ids, [[0, 1], [1]]);
  assert.deepEqual(
    value.events.map(({ raw }) => raw),
    [event(1), event(2)],
  );
  assert.deepEqual(value.events[0]?.labels, { k: '1' });
});

test('time is told after what has arrived, and again at the deadline', async () => {
  const { run, engine } = fakeRun(
    [
      adapter(
        async function* () {
          yield event(1);
          await sleep(1000);
        },
        { bounded: false },
      ),
      adapter(silent, { bounded: false }),
    ],
    { emit: 'eager' },
  );
  engine.onPush = () => {
    engine.nextDeadline = Date.now() + 60;
  };
  const begun = performance.now();
  const next = run.next();
  while (engine.of('advance').length < 2) await turn();
  const names = engine.calls.map(([name]) => name);
  assert.ok(names.indexOf('pushColumns') < names.lastIndexOf('advance'));
  engine.nextDeadline = Date.now() + 60;
  const before = engine.of('advance').length;
  while (engine.of('advance').length === before) await turn();
  assert.ok(performance.now() - begun >= 50, 'the timer waits for the deadline');
  await run.return();
  assert.equal((await next).done, true);
});

test('a live source of bytes that goes quiet is flushed once', async () => {
  const { run, engine } = fakeRun(
    [
      adapter(
        async function* () {
          yield 'line\n';
          await sleep(2000, undefined, { ref: false });
        },
        { bounded: false },
      ),
      adapter(silent, { bounded: false }),
    ],
    { emit: 'eager' },
  );
  const next = run.next();
  await sleep(600);
  assert.deepEqual(engine.of('push'), [[0, 5]]);
  assert.deepEqual(engine.of('flush'), [[0]]);
  await run.return();
  await next;
});

test('files are worked on in blocks, with turns of the event loop between', async () => {
  const file = (path: string) => adapter(silent, { file: path });
  const { run, engine } = fakeRun([file('x'), file('y')]);
  engine.works = [
    { pending: true, read: 4 << 20 },
    { pending: true, read: 4 << 20 },
    { pending: false, read: 10 },
  ];
  let ticks = 0;
  const ticker = setInterval(() => {
    ticks += 1;
  }, 0);
  const work = engine.work.bind(engine);
  engine.work = () => {
    const until = performance.now() + 5;
    while (performance.now() < until);
    const done = work();
    if (!done.pending) engine.notice({ type: 'end' });
    return done;
  };
  assert.equal((await run.next()).done, true);
  clearInterval(ticker);
  assert.deepEqual(engine.of('attachFile'), [
    [0, 'x'],
    [1, 'y'],
  ]);
  assert.equal(engine.of('work').length, 3);
  assert.ok(ticks >= 2, 'timers run between the blocks');
});

test('an error of the engine comes after what was found before it', async () => {
  const { run, engine, ended } = fakeRun([
    adapter(() => stream([event(1)])),
    adapter(() => stream([])),
  ]);
  engine.onPush = () => {
    engine.correlation('one', ['x']);
    engine.correlation('two', ['x']);
    const details = { maxEvents: 1, heldEvents: 2 };
    engine.notice({ type: 'error', code: 'MEMORY_ERROR', message: 'too much', details });
  };
  assert.equal((await run.next()).value?.correlationId, 'one');
  assert.equal((await run.next()).value?.correlationId, 'two');
  await assert.rejects(run.next(), (error) => {
    assert.ok(error instanceof MemoryError);
    assert.equal(error.code, 'MEMORY_ERROR');
    assert.deepEqual(error.details, { maxEvents: 1, heldEvents: 2 });
    return true;
  });
  assert.equal((await run.next()).done, true);
  assert.equal(ended(), 1);
  assert.equal(engine.of('release').length, 1);
});

test('a source that fails ends the query with its error', async () => {
  const failures: string[] = [];
  const cause = new Error('connection lost');
  const { run, engine } = fakeRun(
    [
      adapter(() => stream([event(1)])),
      adapter(async function* () {
        await turn();
        throw cause;
        yield event(0);
      }),
    ],
    {},
    { onAdapterError: (source) => failures.push(source) },
  );
  await assert.rejects(run.next(), (error) => {
    assert.ok(error instanceof AdapterError);
    assert.equal(error.cause, cause);
    assert.match(error.message, /source b failed: connection lost/);
    return true;
  });
  assert.deepEqual(failures, ['b']);
  assert.equal(engine.of('release').length, 1);
});

test('whatever way an adapter is wrong, the error names its source', async () => {
  const broken: [DataSourceAdapter['createStream'], RegExp][] = [
    [() => undefined as never, /source a failed: createStream\(\) must return an async iterable/],
    [() => [event(1)] as never, /source a failed: createStream\(\) must return an async iterable/],
    [
      () => ({
        [Symbol.asyncIterator]: () => ({
          next: () => {
            throw new Error('at once');
          },
        }),
      }),
      /source a failed: at once/,
    ],
  ];
  for (const [createStream, message] of broken) {
    const { run, engine } = fakeRun([adapter(silent, { createStream }), adapter(silent)]);
    await assert.rejects(run.next(), (error) => {
      assert.ok(error instanceof AdapterError);
      assert.match(error.message, message);
      return true;
    });
    assert.equal(engine.of('release').length, 1);
  }
});

test('what a stream yields that is no event is refused, and costs only itself', async () => {
  const refused: string[] = [];
  const items = [undefined, null, 5, event(1)] as StreamItem[];
  const { run, engine } = fakeRun(
    [adapter(() => stream(items)), adapter(() => stream([]))],
    {},
    { onRefused: (source, message) => refused.push(`${source}: ${message}`) },
  );
  engine.onClose = (source) => {
    if (source === 0) engine.notice({ type: 'end' });
  };
  assert.equal((await run.next()).done, true);
  assert.deepEqual(refused, Array(3).fill('a: not an object'));
  assert.deepEqual(engine.of('pushColumns'), [[0, 1]]);
});

test('a stream that fails to close keeps nobody from leaving', async () => {
  for (const close of [
    () => {
      throw new Error('at once');
    },
    () => Promise.reject(new Error('later')),
    () => undefined as never,
  ]) {
    const open = (): AsyncIterable<StreamItem> => ({
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.resolve({ value: event(1), done: false }),
        return: close,
      }),
    });
    const { run, engine } = fakeRun([adapter(open), adapter(silent)]);
    engine.onPush = () => {
      engine.correlation('c', ['x']);
    };
    await run.next();
    assert.deepEqual(await run.return(), { value: undefined, done: true });
  }
});

for (const way of ['return', 'throw', 'abort'] as const) {
  test(`${way} while waiting closes every stream and frees the state at once`, async () => {
    const controller = new AbortController();
    let returned = 0;
    let aborted = 0;
    const idle = (signal: AbortSignal): AsyncIterable<StreamItem> => ({
      [Symbol.asyncIterator]: () => ({
        next: () => {
          signal.addEventListener('abort', () => {
            aborted += 1;
          });
          return new Promise(() => undefined);
        },
        return: () => {
          returned += 1;
          return Promise.resolve({ value: undefined, done: true as const });
        },
      }),
    });
    const { run, engine, ended } = fakeRun(
      [adapter(idle, { bounded: false }), adapter(idle, { bounded: false })],
      { emit: 'eager' },
      { signal: controller.signal },
    );
    const next = run.next();
    await turns(3);
    const reason = new Error('enough');
    if (way === 'return') {
      await run.return();
      assert.equal((await next).done, true);
    } else if (way === 'throw') {
      await assert.rejects(run.throw(reason), reason);
      assert.equal((await next).done, true);
    } else {
      controller.abort(reason);
      await assert.rejects(next, reason);
    }
    assert.equal((await run.next()).done, true);
    assert.deepEqual([returned, aborted, ended()], [2, 2, 1]);
    assert.equal(engine.of('release').length, 1);
  });
}

test('eager: a consumer that keeps up gets results in batches, a slow one gets one at a time', async () => {
  const given = 200;
  const live = () => [
    adapter(() => stream([new Uint8Array(1)]), { bounded: false }),
    adapter(silent, { bounded: false }),
  ];
  const { run, engine } = fakeRun(live(), { emit: 'eager' });
  engine.onPush = () => {
    for (let at = 0; at < given; at += 1) engine.correlation(String(at), ['x'], { final: false });
  };
  for (let at = 0; at < given; at += 1) {
    const { value } = await run.next();
    assert.equal(value?.correlationId, String(at));
  }
  const sizes = engine.of('drain').map(([max]) => max);
  assert.deepEqual(sizes.slice(0, 7), [1, 2, 4, 8, 16, 32, 64]);
  assert.ok(sizes.length < 12, JSON.stringify(sizes));
  await run.close();

  const slow = fakeRun(live(), { emit: 'eager' });
  slow.engine.onPush = () => {
    for (let at = 0; at < 5; at += 1) slow.engine.correlation(String(at), ['x'], { final: false });
  };
  for (let at = 0; at < 5; at += 1) {
    assert.equal((await slow.run.next()).value?.correlationId, String(at));
    await sleep(5);
  }
  assert.deepEqual(
    slow.engine.of('drain').map(([max]) => max),
    [1, 1, 1, 1, 1],
  );
  await slow.run.close();
});

// What a source may rely on that acknowledges what has been taken: before it is asked for the next, all of what it
// gave before has gone to the engine; what it gave last when it is left has not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';

import { CorrelationEngine, createWorkerEngine } from 'logbraid';
import type { LogEvent } from 'logbraid';
import type { StreamItem } from '#dist/adapters/adapter.js';
import type { CorrelatorOptions } from '#dist/backend.js';
import { adapter, fakeRun } from './fake.js';
import type { FakeRun } from './fake.js';

const event = (k: number) => ({ timestamp: k, labels: { k }, message: '' });
const events = (count: number) => Array.from({ length: count }, (_, k) => event(k));

/** Gives items, and acknowledges each when it is asked for the next. */
class Acknowledging {
  /** The positions of those that have been acknowledged. */
  readonly acknowledged: number[] = [];
  readonly asked: number[] = [];
  isClosed = false;
  readonly #items: readonly StreamItem[];

  constructor(items: readonly StreamItem[]) {
    this.#items = items;
  }

  async *read(onAcknowledge: (at: number) => void = () => undefined): AsyncGenerator<StreamItem> {
    try {
      for (const [at, item] of this.#items.entries()) {
        // Some come together.
        if (at % 4 === 0) await turn();
        this.asked.push(at);
        yield item;
        this.acknowledged.push(at);
        onAcknowledge(at);
      }
    } finally {
      this.isClosed = true;
    }
  }
}

const OPTIONS = { emit: 'final', bufferSize: 1000, maxMemoryBytes: 1 << 20 } as const;

/** A run that hands at most ten events at once to the engine. */
function runOf(streams: (() => AsyncIterable<StreamItem>)[], signal?: AbortSignal): FakeRun {
  const options = { ...OPTIONS, maxEvents: 80 } as CorrelatorOptions;
  return fakeRun(
    streams.map((stream) => adapter(stream)),
    {},
    { options, signal },
  );
}

/** What an item weighs: its bytes, or its events. */
function sizeOf(item: StreamItem): number {
  if (typeof item === 'string' || item instanceof Uint8Array || Array.isArray(item)) {
    return item.length;
  }
  return 'bytes' in item ? item.bytes.length : 1;
}

test('what comes before the next is asked for has been taken as a whole, of several streams, too', async () => {
  const kinds: StreamItem[][] = [
    [events(25), events(3), [], events(1), events(40)],
    ['x'.repeat(700_000), new Uint8Array(10), '', new Uint8Array(600_000), 'y'],
    [{ format: 'ndjson', bytes: new Uint8Array(600_000) }, events(25), 'z'.repeat(300_000)],
    // Single events are asked ahead; what is none is not.
    [event(0), event(1), events(25), event(2), 'text', event(3), events(12), events(2)],
  ];
  for (const first of kinds) {
    for (const second of kinds) {
      const taken = [0, 0];
      const early: unknown[] = [];
      const reading = [first, second].map((items, source) => {
        const own = new Acknowledging(items);
        const sums = items.map((_, at) =>
          items.slice(0, at + 1).reduce((sum, item) => sum + sizeOf(item), 0),
        );
        const read = () =>
          own.read((at) => {
            const isSingle = !Array.isArray(items[at]) && sizeOf(items[at] ?? '') === 1;
            if (!isSingle && (taken[source] ?? 0) < (sums[at] ?? 0)) early.push([source, at]);
          });
        return { own, read, all: sums.at(-1) };
      });
      const decoder = { format: 'ndjson' } as const;
      const options = { ...OPTIONS, maxEvents: 80 } as CorrelatorOptions;
      const { run, engine } = fakeRun(
        reading.map(({ read }) => adapter(read, { decoder })),
        {},
        { options },
      );
      let closed = 0;
      let pushes = 0;
      engine.onPush = (pushed, source) => {
        const size = pushed instanceof Uint8Array ? pushed.length : pushed.ids.length;
        taken[source] = (taken[source] ?? 0) + size;
        pushes += 1;
        // Now and then not wanted for a while.
        if (pushes % 3 === 0) engine.notice({ type: 'pause', source, reason: 'ahead' });
        setImmediate(() => {
          engine.notice({ type: 'resume', source });
          void run.next();
        });
      };
      engine.onClose = () => {
        closed += 1;
        if (closed === 2) engine.notice({ type: 'end' });
      };
      assert.equal((await run.next()).done, true);
      assert.deepEqual(early, []);
      assert.deepEqual(
        taken,
        reading.map(({ all }) => all),
      );
      for (const [at, { own }] of reading.entries()) {
        assert.equal(own.acknowledged.length, [first, second][at]?.length);
      }
    }
  }
});

const ways: [string, (fake: FakeRun, abort: AbortController) => unknown][] = [
  ['is left', async ({ run }) => run.close()],
  [
    'is aborted',
    (_fake, abort) => {
      abort.abort();
    },
  ],
  [
    'ends',
    ({ run, engine }) => {
      engine.notice({ type: 'end' });
      void run.next();
    },
  ],
  [
    'fails',
    ({ run, engine }) => {
      engine.notice({ type: 'error', code: 'MEMORY_ERROR', message: 'full', details: {} });
      run.next().catch(() => undefined);
    },
  ],
];
for (const [how, leave] of ways) {
  test(`a query that ${how} acknowledges nothing that it has taken by half`, async () => {
    const own = new Acknowledging([events(5), events(25), events(5)]);
    const abort = new AbortController();
    const fake = runOf([() => own.read(), () => new Acknowledging([]).read()], abort.signal);
    const { run, engine } = fake;
    let pushes = 0;
    engine.onPush = () => {
      pushes += 1;
      // The first item, and ten events of the second.
      if (pushes === 2) engine.notice({ type: 'pause', source: 0, reason: 'ahead' });
    };
    const next = run.next();
    next.catch(() => undefined);
    while (pushes < 2) await turn();
    for (let at = 0; at < 20; at += 1) await turn();
    assert.equal(pushes, 2);
    assert.deepEqual(own.acknowledged, [0]);
    await leave(fake, abort);
    while (!own.isClosed) await turn();
    assert.deepEqual(own.acknowledged, [0]);
    assert.deepEqual(own.asked, [0, 1]);
    await next.catch(() => undefined);
  });
}

test('an item that the engine cannot take is not acknowledged, and its stream is left', async () => {
  const own = new Acknowledging([events(5), { format: 'json', bytes: new Uint8Array(5) }]);
  const { run } = runOf([() => own.read(), () => new Acknowledging([]).read()]);
  await assert.rejects(async () => run.next(), { code: 'ADAPTER_ERROR' });
  while (!own.isClosed) await turn();
  assert.deepEqual(own.acknowledged, [0]);
});

test('what comes while single events are taken by and by replaces none of them', async () => {
  let release: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (release = resolve));
  async function* single(): AsyncGenerator<StreamItem> {
    yield* events(25);
    await gate;
    yield event(25);
    yield [event(26)];
  }
  const { run, engine } = runOf([single, () => new Acknowledging([]).read()]);
  const taken: number[] = [];
  engine.onPush = (pushed) => {
    if (!('ids' in pushed)) return;
    taken.push(pushed.ids.length);
    if (taken.length === 1) engine.notice({ type: 'pause', source: 0, reason: 'ahead' });
  };
  engine.onClose = (source) => {
    if (source === 0) engine.notice({ type: 'end' });
  };
  const next = run.next();
  while (taken.length < 1) await turn();
  release();
  for (let at = 0; at < 20; at += 1) await turn();
  engine.notice({ type: 'resume', source: 0 });
  void run.next();
  await next;
  assert.equal(
    taken.reduce((sum, count) => sum + count, 0),
    27,
  );
});

const QUERY = 'a({}) as left and on(k) within(1s) b({}) as right';
const T0 = Date.UTC(2026, 0, 1);
const timed = (count: number, from = 0): LogEvent[] =>
  Array.from({ length: count }, (_, at) => ({
    timestamp: new Date(T0 + (from + at) * 10).toISOString(),
    message: '',
    labels: { k: `k${from + at}` },
  }));

for (const [where, make] of [
  ['in one thread', () => new CorrelationEngine({ threads: 1, emit: 'eager', bufferSize: 10 })],
  ['with threads', () => new CorrelationEngine({ threads: 2, emit: 'eager', bufferSize: 10 })],
  ['in a Worker', () => createWorkerEngine({ emit: 'eager', bufferSize: 10 })],
] as const) {
  test(`an engine ${where} that is left amid an item has not acknowledged it`, async () => {
    const LAST = 20_000;
    const own = new Acknowledging([timed(10), timed(LAST, 10), timed(10, LAST + 10)]);
    await using engine = make();
    engine.addAdapter(
      'a',
      adapter(() => own.read()),
    );
    engine.addAdapter('b', timed(LAST + 20));
    const found: string[] = [];
    for await (const { joinValue } of engine.correlate(QUERY)) {
      found.push(joinValue);
      if (found.length === 20) break;
    }
    while (!own.isClosed) await sleep(1);
    assert.deepEqual(own.acknowledged, [0]);
    assert.equal(found.length, 20);
    // One that is not left takes, and acknowledges, all.
    const all = new Acknowledging([timed(10), timed(LAST, 10), timed(10, LAST + 10)]);
    await engine.removeAdapter('a');
    engine.addAdapter(
      'a',
      adapter(() => all.read()),
    );
    await engine.run(QUERY);
    assert.deepEqual(all.acknowledged, [0, 1, 2]);
  });
}

test('an item that cannot be sent to the Worker is not acknowledged, and its stream is left', async () => {
  const unsendable = { ...timed(1)[0], label: () => undefined } as unknown as LogEvent;
  const own = new Acknowledging([timed(5), [unsendable]]);
  await using engine = createWorkerEngine();
  engine.addAdapter(
    'a',
    adapter(() => own.read()),
  );
  engine.addAdapter('b', timed(5));
  await assert.rejects(async () => engine.run(QUERY));
  while (!own.isClosed) await sleep(1);
  assert.deepEqual(own.acknowledged, [0]);
});

// What a window may not send, and how much of what it may: the first message beyond that ends its engine, which it and
// the program are told, and nobody else notices.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { MessageChannel } from 'node:worker_threads';

import fc from 'fast-check';

import { OptionError, presets } from 'logbraid';
import { serveWindows } from 'logbraid/electron/main';
import type { ServeOptions, WindowLimits } from 'logbraid/electron/main';
import { engineOf } from 'logbraid/electron/renderer';

import { allowedOptions } from '#dist/electron/allowed.js';
import type { Request } from '#dist/remote/messages.js';
import { openWindow } from './electron-process.js';
import { RawWindow, START, STREAM } from './electron-raw.js';
import { QUERY, Silent, events } from './electron-scene.js';

const CORRELATE = { type: 'correlate', run: 1, query: QUERY, options: {} };

const forever = () => new Promise<never>(() => undefined);

/** Sends messages of a window. Gives the code and the details of the error that it and the program are told. */
async function failed(messages: unknown[], options: ServeOptions = {}): Promise<string> {
  const told: string[] = [];
  const server = serveWindows({
    // Whoever asks for the labels of one waits.
    sources: () => ({ a: Object.assign(new Silent(), { getLabels: forever }), b: new Silent() }),
    ...options,
    onFailure: (_, { code, message }) => told.push(`${code}: ${message}`),
  });
  const window = new RawWindow(openWindow(server));
  const closed = once(window.port, 'close');
  window.send(...messages);
  const { error } = await window.reply('failed');
  await closed;
  assert.deepEqual(
    told,
    [`${String(error.code)}: ${error.message}`],
    'the program is told the same',
  );
  assert.equal(server.size, 0);
  await server.close();
  return told[0] ?? '';
}

const holes = new Array<number>(2 ** 32 - 1);
// eslint-disable-next-line no-sparse-arrays -- what a window may send
const sparse = [1, , 3];
const circle: Record<string, unknown> = {};
circle['circle'] = circle;
const named = Object.assign([1], { more: 'x' });

const REFUSED: [what: string, messages: unknown[]][] = [
  ['what is no message', [null]],
  ['a text', ['start']],
  ['anything before the start', [{ type: 'call', call: 1, method: 'metrics', args: [{}] }]],
  ['a second start', [START, START]],
  ['wasm of its own', [{ ...START, wasm: 'https://evil.example/logbraid.wasm' }]],
  ['a type that does not exist', [START, { type: 'eval', code: '1' }]],
  [
    'a file',
    [START, { type: 'addAdapter', name: 'c', adapter: 1, kind: 'file', args: ['/etc/passwd'] }],
  ],
  [
    'a URL',
    [
      START,
      { type: 'addAdapter', name: 'c', adapter: 1, kind: 'loki', args: [{ url: 'http://x' }] },
    ],
  ],
  ['a Blob', [START, { type: 'addBlob', name: 'c', blob: new Uint8Array(1), options: STREAM }]],
  [
    'an event that is not told',
    [START, { type: 'listen', event: 'correlationFound', wanted: true }],
  ],
  [
    'a method that is not asked for',
    [START, { type: 'call', call: 1, method: 'addAdapter', args: ['c', []] }],
  ],
  ['a method of objects', [START, { type: 'call', call: 1, method: 'constructor', args: [] }]],
  ['arguments too many', [START, { type: 'call', call: 1, method: 'parse', args: ['a', 'b'] }]],
  [
    'what is the program’s taken away',
    [START, { type: 'call', call: 1, method: 'removeAdapter', args: ['a'] }],
  ],
  ['a name that is an object', [START, { type: 'addPush', name: {}, source: 1 }]],
  ['a number that is none', [START, { ...CORRELATE, run: NaN }]],
  ['a member that is not asked for', [START, { ...CORRELATE, signal: 1 }]],
  ['a query of the same number', [START, CORRELATE, CORRELATE]],
  [
    'a source of the same number',
    [START, ...['c', 'd'].map((name) => ({ type: 'addPush', name, source: 1 }))],
  ],
  [
    'a call of the same number',
    [START, ...[1, 1].map((call) => ({ type: 'call', call, method: 'vocabulary', args: [] }))],
  ],
  ['events for no source', [START, { type: 'push', source: 1, items: [] }]],
  ['a pull of less than nothing', [START, CORRELATE, { type: 'pull', run: 1, count: -5 }]],
  [
    'memory that is shared',
    [{ ...START, options: { preset: new Uint8Array(new SharedArrayBuffer(8)) } }],
  ],
  ['a Map', [{ ...START, options: { keyPatterns: new Map() } }]],
  ['a circle', [{ ...START, options: circle }]],
  ['an array with holes', [{ ...START, options: { dedupe: sparse } }]],
  ['an array with names', [{ ...START, options: { dedupe: named } }]],
  ['a bigint beyond 64 bits', [START, { ...CORRELATE, options: { start: 2n ** 64n } }]],
];

for (const [what, messages] of REFUSED) {
  test(`a window may not send ${what}`, async () => {
    assert.match(
      await failed(messages),
      /^MESSAGE_REFUSED: the window has sent what is not taken: ./,
    );
  });
}

const push = (source: number, items: unknown[]) => ({ type: 'push', source, items });
const call = (call: number, method: string, args: unknown[]) => ({
  type: 'call',
  call,
  method,
  args,
});
const long = 'x'.repeat(200);

const added = { type: 'addPush', name: 'c', source: 1 };
const half = push(1, ['x'.repeat(300_000)]);
const bytes = new Uint8Array(2 << 20);

const EXCEEDED: [limits: WindowLimits, what: string, messages: unknown[]][] = [
  [{ queries: 2 }, 'three queries', [1, 2, 3].map((run) => ({ ...CORRELATE, run }))],
  [{ sources: 1 }, 'a second source', [added, { ...added, name: 'd', source: 2 }]],
  [
    { sources: 1 },
    'a second source that it reads',
    [added, { type: 'addStream', name: 'd', adapter: 2, options: STREAM }],
  ],
  [{ calls: 2 }, 'three calls', [1, 2, 3].map((number) => call(number, 'vocabulary', []))],
  [
    { ahead: 256 },
    'correlations ahead',
    [CORRELATE, ...[200, 57].map((count) => ({ type: 'pull', run: 1, count }))],
  ],
  [{ pushedMB: 1 }, 'two pushes', [added, half, half]],
  [{ pushedMB: 1 }, 'bytes', [added, push(1, [bytes])]],
  [{ pushedMB: 1 }, 'a view of bytes', [added, push(1, [bytes.subarray(0, 1)])]],
  [{ pushedMB: 1 }, 'an array of nothing', [added, push(1, [holes])]],
  [
    { eventKB: 1 },
    'a large event',
    [added, push(1, [[{ timestamp: 0, message: 'x'.repeat(600) }]])],
  ],
];

for (const [limits, what, messages] of EXCEEDED) {
  const [[name, most] = []] = Object.entries(limits);
  test(`a window may not exceed limits.${String(name)}: ${what}`, async () => {
    assert.match(
      await failed([START, ...messages], { limits }),
      new RegExp(`^LIMIT_EXCEEDED: .*limits\\.${String(name)}, which is ${String(most)}$`),
    );
  });
}

const LONG: [limits: WindowLimits, messages: unknown[]][] = [
  [{ queryLength: 100 }, [{ ...CORRELATE, query: long }]],
  [{ queryLength: 100 }, [call(1, 'parse', [long])]],
  [{ queryLength: 100 }, [call(1, 'complete', [long, 1])]],
  [{ nameLength: 100 }, [{ type: 'addPush', name: long, source: 1 }]],
  [{ nameLength: 100 }, [{ type: 'addStream', name: long, adapter: 1, options: STREAM }]],
];

test('a window gives items when it is asked for them, and not before or again', async () => {
  const server = serveWindows({ sources: () => ({ b: new Silent() }) });
  for (const again of [false, true]) {
    const window = new RawWindow(openWindow(server));
    window.send(START, { type: 'addStream', name: 'a', adapter: 1, options: STREAM }, CORRELATE);
    window.send({ type: 'pull', run: 1, count: 1 });
    const { stream } = await window.reply('take');
    const items = { type: 'items', stream, items: [[{ timestamp: 0 }]] };
    // What comes of a stream that is not there may be late.
    window.send({ ...items, stream: stream + 1 }, items);
    if (again) {
      window.send(items);
      const { error } = await window.reply('failed');
      assert.match(error.message, /items that nobody waits for/);
    } else {
      window.send(call(2, 'parse', [QUERY]));
      await window.reply('answer');
    }
  }
  await server.close();
});

test('ports of a window are closed', async () => {
  const server = serveWindows();
  const window = openWindow(server);
  const { port1, port2 } = new MessageChannel();
  port1.ref();
  const closed = once(port1, 'close');
  window.postMessage({ port: port2 }, [port2]);
  await closed;
  await server.close();
});

test('queries, patterns and names have a length', async () => {
  for (const [limits, messages] of LONG) {
    assert.match(await failed([START, ...messages], { limits }), /length/i);
  }
  const patterns = { ...START, options: { keyPatterns: { k: long } } };
  assert.match(await failed([patterns], { limits: { queryLength: 100 } }), /length/i);
  const many = { ...START, options: { keyPatterns: { j: '(a)', k: '(b)' } } };
  assert.match(await failed([many], { limits: { sources: 1 } }), /too many patterns/);
});

test('what has been answered, taken or has ended counts no more', async () => {
  const limits = { queries: 1, sources: 1, calls: 1, ahead: 256, pushedMB: 1 };
  const server = serveWindows({ limits });
  const engine = engineOf(openWindow(server));
  for (let round = 0; round < 5; round += 1) {
    const [a] = [engine.source('a')];
    const run = engine.correlate('a({}) as left and on(k) within(1s) a({}) as right', {
      emit: 'eager',
    });
    const next = run.next();
    for (let part = 0; part < 4; part += 1) {
      await a.push('{"time":"2026-01-01T00:00:00Z","k":"1","message":"x"}\n'.repeat(3000));
      // So that it has been taken.
      await engine.metrics();
    }
    assert.equal((await next).done, false);
    await run.return?.();
    assert.equal((await engine.metrics()).queries, 0);
    await engine.removeAdapter('a');
  }
  await server.close();
});

test('a window gets no more than the program gives it, whatever it asks for', async () => {
  const given = { maxMemoryMB: 8, bufferSize: 50, threads: 1, backend: 'native' } as const;
  const server = serveWindows({ engine: given });
  const bounds = [];
  for (const maxMemoryMB of [undefined, 4, 64]) {
    const engine = engineOf(openWindow(server), {
      maxMemoryMB,
      bufferSize: 100_000,
      threads: 64,
      overflow: 'block',
      backend: 'wasm',
    });
    const prometheus = await engine.metrics({ format: 'prometheus' });
    bounds.push(Number(/^logbraid_memory_limit_bytes (\d+)/m.exec(prometheus)?.[1]) / (1 << 20));
    await engine.destroy();
  }
  assert.deepEqual(bounds, [8, 4, 8]);
  // Holds more than it may: what would fail with `block` evicts.
  const engine = engineOf(openWindow(server), { overflow: 'block', maxMemoryMB: 1 });
  let dropped = 0;
  engine.on('eventDropped', ({ count }) => (dropped += count));
  engine.addAdapter('a', events(20_000)).addAdapter('b', []);
  await engine.run('a({})[1h] and on(k) b({})[1h]');
  assert.ok(dropped > 0);
  await server.close();
});

test('of the options of a page, those of the program are the most', () => {
  const given = { bufferSize: 50, threads: 2, backend: 'native', emit: 'eager' } as const;
  const more = { bufferSize: 51, threads: 3, backend: 'wasm', overflow: 'block' } as const;
  assert.deepEqual(allowedOptions(given, more), { ...given, overflow: 'evict' });
  const less = { bufferSize: 49, threads: 1, emit: 'final' } as const;
  assert.deepEqual(allowedOptions(given, less), {
    ...less,
    overflow: 'evict',
    backend: 'native',
  });
  const { threads, bufferSize } = allowedOptions({ preset: 'electron' }, { threads: 64 });
  assert.deepEqual([threads, bufferSize], [availableParallelism(), presets.electron.bufferSize]);
});

test('options of windows are checked', () => {
  for (const options of [
    { limits: { queries: 0 } },
    { limits: { ahead: 255 } },
    { limits: { windows: 1 } },
    { totalMemoryMB: 0 },
    { lowMemory: 2 },
    { memoryInterval: '0ms' },
    { sources: {} },
    { onFailure: 'log' },
    { engine: { bufferSize: 0 } },
    { unknown: 1 },
  ]) {
    assert.throws(
      () => serveWindows(options as ServeOptions),
      OptionError,
      JSON.stringify(options),
    );
  }
});

/** Requests as a window makes them, of which mutations are made. */
const GOOD: Request[] = [
  { type: 'addPush', name: 'c', source: 1 },
  { type: 'addStream', name: 'd', adapter: 2, options: STREAM },
  { type: 'labels', adapter: 2, labels: [{ name: 'k', values: ['x'] }] },
  { type: 'push', source: 1, items: ['{"time":0}\n', { timestamp: 0, labels: { k: 'k' } }] },
  { type: 'push', source: 1, items: [new Uint8Array(3), { bytes: new Uint8Array(3) }] },
  { type: 'listen', event: 'memoryWarning', wanted: true },
  { type: 'call', call: 3, method: 'complete', args: ['a({', 3] },
  { type: 'call', call: 4, method: 'metrics', args: [{ format: 'prometheus' }] },
  { type: 'correlate', run: 5, query: 'c({}) and on(k) d({})', options: { limit: 3, start: 0n } },
  { type: 'pull', run: 5, count: 256 },
  { type: 'items', stream: 1, items: [[{ timestamp: 0, labels: { k: 'k' } }]] },
  { type: 'notice', stream: 1, notice: { type: 'gap', from: 'x', to: 'y', reason: 'z' } },
  {
    type: 'finished',
    stream: 1,
    error: {
      code: 'QUERY_PARSE_ERROR',
      name: 'x',
      message: 'x',
      details: { diagnostics: 1 },
      cause: undefined,
    },
  },
  { type: 'leave', run: 5 },
  { type: 'end', source: 1 },
  { type: 'call', call: 6, method: 'removeAdapter', args: ['c'] },
];

const value = fc.anything({
  withBigInt: true,
  withDate: true,
  withTypedArray: true,
  withMap: true,
  withSparseArray: true,
});

/** A message with something in it replaced. */
const mutated = fc
  .tuple(fc.constantFrom<Request>(...GOOD), fc.nat(), value)
  .map(([request, at, other]) => {
    const copy: Record<string, unknown> = { ...request };
    const names = Object.keys(copy).slice(1);
    const name = names[at % names.length] ?? 'type';
    const old = copy[name];
    copy[name] = Array.isArray(old) && at % 2 === 0 ? [...(old as unknown[]), other] : other;
    return copy;
  });

const message = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom<unknown>(...GOOD) },
  { weight: 2, arbitrary: mutated },
  { weight: 1, arbitrary: value },
);

test('whatever a window sends, its process goes on and another window finds what it would', async (context) => {
  const server = serveWindows({
    sources: ({ data }) => (data === 'quiet' ? {} : { a: [], b: [] }),
    limits: { pushedMB: 4 },
  });
  const quiet = engineOf(openWindow(server, { data: 'quiet' }), { emit: 'eager' });
  const [a, b] = [quiet.source('a'), quiet.source('b')];
  const run = quiet.correlate(QUERY);
  const [left, right] = [events(1000), events(1000, 1)];
  let [sent, ended] = [0, 0];
  const sessions = fc.sample(fc.array(message, { minLength: 1, maxLength: 60 }), {
    numRuns: 1000,
    seed: 1,
  });
  for (const [at, messages] of sessions.entries()) {
    const window = new RawWindow(openWindow(server));
    const closed = once(window.port, 'close');
    if (at % 10 > 0) window.send(START);
    for (const one of messages) {
      try {
        window.send(one);
        sent += 1;
      } catch {
        // What cannot be sent is no threat.
      }
    }
    void a.push(left.slice(at, at + 1));
    void b.push(right.slice(at, at + 1));
    assert.equal((await run.next()).value?.joinValue, `k${at}`);
    if (window.replies.some(({ type }) => type === 'failed')) ended += 1;
    window.port.close();
    await closed;
  }
  assert.equal(server.size, 1);
  assert.equal((await quiet.metrics()).queries, 1);
  assert.equal(await run.return?.().then(({ done }) => done), true);
  assert.ok(ended > 100 && ended < sessions.length, `${ended} windows were ended`);
  context.diagnostic(
    `${sent} messages of ${sessions.length} windows, of which ${ended} were ended`,
  );
  await server.close();
});

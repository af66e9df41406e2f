// The engine in a Worker answers as one in the same thread, whatever its sources are and however its queries
// end.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { getEventListeners, once } from 'node:events';
import { mkdtempSync, openAsBlob, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import {
  AdapterError,
  AdapterNotFoundError,
  CorrelationEngine,
  CorrelationError,
  OptionError,
  QueryError,
  createWorkerEngine,
  parse,
} from 'logbraid';
import type { DataSourceAdapter, LogEvent, StreamItem } from 'logbraid';

const MODULE = new URL('../../wasm/logbraid.wasm', import.meta.url);
const QUERY = 'a({}) as left and on(k) within(1s) b({}) as right';

function event(at: number, shift = 0): LogEvent {
  const timestamp = new Date(Date.UTC(2026, 0, 1) + at * 10 + shift).toISOString();
  return { timestamp, message: `number ${at}`, labels: { k: `k${at}` } };
}

function events(count: number, shift = 0): LogEvent[] {
  return Array.from({ length: count }, (_, at) => event(at, shift));
}

const text = (all: LogEvent[]) =>
  all
    .map(({ timestamp, message, labels }) =>
      JSON.stringify({ time: timestamp, message, ...labels }),
    )
    .join('\n');

/** An adapter that gives items one by one, and tells how it was asked and left. */
class Adapter implements DataSourceAdapter {
  readonly bounded: boolean;
  readonly selects = true;
  readonly told: string[] = [];
  readonly #items: () => AsyncIterable<StreamItem>;

  constructor(items: () => AsyncIterable<StreamItem>, bounded = true) {
    this.#items = items;
    this.bounded = bounded;
  }

  getName(): string {
    return 'test';
  }

  async *createStream(
    selector: string,
    { timeRange, signal }: { timeRange: string; signal: AbortSignal },
  ): AsyncGenerator<StreamItem> {
    this.told.push(`open ${selector} ${timeRange}`);
    signal.addEventListener('abort', () => this.told.push('abort'));
    yield* this.#items();
  }

  validateQuery(selector: string): boolean {
    return selector !== 'wrong';
  }

  destroy(): Promise<void> {
    this.told.push('destroy');
    return Promise.resolve();
  }
}

// eslint-disable-next-line @typescript-eslint/require-await -- a stream
async function* stream<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}

test('all kinds of sources give what they give in the same thread', async (t) => {
  const [left, right] = [events(600), events(600, 3)];
  const folder = mkdtempSync(join(tmpdir(), 'logbraid-'));
  t.after(() => {
    rmSync(folder, { recursive: true });
  });
  /** A Blob that Node does not copy to Workers. */
  const ofFile = async (name: string, content: string) => {
    writeFileSync(join(folder, name), content);
    return openAsBlob(join(folder, name));
  };
  const [leftFile, rightFile] = [
    await ofFile('left.log', text(left)),
    await ofFile('right.log', text(right)),
  ];
  const kinds: (() => [unknown, unknown])[] = [
    () => [new Blob([text(left)]), new Blob([text(right)])],
    () => [leftFile, rightFile],
    () => [left, right],
    () => [new Set(left), right],
    () => [new Adapter(() => stream(left)), new Adapter(() => stream([right]))],
    () => [
      new Adapter(() => stream([text(left)])),
      new Adapter(() => stream([new TextEncoder().encode(text(right))])),
    ],
  ];
  for (const kind of kinds) {
    const found = [];
    for (const make of [() => new CorrelationEngine({ threads: 1 }), () => createWorkerEngine()]) {
      await using engine = make();
      const [a, b] = kind();
      engine.addAdapter('a', a as LogEvent[]).addAdapter('b', b as LogEvent[]);
      found.push(await engine.run(QUERY));
    }
    const [here, there] = found;
    assert.equal(there?.length, 600);
    assert.deepEqual(
      there.map((one) => one.toJSON()),
      here?.map((one) => one.toJSON()),
    );
    assert.deepEqual(
      there.map((one) => one.toLine()),
      here?.map((one) => one.toLine()),
    );
    assert.deepEqual(
      there.map((one) => one.events.map(({ raw, position }) => [raw, position])),
      here?.map((one) => one.events.map(({ raw, position }) => [raw, position])),
    );
  }
});

test('what is pushed is joined while it comes, and room is told', async () => {
  await using engine = createWorkerEngine({ emit: 'eager', bufferSize: 10 });
  const [a, b] = [engine.source('a'), engine.source('b')];
  assert.equal(engine.source('a'), a);
  const run = engine.correlate(QUERY);
  const first = run.next();
  void a.push(event(0));
  void b.push([event(0, 1)]);
  assert.equal((await first).value?.joinValue, 'k0');
  const all = events(2000);
  let pushed = 0;
  const pushing = (async () => {
    for (const one of all) {
      await a.push(one);
      pushed += 1;
    }
  })();
  // Nobody takes what is found: the source fills.
  await b.push(events(2000, 1));
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.ok(pushed < 2000, 'pushing waits for room');
  let last: string | undefined;
  for await (const { joinValue } of run) {
    last = joinValue;
    if (joinValue === 'k1999') break;
  }
  await pushing;
  assert.equal(last, 'k1999');
  a.end();
  assert.throws(() => a.push(event(1)), { code: 'SOURCE_ENDED' });
  assert.throws(() => b.push(7 as never), OptionError);
});

test('a query that is wrong, a source that fails and one that is missing are told as ever', async () => {
  await using engine = createWorkerEngine();
  engine.addAdapter('a', events(1));
  await assert.rejects(engine.run('a({}) and'), (error) => {
    assert.ok(error instanceof QueryError, String(error));
    assert.match(error.message, /\^/, 'it is drawn');
    assert.equal(error.diagnostics[0]?.code, 'QUERY_SYNTAX');
    return true;
  });
  await assert.rejects(engine.run(QUERY), { code: 'ADAPTER_NOT_FOUND' });
  const failing = new Adapter(async function* () {
    yield* stream(events(1));
    throw new Error('the wire was cut');
  });
  engine.addAdapter('b', failing);
  const told: string[] = [];
  engine.on('adapterError', ({ adapter, error }) => told.push(`${adapter}: ${error.message}`));
  await assert.rejects(engine.run(QUERY), {
    code: 'ADAPTER_ERROR',
    message: 'the source b failed: the wire was cut',
  });
  assert.deepEqual(told, ['b: the source b failed: the wire was cut']);
  assert.deepEqual(failing.told, ['open {} 5m']);
  assert.throws(() => engine.addAdapter('b', []), { code: 'ADAPTER_EXISTS' });
  assert.throws(() => engine.correlate(QUERY, { limit: -1 }), OptionError);
  assert.throws(() => createWorkerEngine({ bufferSize: 0 }), OptionError);
  await assert.rejects(engine.run('a({}) and on(k) b(wrong)'), {
    code: 'QUERY_PARSE_ERROR',
    message: 'the source b does not accept the selector wrong',
  });
  const source = engine.source('c');
  const odd = { ...event(0), tell: () => 'nothing' };
  await source.push(odd);
  assert.throws(() => source.push(event(1)), /cannot be sent to the Worker: .*could not be cloned/);
  await source.push(event(1));
});

test('a stream may give what it likes, leave with an error, and take any query where it does not select', async () => {
  for (const make of [() => new CorrelationEngine({ threads: 1 }), () => createWorkerEngine()]) {
    await using engine = make();
    const bad: string[] = [];
    engine.on('badLine', ({ code }) => bad.push(code));
    const odd = [event(0), null, undefined, event(1)] as StreamItem[];
    engine.addAdapter('a', new Adapter(() => stream(odd))).addAdapter('b', events(2));
    assert.equal((await engine.run(QUERY)).length, 2);
    assert.deepEqual(bad, ['EVENT_INVALID', 'EVENT_INVALID']);
    const left: string[] = [];
    const leaving = {
      ...forever(),
      return: () => {
        left.push('left');
        throw new Error('it does not go');
      },
    };
    const silent: DataSourceAdapter = {
      selects: false,
      getName: () => 'silent',
      createStream: () => ({ [Symbol.asyncIterator]: () => leaving }),
      validateQuery: (selector) => selector !== '',
      destroy: () => Promise.resolve(),
    };
    engine.addAdapter('c', silent);
    const run = engine.correlate('a({}) and on(k) within(1s) c({})');
    const next = run.next();
    // So that it is open.
    await engine.metrics();
    await run.return?.();
    assert.equal((await next).done, true);
    await engine.metrics();
    assert.deepEqual(left, ['left']);
  }
});

test('errors keep their class, and those behind them', async () => {
  for (const make of [() => new CorrelationEngine({ threads: 1 }), () => createWorkerEngine()]) {
    await using engine = make();
    await assert.rejects(async () => engine.run(QUERY), AdapterNotFoundError);
    const circle = new Error('cut');
    circle.cause = circle;
    const details = { status: 500 };
    const refused = new CorrelationError('it is down', 'LOKI_QUERY_ERROR', {
      details,
      cause: circle,
    });
    const failing = () => ({
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.reject(new AdapterError('it has failed', { cause: refused })),
      }),
    });
    engine.addAdapter('a', new Adapter(failing)).addAdapter('b', []);
    await assert.rejects(engine.run(QUERY), (error) => {
      assert.ok(error instanceof AdapterError);
      const { cause } = error;
      assert.ok(cause instanceof CorrelationError, String(cause));
      assert.deepEqual([cause.code, cause.details], ['LOKI_QUERY_ERROR', details]);
      assert.ok(cause.cause instanceof Error);
      assert.equal(cause.cause.message, 'cut');
      return true;
    });
  }
});

test('what is pushed before its source is taken away is joined, and a source of the same name is another', async () => {
  await using engine = createWorkerEngine({ emit: 'eager' });
  const [a, b] = [engine.source('a'), engine.source('b')];
  const run = engine.correlate(QUERY);
  const first = run.next();
  // So that both are read.
  await engine.metrics();
  void a.push(event(0));
  assert.equal(await engine.removeAdapter('a'), true);
  assert.throws(() => a.push(event(0)), { code: 'SOURCE_ENDED' });
  const again = engine.source('a');
  assert.notEqual(again, a);
  void again.push(event(1));
  void b.push([event(0, 1), event(1, 1)]);
  assert.equal((await first).value?.joinValue, 'k0');
  b.end();
  // What the first source was given last is not there, and what the second is given nobody reads.
  for await (const { joinValue } of run) assert.equal(joinValue, 'k0');
});

test('what has been pushed may be reused at once', async () => {
  for (const make of [() => new CorrelationEngine({ threads: 1 }), () => createWorkerEngine()]) {
    await using engine = make();
    const [a, b] = [engine.source('a'), engine.source('b')];
    const bytes = new TextEncoder().encode(`${text(events(1))}\n`);
    const all = events(1);
    void a.push(bytes);
    void b.push(all);
    bytes.fill(0);
    all.pop();
    a.end();
    b.end();
    assert.equal((await engine.run(QUERY, { emit: 'final' })).length, 1);
  }
});

test('a query that has begun reads what is taken away, and not what comes in its place', async () => {
  for (const make of [() => new CorrelationEngine({ threads: 1 }), () => createWorkerEngine()]) {
    await using engine = make();
    engine.addAdapter('a', events(20)).addAdapter('b', events(20));
    const run = engine.correlate(QUERY);
    const first = run.next();
    const removed = engine.removeAdapter('a');
    engine.addAdapter('a', []);
    assert.equal((await first).value?.joinValue, 'k0');
    assert.equal(await removed, true);
    let others = 0;
    for await (const { joinValue } of run) others += joinValue === 'k0' ? 0 : 1;
    assert.equal(others, 19);
    assert.equal((await engine.run(QUERY)).length, 0);
  }
});

test('sources come and go before the engine is loaded, too', async () => {
  await using engine = createWorkerEngine({ wasm: readFileSync(MODULE), backend: 'wasm' });
  engine.addAdapter('a', []).addAdapter('b', events(20));
  const removed = engine.removeAdapter('a');
  engine.addAdapter('a', events(20));
  assert.equal((await engine.run(QUERY)).length, 20);
  assert.equal(await removed, true);
});

test('an engine is destroyed while it is being loaded', async (t) => {
  // It never answers.
  const server = createServer(() => undefined);
  await new Promise<void>((resolve) => server.listen(0, resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const engine = createWorkerEngine({ wasm: `http://localhost:${port}/` });
  const adapter = new Adapter(() => stream([]));
  engine.addAdapter('a', adapter).addAdapter('b', []);
  const next = engine.correlate(QUERY).next();
  await engine.destroy();
  assert.equal((await next).done, true);
  assert.deepEqual(adapter.told, ['destroy']);
});

test('adapters are destroyed once, in an engine that has failed or is destroyed, too', async () => {
  const failed = createWorkerEngine({ wasm: new Uint8Array(8) });
  const [a, b] = [new Adapter(() => stream([])), new Adapter(() => stream([]))];
  failed.addAdapter('a', a).addAdapter('b', b);
  await assert.rejects(failed.metrics(), { code: 'BACKEND_UNAVAILABLE' });
  await assert.rejects(failed.removeAdapter('a'), { code: 'BACKEND_UNAVAILABLE' });
  await failed.destroy();
  assert.deepEqual([a.told, b.told], [['destroy'], ['destroy']]);
  for (const make of [() => new CorrelationEngine(), () => createWorkerEngine()]) {
    const engine = make();
    const adapter = new Adapter(() => stream([]));
    engine.addAdapter('a', adapter);
    const destroyed = engine.destroy();
    await engine.removeAdapter('a');
    await destroyed;
    assert.deepEqual(adapter.told, ['destroy']);
  }
});

test('destroying drops what is ready', async () => {
  for (const make of [() => new CorrelationEngine({ threads: 1 }), () => createWorkerEngine()]) {
    const engine = make();
    const [a, b] = [engine.source('a'), engine.source('b')];
    const run = engine.correlate(QUERY);
    const first = run.next();
    void a.push(events(5));
    void b.push(events(5));
    assert.equal((await first).done, false);
    // So that the others have come.
    await engine.metrics();
    await engine.destroy();
    assert.equal((await run.next()).done, true);
  }
});

test('a Worker that fails ends all with its error, and keeps no process alive', async () => {
  const left = new Adapter(() => ({ [Symbol.asyncIterator]: forever }), false);
  const engine = createWorkerEngine({ wasm: new Uint8Array(8), bufferSize: 1 });
  engine.addAdapter('a', left);
  const source = engine.source('b');
  const failed = { code: 'BACKEND_UNAVAILABLE', message: /cannot be loaded/ };
  await assert.rejects(engine.run(QUERY), failed);
  // It does not wait for room that never comes, and says why each time.
  assert.throws(() => source.push(event(0)), failed);
  assert.throws(() => source.push(event(1)), failed);
  await assert.rejects(engine.metrics(), failed);
  assert.throws(() => engine.addAdapter('c', []), failed);
  assert.deepEqual(
    process.getActiveResourcesInfo().filter((one) => one === 'MessagePort'),
    [],
  );
  await engine.destroy();
});

test('what cannot be sent to a Worker is told, and leaves none', () => {
  const wasm = { toString: () => 'a function within' };
  assert.throws(() => createWorkerEngine({ wasm }), {
    code: 'INVALID_OPTION',
    message: /^wasm cannot be sent to the Worker: .*could not be cloned/,
  });
  // One that is left keeps these tests from ending.
});

test('a query that nobody takes from keeps no process alive', async () => {
  for (const make of ['new CorrelationEngine({ threads: 1 })', 'createWorkerEngine()']) {
    const script = `
      import { CorrelationEngine, createWorkerEngine } from 'logbraid';
      const events = Array.from({ length: 3000 }, (_, timestamp) => ({ timestamp, message: '', labels: { k: timestamp } }));
      const engine = ${make};
      engine.addAdapter('a', events).addAdapter('b', events);
      await engine.correlate('a({}) and on(k) within(1s) b({})').next();`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      cwd: fileURLToPath(new URL('.', import.meta.url)),
      timeout: 20_000,
    });
    const [code] = (await once(child, 'close')) as [number];
    assert.equal(code, 0);
  }
});

test('a listener that throws ends the query, as in the same thread', async () => {
  for (const make of [() => new CorrelationEngine({ threads: 1 }), () => createWorkerEngine()]) {
    await using engine = make();
    engine.addAdapter('a', events(20)).addAdapter('b', events(20));
    let heard = 0;
    engine.on('correlationFound', () => {
      heard += 1;
      if (heard === 3) throw new Error('heard enough');
    });
    const found: string[] = [];
    const { signal } = new AbortController();
    const run = async () => {
      for await (const { joinValue } of engine.correlate(QUERY, { signal })) found.push(joinValue);
    };
    await assert.rejects(run, { code: 'INTERNAL_ERROR', message: /heard enough/ });
    assert.equal(heard, 3);
    assert.deepEqual(found, ['k0', 'k1']);
    // A signal may live longer than its queries.
    assert.deepEqual(getEventListeners(signal, 'abort'), []);
  }
});

test('a listener that leaves the query hears and leaves nothing more', async () => {
  for (const make of [() => new CorrelationEngine({ threads: 1 }), () => createWorkerEngine()]) {
    await using engine = make();
    engine.addAdapter('a', events(20)).addAdapter('b', events(20));
    let heard = 0;
    const run = engine.correlate(QUERY);
    engine.on('correlationFound', () => {
      heard += 1;
      void run.return?.();
    });
    assert.equal((await run.next()).done, true);
    assert.equal((await run.next()).done, true);
    assert.equal(heard, 1);
  }
});

test('aborting drops what is ready, even when all has been found', async () => {
  for (const make of [() => new CorrelationEngine({ threads: 1 }), () => createWorkerEngine()]) {
    await using engine = make();
    engine.addAdapter('a', events(20)).addAdapter('b', events(20));
    const abort = new AbortController();
    const run = engine.correlate(QUERY, { signal: abort.signal });
    await run.next();
    await new Promise((resolve) => setTimeout(resolve, 50));
    abort.abort(new Error('enough'));
    await assert.rejects(run.next(), /enough/);
    assert.equal((await run.next()).done, true);
  }
});

test('leaving, aborting and destroying close the streams of the page', async () => {
  const silent = () => new Adapter(() => ({ [Symbol.asyncIterator]: forever }), false);
  const engine = createWorkerEngine();
  const [a, b] = [silent(), silent()];
  engine.addAdapter('a', a).addAdapter('b', b);
  const aborted = engine.correlate(QUERY, { signal: AbortSignal.timeout(50) });
  await assert.rejects(aborted.next(), { name: 'TimeoutError' });
  const left = engine.correlate(QUERY);
  const next = left.next();
  await left.return?.();
  assert.equal((await next).done, true);
  const pending = engine.correlate(QUERY).next();
  // So that it is open.
  await engine.metrics();
  await engine.destroy();
  assert.equal((await pending).done, true);
  assert.deepEqual(
    a.told.filter((told) => told === 'destroy'),
    ['destroy'],
  );
  const opened = a.told.filter((told) => told.startsWith('open'));
  assert.deepEqual(a.told.filter((told) => told === 'abort').length, opened.length);
  assert.throws(() => engine.correlate(QUERY), { code: 'ENGINE_DESTROYED' });
  await engine.destroy();
});

function forever(): AsyncIterator<StreamItem> {
  return {
    next: () => new Promise(() => undefined),
    return: () => Promise.resolve({ value: undefined, done: true }),
  };
}

test('what adapters know of their labels completes queries', async () => {
  for (const make of [() => new CorrelationEngine({ threads: 1 }), () => createWorkerEngine()]) {
    await using engine = make();
    let asked = 0;
    const knowing = Object.assign(new Adapter(() => stream([])), {
      getLabels: () => Promise.resolve([{ name: `zone${(asked += 1)}`, values: ['eu'] }]),
    });
    const failing = Object.assign(new Adapter(() => stream([])), {
      getLabels: () => {
        throw new Error('it is down');
      },
    });
    engine.addAdapter('a', knowing).addAdapter('b', failing);
    const { sources } = await engine.vocabulary();
    assert.deepEqual(sources, [
      { name: 'a', selects: true, labels: [{ name: 'zone1', values: ['eu'] }] },
      { name: 'b', selects: true, labels: [] },
    ]);
    // They are asked each time.
    assert.equal((await engine.complete('a({', 3))[0]?.label, 'zone2');
  }
});

test('the query tools, counters and events of the engine are those of the Worker', async () => {
  await using engine = createWorkerEngine({ threads: 1 });
  const bad: unknown[] = [];
  engine.on('badLine', (line) => bad.push(line));
  let counted = 0;
  engine.on('correlationFound', () => (counted += 1));
  engine.addAdapter('a', new Blob([`${text(events(20))}\nnonsense\n`]));
  engine.addAdapter('b', new Blob([text(events(20))]));
  assert.equal((await engine.run(QUERY)).length, 20);
  assert.equal(counted, 20);
  assert.deepEqual(
    bad.map((line) => (line as { code: string; source: string }).code),
    ['LINE_NOT_JSON'],
  );
  const { correlations, sources } = await engine.metrics();
  assert.deepEqual([correlations, sources['a']?.badLines], [20, 1]);
  assert.match(await engine.metrics({ format: 'prometheus' }), /^# HELP /);
  assert.equal((await engine.validate('a({}) and')).valid, false);
  assert.deepEqual(await engine.parse(QUERY), parse(QUERY));
  assert.deepEqual((await engine.complete('a({', 3))[0]?.label, 'k');
  assert.equal(await engine.removeAdapter('a'), true);
  assert.deepEqual([...engine.getAdapters().keys()], ['b']);
});

// Adapters of this package are made anew in the Worker of an engine, and read there; what the page has of them tells
// how they are.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';

import { AdapterError, CorrelationEngine, CorrelationError, createWorkerEngine } from 'logbraid';
import type { AdapterStatus, Correlation, DataSourceAdapter, LogEvent } from 'logbraid';
import { FileAdapter } from 'logbraid/file';
import { GraylogAdapter } from 'logbraid/graylog';
import { HttpAdapter } from 'logbraid/http';
import { LokiAdapter } from 'logbraid/loki';
import { PrometheusAdapter } from 'logbraid/prometheus';

import { now, Scene } from './loki-scene.js';
import { GraylogServer } from './servers/graylog-server.js';

const SECRET = 's3cr3t-value';

type Made = [adapter: DataSourceAdapter, selector: string];

function lines(numbers: number[]): string {
  return numbers
    .map((number) =>
      JSON.stringify({ time: Date.now(), message: `number ${number}`, k: `k${number}` }),
    )
    .join('\n');
}

/** What each of the numbers belongs together with. */
function marks(): LogEvent[] {
  return [1, 2, 3].map((number) => ({
    timestamp: Date.now(),
    message: `mark ${number}`,
    labels: { k: `k${number}` },
  }));
}

const ALL = ['mark 1, number 1', 'mark 2, number 2', 'mark 3, number 3'];

function queryOf(selector: string): string {
  return `a(${selector})[1h] and on(k) b({})[1h]`;
}

const QUERY = queryOf('{app="a"}');

function messages(found: Pick<Correlation, 'events'>[]): string[] {
  const told = found.map(({ events }) => events.map(({ message }) => message).sort());
  return told.map((some) => some.join(', ')).sort();
}

/** Something that makes an adapter of each kind anew, whose source has the numbers 1 to 3. */
const SOURCES: Record<string, (t: TestContext) => Promise<() => Made>> = {
  file: async (t) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'logbraid-'));
    t.after(() => rm(folder, { recursive: true }));
    await writeFile(path.join(folder, 'a.ndjson'), `${lines([1])}\n`);
    await writeFile(path.join(folder, 'b.ndjson'), `${lines([2, 3])}\n`);
    return () => [new FileAdapter(path.join(folder, '*.ndjson')), ''];
  },
  http: async (t) => {
    const server = createServer((_, response) => response.end(lines([1, 2, 3])));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    const url = new URL(`http://127.0.0.1:${port}/lines`);
    return () => [new HttpAdapter({ url, token: SECRET }), ''];
  },
  loki: async (t) => {
    const scene = await Scene.begin(t);
    for (const number of [1, 2, 3]) scene.push([number], now(), { k: `k${number}` });
    const url = new URL(scene.server.url);
    return () => [new LokiAdapter({ url, mode: 'history', token: SECRET }), '{app="a"}'];
  },
  graylog: async (t) => {
    const server = await GraylogServer.start({ tokens: [SECRET] });
    t.after(() => server.close());
    for (const number of [1, 2, 3]) {
      const message = `number ${number}`;
      server.push({ timestamp: Date.now() - 1000, message, k: `k${number}` });
    }
    const options = { url: server.url, mode: 'history', apiToken: SECRET, fields: ['k'] } as const;
    return () => [new GraylogAdapter(options), '*'];
  },
};

for (const [kind, begin] of Object.entries(SOURCES)) {
  test(`${kind} is read in the Worker as it is here`, async (t) => {
    const make = await begin(t);
    const statuses: Partial<AdapterStatus>[] = [];
    for (const start of [() => new CorrelationEngine({ threads: 1 }), () => createWorkerEngine()]) {
      await using engine = start();
      const [adapter, selector] = make();
      engine.addAdapter('a', adapter).addAdapter('b', marks());
      assert.equal(engine.getAdapter('a'), adapter);
      if (statuses.length > 0) {
        t.mock.method(Object.getPrototypeOf(adapter) as DataSourceAdapter, 'createStream', () => {
          throw new Error('read here');
        });
      }
      const found = await engine.run(queryOf(selector));
      assert.deepEqual(messages(found), ALL);
      const { newest, ...counters } = adapter.status?.() ?? {};
      assert.ok(!newest || Date.parse(newest) > Date.now() - 60_000);
      statuses.push(counters);
    }
    const [here, there] = statuses;
    assert.equal(here?.state, 'idle');
    assert.ok((here.requests ?? 0) > 0, 'requests are counted');
    assert.deepEqual(there, here);
  });
}

test('a tail in the Worker is told of here: its status, what interrupts it, its end', async (t) => {
  const scene = await Scene.begin(t);
  await using engine = createWorkerEngine({ emit: 'eager', processingInterval: 0 });
  const adapter = new LokiAdapter({ url: scene.server.url, overlap: 1000 });
  engine.addAdapter('a', adapter).addAdapter('b', marks());
  const told: string[] = [];
  engine.on('adapterReconnect', ({ adapter: name, error }) => {
    told.push(name);
    assert.ok(error instanceof CorrelationError);
  });
  const run = engine.correlate(QUERY);
  const first = run.next();
  await Scene.live(adapter);
  const next = async (found: typeof first) => {
    const { value } = await found;
    return messages(value ? [value] : []);
  };
  scene.push([1], now(), { k: 'k1' });
  assert.deepEqual(await next(first), ALL.slice(0, 1));
  assert.equal(adapter.status().streams, 1);
  await scene.server.restart({ downMs: 20, refuse: 503 });
  const second = run.next();
  scene.push([2], now(), { k: 'k2' });
  assert.deepEqual(await next(second), ALL.slice(1, 2));
  assert.deepEqual([...new Set(told)], ['a']);
  await run.return?.();
  while (adapter.status().streams > 0) await sleep(1);
  const { state, reconnects, events, lastError } = adapter.status();
  assert.deepEqual({ state, events }, { state: 'idle', events: 2 });
  assert.equal(reconnects, told.length);
  assert.ok(lastError instanceof CorrelationError);
  assert.match(lastError.message, /503|WebSocket/);
});

test('an adapter that fails in the Worker fails here, and says so', async (t) => {
  const scene = await Scene.begin(t);
  scene.server.answer(1, { status: 401, body: 'who are you' });
  await using engine = createWorkerEngine();
  const adapter = new LokiAdapter({ url: scene.server.url, token: SECRET });
  engine.addAdapter('a', adapter).addAdapter('b', marks());
  await assert.rejects(engine.run(QUERY), { code: 'AUTH_REQUIRED' });
  const { state, lastError } = adapter.status();
  assert.equal(state, 'failed');
  assert.equal(lastError?.code, 'AUTH_REQUIRED');
});

test('destroying or removing the adapter here ends its stream there', async (t) => {
  const scene = await Scene.begin(t);
  await using engine = createWorkerEngine();
  const ends: ((adapter: DataSourceAdapter) => Promise<unknown>)[] = [
    (adapter) => adapter.destroy(),
    () => engine.removeAdapter('a'),
  ];
  for (const end of ends) {
    const adapter = new LokiAdapter({ url: scene.server.url });
    await Promise.all([engine.removeAdapter('a'), engine.removeAdapter('b')]);
    engine.addAdapter('a', adapter).addAdapter('b', marks());
    const found = engine.run(QUERY);
    await Scene.live(adapter);
    await end(adapter);
    assert.deepEqual(await found, []);
    while (scene.server.tails.size > 0) await sleep(1);
    assert.equal(adapter.status().streams, 0);
    // Again, as anywhere, changes nothing.
    await adapter.destroy();
  }
});

test('what a program has changed of an adapter is read by the program', async (t) => {
  const scene = await Scene.begin(t);
  const options = { url: scene.server.url, mode: 'history' } as const;
  class Own extends LokiAdapter {
    override async *createStream() {
      await Promise.resolve();
      yield { timestamp: new Date(), message: 'own', labels: { k: 'k1' } };
    }
  }
  const changed = new LokiAdapter(options);
  changed.createStream = new Own(options).createStream.bind(changed);
  for (const adapter of [new Own(options), changed]) {
    await using engine = createWorkerEngine();
    engine.addAdapter('a', adapter).addAdapter('b', marks());
    assert.deepEqual(messages(await engine.run(QUERY)), ['mark 1, own']);
  }
});

test('an adapter with a function among its options is read here', async (t) => {
  const make = await SOURCES['http']?.(t);
  const [made] = make?.() ?? [];
  const { args } = (made as HttpAdapter).spec();
  let asked = 0;
  const random = () => (asked += 1) && 0;
  const options = args[0] as ConstructorParameters<typeof HttpAdapter>[0];
  const adapter = new HttpAdapter({ ...options, random });
  await using engine = createWorkerEngine();
  engine.addAdapter('a', adapter).addAdapter('b', marks());
  assert.deepEqual(messages(await engine.run(queryOf(''))), ALL);
  assert.equal(adapter.status().bytes, lines([1, 2, 3]).length);
});

test('an adapter shows no secret, and opens no stream when it has been destroyed', async () => {
  const url = `http://me:${SECRET}@127.0.0.1:1`;
  const headers = { 'x-key': SECRET };
  for (const adapter of [
    new HttpAdapter({ url, headers }),
    new LokiAdapter({ url, headers }),
    new GraylogAdapter({ url, headers }),
    new PrometheusAdapter({ url, headers }),
  ]) {
    assert.doesNotMatch(inspect(adapter, { depth: 9, showHidden: true }), /s3cr3t/);
    assert.doesNotMatch(JSON.stringify(adapter), /s3cr3t/);
    await adapter.destroy();
    const options = { range: 1000, timeRange: '1s', signal: new AbortController().signal };
    const stream = adapter.createStream('{app="a"}', options) as AsyncIterable<unknown>;
    await assert.rejects(stream[Symbol.asyncIterator]().next(), (error) => {
      assert.ok(error instanceof AdapterError);
      assert.match(error.message, /has been destroyed/);
      return true;
    });
  }
});

// Windows of an Electron program have engines at the other end of a port: with the answers of one in the same thread,
// the sources that the program names, and an end when the window, its query or the process of the engine ends.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { MessageChannel, Worker } from 'node:worker_threads';

import { CorrelationEngine, CorrelationError } from 'logbraid';
import type { DataSourceAdapter, LogEvent } from 'logbraid';
import { serveWindows } from 'logbraid/electron/main';
import type { MainMessage, WindowInfo } from 'logbraid/electron/main';
import { engineOf } from 'logbraid/electron/renderer';

import { NodePort, openWindow } from './electron-process.js';
import { QUERY, Silent, events, linesOf } from './electron-scene.js';

/** What the process of engines is told of its windows. */
interface Failure {
  window: WindowInfo;
  error: CorrelationError;
}

test('a window has the answers of an engine in the same thread, whatever its sources are', async () => {
  const [left, right] = [events(600), events(600, 3)];
  const given: DataSourceAdapter = {
    bounded: true,
    selects: false,
    getName: () => 'given',
    validateQuery: () => true,
    destroy: () => Promise.resolve(),
    async *createStream() {
      for (const event of right) yield await Promise.resolve(event);
    },
  };
  const kinds: (() => [LogEvent[] | Blob, LogEvent[] | DataSourceAdapter])[] = [
    () => [left, right],
    () => [new Blob([linesOf(left)]), right],
    () => [left, given],
  ];
  const server = serveWindows();
  for (const kind of kinds) {
    const found = [];
    for (const engine of [
      new CorrelationEngine({ threads: 1 }),
      engineOf(openWindow(server), { threads: 1 }),
    ]) {
      const [a, b] = kind();
      engine.addAdapter('a', a).addAdapter('b', b);
      found.push(await engine.run(QUERY, { emit: 'final' }));
      await engine.destroy();
    }
    const [here, there] = found.map((all) => all.map((one) => one.toJSON()));
    assert.equal(there?.length, 600);
    assert.deepEqual(there, here);
  }
  await server.close();
});

test('what a window pushes is joined while it comes, with the calls of any engine', async () => {
  const server = serveWindows();
  const engine = engineOf(openWindow(server), { emit: 'eager' });
  const [a, b] = [engine.source('a'), engine.source('b')];
  const run = engine.correlate(QUERY);
  const first = run.next();
  await a.push(events(1));
  await b.push(linesOf(events(1, 1)));
  assert.equal((await first).value?.joinValue, 'k0');
  const { sources = [] } = await engine.vocabulary();
  assert.deepEqual(
    sources.map(({ name }) => name),
    ['a', 'b'],
  );
  assert.equal((await engine.validate(QUERY)).valid, true);
  assert.equal((await engine.metrics()).queries, 1);
  assert.match(await engine.metrics({ format: 'prometheus' }), /logbraid_/);
  assert.equal(await engine.removeAdapter('a'), true);
  b.end();
  await engine.destroy();
  await server.close();
});

test('the program names the sources of the machine, for each window anew', async () => {
  const asked: WindowInfo[] = [];
  const server = serveWindows({
    sources: (window) => {
      asked.push(window);
      return { a: events(window.data as number), b: events(3) };
    },
  });
  const counts = await Promise.all(
    [1, 2].map(async (data) => {
      const engine = engineOf(openWindow(server, { data, url: `app://page/${data}` }));
      const found = await engine.run(QUERY);
      await engine.destroy();
      return found.length;
    }),
  );
  assert.deepEqual(counts, [1, 2]);
  assert.deepEqual(
    asked.map(({ url }) => url),
    ['app://page/1', 'app://page/2'],
  );
  await server.close();
});

test('sources that fail are told to the window and to the program', async () => {
  const failures: Failure[] = [];
  const server = serveWindows({
    sources: () => {
      throw new Error('there is no such log');
    },
    onFailure: (window, error) => failures.push({ window, error }),
  });
  const engine = engineOf(openWindow(server));
  await assert.rejects(engine.run(QUERY), /there is no such log/);
  assert.match(failures[0]?.error.message ?? '', /there is no such log/);
  assert.equal(server.size, 0);
});

test('correlations that are ready together come in one message', async () => {
  const server = serveWindows({ sources: () => ({ a: events(1000), b: events(1000) }) });
  const port = openWindow(server);
  let messages = 0;
  port.addEventListener('message', (event) => {
    if ((event as unknown as { data: { type: string } }).data.type === 'found') messages += 1;
  });
  const engine = engineOf(port);
  assert.equal((await engine.run(QUERY)).length, 1000);
  assert.ok(messages < 100, `1000 correlations in ${messages} messages`);
  await server.close();
});

test('a query ends by its signal, and its sources with it', async () => {
  const silent = new Silent();
  const server = serveWindows({ sources: () => ({ a: silent, b: silent }) });
  const engine = engineOf(openWindow(server));
  const abort = new AbortController();
  const run = engine.correlate(QUERY, { signal: abort.signal });
  const next = run.next();
  await silent.opened;
  abort.abort(new Error('enough'));
  await assert.rejects(next, /enough/);
  await silent.left;
  assert.equal((await engine.metrics()).queries, 0);
  await server.close();
});

test('a window that closes ends its queries and its sources, and no other', async () => {
  const silent = [new Silent(), new Silent()];
  const failures: Failure[] = [];
  const server = serveWindows({
    sources: ({ data }) => ({ a: silent[data as number] ?? [], b: [] }),
    onFailure: (window, error) => failures.push({ window, error }),
  });
  const port = openWindow(server, { data: 0 });
  const [engine, other] = [engineOf(port), engineOf(openWindow(server, { data: 1 }))];
  const next = engine.correlate(QUERY).next();
  next.catch(() => undefined);
  const waiting = other.correlate(QUERY);
  const last = waiting.next();
  await Promise.all(silent.map(({ opened }) => opened));
  port.close();
  await silent[0]?.left;
  await silent[0]?.destroyed;
  await assert.rejects(next, { code: 'BACKEND_UNAVAILABLE' });
  assert.equal(server.size, 1);
  assert.equal((await other.metrics()).queries, 1);
  assert.deepEqual(failures, []);
  await waiting.return?.();
  assert.equal((await last).done, true);
  await server.close();
});

test('a renderer that dies leaves the others and the engine alone', async () => {
  const silent = new Silent();
  const server = serveWindows({
    sources: ({ data }) =>
      data === 'dies' ? { a: silent, b: [] } : { a: events(500), b: events(500) },
  });
  const port = openWindow(server, { data: 'dies' });
  // A module that is text has no folder to find packages from.
  const script = `
    import { workerData } from 'node:worker_threads';
    import { engineOf } from '${import.meta.resolve('logbraid/electron/renderer')}';
    await engineOf(workerData).run(${JSON.stringify(QUERY)});`;
  const url = new URL(`data:text/javascript,${encodeURIComponent(script)}`);
  const renderer = new Worker(url, { workerData: port, transferList: [port] });
  await silent.opened;
  const other = engineOf(openWindow(server));
  const run = other.correlate(QUERY);
  assert.equal((await run.next()).done, false);
  await renderer.terminate();
  await silent.left;
  await silent.destroyed;
  let count = 1;
  for await (const { joinValue } of run) count += joinValue === '' ? 0 : 1;
  assert.equal(count, 500);
  assert.equal(server.size, 1);
  await server.close();
});

test('a window that asks again has a new engine, and the one before ends', async () => {
  const silent = new Silent();
  const server = serveWindows({ sources: () => ({ a: silent, b: [] }) });
  const first = engineOf(openWindow(server, { frame: 7 }));
  const next = first.correlate(QUERY).next();
  next.catch(() => undefined);
  await silent.opened;
  const second = engineOf(openWindow(server, { frame: 7 }));
  await silent.left;
  await assert.rejects(next, { code: 'BACKEND_UNAVAILABLE' });
  assert.equal((await second.metrics()).queries, 0);
  assert.equal(server.size, 1);
  await server.close();
});

test('the process of the engine takes windows from main, and leaves what else comes', async () => {
  const { port1: main, port2 } = new MessageChannel();
  const parentPort = new NodePort(port2);
  const server = serveWindows({ parentPort, sources: () => ({ a: events(2), b: events(2) }) });
  const heard: unknown[] = [];
  parentPort.on('message', ({ data }: MainMessage) => heard.push(data));
  parentPort.start();
  const { port1: other } = new MessageChannel();
  new NodePort(main).postMessage({ type: 'reload' }, [new NodePort(other)]);
  const { port1, port2: page } = new MessageChannel();
  const window = { frame: 1, webContents: 1, url: '', maxMemoryMB: undefined, data: undefined };
  new NodePort(main).postMessage({ type: 'logbraid:connect', window }, [new NodePort(port1)]);
  const engine = engineOf(page);
  assert.equal((await engine.run(QUERY)).length, 2);
  assert.deepEqual(heard[0], { type: 'reload' });
  // The process ends.
  await server.close();
  await assert.rejects(engine.run(QUERY), { code: 'BACKEND_UNAVAILABLE' });
  const { port1: late, port2: latePage } = new MessageChannel();
  new NodePort(main).postMessage({ type: 'logbraid:connect', window }, [new NodePort(late)]);
  await assert.rejects(engineOf(latePage).run(QUERY), { code: 'BACKEND_UNAVAILABLE' });
  assert.equal(server.size, 0);
  main.close();
  await once(main, 'close');
});

// Windows share what memory there is, their queries share what a window has, and when the system is low all give up some.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import type { DroppedEvents, MemoryWarning } from 'logbraid';
import { serveWindows } from 'logbraid/electron/main';
import type { ServeOptions, Shed, SystemMemory } from 'logbraid/electron/main';
import { engineOf } from 'logbraid/electron/renderer';
import type { RemoteEngine } from 'logbraid/electron/renderer';

import { openWindow } from './electron-process.js';
import { Silent, events, linesOf } from './electron-scene.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function heapMB(): number {
  collect();
  return process.memoryUsage().heapUsed / 1e6;
}

/** Holds all events of a day. */
const QUERY = 'a({})[1d] and on(k) b({})[1d]';

/** What one query of a window may hold, in MiB. */
async function bound(engine: RemoteEngine): Promise<number> {
  const prometheus = await engine.metrics({ format: 'prometheus' });
  return Number(/^logbraid_memory_limit_bytes (\d+)/m.exec(prometheus)?.[1]) / (1 << 20);
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 5));

const held = async (engine: RemoteEngine) => (await engine.metrics()).memory / (1 << 20);

/** A window whose query holds events that match nothing, as much as it may. */
async function fill(engine: RemoteEngine, lines: string): Promise<DroppedEvents[]> {
  const dropped: DroppedEvents[] = [];
  engine.on('eventDropped', (events) => dropped.push(events));
  const [a] = [engine.source('a'), engine.source('b')];
  void engine
    .correlate(QUERY)
    .next()
    .catch(() => undefined);
  await a.push(lines);
  // So that it has been taken.
  while ((await engine.metrics()).events < lines.split('\n').length - 1) {
    await pause();
  }
  return dropped;
}

test('windows divide what all may hold, and the queries of one what it may', async () => {
  const server = serveWindows({ engine: { maxMemoryMB: 8 }, totalMemoryMB: 12 });
  const first = engineOf(openWindow(server));
  assert.equal(await bound(first), 8);
  const second = engineOf(openWindow(server));
  assert.deepEqual([await bound(first), await bound(second)], [6, 6]);
  const third = engineOf(openWindow(server, { maxMemoryMB: 2 }));
  assert.deepEqual([await bound(first), await bound(second), await bound(third)], [4, 4, 2]);
  first.source('a');
  const runs = [1, 2].map(() => first.correlate('a({}) as left and on(k) a({}) as right'));
  const ends = runs.map((run) => run.next());
  assert.equal(await bound(first), 2);
  await runs[0]?.return?.();
  assert.equal(await bound(first), 4);
  await runs[1]?.return?.();
  await Promise.all(ends);
  await third.setMaxMemory(1);
  assert.equal(await bound(third), 1);
  await third.setMaxMemory(1000);
  assert.equal(await bound(third), 2);
  await second.destroy();
  await third.destroy();
  while (server.size > 1) await new Promise(setImmediate);
  assert.equal(await bound(first), 8);
  await server.close();
});

test('a window that holds more than its share of now gives up its oldest events', async () => {
  const server = serveWindows({ engine: { maxMemoryMB: 4, threads: 1 }, totalMemoryMB: 4 });
  const engine = engineOf(openWindow(server));
  const dropped = await fill(engine, linesOf(events(10_000)));
  assert.deepEqual(dropped, []);
  assert.ok((await held(engine)) > 1);
  const others = [1, 2, 3].map(() => openWindow(server));
  assert.ok((await held(engine)) <= 1);
  assert.ok(dropped.length > 0);
  for (const port of others) port.close();
  await server.close();
});

/** Of 100 KB each, and matched by nothing. */
const large = (count: number) =>
  events(count).map((event, at) => ({ ...event, message: `${at} `.padEnd(100_000, 'x') }));

for (const [backend, threads] of [
  ['native', 1],
  ['native', 2],
  ['wasm', 1],
] as const) {
  for (const kind of ['pushed', 'given by an adapter'] as const) {
    test(`objects that are ${kind} count: ${backend}, ${threads} threads`, async () => {
      const server = serveWindows({ engine: { backend, maxMemoryMB: 8, threads } });
      const engine = engineOf(openWindow(server));
      const dropped: DroppedEvents[] = [];
      engine.on('eventDropped', (events) => dropped.push(events));
      const heapBefore = heapMB();
      const adapter = Object.assign(new Silent(), {
        async *createStream() {
          for (const event of large(400)) yield await Promise.resolve([event]);
          await new Promise(() => undefined);
        },
      });
      if (kind === 'pushed') engine.source('a');
      else engine.addAdapter('a', adapter);
      engine.source('b');
      void engine
        .correlate(QUERY)
        .next()
        .catch(() => undefined);
      if (kind === 'pushed') for (const event of large(400)) await engine.source('a').push(event);
      while ((await engine.metrics()).events < 400) await pause();
      const { memory, heldEvents, evicted } = await engine.metrics();
      assert.ok(memory <= 8 << 20 && memory > 4 << 20, `${memory} bytes count as held`);
      assert.ok(heldEvents * 100_000 <= 8 << 20, `${heldEvents} events are held`);
      assert.equal(heldEvents + evicted, 400);
      // Of the 40 MB that were sent.
      assert.ok(heapMB() - heapBefore < 20, `${heapMB() - heapBefore} MB are held`);
      await server.close();
      assert.equal(
        dropped.reduce((sum, { count }) => sum + count, 0),
        evicted,
      );
    });
  }
}

for (const [how, lower] of [
  ['the system is low', (memory: SystemMemory) => (memory.available = 49)],
  ['the program says so', undefined],
] as const) {
  test(`windows give up half when ${how}, say so, and may hold it again later`, async () => {
    const memory = { available: 500, total: 1000 };
    const sheds: Shed[] = [];
    let told: () => void = () => undefined;
    const shed = new Promise<void>((resolve) => (told = resolve));
    const options: ServeOptions = {
      engine: { maxMemoryMB: 16, threads: 1 },
      memoryInterval: 10,
      systemMemory: () => memory,
      onShed: (one) => {
        sheds.push(one);
        memory.available = 500;
        told();
      },
    };
    const server = serveWindows(options);
    const [full, empty] = [engineOf(openWindow(server)), engineOf(openWindow(server))];
    const warnings: MemoryWarning[][] = [[], []];
    for (const [at, engine] of [full, empty].entries()) {
      engine.on('memoryWarning', (warning) => warnings[at]?.push(warning));
    }
    const dropped = await fill(full, linesOf(events(20_000)));
    await bound(empty);
    const before = await held(full);
    assert.ok(before > 2);
    assert.deepEqual([sheds, dropped], [[], []]);
    if (lower) lower(memory);
    else server.shed();
    await shed;
    assert.ok((await held(full)) <= before / 2);
    // It is told with what the query does next.
    while (dropped.length === 0) await pause();
    const [{ windows, heldMB } = { windows: 0, heldMB: 0 }] = sheds;
    assert.equal(windows, 2);
    assert.ok(Math.abs(heldMB - before) < 0.1);
    assert.ok(warnings.every((one) => one.length > 0));
    while ((await bound(full)) < 16) await pause();
    await server.close();
  });
}

test('a server without windows looks at nothing, and one with windows keeps no process alive', async () => {
  const looks: number[] = [];
  const server = serveWindows({
    memoryInterval: 1,
    systemMemory: () => {
      looks.push(server.size);
      return { available: 1, total: 1 };
    },
  });
  const wait = () => new Promise((resolve) => setTimeout(resolve, 30));
  await wait();
  const port = openWindow(server);
  await wait();
  port.close();
  while (server.size > 0) await new Promise(setImmediate);
  await wait();
  assert.ok(looks.length > 0);
  assert.deepEqual([...new Set(looks)], [1]);
});

test('an engine that its page ends is asked for nothing more', async () => {
  let ends = 0;
  const server = serveWindows({
    sources: () => ({
      a: Object.assign(new Silent(), {
        destroy: () => {
          ends += 1;
          server.shed();
          openWindow(server).close();
          return Promise.resolve();
        },
      }),
    }),
  });
  await engineOf(openWindow(server)).destroy();
  assert.equal(ends, 1);
  await server.close();
});

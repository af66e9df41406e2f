// Pages that take nothing of what their queries find, and go on pushing: what is held for them stays bounded, and goes
// with them. And pages that push much, as they should.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { serveWindows } from 'logbraid/electron/main';
import type { WindowServer } from 'logbraid/electron/main';
import { engineOf } from 'logbraid/electron/renderer';

import { weigh } from '#dist/electron/plain.js';
import { openWindow } from './electron-process.js';
import { RawWindow, START } from './electron-raw.js';
import { events, linesOf } from './electron-scene.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** What is held, of the heap and beside it, in MB. */
async function heldMB(): Promise<number> {
  await setTimeout(20);
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 1e6;
}

/** Of 100 KB each. */
const large = (count: number) =>
  events(count).map((event, at) => ({ ...event, message: `${at} `.padEnd(100_000, 'x') }));

/** Has a window ask for one result and push until nothing is taken any more. Says how much it has pushed, in MB. */
async function stall(server: WindowServer, kind: string, options: object): Promise<number> {
  const window = new RawWindow(openWindow(server));
  const query = 'a({})[1s] and on(k) within(1s) b({})[1s]';
  window.send(
    { ...START, options },
    { type: 'addPush', name: 'a', source: 1 },
    { type: 'addPush', name: 'b', source: 2 },
    { type: 'correlate', run: 1, query, options: {} },
    { type: 'pull', run: 1, count: 1 },
  );
  const onTheWay = (sent: number) =>
    sent - window.replies.filter(({ type }) => type === 'room').length;
  let sent = 0;
  for (const event of large(1000)) {
    const item = kind === 'objects' ? [event] : linesOf([event]);
    for (const source of [1, 2]) window.send({ type: 'push', source, items: [item] });
    sent += 2;
    for (let wait = 0; onTheWay(sent) > 10 && wait < 40; wait += 1) await setTimeout(5);
    if (onTheWay(sent) > 10) break;
  }
  return sent / 10;
}

for (const emit of ['eager', 'final'] as const) {
  for (const kind of ['objects', 'text'] as const) {
    test(`a page that takes nothing has its sources wait: ${emit}, ${kind}`, async () => {
      const server = serveWindows({ engine: { maxMemoryMB: 8, threads: 1 } });
      const before = await heldMB();
      const pushed = await stall(server, kind, { emit });
      const held = (await heldMB()) - before;
      assert.ok(pushed < 100, `${pushed} MB were taken`);
      assert.ok(held < 30, `${held} MB are held`);
      await server.close();
    });
  }
}

test('nothing is left of windows that are closed while they take nothing', async () => {
  const server = serveWindows({ engine: { maxMemoryMB: 8, threads: 1 } });
  const before = await heldMB();
  for (let round = 0; round < 4; round += 1) {
    const pushed = await stall(server, 'objects', { emit: 'final' });
    assert.ok(pushed > 4, `${pushed} MB were taken`);
  }
  const held = (await heldMB()) - before;
  await server.close();
  const left = (await heldMB()) - before;
  assert.ok(held > 12, `${held} MB were held`);
  assert.ok(left < 6, `${left} MB are left of ${held}`);
});

const text = 'x'.repeat(100_000);
for (const [where, event] of [
  ['its message', { message: text }],
  ['an object in a label', { labels: { k: 1, body: { text } } }],
  ['a list in a label', { labels: { k: 1, list: [text] } }],
  ['its keys', { joinKeys: { k: text } }],
  ['any other field', { other: text }],
] as const) {
  test(`a page that awaits what it pushes stays below the limits, where the text of events is in ${where}`, async () => {
    const failures: unknown[] = [];
    const server = serveWindows({
      limits: { pushedMB: 8 },
      onFailure: (_, error) => failures.push(error),
    });
    const engine = engineOf(openWindow(server));
    const [a] = [engine.source('a'), engine.source('b')];
    void engine
      .correlate('a({}) and on(k) b({})')
      .next()
      .catch(() => undefined);
    for (let at = 0; at < 200; at += 1) await a.push({ timestamp: at, ...event } as never);
    await engine.metrics().catch(() => undefined);
    assert.deepEqual(failures, []);
    await server.close();
  });
}

for (const [what, make] of [
  ['bytes', () => new Uint8Array(0)],
  ['times', () => new Date(0)],
  ['objects', () => ({})],
  ['lists', () => []],
  ['numbers', (at: number) => at],
  ['texts', (at: number) => `${at}`],
] as const) {
  test(`an event of many ${what} takes no more than it weighs, about`, async () => {
    const one = () =>
      structuredClone(
        Object.fromEntries(Array.from({ length: 2000 }, (_, at) => [`${what}${at}`, make(at)])),
      );
    const before = await heldMB();
    const held = Array.from({ length: 50 }, one);
    const bytes = ((await heldMB()) - before) * 1e6;
    const weighed = held.reduce((sum, event) => sum + weigh(event), 0);
    assert.ok(bytes < 1.5 * weighed, `${bytes} bytes weigh ${weighed}`);
  });
}

// What a window may have its process hold before any query holds it, and what it may reach by the sources that it
// brings: nothing beyond its limits, and nothing of the program.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { CorrelationEngine, CorrelationError } from 'logbraid';
import { connectWindows, serveWindows } from 'logbraid/electron/main';
import type { ConnectOptions, ServeOptions } from 'logbraid/electron/main';
import { engineOf } from 'logbraid/electron/renderer';

import { allowedOptions } from '#dist/electron/allowed.js';
import { NodeChannel, openWindow } from './electron-process.js';
import { RawWindow, START, STREAM } from './electron-raw.js';
import { QUERY, Silent, events } from './electron-scene.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const large = 'x'.repeat(300_000);
const labels = (adapter: number) => ({
  type: 'labels',
  adapter,
  labels: [{ name: 'k', values: [large] }],
});
const correlate = (run: number, query: string) => [
  { type: 'correlate', run, query, options: {} },
  { type: 'pull', run, count: 1 },
];
const push = (source: number, items: unknown[]) => ({ type: 'push', source, items });
const addPush = (name: string, source: number) => ({ type: 'addPush', name, source });
const addStream = (name: string, adapter: number) => ({
  type: 'addStream',
  name,
  adapter,
  options: STREAM,
});
const remove = (call: number, name: string) => ({
  type: 'call',
  call,
  method: 'removeAdapter',
  args: [name],
});

/** A window that may have a MiB held, and what the program is told of it. */
function open(options: ServeOptions = {}) {
  const told: CorrelationError[] = [];
  const server = serveWindows({
    limits: { pushedMB: 1 },
    ...options,
    onFailure: (_, error) => told.push(error),
  });
  const window = new RawWindow(openWindow(server));
  window.send(START);
  return { server, window, told };
}

const HELD: [what: string, messages: unknown[]][] = [
  [
    'the labels of sources',
    [1, 2].flatMap((adapter) => [addStream(`s${adapter}`, adapter), labels(adapter)]),
  ],
  [
    'how sources are decoded',
    [1, 2].map((adapter) => ({
      ...addStream(`s${adapter}`, adapter),
      options: { ...STREAM, decoder: { format: large } },
    })),
  ],
  [
    'events that nobody reads, for which there is room',
    [
      addPush('s', 1),
      ...Array.from({ length: 12 }, () => push(1, [{ timestamp: 0, message: 'x'.repeat(50_000) }])),
    ],
  ],
  [
    'what nobody reads of sources that have ended',
    [1, 2].flatMap((source) => [
      addPush(`s${source}`, source),
      push(source, [large]),
      { type: 'end', source },
    ]),
  ],
  [
    'what each query has to take',
    [
      addPush('s', 1),
      addPush('t', 2),
      ...[3, 4].flatMap((run) => correlate(run, 's({}) and on(k) t({})')),
      push(1, [large]),
    ],
  ],
];

for (const [what, messages] of HELD) {
  test(`a window may have so much held: ${what}`, async () => {
    const { server, window, told } = open();
    for (const message of messages) {
      window.send(message);
      // A turn each: what waits on the port alone counts for nothing.
      await setTimeout(5);
    }
    const { error } = await window.reply('failed');
    assert.equal(error.message, 'the window has exceeded limits.pushedMB, which is 1');
    assert.equal(told.length, 1);
    await server.close();
  });
}

test('items of all streams of a window are held to one limit, until they are taken', async () => {
  const { server, window, told } = open();
  window.send(addStream('a', 1), addStream('b', 2), ...correlate(1, QUERY));
  const asked = () => window.replies.filter((reply) => reply.type === 'take');
  while (asked().length < 2) await setTimeout(5);
  const [first, second] = asked().map(({ stream }) => stream);
  const items = (stream: number | undefined) => ({ type: 'items', stream, items: [large] });
  for (let round = 1; round <= 4; round += 1) {
    window.send(items(first));
    while (asked().length < 2 + round) await setTimeout(5);
  }
  assert.deepEqual(told, []);
  window.send(items(first), items(second));
  assert.match((await window.reply('failed')).error.message, /limits\.pushedMB/);
  await server.close();
});

test('streams that end free what was held of them, whether it was read or left', async () => {
  const { server, window, told } = open();
  window.send(addStream('a', 1), addStream('b', 2));
  for (let run = 1; run <= 6; run += 1) {
    const takes = () => window.replies.filter((reply) => reply.type === 'take');
    const known = takes().length;
    window.send(...correlate(run, QUERY));
    while (takes().length < known + 2) await setTimeout(5);
    const [one, other] = takes().slice(known);
    window.send({ type: 'items', stream: one?.stream, items: [large] });
    window.send({ type: 'finished', stream: one?.stream, error: undefined });
    if (run % 2 === 0) window.send({ type: 'leave', run });
    else window.send({ type: 'finished', stream: other?.stream, error: undefined });
    const ended = () => window.replies.some((reply) => reply.type === 'ended' && reply.run === run);
    while (!ended()) {
      assert.deepEqual(told, []);
      await setTimeout(5);
    }
  }
  await server.close();
});

test('what a window has told of a source that is taken away is freed', async () => {
  const { server, window, told } = open({ limits: {} });
  const used = () => {
    collect();
    const { arrayBuffers, heapUsed } = process.memoryUsage();
    return (arrayBuffers + heapUsed) / (1 << 20);
  };
  const before = used();
  for (let number = 1; number <= 10; number += 1) {
    const values = Array.from({ length: 100 }, (_, at) => `${number} ${at} ${large}`);
    // Nobody asks a source that is pushed into for labels.
    const labels = { type: 'labels', adapter: number, labels: [{ name: 'k', values }] };
    const bytes = new Uint8Array(16 << 20);
    window.send(addPush('s', number), labels, push(number, [bytes]), remove(number, 's'));
    const answered = () =>
      window.replies.some((reply) => reply.type === 'answer' && reply.call === number);
    while (!answered()) {
      assert.deepEqual(told, []);
      await setTimeout(5);
    }
  }
  // A buffer that came over a port may be freed some turns later.
  for (let round = 0; round < 50 && used() - before > 100; round += 1) await setTimeout(20);
  const held = used() - before;
  assert.ok(held < 250, `${held} MiB`);
  await server.close();
});

test('what says that it is bytes and is none is an event', async () => {
  const server = serveWindows();
  const engine = engineOf(openWindow(server));
  const found: string[] = [];
  for (const one of [new CorrelationEngine(), engine]) {
    one.addAdapter('b', events(1));
    // As access logs have it: how much was sent.
    const [event] = events(1).map((given) => ({ ...given, bytes: 2 ** 34 }));
    const a = one.source('a');
    await a.push(event as never);
    a.end();
    async function* given() {
      yield await Promise.resolve(event as never);
    }
    one.addAdapter('c', given());
    for (const name of ['a', 'c']) {
      const query = `${name}({}) and on(k) within(1s) b({})`;
      for (const { joinValue } of await one.run(query, { emit: 'final' }))
        found.push(`${name} ${joinValue}`);
    }
    await one.destroy();
  }
  assert.deepEqual(found, ['a k0', 'c k0', 'a k0', 'c k0']);
  await server.close();
});

test('a window pushes into no source of the program', async () => {
  const shared = new CorrelationEngine().source('shared');
  const { server, window, told } = open({ sources: () => ({ a: shared }) });
  window.send(addPush('a', 1), { type: 'end', source: 1 });
  const { error } = await window.reply('failed');
  assert.equal(error.code, 'ADAPTER_EXISTS');
  assert.equal(told.length, 1);
  await server.close();
});

test('what a source throws ends a query, whatever it is', async () => {
  const thrown: unknown[] = [Object.create(null), Symbol('x'), undefined, 'text'];
  for (const one of thrown) {
    const failing = Object.assign(new Silent(), {
      createStream: () => ({
        [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(one) }),
      }),
    });
    const server = serveWindows({ sources: () => ({ a: failing, b: [] }) });
    const engine = engineOf(openWindow(server));
    await assert.rejects(engine.run(QUERY), { code: 'ADAPTER_ERROR' });
    await server.close();
  }
});

test('sources of which one has a name that cannot be are destroyed', async () => {
  const source = new Silent();
  const { server, window } = open({ sources: () => ({ a: source, 'no name': [] }) });
  assert.equal((await window.reply('failed')).error.code, 'INVALID_OPTION');
  await source.destroyed;
  await server.close();
});

test('errors show little of what a window sends, and no characters that a terminal obeys', async () => {
  const name = `\u{1b}[31m\n${'x'.repeat(100_000)}`;
  for (const message of [{ type: name }, { ...START, [name]: 1 }, addPush(name, 1)]) {
    const { server, window, told } = open({ limits: { nameLength: 200_000 } });
    window.send(message);
    const { error } = await window.reply('failed');
    for (const text of [error.message, told[0]?.message ?? '']) {
      assert.ok(text.length > 20 && text.length < 1000, `${text.length}`);
      assert.doesNotMatch(text, /\p{C}/u);
    }
    await server.close();
  }
  const options = { [name]: 1 };
  const server = serveWindows();
  const window = new RawWindow(openWindow(server));
  window.send({ ...START, options });
  assert.ok((await window.reply('failed')).error.message.length < 1000);
  await server.close();
});

test('only an answer that is given at once allows an engine', () => {
  let handed = 0;
  let ask: ((...args: never[]) => unknown) | undefined;
  const event = {
    sender: { id: 1 },
    senderFrame: {
      frameTreeNodeId: 1,
      parent: null,
      url: '',
      origin: '',
      postMessage: () => undefined,
    },
  };
  for (const allow of [() => Promise.resolve(false), () => undefined, () => 0, () => '']) {
    connectWindows({
      ipcMain: { handle: (_, listener) => (ask = listener), removeHandler: () => undefined },
      MessageChannelMain: NodeChannel,
      engine: { postMessage: () => (handed += 1) },
      allow: allow as unknown as ConnectOptions['allow'],
    });
    assert.throws(() => ask?.(event as never, 'id' as never), /may not have an engine/);
  }
  assert.equal(handed, 0);
});

test('what a page leaves open is no more than the program gives', () => {
  assert.equal(allowedOptions({ threads: 1 }, { threads: undefined }).threads, 1);
  assert.equal(allowedOptions({ threads: 1 }, { preset: 'high-load' }).threads, 1);
});

test('options that a window gives have a length', async () => {
  for (const options of [
    { dedupe: { fields: ['x'.repeat(200)] } },
    { dedupe: { fields: Array.from({ length: 65 }, (_, at) => `f${at}`) } },
    { keyPatterns: { ['x'.repeat(200)]: '(a)' } },
  ]) {
    const server = serveWindows();
    const window = new RawWindow(openWindow(server));
    window.send({ ...START, options });
    assert.equal((await window.reply('failed')).error.code, 'MESSAGE_REFUSED');
    await server.close();
  }
});

// What is particular about the tail of Loki: where it meets the history, and how it fails.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import type { CorrelationError } from 'logbraid';

import { range } from './reading.js';
import { now, PAGE, Scene, SELECTOR } from './loki-scene.js';
import { QUERY_RANGE, TAIL } from './servers/loki-server.js';
import type { Tail } from './servers/loki-tail.js';

const SECOND = 1_000_000_000n;

const EMPTY = {
  status: 200,
  body: '{"status":"success","data":{"resultType":"streams","result":[]}}',
};

test('what comes at any moment around the connection comes once', async (t) => {
  const scene = await Scene.begin(t);
  for (let turn = 0; turn < 20; turn += 1) {
    const app = `turn${turn}`;
    const reading = scene.read(scene.adapter(), { selector: `{app="${app}"}` });
    let count = 0;
    const connected = scene.server.nextTail();
    let left = Infinity;
    void connected.then(() => (left = 10));
    while (left > 0) {
      scene.push([count], now(), {}, { app });
      count += 1;
      // Not faster than the history can be read.
      await sleep(1);
      left -= 1;
    }
    await reading.until(count);
    await reading.leave();
    assert.deepEqual(reading.sorted, range(0, count));
    assert.deepEqual(reading.notices, []);
  }
});

const INTERRUPTIONS: [what: string, interrupt: (tail: Tail) => void][] = [
  [
    'cut',
    (tail) => {
      tail.cut();
    },
  ],
  [
    'cut amid a frame',
    (tail) => {
      tail.cutMidFrame();
    },
  ],
  [
    'ended by what is no frame',
    (tail) => {
      tail.sendGarbage();
    },
  ],
  [
    'ended by what is no JSON',
    (tail) => {
      tail.sendText('{"streams":[{"stream":');
    },
  ],
  [
    'closed, as by a Loki that shuts down',
    (tail) => {
      tail.close(1011, 'all ingesters closed the connection');
    },
  ],
];

for (const [what, interrupt] of INTERRUPTIONS) {
  test(`a tail that is ${what} is opened again, and nothing is lost`, async (t) => {
    const scene = await Scene.begin(t);
    const { server } = scene;
    const adapter = scene.adapter();
    const first = server.nextTail();
    const reading = scene.read(adapter);
    scene.push(range(0, 5));
    const tail = await first;
    await reading.until(5);
    const again = server.nextTail();
    tail.loseSilently(5);
    scene.push(range(5, 10));
    interrupt(tail);
    scene.push(range(10, 15));
    await again;
    scene.push(range(15, 20));
    await reading.until(20);
    assert.deepEqual(reading.sorted, range(0, 20));
    assert.deepEqual(
      reading.notices.map(({ type }) => type),
      ['reconnect'],
    );
    assert.equal(adapter.status().reconnects, 1);
    assert.ok(adapter.status().lastError);
  });
}

test('what a new connection sends once more is left out, however far back it begins', async (t) => {
  const scene = await Scene.begin(t);
  const { server } = scene;
  const first = server.nextTail();
  const adapter = scene.adapter({ overlap: 50 });
  const reading = scene.read(adapter);
  await first;
  for (const number of range(0, 10)) {
    scene.push([number]);
    await sleep(2);
  }
  await reading.until(10);
  // The history moves on to what came meanwhile before the tail sends all from the last on.
  const again = server.nextTail();
  const restarted = server.restart({ downMs: 150 });
  await sleep(100);
  scene.push(range(10, 15));
  await Promise.all([restarted, again]);
  scene.push([15]);
  await reading.until(16);
  await Scene.live(adapter);
  scene.push([16]);
  await reading.until(17);
  assert.deepEqual(reading.numbers, range(0, 17));
});

test('frames out of order lose nothing', async (t) => {
  const scene = await Scene.begin(t);
  const adapter = scene.adapter();
  const first = scene.server.nextTail();
  const reading = scene.read(adapter);
  const tail = await first;
  await Scene.live(adapter);
  tail.reorder(3);
  scene.push(range(0, 3));
  await reading.until(3);
  assert.deepEqual(reading.numbers, [2, 1, 0]);
  // They are no reason to ask for less when it is interrupted.
  tail.loseSilently(1);
  scene.push([3]);
  tail.cut();
  await reading.until(4);
  assert.deepEqual(reading.sorted, range(0, 4));
});

test('a server that only pings stays connected, and one that is silent does not', async (t) => {
  const timeout = 100;
  const pinging = await Scene.begin(t, { pingMs: 10 });
  const silent = await Scene.begin(t, { pingMs: 1 << 30 });
  const opened = pinging.server.nextTail();
  const calm = pinging.read(pinging.adapter({ timeout }));
  await opened;
  const reading = silent.read(silent.adapter({ timeout }));
  // Long enough for the silent one to be left three times.
  while (reading.notices.length < 3) await sleep(5);
  assert.deepEqual(calm.notices, []);
  for (const notice of reading.notices) {
    assert.ok(notice.type === 'reconnect');
    assert.match(notice.error.message, /^WebSocket .*nothing was heard for 100 ms/);
  }
  pinging.push([0]);
  await calm.until(1);
  silent.push([0]);
  await reading.until(1);
});

test('connections that hold a while are no failures in a row', async (t) => {
  const scene = await Scene.begin(t, { pingMs: 5 });
  const { server } = scene;
  let opened = server.nextTail();
  const reading = scene.read(scene.adapter({ timeout: 20, maxRetries: 1 }));
  for (let turn = 0; turn < 4; turn += 1) {
    const tail = await opened;
    await sleep(60);
    opened = server.nextTail();
    tail.close(1011, 'reached tail max duration limit');
  }
  await opened;
  assert.deepEqual(
    reading.notices.map((notice) => notice.type === 'reconnect' && notice.attempt),
    [1, 1, 1, 1],
  );
});

test('entries that Loki has dropped are read again', async (t) => {
  const scene = await Scene.begin(t);
  const adapter = scene.adapter();
  const first = scene.server.nextTail();
  const reading = scene.read(adapter);
  const tail = await first;
  scene.push(range(0, 10));
  await reading.until(10);
  tail.dropEntries(PAGE * 2);
  scene.push(range(10, 10 + PAGE * 2));
  scene.push([10 + PAGE * 2]);
  await reading.until(11 + PAGE * 2);
  assert.deepEqual(reading.sorted, range(0, 11 + PAGE * 2));
  assert.deepEqual(reading.notices, []);
  assert.equal(adapter.status().dropped, PAGE * 2);
  assert.equal(adapter.status().gaps, 0);
});

test('those that are too old to be read again are told', async (t) => {
  const scene = await Scene.begin(t);
  const adapter = scene.adapter();
  const first = scene.server.nextTail();
  const reading = scene.read(adapter);
  scene.push([0]);
  const tail = await first;
  await reading.until(1);
  await Scene.live(adapter);
  const timestamp = now() - 60n * SECOND;
  const dropped_entries = [{ timestamp: String(timestamp), labels: { app: 'a' } }];
  tail.sendText(JSON.stringify({ streams: [], dropped_entries }));
  while (reading.notices.length === 0) await sleep(1);
  const [gap] = reading.notices;
  assert.ok(gap?.type === 'gap');
  assert.match(gap.reason, /dropped entries that are too old to ask for again/);
  const millis = new Date(Number(timestamp / 1_000_000n)).toISOString().slice(0, -1);
  assert.ok(gap.from.startsWith(millis), gap.from);
  assert.ok(gap.to > gap.from);
  assert.equal(adapter.status().gaps, 1);
  scene.push([1]);
  await reading.until(2);
});

test('labels are the same in the history and in the tail', async (t) => {
  const scene = await Scene.begin(t);
  const metadata = { trace_id: 't1' };
  scene.push([0], now(), metadata, { service: 'cart' });
  const first = scene.server.nextTail();
  const reading = scene.read(scene.adapter());
  await Promise.all([first, reading.until(1)]);
  scene.push([1], now(), metadata, { service: 'cart' });
  await reading.until(2);
  const expected = {
    app: 'a',
    service: 'cart',
    service_name: 'cart',
    trace_id: 't1',
    detected_level: 'unknown',
  };
  assert.deepEqual(
    reading.events.map(({ labels }) => labels),
    [expected, expected],
  );
});

test('where there are too many tails it tries again', async (t) => {
  const scene = await Scene.begin(t);
  scene.server.refuseTails(2);
  const reading = scene.read(scene.adapter());
  while (reading.notices.length < 2) await sleep(1);
  for (const notice of reading.notices) {
    assert.ok(notice.type === 'reconnect');
    assert.match(notice.error.message, /max concurrent tail requests limit exceeded/);
  }
  scene.push([0]);
  await reading.until(1);
});

test('connections that are lost again and again end the stream, and there is a wait before each', async (t) => {
  const scene = await Scene.begin(t);
  // What is known is sent by each connection, which is no reason to go on for ever.
  scene.push([0]);
  scene.server.refuseTails(1000);
  const reading = scene.read(scene.adapter({ maxRetries: 4 }));
  await reading.done;
  const { code, message } = reading.error as CorrelationError;
  assert.equal(code, 'WEBSOCKET_MAX_RETRIES');
  assert.match(message, /was lost too often in a row: .*max concurrent tail requests/);
  const waits = reading.notices.map((notice) => (notice.type === 'reconnect' ? notice : undefined));
  assert.deepEqual(
    waits.map((wait) => wait?.attempt),
    [1, 2, 3, 4],
  );
  assert.ok(waits.reduce((all, wait) => all + (wait?.delayMs ?? 0), 0) > 0);
  const opened = scene.server.requests.filter(({ path }) => path === TAIL);
  assert.equal(opened.length, 5);
  assert.deepEqual(reading.numbers, [0]);
});

test('a server that ends each connection after what is known is left at last', async (t) => {
  const scene = await Scene.begin(t);
  scene.push([0]);
  const reading = scene.read(scene.adapter({ maxRetries: 2 }));
  const ended = (tail: Tail): void => {
    void scene.server.nextTail().then(ended);
    tail.close(1011, 'all ingesters closed the connection');
  };
  void scene.server.nextTail().then(ended);
  await reading.done;
  assert.equal((reading.error as CorrelationError).code, 'WEBSOCKET_MAX_RETRIES');
});

for (const [status, body] of [
  [404, '404 page not found'],
  [400, 'Bad Request'],
] as const) {
  test(`a tail that is refused with ${status} is told with what to do`, async (t) => {
    const scene = await Scene.begin(t);
    scene.server.answer(1, { status, body }, TAIL);
    const reading = scene.read(scene.adapter());
    await reading.done;
    const { code, message } = reading.error as CorrelationError;
    assert.equal(code, 'ADAPTER_ERROR');
    assert.match(message, new RegExp(`answered ${status}: ${body}; .*mode: 'poll'$`));
    assert.deepEqual(reading.notices, []);
  });
}

test('a query of numbers is refused', async (t) => {
  const scene = await Scene.begin(t);
  const selector = `rate(${SELECTOR}[1m])`;
  const result = '[{"metric":{},"values":[[1795207110,"3"]]}]';
  const body = `{"status":"success","data":{"resultType":"matrix","result":${result}}}`;
  for (const answer of [{ status: 200, body }, EMPTY]) {
    // The tail refuses it, too, where it has no history.
    scene.server.behave();
    scene.server.answer(1000, answer, QUERY_RANGE);
    const reading = scene.read(scene.adapter(), { selector });
    await reading.done;
    const { code, message } = reading.error as CorrelationError;
    assert.equal(code, 'LOKI_QUERY_ERROR');
    assert.match(message, /log query|only log selector/);
    assert.deepEqual(reading.notices, []);
  }
});

test('whoever does not read leaves frames with the server, and keeps the connection', async (t) => {
  const scene = await Scene.begin(t, { pingMs: 1 });
  const { server } = scene;
  const first = server.nextTail();
  const adapter = scene.adapter({ timeout: 400 });
  const reading = scene.read(adapter, { pausesAt: 1 });
  await first;
  scene.push([0]);
  await reading.until(1);
  const filler = 'x'.repeat(1 << 20);
  for (let number = 1; number <= 40; number += 1) {
    server.push({ app: 'a' }, [[now() + BigInt(number), `number ${number} ${filler}`]]);
  }
  const waiting = () => [...server.sockets].reduce((all, socket) => all + socket.writableLength, 0);
  while (waiting() <= 10 << 20) await sleep(5);
  // Longer than a connection may be silent.
  await sleep(1000);
  assert.ok(waiting() > 10 << 20, `${waiting()} bytes wait with the server`);
  assert.deepEqual(reading.notices, []);
  reading.goOn();
  await reading.until(41);
  assert.deepEqual(reading.numbers, range(0, 41));
  assert.deepEqual(reading.notices, []);
});

test('a busy event loop is no silence', async (t) => {
  const scene = await Scene.begin(t, { pingMs: 5 });
  const adapter = scene.adapter({ timeout: 100 });
  const first = scene.server.nextTail();
  const reading = scene.read(adapter);
  await first;
  await Scene.live(adapter);
  for (let count = 0; count < 3; count += 1) {
    // What comes meanwhile waits in the socket.
    scene.push([count]);
    await new Promise(setImmediate);
    const until = performance.now() + 150;
    while (performance.now() < until);
    await reading.until(count + 1);
  }
  assert.deepEqual(reading.notices, []);
});

test('it is told how it is', async (t) => {
  const scene = await Scene.begin(t);
  const adapter = scene.adapter();
  const { state, streams } = adapter.status();
  assert.deepEqual({ state, streams }, { state: 'idle', streams: 0 });
  scene.push(range(0, 3));
  const first = scene.server.nextTail();
  const reading = scene.read(adapter);
  await first;
  await reading.until(3);
  await Scene.live(adapter);
  const time = now();
  scene.push([3], time);
  await reading.until(4);
  const { bytes, requests, newest, repeats, ...rest } = adapter.status();
  assert.ok(bytes > 0);
  assert.equal(requests, scene.server.requests.length);
  assert.equal(Date.parse(newest ?? ''), Number(time / 1_000_000n));
  assert.ok(repeats >= 3, 'the tail begins with what is known');
  const none = { reconnects: 0, gaps: 0, dropped: 0 };
  assert.deepEqual(rest, { state: 'live', streams: 1, events: 4, ...none });
});

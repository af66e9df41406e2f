// What is particular about the queries of Loki: pages, ranges, tenants, credentials and clocks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { inspect } from 'node:util';

import type { CorrelationError } from 'logbraid';
import type { LokiOptions } from 'logbraid/loki';

import { range } from './reading.js';
import { now, PAGE, Scene } from './loki-scene.js';
import { QUERY_RANGE, TAIL } from './servers/loki-server.js';
import type { LokiOptions as ServerOptions } from './servers/loki-server.js';

const DAY = 86_400_000;
const HOUR_NS = 3_600_000_000_000n;

const HISTORY = { mode: 'history' } as const;

test('of more entries of one time than an answer has a gap is told, once', async (t) => {
  const scene = await Scene.begin(t);
  const time = now();
  const count = PAGE * 20;
  scene.push([0], time - 1n);
  for (const number of range(1, count + 1)) scene.push([number], time);
  scene.push([count + 1], time + 1n);
  const reading = scene.read(scene.adapter({ mode: 'poll' }));
  await reading.until(2 * PAGE + 2);
  // They are asked for again by each poll.
  scene.push([count + 2]);
  await reading.until(2 * PAGE + 3);
  assert.deepEqual(
    reading.notices.map(({ type }) => type),
    ['gap'],
  );
  assert.deepEqual(reading.sorted, [...range(0, PAGE + 1), ...range(count - PAGE + 1, count + 3)]);
});

for (const [count, limit, told] of [
  [3_000, undefined, []],
  [PAGE - 1, PAGE, []],
  // That both ends have met is not known.
  [PAGE + 20, PAGE, ['gap']],
  [PAGE * 2, PAGE, ['gap']],
] as const) {
  test(`${count} entries of one time come once each, with a limit of ${limit ?? 'what is usual'}`, async (t) => {
    const scene = await Scene.begin(t);
    const time = now();
    scene.push([0], time - 1n);
    for (const number of range(1, count + 1)) scene.push([number], time);
    scene.push([count + 1], time + 1n);
    const reading = scene.read(scene.adapter({ ...HISTORY, limit }));
    await reading.done;
    assert.equal(reading.error, undefined);
    assert.deepEqual(reading.sorted, range(0, count + 2));
    const types = reading.notices.map(({ type }) => type);
    assert.deepEqual(types, told);
  });
}

test('of several streams that share a time, too, what may be lost is told', async (t) => {
  const scene = await Scene.begin(t);
  const time = now();
  for (const number of range(0, 80)) {
    scene.push([number], time, {}, { service: number < 40 ? 'a' : 'b' });
  }
  const reading = scene.read(scene.adapter(HISTORY));
  await reading.done;
  // Either end begins with all of the first stream.
  assert.deepEqual(reading.sorted, [...range(0, PAGE), ...range(70, 80)]);
  assert.deepEqual(
    reading.notices.map(({ type }) => type),
    ['gap'],
  );
});

test('a server that gives less at once is asked for that', async (t) => {
  const scene = await Scene.begin(t);
  scene.push(range(0, 250));
  const body =
    'max entries limit per query exceeded, limit > max_entries_limit_per_query (5000 > 100)';
  scene.server.answer(1, { status: 400, body }, QUERY_RANGE);
  const reading = scene.read(scene.adapter({ ...HISTORY, limit: 5000 }));
  await reading.done;
  assert.deepEqual(reading.numbers, range(0, 250));
  assert.deepEqual(reading.notices, []);
  const limits = scene.server.requests.map(({ query }) => query.get('limit'));
  assert.deepEqual(limits, ['5000', '100', '100', '100']);
});

test('a range that is longer than Loki takes is read piece by piece', async (t) => {
  const scene = await Scene.begin(t);
  const end = now();
  for (const number of range(0, 10)) {
    scene.push([number], end - BigInt((90 - number * 10) * DAY) * 1_000_000n);
  }
  const reading = scene.read(scene.adapter(HISTORY), { range: 91 * DAY });
  await reading.done;
  assert.deepEqual(reading.numbers, range(0, 10));
});

test('an end in the past is read up to, whatever the mode; one that comes is waited for', async (t) => {
  for (const mode of ['tail', 'poll'] as const) {
    const scene = await Scene.begin(t, { pingMs: 10 });
    scene.push([0], now() - HOUR_NS / 2n);
    scene.push([1]);
    const past = new Date(Date.now() - DAY / 96);
    const reading = scene.read(scene.adapter({ mode }), { end: past });
    await reading.done;
    assert.deepEqual(reading.numbers, [0]);
    assert.ok(scene.server.requests.every(({ path }) => path !== TAIL));
    // Nothing more comes that could end it.
    const soon = new Date(Date.now() + 100);
    const waiting = scene.read(scene.adapter({ mode, overlap: 50 }), { end: soon });
    await waiting.done;
    assert.equal(waiting.error, undefined);
    assert.deepEqual(waiting.numbers, [0, 1]);
  }
});

test('a clock that is ahead leaves out nothing that comes later', async (t) => {
  for (const mode of ['tail', 'poll'] as const) {
    const scene = await Scene.begin(t);
    const adapter = scene.adapter({ mode });
    const reading = scene.read(adapter);
    await Scene.live(adapter);
    // One that a poll is shown, and one that is further ahead.
    scene.push([0], now() + HOUR_NS / 12n);
    await reading.until(1);
    scene.push([1]);
    await reading.until(2);
    if (mode === 'poll') continue;
    scene.push([2], now() + HOUR_NS);
    await reading.until(3);
    const again = scene.server.nextTail();
    scene.server.cut();
    scene.push([3]);
    await again;
    await reading.until(4);
    assert.deepEqual(reading.numbers, range(0, 4));
  }
});

/** What comes of an adapter with these options at a server with those. */
async function outcome(t: TestContext, server: ServerOptions, options: Partial<LokiOptions>) {
  const scene = await Scene.begin(t, server);
  for (const [at, tenant] of ['blue', 'red'].entries()) {
    scene.server.push(
      { app: 'a' },
      [[now(), `number ${at}`]],
      server.multiTenant ? { tenant } : {},
    );
  }
  const adapter = scene.adapter({ maxRetries: 0, ...options });
  const reading = scene.read(adapter);
  if (options.mode === 'history') await reading.done;
  else await Scene.live(adapter);
  if (adapter.status().state === 'failed') await reading.done;
  const { code } = (reading.error ?? {}) as Partial<CorrelationError>;
  assert.doesNotMatch(inspect([reading.error, reading.notices], { depth: 20 }), /s3cr3t/);
  return { code, numbers: reading.sorted, labels: reading.events.map(({ labels }) => labels) };
}

test('tenants are asked for', async (t) => {
  const multiTenant = { multiTenant: true };
  const one = await outcome(t, multiTenant, { tenant: 'blue' });
  assert.deepEqual(one.numbers, [0]);
  const two = await outcome(t, multiTenant, { tenant: 'blue|red', mode: 'poll' });
  assert.deepEqual(two.numbers, [0, 1]);
  assert.deepEqual(two.labels.map((labels) => labels['__tenant_id__']).sort(), ['blue', 'red']);
  // A tail has one.
  const tailed = await outcome(t, multiTenant, { tenant: 'blue|red' });
  assert.equal(tailed.code, 'ADAPTER_ERROR');
  const none = await outcome(t, multiTenant, {});
  assert.equal(none.code, 'AUTH_REQUIRED');
});

test('credentials are sent, and never shown', async (t) => {
  const basic = { auth: { user: 'me', password: 's3cr3t-password' } };
  const bearer = { auth: { token: 's3cr3t-token' } };
  const { user: username, password } = basic.auth;
  const all = [0, 1];
  assert.deepEqual((await outcome(t, basic, { username, password })).numbers, all);
  assert.deepEqual((await outcome(t, bearer, bearer.auth)).numbers, all);
  for (const mode of ['history', 'poll', 'tail'] as const) {
    const wrong = [
      await outcome(t, basic, { mode, username, password: 's3cr3t-other' }),
      await outcome(t, bearer, { mode, token: 's3cr3t-other' }),
    ];
    assert.deepEqual(
      wrong.map(({ code }) => code),
      ['AUTH_REQUIRED', 'AUTH_REQUIRED'],
    );
  }
});

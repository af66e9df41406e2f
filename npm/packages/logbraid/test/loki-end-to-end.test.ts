// Two services log into a Loki that restarts, drops entries and sends garbage, while a query runs. What it finds has
// to be what it finds in a file with the same events.
//
//   LOGBRAID_E2E_SECONDS=60 node --test dist/test/loki-end-to-end.test.js
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite, test } from 'node:test';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { CorrelationEngine, createWorkerEngine } from 'logbraid';
import type { Correlation, Metrics } from 'logbraid';
import { FileAdapter } from 'logbraid/file';
import { LokiAdapter } from 'logbraid/loki';

import { LokiServer } from './servers/loki-server.js';

const SECONDS = Number(process.env['LOGBRAID_E2E_SECONDS'] ?? 10);

/** Of which each is two events or three, in most cases. */
const REQUESTS_PER_SECOND = 150;

const MILLI = 1_000_000;
const QUERY =
  'loki({service="frontend"})[1m] and on(request_id) within(2s) loki({service="backend"})[1m]';

/** More than the longest interruption, and far less than the longest run. */
const LATE_TOLERANCE = '6s';

interface Logged {
  service: string;
  /** When it happened and when Loki has it, in milliseconds since the beginning. */
  at: number;
  arrives: number;
  line: string;
  metadata: Record<string, string>;
}

/** Numbers from 0 up to 1, always the same (mulberry32). */
function seeded(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What the services log, in the order of arrival. */
function workload(seconds: number): Logged[] {
  const random = seeded(7);
  const all: Logged[] = [];
  const log = (service: string, id: string, at: number, text: string) => {
    // Services send what they have every now and then.
    const arrives = at + random() * (service === 'frontend' ? 120 : 300);
    const isTold = random() < 0.4;
    const line = isTold ? text : `${text} request_id=${id}`;
    all.push({ service, at, arrives, line, metadata: isTold ? { request_id: id } : {} });
  };
  for (let request = 0; request < seconds * REQUESTS_PER_SECOND; request += 1) {
    const id = `r${request}`;
    const at = (request * 1000) / REQUESTS_PER_SECOND + random() * 5;
    log('frontend', id, at, `GET /cart ${request}`);
    const fate = random();
    if (fate < 0.1) continue;
    // Some too late to belong together.
    const took = fate < 0.15 ? 2500 : random() * 400;
    log('backend', id, at + took, `level=info cart of ${request}`);
    if (fate > 0.7) log('backend', id, at + took + 3, `level=error no stock for ${request}`);
    if (fate > 0.9) log('frontend', id, at + took + 9, `level=error answered 500 to ${request}`);
  }
  // Of a time by which all that was before can no longer change, and one by which this cannot.
  for (const [id, at] of [['end', 60_000] as const, ['after', 120_000] as const]) {
    for (const service of ['frontend', 'backend']) {
      const arrives = seconds * 1000 + 3000;
      const metadata = { request_id: id };
      all.push({ service, at: seconds * 1000 + at, arrives, line: id, metadata });
    }
  }
  return all.sort((a, b) => a.arrives - b.arrives);
}

/** Nanoseconds since the epoch of something that happened so long after the beginning. */
function timeOf(begun: number, at: number): bigint {
  return BigInt(begun) * BigInt(MILLI) + BigInt(Math.round(at * MILLI));
}

/** Pushes what has arrived, when it has. */
async function push(server: LokiServer, all: Logged[], begun: number): Promise<void> {
  for (let next = 0; next < all.length;) {
    const passed = Date.now() - begun;
    for (let one = all[next]; one && one.arrives <= passed; one = all[(next += 1)]) {
      const { service, at, line, metadata } = one;
      server.push({ service }, [[timeOf(begun, at), line, metadata]]);
    }
    await sleep(10);
  }
}

/** What happens to the server, in the course of the time. */
async function disturb(server: LokiServer, begun: number): Promise<void> {
  const tails = () => [...server.tails];
  const drop = () => {
    for (const tail of tails()) tail.dropEntries(20);
  };
  const incidents: [share: number, incident: () => unknown][] = [
    [0.1, drop],
    [0.2, () => server.restart({ downMs: 700, refuse: 'connection' })],
    [0.35, drop],
    [
      0.4,
      () => {
        for (const tail of tails()) tail.sendGarbage();
        server.spoil(1, 'inside-text');
      },
    ],
    [0.5, () => server.restart({ downMs: 500, refuse: 503 })],
    [
      0.6,
      () => {
        for (const tail of tails()) tail.sendText('{"streams":[{"stream":');
        server.answer(2, { status: 429, headers: { 'retry-after': '0' }, body: 'not now' });
      },
    ],
    [
      0.7,
      () => {
        for (const tail of tails()) tail.cutMidFrame();
        server.spoil(1, 'reset');
      },
    ],
    [0.75, drop],
    [0.8, () => server.restart({ downMs: 300, refuse: 'connection' })],
    [0.95, drop],
  ];
  for (const [share, incident] of incidents) {
    await sleep(Math.max(begun + share * SECONDS * 1000 - Date.now(), 0));
    await incident();
  }
}

/** What a correlation is, whatever read its events; Loki adds labels of its own. */
function essence({ correlationId, joinValue, timeWindow, events }: Correlation) {
  return {
    correlationId,
    joinValue,
    timeWindow,
    events: events
      .map(({ position, timestampNs, message, labels }) =>
        [position, timestampNs, message, labels['service']].join(' '),
      )
      .sort(),
  };
}

type Essence = ReturnType<typeof essence>;

function inOrder(all: Essence[]): Essence[] {
  return all
    .filter(({ joinValue }) => joinValue !== 'end' && joinValue !== 'after')
    .sort((a, b) => (a.correlationId < b.correlationId ? -1 : 1));
}

interface Way {
  mode: 'tail' | 'poll';
  emit: 'final' | 'eager';
  /** Whether the engine, and the adapter with it, is in a Worker. */
  inWorker: boolean;
}

/** All that is found in the Loki while it is disturbed, and what the engine counted. */
async function fromLoki({ mode, emit, inWorker }: Way, all: Logged[], begun: number) {
  await using server = await LokiServer.start();
  // Far less than the time it all takes, so that the adapter forgets what was long ago.
  const adapter = new LokiAdapter({ url: server.url, mode, overlap: SECONDS * 200 });
  const options = {
    lateTolerance: LATE_TOLERANCE,
    // Where one is interrupted for long, the other must not go on without it.
    idleTimeout: '30s',
    emit,
  };
  const engine = inWorker ? createWorkerEngine(options) : new CorrelationEngine(options);
  engine.addAdapter('loki', adapter);
  let [gaps, reconnects] = [0, 0];
  engine.on('adapterGap', () => (gaps += 1));
  engine.on('adapterReconnect', () => (reconnects += 1));
  const pushed = push(server, all, begun);
  // There is some history before the query begins.
  await sleep(300);
  const disturbed = disturb(server, begun);
  const found: Essence[] = [];
  let deliveries = 0;
  for await (const correlation of engine.correlate(QUERY)) {
    deliveries += 1;
    assert.equal(correlation.truncated, false);
    if (!correlation.final) continue;
    if (correlation.joinValue === 'end') break;
    if (!correlation.withdrawn) found.push(essence(correlation));
  }
  await Promise.all([pushed, disturbed]);
  const metrics: Metrics = await engine.metrics();
  const status = adapter.status();
  await engine.destroy();
  return { found: inOrder(found), metrics, status, gaps, reconnects, deliveries };
}

function withoutIds(all: Essence[]): Omit<Essence, 'correlationId'>[] {
  const parts = all.map(({ joinValue, timeWindow, events }) => ({ joinValue, timeWindow, events }));
  return parts.sort((a, b) => (a.timeWindow.start < b.timeWindow.start ? -1 : 1));
}

/** All that is found in a file with the same events. */
async function fromFile(all: Logged[], begun: number) {
  const folder = await mkdtemp(path.join(tmpdir(), 'logbraid-'));
  try {
    const file = path.join(folder, 'same.ndjson');
    const lines = all.map(({ service, at, line: message, metadata }) => {
      const time = String(timeOf(begun, at));
      return `${JSON.stringify({ time, message, service, ...metadata })}\n`;
    });
    await writeFile(file, lines.join(''));
    const engine = new CorrelationEngine({ lateTolerance: LATE_TOLERANCE });
    engine.addAdapter('loki', new FileAdapter(file, { format: 'ndjson', time: 'time' }));
    const found = await engine.run(QUERY);
    const metrics: Metrics = engine.metrics();
    await engine.destroy();
    return { found: inOrder(found.map(essence)), metrics };
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function compare(t: TestContext, way: Way): Promise<void> {
  const { mode, emit } = way;
  const all = workload(SECONDS);
  const begun = Date.now();
  const live = await fromLoki(way, all, begun);
  const { found, metrics } = await fromFile(all, begun);
  const { status, gaps, reconnects, deliveries } = live;
  t.diagnostic(
    `${nameOf(way)}, ${SECONDS} s: ${all.length} entries, ${live.found.length} correlations in ${deliveries} deliveries, ` +
      `${reconnects} reconnects, ${status.dropped} entries dropped, ${status.repeats} left out as repeats`,
  );
  assert.ok(found.length > (SECONDS * REQUESTS_PER_SECOND) / 2, `${found.length} in the file`);
  for (const { late, badLines, evicted, dropped, events } of [metrics, live.metrics]) {
    assert.deepEqual({ late, badLines, evicted, dropped }, NOTHING_LOST);
    assert.ok(events >= all.length, `${events} of ${all.length} events`);
  }
  assert.equal(live.metrics.events, all.length, 'each entry comes once');
  assert.equal(gaps, 0);
  assert.equal(new Set(live.found.map(({ correlationId }) => correlationId)).size, found.length);
  // One that was delivered before its first event had come keeps the id that it got then.
  if (emit === 'final') assert.deepEqual(live.found, found);
  else assert.deepEqual(withoutIds(live.found), withoutIds(found));
  assert.ok(reconnects >= 3, `${reconnects} reconnects`);
  if (mode === 'tail') assert.ok(status.dropped > 0, 'entries were dropped');
}

function nameOf({ mode, emit, inWorker }: Way): string {
  return `${mode}, ${emit}${inWorker ? ', in a Worker' : ''}`;
}

const NOTHING_LOST = { late: 0, badLines: 0, evicted: 0, dropped: 0 };

void suite('a Loki that is disturbed gives what a file gives', { concurrency: true }, () => {
  const ways = (['tail', 'poll'] as const).flatMap((mode): Way[] => [
    { mode, emit: 'final', inWorker: false },
    { mode, emit: 'eager', inWorker: false },
    { mode, emit: 'final', inWorker: true },
  ]);
  for (const way of ways) test(nameOf(way), (t) => compare(t, way));
});

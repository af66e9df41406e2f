// A program that makes engines and destroys them, as many as its arguments say, and prints what the process holds
// before and after, as JSON. Engines that have warmed up what is made once do not count.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { CorrelationEngine, createWorkerEngine } from 'logbraid';
import type { LogEvent } from 'logbraid';
import { FileAdapter } from 'logbraid/file';

const [kind, count] = process.argv.slice(2);
const QUERY = 'a({})[1m] and on(k) b({})[1m]';

const folder = mkdtempSync(path.join(tmpdir(), 'logbraid-cycles-'));
const file = path.join(folder, 'a.ndjson');
const events = Array.from({ length: 50 }, (_, at): LogEvent => {
  return { timestamp: Date.UTC(2026, 0, 1) + at, message: `event ${at}`, labels: { k: `k${at}` } };
});
writeFileSync(
  file,
  events
    .map(({ timestamp, labels }) =>
      JSON.stringify({ time: new Date(Number(timestamp)), ...labels }),
    )
    .join('\n'),
);

/** An engine whose queries end in every way: at the end, by a loop that is left, and by its own end. */
async function cycle(): Promise<void> {
  const engine =
    kind === 'worker'
      ? createWorkerEngine({ processingInterval: 0 })
      : new CorrelationEngine({ backend: kind as 'native' | 'wasm', processingInterval: 0 });
  engine.addAdapter('a', new FileAdapter(file)).addAdapter('b', events);
  const all = await engine.run(QUERY);
  if (all.length !== events.length) throw new Error(`${all.length} correlations`);
  for await (const one of engine.correlate(QUERY)) if (one.events.length > 0) break;
  const sources = ['c', 'd'].map((name) => engine.source(name));
  const live = engine.correlate('c({})[1m] and on(k) d({})[1m]')[Symbol.asyncIterator]();
  const first = live.next();
  for (const source of sources) await source.push(events);
  await first;
  await engine.destroy();
}

async function held() {
  // What has been closed is let go of in later turns; threads rest for a second before they leave.
  await sleep(1500);
  for (let turn = 0; turn < 5; turn += 1) {
    globalThis.gc?.();
    await sleep(10);
  }
  const resources = process.getActiveResourcesInfo().sort();
  const { rss, heapUsed, external } = process.memoryUsage();
  const [files, threads] = ['fd', 'task'].map((name) => readdirSync(`/proc/self/${name}`).length);
  return { resources, files, threads, rss, heap: heapUsed + external };
}

async function cycles(times: number): Promise<void> {
  for (let at = 0; at < times; at += 1) await cycle();
}

try {
  await cycles(Number(count) / 2);
  const before = await held();
  await cycles(Number(count));
  console.log(JSON.stringify([before, await held()]));
} finally {
  rmSync(folder, { recursive: true });
}

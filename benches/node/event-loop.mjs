// How long the event loop waits while events are pushed at a high rate: first the same pushes without an
// engine, then with one. The bytes are made before, so that only pushing and the engine count. `--match` is
// the share of requests that become a correlation; `--threads` is the option of the engine.
//
//   node benches/node/event-loop.mjs [--rate 200000] [--seconds 3] [--match 0.1] [--threads N] [--json]

import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

import { CorrelationEngine } from "../../npm/packages/logbraid/dist/esm/index.js";
import { slots } from "./workload.mjs";

/** How much is pushed at once, in milliseconds of the schedule. */
const SLOT_MS = 10;

const QUERY =
  'frontend({service="frontend"})[1m] and on(request_id) within(5s) backend({service="backend"})[1m]';

/** How often the event loop is asked for a turn, in milliseconds. */
const EVERY_MS = 1;

const { values } = parseArgs({
  options: {
    rate: { type: "string", default: "200000" },
    seconds: { type: "string", default: "3" },
    match: { type: "string", default: "0.1" },
    threads: { type: "string" },
    json: { type: "boolean", default: false },
  },
});
const [rate, seconds] = [Number(values.rate), Number(values.seconds)];
const threads = values.threads && Number(values.threads);
const made = slots(QUERY, seconds, SLOT_MS, {
  rate,
  match: Number(values.match),
});

/** Pushes everything on schedule; tells how late turns of the event loop came, in milliseconds. */
async function pushed(push) {
  const delay = monitorEventLoopDelay({ resolution: EVERY_MS });
  const begun = performance.now();
  const cpu = process.cpuUsage();
  delay.enable();
  for (const [at, slot] of made.slots.entries()) {
    const wait = begun + at * SLOT_MS - performance.now();
    if (wait > 0) await sleep(wait);
    await Promise.all(
      slot.map((bytes, source) => push(made.names[source], bytes)),
    );
  }
  delay.disable();
  const took = (performance.now() - begun) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const late = (nanos) => Math.max(nanos / 1e6 - EVERY_MS, 0);
  return {
    eventsPerSecond: Math.round(made.events / took),
    cpuPercent: (user + system) / 1e4 / took,
    p50: late(delay.percentile(50)),
    p95: late(delay.percentile(95)),
    p99: late(delay.percentile(99)),
    max: late(delay.max),
  };
}

const without = await pushed(async () => undefined);

const engine = new CorrelationEngine({
  maxMemoryMB: 1024,
  threads,
});
for (const name of made.names) engine.source(name);
let correlations = 0;
const consuming = (async () => {
  for await (const { revision } of engine.correlate(QUERY)) {
    if (revision === 1) correlations += 1;
  }
})();
const pushing = await pushed((name, bytes) => engine.source(name).push(bytes));
const { turns, events, evicted } = engine.metrics();
await engine.destroy();
await consuming;

const report = {
  offered: rate,
  threads,
  events,
  correlations,
  evicted,
  without,
  with: pushing,
  turns: { p50: turns.p50, p99: turns.p99, max: turns.max },
};
if (values.json) {
  console.log(JSON.stringify(report, null, 2));
} else {
  const ms = (value) => value.toFixed(2).padStart(8);
  const line = (name, { eventsPerSecond, cpuPercent, p50, p95, p99, max }) =>
    `${name.padEnd(16)}${String(eventsPerSecond).padStart(9)}${cpuPercent.toFixed(0).padStart(7)} %` +
    [p50, p95, p99, max].map(ms).join("");
  console.log(
    [
      `${"".padEnd(16)} events/s      CPU     p50     p95     p99     max   (delay, ms)`,
      line("without engine", without),
      line("with engine", pushing),
      `${correlations} correlations of ${events} events, ${evicted} evicted; one turn of the query took ` +
        `${turns.p50.toFixed(2)} ms, at most ${turns.max.toFixed(2)}`,
    ].join("\n"),
  );
}

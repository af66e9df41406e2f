// What options, clauses and habits cost: one of them changed at a time, over the same events, as fast as they
// can be pushed, on one thread: on several, how the work is divided differs from run to run. CPU is that of the
// whole process, making the events not counted, and the least of rounds that take turns, since what the machine
// does beside only adds to it. Memory is what the engine held at most, by its own accounting.
//
//   node --expose-gc benches/node/options.mjs [--rounds 9] [--seconds 150] [--json]

import { parseArgs } from "node:util";

import {
  CorrelationEngine,
  IterableAdapter,
  presets,
} from "../../npm/packages/logbraid/dist/esm/index.js";
import { slots } from "./workload.mjs";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "9" },
    seconds: { type: "string", default: "150" },
    json: { type: "boolean", default: false },
  },
});
const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)];

/** Events a second of event time, over both streams. */
const RATE = 1000;

/** The share of requests that become a correlation. */
const MATCH = 0.2;

/** How much is pushed at once, in milliseconds of event time. */
const SLOT_MS = 250;

const front = 'frontend({service="frontend"})[5m]';
const back = 'backend({service="backend"})[5m]';
const joined = (join, right = back) => `${front} ${join} ${right}`;
const QUERY = joined("and on(request_id) within(5s)");

/** What is measured: a name, and what differs from the first. */
const CASES = [
  { name: "defaults: within(5s), eager, bytes of 220" },
  { name: "lateTolerance 0", options: { lateTolerance: 0 } },
  { name: "lateTolerance 5s", options: { lateTolerance: "5s" } },
  { name: "lateTolerance 2m", options: { lateTolerance: "2m" } },
  { name: "within(500ms)", query: joined("and on(request_id) within(500ms)") },
  { name: "within(1m)", query: joined("and on(request_id) within(1m)") },
  {
    name: "no within, [1m]",
    query: joined("and on(request_id)").replaceAll("[5m]", "[1m]"),
  },
  { name: "no within, [5m]", query: joined("and on(request_id)") },
  {
    name: "a selector that takes no right event",
    query: joined(
      "and on(request_id) within(5s)",
      'backend({service="none"})[5m]',
    ),
    made: QUERY,
  },
  {
    name: "a line filter on every event",
    query: QUERY.replace('"frontend"}', '"frontend"} |= "front"').replace(
      '"backend"}',
      '"backend"} |~ "back.n"',
    ),
  },
  {
    name: "| where b.ts - a.ts < 1s",
    query: `${QUERY} | where backend.ts - frontend.ts < 1s`,
  },
  { name: "two keys", query: joined("and on(request_id, user_id) within(5s)") },
  { name: "key found in the message", query: QUERY, keyInMessage: true },
  {
    name: "pick(pairs)",
    query: joined("and on(request_id) within(5s) pick(pairs)"),
  },
  {
    name: "pick(first)",
    query: joined("and on(request_id) within(5s) pick(first)"),
  },
  { name: "unless", query: joined("unless on(request_id) within(5s)") },
  { name: "emit 'final'", emit: "final" },
  { name: "processingInterval 0", options: { processingInterval: 0 } },
  { name: "dedupe", options: { dedupe: true } },
  { name: "late 'drop'", options: { late: "drop" } },
  { name: "maxMemoryMB 4", options: { maxMemoryMB: 4 } },
  { name: "maxEvents 10000", options: { maxEvents: 10_000 } },
  {
    name: "performanceMetrics every 100ms",
    options: { metricsInterval: 100 },
    listen: true,
  },
  { name: "four times the matches", shape: { match: 4 * MATCH } },
  { name: "events of 1000 bytes", shape: { size: 1000 } },
  { name: "objects pushed, not bytes", objects: true },
  ...Object.keys(presets).map((preset) => ({
    name: `preset ${preset}`,
    options: { preset },
  })),
];

const decoder = new TextDecoder();
const workloads = new Map();

/** The items of each source, made once for all cases that have the same. */
function itemsOf({
  query = QUERY,
  made = query,
  shape = {},
  objects,
  keyInMessage,
}) {
  const id = JSON.stringify([made, shape, objects, keyInMessage]);
  const known = workloads.get(id);
  if (known) return known;
  const workload = slots(made, seconds, SLOT_MS, {
    rate: RATE,
    match: MATCH,
    ...shape,
  });
  const lines = (bytes) =>
    decoder.decode(bytes).trimEnd().split("\n").filter(Boolean);
  const items = workload.names.map((_, source) =>
    workload.slots.map((slot) => {
      const bytes = slot[source];
      if (keyInMessage) {
        const moved = lines(bytes).map((line) =>
          line.replace(
            /"request_id":"(\w+)","message":"/,
            '"message":"request_id=$1 ',
          ),
        );
        return new TextEncoder().encode(
          moved.map((line) => `${line}\n`).join(""),
        );
      }
      if (!objects) return bytes;
      return lines(bytes).map((line) => {
        const { time, message, ...labels } = JSON.parse(line);
        // Of the shape that a program's own JSON has, not of what a rest pattern makes.
        return JSON.parse(JSON.stringify({ timestamp: time, message, labels }));
      });
    }),
  );
  const result = { names: workload.names, events: workload.events, items };
  workloads.set(id, result);
  return result;
}

/** Runs a case once. */
async function measured(one) {
  const { names, events, items } = itemsOf(one);
  const engine = new CorrelationEngine({ threads: 1, ...one.options });
  // Live, so that results come early and bounds evict.
  async function* stream(source) {
    for (const item of items[source]) yield item;
  }
  for (const [source, name] of names.entries()) {
    const options = one.objects ? {} : { format: "ndjson" };
    engine.addAdapter(name, new IterableAdapter(stream(source), options));
  }
  if (one.listen) engine.on("performanceMetrics", () => undefined);
  globalThis.gc?.();
  const cpu = process.cpuUsage();
  let deliveries = 0;
  const found = engine.correlate(
    one.query ?? QUERY,
    one.emit ? { emit: one.emit } : {},
  );
  for await (const correlation of found)
    deliveries += correlation.revision > 0 ? 1 : 0;
  const { user, system } = process.cpuUsage(cpu);
  const { peakMemory, evicted, late } = engine.metrics();
  await engine.destroy();
  return {
    nanos: ((user + system) * 1000) / events,
    peakMemory,
    deliveries,
    evicted,
    late,
  };
}

const found = CASES.map((one) => ({ one, runs: [] }));
for (let round = 0; round <= rounds; round += 1) {
  for (const { one, runs } of found) {
    const run = await measured(one);
    // The first round warms up.
    if (round > 0 || rounds === 0) runs.push(run);
  }
}

const median = (list) =>
  list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
const report = found.map(({ one, runs }) => ({
  name: one.name,
  nanos: Math.round(Math.min(...runs.map(({ nanos }) => nanos))),
  heldMiB: median(runs.map(({ peakMemory }) => peakMemory)) / (1 << 20),
  deliveries: median(runs.map(({ deliveries }) => deliveries)),
  evicted: median(runs.map(({ evicted }) => evicted)),
}));
if (values.json) {
  console.log(JSON.stringify(report, null, 2));
} else {
  const base = report[0].nanos;
  const columns = (name, ...rest) =>
    name.padEnd(44) + rest.map((one) => one.padStart(11)).join("");
  console.log(
    columns("", "ns/event", "to default", "held MiB", "results", "evicted"),
  );
  for (const { name, nanos, heldMiB, deliveries, evicted } of report) {
    const rest = [
      nanos,
      `${(nanos / base).toFixed(2)} x`,
      heldMiB.toFixed(1),
      deliveries,
      evicted,
    ];
    console.log(columns(name, ...rest.map(String)));
  }
}

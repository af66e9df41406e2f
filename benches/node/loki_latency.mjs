// How soon a correlation comes from a Loki that is tailed: from the push of the event that completes it to its
// delivery by the iterator, at default settings, over loopback. The Loki is that of the tests, in the same process.
//
//   node benches/node/loki_latency.mjs [--seconds 20] [--rate 1000]

import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

import { LokiAdapter } from "../../npm/packages/logbraid/dist/esm/adapters/loki.js";
import { CorrelationEngine } from "../../npm/packages/logbraid/dist/esm/index.js";
import { LokiServer } from "../../npm/packages/logbraid/dist/test/servers/loki-server.js";

const QUERY =
  'loki({service="frontend"})[1m] and on(request_id) within(5s) loki({service="backend"})[1m]';

/** How long after the first event of a pair the second is pushed, in milliseconds. */
const APART_MS = 50;

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "20" },
    rate: { type: "string", default: "1000" },
  },
});
const pairs = (Number(values.seconds) * Number(values.rate)) / 2;
const everyMs = 2000 / Number(values.rate);

const server = await LokiServer.start();
const adapter = new LokiAdapter({ url: server.url });
const engine = new CorrelationEngine().addAdapter("loki", adapter);

const pushed = new Map();
const waits = [];
const found = (async () => {
  for await (const { joinValue } of engine.correlate(QUERY)) {
    const at = pushed.get(joinValue);
    // Only the first delivery counts.
    if (at === undefined || !pushed.delete(joinValue)) continue;
    waits.push(performance.now() - at);
    if (waits.length === pairs) break;
  }
})();
while (server.tails.size < 2) await sleep(10);
await sleep(500);

function push(service, pair) {
  const time = BigInt(Date.now()) * 1_000_000n + BigInt(pair % 1_000_000);
  const line = `request ${pair}`;
  server.push({ service }, [[time, line, { request_id: `r${pair}` }]]);
}

const begun = performance.now();
for (let first = 0, second = 0; second < pairs;) {
  const passed = performance.now() - begun;
  for (; first < pairs && first * everyMs <= passed; first += 1) {
    push("frontend", first);
  }
  for (; second < first && second * everyMs + APART_MS <= passed; second += 1) {
    pushed.set(`r${second}`, performance.now());
    push("backend", second);
  }
  await sleep(1);
}
await found;
await engine.destroy();
await server.close();

waits.sort((a, b) => a - b);
const at = (share) =>
  waits[Math.min(Math.floor(waits.length * share), waits.length - 1)];
const row = (cells) => cells.map((cell) => cell.padStart(10)).join("");
console.log(row(["pairs", "p50 ms", "p95 ms", "p99 ms", "max ms"]));
const figures = [at(0.5), at(0.95), at(0.99), at(1)];
console.log(
  row([String(waits.length), ...figures.map((each) => each.toFixed(2))]),
);

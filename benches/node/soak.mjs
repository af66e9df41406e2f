// A log at a fixed rate through the public API, for as long as it lasts: bytes from the standard input are pushed
// when they are due, correlations are consumed. Prints a line of JSON about once a second, and a last one.
//
//   bench generate - --requests N --rate REQUESTS | node benches/node/soak.mjs --rate EVENTS

import { clearInterval, setInterval } from "node:timers";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

import { CorrelationEngine } from "../../npm/packages/logbraid/dist/esm/index.js";

const QUERY =
  'a({service="frontend"})[1m] and on(request_id) within(1s) a({service="backend"})[1m]';

/** How far ahead of its time bytes may be pushed, in milliseconds. */
const AHEAD_MS = 5;

const { values } = parseArgs({
  options: { rate: { type: "string", default: "50000" } },
});
const rate = Number(values.rate);

const engine = new CorrelationEngine({ maxMemoryMB: 50, lateTolerance: "1s" });
const source = engine.source("a");
let correlations = 0;
const consumed = (async () => {
  for await (const { revision } of engine.correlate(QUERY)) {
    if (revision === 1) correlations += 1;
  }
})();

const begun = performance.now();

/** How things are now. */
function sample() {
  const at = performance.now() - begun;
  const { heapUsed, rss } = process.memoryUsage();
  const { events, memory, heldEvents } = engine.metrics();
  const lag = Math.max(at - (events * 1000) / rate, 0);
  return {
    at,
    events,
    correlations,
    rss,
    heap: heapUsed,
    memory,
    held: heldEvents,
    lag,
  };
}

const told = setInterval(() => console.log(JSON.stringify(sample())), 1000);
let sent = 0;
for await (const chunk of process.stdin) {
  for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) {
    sent += 1;
  }
  const early = (sent * 1000) / rate - (performance.now() - begun);
  if (early > AHEAD_MS) await sleep(early);
  await source.push(chunk);
}
clearInterval(told);
source.end();
await consumed;
const { events, late, evicted, dropped, badLines, peakMemory } =
  engine.metrics();
await engine.destroy();
const lost = late + evicted + dropped + badLines;
console.log(
  JSON.stringify({ sent, events, correlations, lost, peak: peakMemory }),
);

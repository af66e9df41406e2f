// What crossing between JavaScript and the engine costs, beside JSON.parse of the same bytes.
// Usage: FILE ROUNDS; prints a line of JSON for each case: nanoseconds an event of each round, and how many of
// them were spent in calls of the addon that take input (`taking`) and in those that give results (`giving`).

import { readFileSync } from "node:fs";

import { CorrelationEngine } from "../../npm/packages/logbraid/dist/esm/index.js";
import { loadBackend } from "../../npm/packages/logbraid/dist/esm/platform/node.js";

const [path, rounds] = process.argv.slice(2);
const BLOCK = 256 << 10;
const PUSH = 256;
const QUERY =
  'file({service="frontend"})[5m] and on(request_id) within(30s) file({service="backend"})[5m]';

const bytes = readFileSync(path);
const blocks = [];
for (let at = 0; at < bytes.length; at += BLOCK)
  blocks.push(bytes.subarray(at, at + BLOCK));
const objects = parsed();

/** Every line as an object: the fastest way there is. */
function parsed() {
  const all = [];
  let from = 0;
  while (from < bytes.length) {
    const to =
      bytes.lastIndexOf(10, Math.min(from + BLOCK, bytes.length) - 1) + 1;
    const text = bytes.toString("utf8", from, to - 1);
    for (const event of JSON.parse(`[${text.replaceAll("\n", ",")}]`))
      all.push(event);
    from = to;
  }
  return all;
}

/** A finished source of blocks in memory. */
const inBlocks = {
  bounded: true,
  selects: false,
  getName: () => "file",
  validateQuery: () => true,
  destroy: () => Promise.resolve(),
  async *createStream() {
    yield* blocks;
  },
};

/** Milliseconds in calls of the addon. */
const spent = { taking: 0, giving: 0 };

/** Has calls of the addon add up what they take: some hundred in a run, so that this costs nothing. */
function watch() {
  const { prototype } = loadBackend().Correlator;
  const giving = new Set(["drain", "headJson", "eventsJson"]);
  for (const name of Object.getOwnPropertyNames(prototype)) {
    const call = prototype[name];
    if (name === "constructor" || typeof call !== "function") continue;
    const kind = giving.has(name) ? "giving" : "taking";
    prototype[name] = function (...values) {
      const start = performance.now();
      try {
        return call.apply(this, values);
      } finally {
        spent[kind] += performance.now() - start;
      }
    };
  }
}

watch();

/** Answers the query over a source; `read` sees each result. Returns how many there are. */
async function answer(source, read, feed) {
  const engine = new CorrelationEngine({ maxMemoryMB: 1000 });
  if (source !== undefined) engine.addAdapter("file", source);
  const fed = feed?.(engine.source("file"));
  let count = 0;
  for await (const correlation of engine.correlate(QUERY, { emit: "final" })) {
    read(correlation);
    count += 1;
  }
  await fed;
  await engine.destroy();
  return count;
}

let characters = 0;
const nothing = () => {};
const everything = (correlation) => {
  for (const event of correlation.events) {
    characters += event.message.length + event.labels.request_id.length;
  }
};

const pushing = (events) => async (source) => {
  for (let at = 0; at < events.length; at += PUSH) {
    await source.push(events.slice(at, at + PUSH));
  }
  source.end();
};

// V8 gives such a copy a hidden class of its own, so that no access to it is ever a cached one.
const copies = objects.map((event) => ({ ...event, source: "file" }));

const cases = [
  { name: "JSON.parse", run: () => parsed().length },
  { name: "bytes in, results counted", run: () => answer(inBlocks, nothing) },
  { name: "bytes in, results read", run: () => answer(inBlocks, everything) },
  {
    name: "an array of objects in, results counted",
    run: () => answer(objects, nothing),
  },
  {
    name: "objects pushed, results counted",
    run: () => answer(undefined, nothing, pushing(objects)),
  },
  {
    name: "objects pushed, results read",
    run: () => answer(undefined, everything, pushing(objects)),
  },
  {
    name: "objects copied with `...` and pushed, results counted",
    run: () => answer(undefined, nothing, pushing(copies)),
  },
];

const found = new Map();
// The first round warms up.
for (let round = 0; round <= Number(rounds); round += 1) {
  for (const entry of cases) {
    spent.taking = spent.giving = 0;
    const start = performance.now();
    const count = await entry.run();
    const took = { ns: performance.now() - start, ...spent };
    for (const [what, ms] of round > 0 ? Object.entries(took) : []) {
      (entry[what] ??= []).push((ms * 1e6) / objects.length);
    }
    found.set(entry.name, count);
  }
}
const counts = new Set([...found].slice(1).map(([, count]) => count));
if (counts.size !== 1 || counts.has(0) || characters === 0) {
  throw new Error(`the answers differ: ${JSON.stringify([...found])}`);
}
for (const { name, ns, taking, giving } of cases)
  console.log(JSON.stringify({ name, ns, taking, giving }));

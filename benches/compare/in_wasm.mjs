// The same questions by Logbraid's WebAssembly engine. Usage: FILE QUERY
import { openSync, readFileSync, readSync } from "node:fs";

import {
  CorrelationEngine,
  IterableAdapter,
  load,
} from "../../npm/packages/logbraid/dist/esm/index.js";

const BLOCK = 256 << 10;
const [file, query] = process.argv.slice(2);

// Compiled before the clock starts, as it is once in a process.
const module = "../../npm/packages/logbraid/wasm/logbraid.wasm";
await load(readFileSync(new URL(module, import.meta.url)));

async function* blocks() {
  const descriptor = openSync(file);
  for (;;) {
    const block = new Uint8Array(BLOCK);
    const length = readSync(descriptor, block);
    if (length === 0) return;
    yield block.subarray(0, length);
  }
}

const start = performance.now();
const engine = new CorrelationEngine({ backend: "wasm", maxMemoryMB: 1000 });
engine.addAdapter("file", new IterableAdapter(blocks(), { bounded: true }));
let [correlations, events] = [0, 0];
for await (const { eventCount } of engine.correlate(query)) {
  correlations += 1;
  events += eventCount;
}
await engine.destroy();
const ms = performance.now() - start;
console.log(
  JSON.stringify({
    correlations,
    events,
    ms,
    version: `Node.js ${process.versions.node}`,
  }),
);

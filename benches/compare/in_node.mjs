// The same questions by Logbraid in Node. Usage: FILE QUERY native|wasm [first]
//
// Answers once before the clock starts, as a process does that stays; with `first` it does not, and what V8 has yet
// to compile of WebAssembly is in the time.
import { openSync, readSync } from "node:fs";

import {
  CorrelationEngine,
  IterableAdapter,
} from "../../npm/packages/logbraid/dist/esm/index.js";

const BLOCK = 256 << 10;
const [file, query, backend, first] = process.argv.slice(2);

async function* blocks() {
  const descriptor = openSync(file);
  for (;;) {
    const block = new Uint8Array(BLOCK);
    const length = readSync(descriptor, block);
    if (length === 0) return;
    yield block.subarray(0, length);
  }
}

async function answer() {
  const start = performance.now();
  const engine = new CorrelationEngine({
    backend,
    threads: 1,
    maxMemoryMB: 1000,
  });
  engine.addAdapter("file", new IterableAdapter(blocks(), { bounded: true }));
  let [correlations, events] = [0, 0];
  for await (const { eventCount } of engine.correlate(query)) {
    correlations += 1;
    events += eventCount;
  }
  await engine.destroy();
  return { correlations, events, ms: performance.now() - start };
}

if (first === undefined) await answer();
const version = `Node.js ${process.versions.node}`;
console.log(JSON.stringify({ ...(await answer()), version }));

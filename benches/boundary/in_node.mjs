// The cases in Node, on the addon or on WebAssembly. Usage: FILE ROUNDS native|wasm; prints a line of JSON for each.

import { readFileSync } from "node:fs";

import { CorrelationEngine } from "../../npm/packages/logbraid/dist/esm/index.js";
import { loadBackend } from "../../npm/packages/logbraid/dist/esm/platform/node.js";
import { measure, watch } from "./cases.mjs";

const [path, rounds, backend] = process.argv.slice(2);

watch(loadBackend(backend).Correlator);
const make = (options) => new CorrelationEngine({ backend, ...options });
for (const row of await measure(readFileSync(path), Number(rounds), make)) {
  console.log(JSON.stringify(row));
}

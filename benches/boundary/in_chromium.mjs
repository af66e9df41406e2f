// The cases in headless Chromium, on WebAssembly. Usage: FILE ROUNDS; prints a line of JSON for each.

import { readFileSync } from "node:fs";

import { runInPage } from "./page.mjs";

const [path, rounds] = process.argv.slice(2);

const script = `
  import { CorrelationEngine, load } from "logbraid";
  import { measure } from "cases";
  globalThis.run = async (rounds) => {
    await load("/logbraid.wasm");
    const bytes = new Uint8Array(await (await fetch("/log.ndjson")).arrayBuffer());
    return measure(bytes, rounds, (options) => new CorrelationEngine(options));
  };
`;
const files = { "/log.ndjson": readFileSync(path) };
for (const row of await runInPage(script, Number(rounds), files)) {
  console.log(JSON.stringify(row));
}

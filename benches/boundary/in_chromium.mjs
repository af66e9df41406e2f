// The cases in headless Chromium, on WebAssembly. Usage: FILE ROUNDS; prints a line of JSON for each.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";

import { build } from "../../npm/node_modules/esbuild/lib/main.js";
import { launch } from "../../npm/build/chromium.js";

const [path, rounds] = process.argv.slice(2);
const at = (file) => fileURLToPath(new URL(file, import.meta.url));

const page = `
  import { CorrelationEngine, load } from ${JSON.stringify(at("../../npm/packages/logbraid/dist/web/slim.js"))};
  import { measure } from ${JSON.stringify(at("./cases.mjs"))};
  globalThis.run = async (rounds) => {
    await load("/logbraid.wasm");
    const bytes = new Uint8Array(await (await fetch("/log.ndjson")).arrayBuffer());
    return measure(bytes, rounds, (options) => new CorrelationEngine(options));
  };
`;
const bundle = await build({
  stdin: { contents: page, resolveDir: at(".") },
  bundle: true,
  format: "esm",
  write: false,
});
const files = new Map([
  [
    "/",
    [
      "text/html",
      '<!doctype html><script type="module" src="/page.js"></script>',
    ],
  ],
  ["/page.js", ["text/javascript", bundle.outputFiles[0].text]],
  [
    "/logbraid.wasm",
    [
      "application/wasm",
      readFileSync(at("../../npm/packages/logbraid/wasm/logbraid.wasm")),
    ],
  ],
  ["/log.ndjson", ["application/x-ndjson", readFileSync(path)]],
]);
const server = createServer(({ url }, response) => {
  const [type, body] = files.get(url) ?? [];
  response.writeHead(type ? 200 : 404, { "content-type": type ?? "" });
  response.end(body);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const browser = await launch();
try {
  const tab = await browser.newPage();
  await tab.goto(`http://127.0.0.1:${server.address().port}/`);
  await tab.waitForFunction(() => "run" in globalThis);
  const rows = await tab.evaluate(
    (count) => globalThis.run(count),
    Number(rounds),
  );
  for (const row of rows) console.log(JSON.stringify(row));
} finally {
  await browser.close();
  server.close();
}

// A page of headless Chromium with a script, the wasm module and whatever else it asks for.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";

import { launch } from "../../npm/build/chromium.js";
import { build } from "../../npm/node_modules/esbuild/lib/main.js";

const at = (file) => fileURLToPath(new URL(file, import.meta.url));
const WEB = "../../npm/packages/logbraid/dist/web/";
const MODULE = "../../npm/packages/logbraid/wasm/logbraid.wasm";

/** Scripts find these under their names. */
const MODULES = {
  logbraid: at(`${WEB}slim.js`),
  cases: at("./cases.mjs"),
};

/**
 * Bundles a script, opens a page with it, and gives what its function `run` gives. `files` are served by
 * path, beside the page, its script, `/logbraid.wasm` and `/worker.js`.
 */
export async function runInPage(script, argument, files = {}) {
  const bundled = async (options) => {
    const { outputFiles } = await build({
      bundle: true,
      format: "esm",
      write: false,
      alias: MODULES,
      ...options,
    });
    return outputFiles[0].text;
  };
  const stdin = { contents: script, resolveDir: at(".") };
  const served = new Map([
    [
      "/",
      [
        "text/html",
        '<!doctype html><script type="module" src="/page.js"></script>',
      ],
    ],
    ["/page.js", ["text/javascript", await bundled({ stdin })]],
    [
      "/worker.js",
      [
        "text/javascript",
        await bundled({ entryPoints: [at(`${WEB}worker.js`)] }),
      ],
    ],
    ["/logbraid.wasm", ["application/wasm", readFileSync(at(MODULE))]],
    ...Object.entries(files).map(([path, body]) => [path, ["", body]]),
  ]);
  const server = createServer(({ url }, response) => {
    const [type, body] = served.get(url) ?? [];
    response.writeHead(body ? 200 : 404, { "content-type": type ?? "" });
    response.end(body);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const browser = await launch();
  try {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    await page.waitForFunction(() => "run" in globalThis);
    return await page.evaluate((given) => globalThis.run(given), argument);
  } finally {
    await browser.close();
    server.close();
  }
}

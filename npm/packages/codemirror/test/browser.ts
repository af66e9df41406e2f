import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';
import type { Browser, Page, Route } from 'playwright-core';

/** Starts the Chromium of the machine. */
export const { launch } = (await import(
  new URL('../../../../build/chromium.js', import.meta.url).href
)) as { launch: () => Promise<Browser> };

const ORIGIN = 'http://page.test';
const HTML =
  '<!doctype html><meta charset="utf-8"><title>query</title><script type="module" src="/page.js"></script>';
const ENGINE = fileURLToPath(import.meta.resolve('logbraid/logbraid.wasm'));

/** Hands the engine to a page. */
export const engine = (route: Route) =>
  route.fulfill({ contentType: 'application/wasm', path: ENGINE });

/** A script of this folder, with all it imports, in a page of its own; `serve` answers for the engine. */
export async function open(
  browser: Browser,
  script: string,
  serve: (route: Route) => Promise<void> = engine,
): Promise<Page> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(script, import.meta.url))],
    bundle: true,
    format: 'esm',
    write: false,
    logLevel: 'silent',
  });
  const page = await browser.newPage();
  await page.route(`${ORIGIN}/**`, (route) => {
    const { pathname } = new URL(route.request().url());
    if (pathname.endsWith('.wasm')) return serve(route);
    return pathname === '/page.js'
      ? route.fulfill({ contentType: 'text/javascript', body: outputFiles[0]?.text ?? '' })
      : route.fulfill({ contentType: 'text/html', body: HTML });
  });
  await page.goto(ORIGIN);
  return page;
}

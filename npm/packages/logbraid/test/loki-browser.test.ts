// Loki in a page: by polling, since browsers send no headers with a WebSocket.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

import type { Browser } from 'playwright-core';

import { launch, serve } from './browser.js';
import type { FileServer } from './browser.js';
import { now, Scene } from './loki-scene.js';

const PACKAGE = fileURLToPath(new URL('../../', import.meta.url));

let browser: Browser;
let files: FileServer;

before(async () => {
  browser = await launch();
  files = await serve(PACKAGE);
});

after(async () => {
  await browser.close();
  files.close();
});

const PLACES = ['page', 'Worker', 'page, with the options of log-correlator'] as const;

for (const where of PLACES) {
  test(`an engine in a ${where} joins what a Loki gives with another source, as it comes`, (t) =>
    joins(t, where));
}

async function joins(t: TestContext, where: (typeof PLACES)[number]): Promise<void> {
  const isCompat = where.endsWith('log-correlator');
  const modules = isCompat ? ['compat'] : ['index', 'loki'];
  const tenant = isCompat ? { headers: { 'x-scope-orgid': 'shop' } } : { tenant: 'shop' };
  const scene = await Scene.begin(t);
  const page = await browser.newPage();
  t.after(() => page.close());
  await page.route('**/page.html', (route) =>
    route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>page</title>' }),
  );
  const asked: string[] = [];
  // What a proxy in front of Loki adds: it has no CORS headers of its own.
  await page.route(`${scene.server.url}/**`, async (route) => {
    const request = route.request();
    asked.push(new URL(request.url()).pathname);
    const headers = {
      'access-control-allow-origin': '*',
      'access-control-allow-headers': '*, x-loki-response-encoding-flags, x-scope-orgid',
    };
    if (request.method() === 'OPTIONS') {
      await route.fulfill({ status: 204, headers });
      return;
    }
    const response = await route.fetch();
    await route.fulfill({ response, headers: { ...response.headers(), ...headers } });
  });
  const time = now();
  scene.push([1], time, { request_id: 'r1' });
  await page.goto(`${files.url}/page.html`);
  const found = page.evaluate<unknown>(`(async () => {
    const load = (name) => import('/dist/web/' + name + '.js');
    const loaded = await Promise.all(${JSON.stringify(modules)}.map(load));
    const { CorrelationEngine, createWorkerEngine, LokiAdapter } = Object.assign({}, ...loaded);
    const inWorker = ${where === 'Worker'};
    const engine = inWorker ? createWorkerEngine() : new CorrelationEngine();
    if (inWorker) globalThis.fetch = () => Promise.reject(new Error('read in the page'));
    engine.addAdapter('loki', new LokiAdapter(${JSON.stringify({
      url: scene.server.url,
      pollInterval: 20,
      ...tenant,
    })}));
    engine.addAdapter('clicks', ['r1', 'r2'].map((request_id) => ({
      timestamp: new Date(${Number(time / 1_000_000n)}).toISOString(),
      message: 'click', labels: { request_id },
    })));
    const found = [];
    for await (const { joinValue, events } of engine.correlate(
      'clicks({}) and on(request_id) within(1m) loki({app="a"})[5m]',
    )) {
      found.push([joinValue, events.map(({ message, labels }) => [message, labels.app])]);
      console.log(joinValue);
      if (found.length === 2) break;
    }
    await engine.destroy();
    return found;
  })()`);
  await page.waitForEvent('console', (message) => message.text() === 'r1');
  scene.push([2], now(), { request_id: 'r2' });
  const clicked = ['click', null];
  assert.deepEqual(JSON.parse(JSON.stringify(await found)), [
    ['r1', [clicked, ['number 1', 'a']]],
    ['r2', [clicked, ['number 2', 'a']]],
  ]);
  assert.deepEqual([...new Set(asked)], ['/loki/api/v1/query_range']);
}

test('proxies and tails are for Node, and a page is told so', async (t) => {
  const page = await browser.newPage();
  t.after(() => page.close());
  await page.route('**/page.html', (route) =>
    route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>page</title>' }),
  );
  await page.goto(`${files.url}/page.html`);
  for (const [option, message] of [
    [
      { proxy: 'http://proxy:3128' },
      'proxy is for Node and Electron main; browsers have their own',
    ],
    [
      { mode: 'tail' },
      "mode 'tail' is for Node and Electron main; browsers send no headers with a WebSocket: leave it out, or say 'poll'",
    ],
  ] as const) {
    const options = JSON.stringify({ url: 'http://loki:3100', ...option });
    const told =
      await page.evaluate<unknown>(`import('/dist/web/loki.js').then(({ LokiAdapter }) => {
      try {
        return new LokiAdapter(${options});
      } catch ({ name, code, message }) {
        return { name, code, message };
      }
    })`);
    assert.deepEqual(told, { name: 'OptionError', code: 'INVALID_OPTION', message });
  }
});

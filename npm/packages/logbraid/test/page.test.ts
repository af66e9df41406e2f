// What only a browser has: its files, responses and streams as sources of an engine in a page and of one in a
// Worker, and a page whose Worker cannot be had.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import type { Browser, Page } from 'playwright-core';

import { launch, serve } from './browser.js';
import type { FileServer } from './browser.js';

const PACKAGE = fileURLToPath(new URL('../../', import.meta.url));
const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval' 'unsafe-inline'";

let browser: Browser;
let server: FileServer;

before(async () => {
  browser = await launch();
  server = await serve(PACKAGE, { 'content-security-policy': POLICY });
});

after(async () => {
  await browser.close();
  server.close();
});

/** Runs in a page with `logbraid` of dist/web; gives what it returns. */
async function inPage<T>(body: string): Promise<T> {
  const page: Page = await browser.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  try {
    await page.route('**/page.html', (route) =>
      route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>page</title>' }),
    );
    await page.goto(`${server.url}/page.html`);
    const told = await page.evaluate<T>(`(async () => {
      const { CorrelationEngine, IterableAdapter, createWorkerEngine } = await import('/dist/web/index.js');
      const QUERY = 'a({}) and on(k) within(1s) b({})';
      const lines = (count, late = 0) => Array.from({ length: count }, (_, at) => {
        const time = new Date(Date.UTC(2026, 0, 1) + at * 10 + late).toISOString();
        return JSON.stringify({ time, k: 'k' + at, message: 'number ' + at }) + '\\n';
      }).join('');
      ${body}
    })()`);
    assert.deepEqual(errors, []);
    return told;
  } finally {
    await page.close();
  }
}

test('files, responses and streams are sources in a page and in a Worker', async () => {
  const found = await inPage<Record<string, unknown>>(`
    const found = {};
    for (const [where, make] of [
      ['page', () => new CorrelationEngine()],
      ['worker', () => createWorkerEngine()],
    ]) {
      for (const [kind, of] of [
        ['file', (text) => new File([text], 'some.log')],
        ['response', (text) => new IterableAdapter(new Response(text), { bounded: true })],
        ['stream', (text) => new IterableAdapter(new Blob([text]).stream(), { bounded: true })],
      ]) {
        const engine = make();
        engine.addAdapter('a', of(lines(2000))).addAdapter('b', of(lines(2000, 3)));
        const all = await engine.run(QUERY);
        found[where + ' ' + kind] = [all.length, all[7].joinValue, all[7].events[1].message];
        await engine.destroy();
      }
    }
    return found;
  `);
  const expected = [2000, 'k7', 'number 7'];
  const kinds = ['page', 'worker'].flatMap((where) =>
    ['file', 'response', 'stream'].map((kind) => [`${where} ${kind}`, expected]),
  );
  assert.deepEqual(found, Object.fromEntries(kinds));
});

test('a large file is read piece by piece, and no further than the consumer comes', async () => {
  // 260 MB that nobody holds: the browser keeps one piece, and shows it many times.
  const { bytes, before, after, size } = await inPage<Record<string, number>>(`
    const piece = new Blob([lines(50_000)]);
    const large = new Blob(Array.from({ length: 64 }, () => piece));
    const engine = createWorkerEngine({ bufferSize: 10 });
    engine.addAdapter('a', large).addAdapter('b', new Blob([lines(50_000, 3)]));
    const run = engine.correlate(QUERY);
    await run.next();
    const { bytes: before } = await engine.metrics();
    await new Promise((resolve) => setTimeout(resolve, 200));
    const { bytes: after } = await engine.metrics();
    await run.return();
    const { bytes } = await engine.metrics();
    await engine.destroy();
    return { bytes, before, after, size: large.size };
  `);
  assert.ok(size !== undefined && size > 200_000_000, `${size} bytes`);
  assert.ok((after ?? size) < size / 4, `${after} of ${size} bytes were read`);
  assert.ok((after ?? 0) - (before ?? 0) < size / 8, `${before}, then ${after} bytes were read`);
  assert.equal(bytes, after, 'nothing is read once the query has been left');
});

test('a Worker that cannot be had is told by whoever asks first', async () => {
  const told = await inPage<unknown[]>(`
    const engine = createWorkerEngine({ worker: () => new Worker('/dist/none.js', { type: 'module' }) });
    engine.addAdapter('a', []).addAdapter('b', []);
    const failed = await engine.run(QUERY).catch((error) => [error.code, error.message]);
    const again = await engine.metrics().catch((error) => [error.code]);
    return [...failed, ...again];
  `);
  assert.equal(told[0], 'BACKEND_UNAVAILABLE');
  assert.match(String(told[1]), /^the Worker of the engine has failed: /);
  assert.equal(told[2], 'BACKEND_UNAVAILABLE');
});

test('a query that is left while the engine is loaded reads nothing', async () => {
  const told = await inPage<unknown>(`
    const engine = new CorrelationEngine();
    const opened = [];
    const source = (name) => ({
      bounded: true,
      selects: false,
      getName: () => name,
      createStream: () => { opened.push(name); return new Blob([]); },
      validateQuery: () => true,
      destroy: () => Promise.resolve(),
    });
    engine.addAdapter('a', source('a')).addAdapter('b', source('b'));
    const left = engine.correlate(QUERY);
    const next = left.next();
    await left.return();
    const { done } = await next;
    const before = [...opened];
    await engine.run(QUERY);
    const wrong = await engine.run('a({}) and').catch((error) => error.code);
    return { done, before, opened, wrong };
  `);
  const wrong = 'QUERY_PARSE_ERROR';
  assert.deepEqual(told, { done: true, before: [], opened: ['a', 'b'], wrong });
});

test('20,000 events a second are pushed without a long task of the page, as a Worker joins them', async (context) => {
  const { sent, found, pushing, alone, seen } = await inPage<{
    sent: number;
    found: number;
    pushing: number[];
    alone: number[];
    seen: number[];
  }>(`
    const [RATE, TURN_MS] = [20_000, 10];
    const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    let tasks = [];
    const observer = new PerformanceObserver((list) => {
      tasks.push(...list.getEntries().map(({ duration }) => duration));
    });
    observer.observe({ type: 'longtask' });
    const event = (at) => ({ timestamp: Date.now(), message: 'number ' + at, labels: { k: 'k' + at } });
    /** What takes long tasks while events are made for so many milliseconds, and handed to a function. */
    const during = async (ms, push) => {
      await wait(100);
      tasks = [];
      const begun = performance.now();
      let sent = 0;
      for (let now = begun; now - begun < ms; now = performance.now()) {
        // What was missed is caught up with little by little, as a source would.
        const due = Math.min(((now - begun) / 1000) * RATE / 2 - sent, RATE / 20);
        const events = Array.from({ length: Math.max(0, Math.floor(due)) }, (_, at) => event(sent + at));
        sent += events.length;
        await push(events);
        await wait(TURN_MS);
      }
      await wait(100);
      return { sent: sent * 2, tasks };
    };
    const engine = createWorkerEngine({ lateTolerance: '1s' });
    const sources = [engine.source('a'), engine.source('b')];
    let found = 0;
    const consumed = (async () => {
      for await (const { final } of engine.correlate(QUERY)) found += final ? 1 : 0;
    })();
    await engine.metrics();
    const push = (events) => Promise.all(sources.map((source) => source.push(events.map((one) => ({ ...one })))));
    let [best, sent] = [undefined, 0];
    // Whatever else the machine does makes tasks long, too.
    for (let run = 0; run < 3 && best?.length !== 0; run += 1) {
      const pushed = await during(3000, push);
      sent += pushed.sent;
      if (best === undefined || pushed.tasks.length < best.length) best = pushed.tasks;
    }
    const { tasks: alone } = best.length === 0 ? { tasks: [] } : await during(3000, () => undefined);
    for (const source of sources) source.end();
    await consumed;
    await engine.destroy();
    tasks = [];
    await wait(0);
    const until = performance.now() + 80;
    while (performance.now() < until);
    await wait(100);
    observer.disconnect();
    return { sent, found, pushing: best, alone, seen: tasks };
  `);
  assert.ok(sent > 30_000, `${sent} events were pushed`);
  assert.equal(found, sent / 2);
  assert.ok(
    seen.some((duration) => duration >= 80),
    'the observer sees long tasks',
  );
  const told = `${pushing.length} long tasks, ${alone.length} without an engine`;
  context.diagnostic(`${sent} events: ${told}`);
  // Where the machine is so loaded that pages have long tasks without an engine, theirs tell nothing.
  assert.ok(pushing.length === 0 || alone.length > 0, told);
});

// A file is never held, results are kept up to a bound, and the page stays small whatever comes.
import assert from 'node:assert/strict';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

import type { Browser, Page } from 'playwright-core';

import { Pages, run, rows } from './page.js';

const pages = new Pages();

const folder = mkdtempSync(path.join(os.tmpdir(), 'logbraid-page-'));
after(() => {
  rmSync(folder, { recursive: true });
});

const MB = 1 << 20;
const MATCHES = 110_000;

/** Two logs: pairs of short lines with a key of their own, and between them lines so long that match nothing. */
function write(within: string, long: number): [large: string, small: string] {
  mkdirSync(path.join(folder, within));
  const files = ['large.log', 'small.log'].map((name) => path.join(folder, within, name));
  const [large, small] = files.map((file) => openSync(file, 'w'));
  const filler = 'x'.repeat(long);
  for (let start = 0; start < MATCHES; start += 1000) {
    let [left, right] = ['', ''];
    for (let at = start; at < start + 1000; at += 1) {
      const time = new Date(Date.UTC(2026, 0, 1) + at * 20).toISOString();
      left += `{"time":"${time}","k":"${at}"}\n{"time":"${time}","k":"-${at}","message":"${filler}"}\n`;
      right += `{"time":"${time}","k":"${at}"}\n`;
    }
    writeSync(large ?? 0, left);
    writeSync(small ?? 0, right);
  }
  closeSync(large ?? 0);
  closeSync(small ?? 0);
  return files as [string, string];
}

/** Bytes of objects in the heap of the page. */
async function heapOf(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send('HeapProfiler.collectGarbage');
  await session.send('Performance.enable');
  const { metrics } = await session.send('Performance.getMetrics');
  return metrics.find(({ name }) => name === 'JSHeapUsedSize')?.value ?? NaN;
}

/** The most memory that a process with pages, and their Workers, has had, where the system says so. */
async function peakOf(browser: Browser): Promise<number | undefined> {
  if (os.platform() !== 'linux') return undefined;
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  const peaks = processInfo
    .filter(({ type }) => type === 'renderer')
    .map(({ id }) => readFileSync(`/proc/${id}/status`, 'utf8'))
    .map((status) => Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024);
  return Math.max(...peaks);
}

test('a file is read, twice, without being held', (context) =>
  pages.open(async (page) => {
    const files = write('a gigabyte', 9500);
    const size = statSync(files[0]).size;
    assert.ok(size > 1000 * MB, `${size} bytes`);
    const before = await peakOf(pages.browser);
    await page.locator('#files').setInputFiles(files);
    const status = await run(page, 'large({k="none"})[1s] and on(k) small({})[1s]');
    assert.match(status, /^0 correlations, in /);
    await page.locator('.source').first().getByText('220,000 events').waitFor();
    const peak = await peakOf(pages.browser);
    if (peak === undefined || before === undefined) {
      context.skip('only Linux tells how much memory a process has had');
      return;
    }
    const grown = (peak - before) / MB;
    context.diagnostic(`${grown.toFixed(0)} MiB more for a file of ${(size / MB).toFixed(0)} MiB`);
    // Blocks that have been read wait for the garbage collectors of two Workers.
    assert.ok(grown < 400, `${grown} MiB more`);
  }));

test('more results than are kept are counted, and the page stays small', () =>
  pages.open(async (page) => {
    await page.locator('#files').setInputFiles(write('short', 10));
    const status = await run(page, 'large({})[1s] and on(k) small({})[1s]');
    assert.match(status, /^110,000 correlations, in /);
    await page
      .getByText('The first 100,000 of 110,000 are kept; the others are counted.')
      .waitFor();
    await page.locator('#shown').getByText('100,000 shown').waitFor();
    assert.ok((await rows(page).count()) < 40);
    await page.locator('#results').press('End');
    await page.locator('#results [aria-posinset="100000"]').waitFor();
    assert.equal(await page.locator('#details h3').innerText(), 'k=99999');
    await page.locator('#filter').fill('k=4242');
    // 4242, and 42420 to 42429.
    await page.locator('#shown').getByText('11 of 100,000 shown').waitFor();
    const heap = await heapOf(page);
    assert.ok(heap < 32 * MB, `${heap} bytes of objects`);
  }));

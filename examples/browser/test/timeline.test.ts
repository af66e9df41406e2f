// What is drawn over time. The canvas has shapes only, so that fonts do not matter; LOGBRAID_UPDATE_PICTURES=1
// writes the pictures anew.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import pixelmatch from 'pixelmatch';
import type { Page } from 'playwright-core';
import { PNG } from 'pngjs';

import { Pages, ask } from './page.js';

const pages = new Pages();

/** Pixels that may differ: edges are not drawn alike by all versions of a browser. */
const TOLERANCE = 0.002;

const folder = new URL('../pictures/', import.meta.url);

/** Compares what the canvas shows with a picture. */
async function compare(page: Page, name: string): Promise<void> {
  await settled(page);
  const data = await page
    .locator('#timeline-canvas')
    .evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL('image/png'));
  const drawn = Buffer.from(data.slice(data.indexOf(',') + 1), 'base64');
  const file = fileURLToPath(new URL(`${name}.png`, folder));
  if (process.env['LOGBRAID_UPDATE_PICTURES'] === '1') {
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, drawn);
  }
  assert.ok(existsSync(file), `there is no ${file}; LOGBRAID_UPDATE_PICTURES=1 writes it`);
  const [expected, found] = [PNG.sync.read(readFileSync(file)), PNG.sync.read(drawn)];
  const { width, height } = expected;
  assert.deepEqual([found.width, found.height], [width, height]);
  const difference = new PNG({ width, height });
  const differing = pixelmatch(expected.data, found.data, difference.data, width, height, {
    threshold: 0.05,
  });
  if (differing <= width * height * TOLERANCE) return;
  const told = fileURLToPath(new URL(`${name}.difference.png`, import.meta.url));
  writeFileSync(told, PNG.sync.write(difference));
  assert.fail(`${differing} pixels of ${name}.png are drawn differently; see ${told}`);
}

/** Waits until what there is has been drawn. */
async function settled(page: Page): Promise<void> {
  await page.evaluate(
    () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))),
  );
}

/** What the timeline says of what is below the pointer. */
async function tipAt(page: Page, x: number, y: number): Promise<string> {
  await page.locator('#timeline-canvas').hover({ position: { x, y } });
  return page.locator('#timeline-tip').innerText();
}

const picture = (page: Page) => page.locator('#timeline').getAttribute('data-picture');

test('many results are drawn as how many there are', () =>
  pages.open(async (page) => {
    await ask(page, 2);
    await settled(page);
    assert.equal(await picture(page), 'density');
    await compare(page, 'density');
  }));

test('few results are drawn each by itself, partial ones with a ring where nothing is', () =>
  pages.open(async (page) => {
    await ask(page, 1);
    await settled(page);
    assert.equal(await picture(page), 'strands');
    await compare(page, 'absence');
  }));

test('the selected result is drawn above the others, and all of it anew when it gets dark', () =>
  pages.open(async (page) => {
    await ask(page, 3);
    await page.locator('#timeline').press('ArrowRight');
    await page.emulateMedia({ colorScheme: 'dark' });
    await compare(page, 'selected-dark');
  }));

test('zooming in shows each result, and the times of what is in view', () =>
  pages.open(async (page) => {
    await ask(page, 0);
    const timeline = page.locator('#timeline');
    const axis = page.locator('#timeline-axis');
    await settled(page);
    assert.match(await axis.innerText(), /^21:20:10\s+21:20:15/);
    for (let times = 0; times < 6; times += 1) await timeline.press('+');
    await settled(page);
    assert.equal(await picture(page), 'strands');
    assert.match(await axis.innerText(), /^21:20:20\.\d{3}\s/);
    const before = await axis.innerText();
    await timeline.press('Shift+ArrowLeft');
    await settled(page);
    assert.notEqual(await axis.innerText(), before);
    await page.getByRole('button', { name: 'Fit' }).click();
    await settled(page);
    assert.equal(await picture(page), 'density');
  }));

test('what is pointed at is told, and a click selects it', () =>
  pages.open(async (page) => {
    await ask(page, 1);
    await settled(page);
    const [first] = await firstMark(page);
    const tip = await tipAt(page, first, 22);
    assert.match(tip, /^request_id=[0-9a-f]{32}\s+2026-11-20 21:20:\d\d\.\d{3}, 1 event, partial$/);
    await page.locator('#timeline-canvas').click({ position: { x: first, y: 22 } });
    const [key = ''] = tip.split('\n');
    await page.locator('#details h3').getByText(key).waitFor();
    const selected = page.locator('#results [aria-selected=true]');
    assert.match(await selected.innerText(), new RegExp(key));
  }));

/** Where the first event is drawn, by its color. */
async function firstMark(page: Page): Promise<[x: number]> {
  return page.locator('#timeline-canvas').evaluate((element) => {
    const canvas = element as HTMLCanvasElement;
    const context = canvas.getContext('2d');
    const row = context?.getImageData(0, 22, canvas.width, 1).data ?? [];
    for (let x = 0; x < canvas.width; x += 1) if ((row[x * 4] ?? 255) < 120) return [x + 2];
    return [0];
  });
}

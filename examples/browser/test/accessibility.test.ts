// What axe-core can tell, in each state of the page, large and small, light and dark.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';

import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';

import { Pages, ask, rows, write } from './page.js';

const pages = new Pages();

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

async function check(page: Page, state: string): Promise<void> {
  await page.evaluate(axe);
  const { violations, passes } = await page.evaluate(() =>
    (globalThis as unknown as { axe: { run: () => Promise<AxeResults> } }).axe.run(),
  );
  const told = violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${state}: ${id}: ${html}\n${failureSummary ?? ''}`),
  );
  assert.deepEqual(told, []);
  assert.ok(passes.some(({ id }) => id === 'color-contrast'));
}

for (const colorScheme of ['light', 'dark'] as const) {
  for (const [width, height] of [
    [1280, 800],
    [390, 844],
  ] as const) {
    test(`nothing is in the way, ${colorScheme}, ${width} wide`, () =>
      pages.open(
        async (page) => {
          await check(page, 'empty');
          await ask(page, 3);
          await rows(page).first().click();
          await page.locator('.event summary').first().click();
          await page.locator('.source summary').first().click();
          await check(page, 'complete');
          await ask(page, 1);
          await rows(page).nth(1).click();
          await check(page, 'partial');
          await write(page, 'edge({}) and app({})');
          await page.locator('#run').click();
          await page.locator('#failure').waitFor();
          await check(page, 'failed');
        },
        { colorScheme, viewport: { width, height } },
      ));
  }
}

test('nothing is wider than the screen', () =>
  pages.open(
    async (page) => {
      await ask(page, 3);
      await rows(page).first().click();
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.equal(wide, 320);
    },
    { viewport: { width: 320, height: 640 } },
  ));

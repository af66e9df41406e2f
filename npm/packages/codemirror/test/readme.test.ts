// The example of the README is an editor that has what the README says.

import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';

import { launch, open } from './browser.js';

const README = new URL('../../README.md', import.meta.url);

test('the example of the README is an editor for queries', async () => {
  const code = /```js\n(.*?)```/s.exec(readFileSync(README, 'utf8'))?.[1];
  assert.ok(code !== undefined, 'the README has an example');
  // In the package, so that it can import itself by name.
  const file = new URL('readme-example.mjs', import.meta.url);
  writeFileSync(file, code);
  const browser = await launch();
  try {
    const page = await open(browser, 'readme-example.mjs');
    const content = page.locator('.cm-content');
    await content.locator('span', { hasText: /^and$/ }).waitFor();
    const color = (piece: RegExp) =>
      content
        .locator('span', { hasText: piece })
        .last()
        .evaluate((element) => getComputedStyle(element).color);
    const colors = await Promise.all([/^and$/, /^"502"$/, /^edge$/].map(color));
    assert.equal(new Set(colors).size, 3, colors.join());
    await content.click();
    await page.keyboard.press('Control+End');
    await page.keyboard.type(' then on(k) e');
    await page.getByRole('option', { name: 'edge' }).waitFor();
  } finally {
    await browser.close();
    rmSync(file);
  }
});

// In a browser the engine comes later than the editor, or not at all.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import type { Browser, Page } from 'playwright-core';

import { engine, launch, open } from './browser.js';
import type {} from './page.js';

let browser: Browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

const QUERY = 'a({}) adn on(k) b({})';

async function edit(page: Page): Promise<void> {
  await page.evaluate((query) => {
    mount(query, { lintDelay: 0 });
  }, QUERY);
}

/** All comes from the engine. */
async function waitForQuery(page: Page): Promise<void> {
  await page.locator('.tok-namespace', { hasText: 'a' }).waitFor();
  await page.locator('.cm-lintRange-error', { hasText: 'adn' }).waitFor();
  await page.getByRole('option', { name: 'unless' }).waitFor();
}

test('a query is plain text until the engine is there, and then is a query by itself', async () => {
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const page = await open(browser, 'page.js', async (route) => {
    await released;
    await engine(route);
  });
  await edit(page);
  await page.keyboard.press('Control+Space');
  assert.equal(await page.evaluate(() => formatNow()), false);
  assert.equal(await page.locator('.cm-content').textContent(), QUERY);
  assert.equal(await page.locator('[class^="tok-"]').count(), 0);
  release();
  await waitForQuery(page);
  assert.deepEqual(await page.evaluate(() => failures), []);
});

test('an engine that cannot be loaded is told once, and asked for again as one types', async () => {
  let isThere = false;
  const page = await open(browser, 'page.js', (route) =>
    isThere ? engine(route) : route.fulfill({ status: 503 }),
  );
  await edit(page);
  await page.waitForFunction(() => failures.length > 0);
  for (const key of ['l', 'e']) {
    const answered = page.waitForResponse((response) => response.url().endsWith('.wasm'));
    await page.keyboard.type(key);
    await answered;
  }
  assert.equal(await page.evaluate(() => editor.state.doc.toString()), `${QUERY}le`);
  const told = await page.evaluate(() => failures);
  assert.equal(told.length, 1);
  assert.match(told[0] ?? '', /^BackendUnavailableError: the wasm engine cannot be loaded .* 503/);
  isThere = true;
  await page.keyboard.type('s');
  await page.locator('.tok-namespace', { hasText: 'a' }).waitFor();
});

for (const [script, host] of [
  ['inline.js', 'has in its script'],
  ['slim.js', 'loads itself'],
] as const) {
  test(`an engine that the host ${host} is used`, async () => {
    const page = await open(browser, script, (route) =>
      route.request().url().endsWith('/elsewhere.wasm') ? engine(route) : route.abort(),
    );
    await edit(page);
    await page.keyboard.press('Control+Space');
    await waitForQuery(page);
    assert.deepEqual(await page.evaluate(() => failures), []);
  });
}

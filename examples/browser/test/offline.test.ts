// Once it has loaded, the page needs no network.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Pages, addFile, ask, ended, run } from './page.js';

const pages = new Pages();

test('all of it works without a network', () =>
  pages.open(async (page) => {
    // What comes late is waited for.
    await page.route('**/inspector-worker.js', async (route) => {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      await route.continue();
    });
    await page.reload();
    await page.waitForSelector('body.is-ready');
    await page.context().setOffline(true);
    let asked = 0;
    page.on('request', (request) => (asked += request.url().startsWith('blob:') ? 0 : 1));
    await page.getByRole('button', { name: 'Try the shop logs' }).click();
    assert.match(await ended(page), /^1,455 correlations/);
    assert.match(await ask(page, 1), /^45 correlations/);
    await addFile(page, 'mine.log', '{"time":"2026-11-20T21:20:10Z","request_id":"x"}\n');
    await page.getByText('ndjson · 1 event').waitFor();
    assert.match(await run(page, 'mine({}) unless on(request_id) app({})'), /^1 correlation,/);
    const offered = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Export NDJSON' }).click();
    await (await offered).path();
    assert.equal(asked, 0);
  }));

// The shop's logs, from one click to what is exported.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { CorrelationEngine } from 'logbraid';
import { FileAdapter } from 'logbraid/file';
import type { Page } from 'playwright-core';

import { Pages, ask, editor, ended, example, rows, write } from './page.js';

const pages = new Pages();

/** What the native engine finds, a line for each result. */
async function linesOf(query: string): Promise<string[]> {
  await using engine = new CorrelationEngine();
  engine.addAdapter('edge', new FileAdapter(example('shop/nginx-access.ndjson')));
  engine.addAdapter('app', new FileAdapter(example('shop/app.ndjson')));
  return (await engine.run(query)).map((correlation) => correlation.toLine());
}

/** What is saved when a button is pressed. */
async function saved(page: Page, button: string): Promise<string> {
  const offered = page.waitForEvent('download');
  await page.getByRole('button', { name: button }).click();
  return readFileSync(await (await offered).path(), 'utf8');
}

test('one click adds the logs and answers the first question', () =>
  pages.open(async (page) => {
    await page.getByRole('button', { name: 'Try the shop logs' }).click();
    assert.match(await ended(page), /^1,455 correlations, in /);
    const sources = page.locator('.source');
    assert.equal(await sources.count(), 3);
    assert.equal(await sources.nth(2).locator('input').inputValue(), 'postgresql');
    await sources.nth(2).getByText('text · 2,296 events').waitFor();
    await sources.nth(0).getByText('2026-11-20 21:20:09 UTC, 22.1 s').waitFor();
    await sources.nth(1).getByText('14 labels').click();
    await sources.nth(1).getByText('duration_ms').waitFor();
    assert.equal(await page.locator('#count-events').textContent(), '4,817');
    assert.equal(await page.locator('#shown').textContent(), '1,455 shown');
    assert.equal(await page.locator('#timeline-lanes').innerText(), 'edge\napp');
  }));

test('only what can be seen of the list is in the page, and all of it can be reached', () =>
  pages.open(async (page) => {
    await ask(page, 0);
    assert.ok((await rows(page).count()) < 40);
    assert.equal(await rows(page).first().getAttribute('aria-setsize'), '1455');
    await page.locator('#results').press('End');
    const last = page.locator('#results [aria-posinset="1455"]');
    assert.equal(await last.getAttribute('aria-selected'), 'true');
    assert.ok((await rows(page).count()) < 40);
  }));

test('a result is shown with its events, their labels and what they were made of', () =>
  pages.open(async (page) => {
    await ask(page, 3);
    await rows(page).first().click();
    const details = page.locator('#details');
    await details.getByText('request_id=1057f5a36d5e3d737d4afe109ea05aef').first().waitFor();
    const events = details.locator('.event');
    assert.equal(await events.count(), 3);
    assert.match(await events.nth(1).innerText(), /^\+5 ms\s+app\s+error\s+request failed$/);
    await events.nth(0).locator('summary').click();
    assert.match(
      await events.nth(0).locator('pre').innerText(),
      /^2026-11-20 21:20:09\.648 UTC \[10\d+\] shop@shop STATEMENT:/,
    );
    assert.match(await events.nth(0).innerText(), /database\s+shop/);
  }));

test('absence is told as what it is', () =>
  pages.open(async (page) => {
    assert.match(await ask(page, 1), /^45 correlations, 45 of them partial, in /);
    await rows(page).first().click();
    assert.match(await rows(page).first().innerText(), /partial/);
    await page.getByText('No event of app matches. This is certain').waitFor();
    assert.equal(await page.locator('#count-partial').textContent(), '45');
  }));

test('text and completeness filter what is shown, and what is exported', () =>
  pages.open(async (page) => {
    await ask(page, 1);
    await page.locator('#filter').fill('ID=F4');
    const lines = (await linesOf('edge({})[5m] unless on(request_id) app({})[5m]')).filter((line) =>
      line.includes('"request_id":"f4'),
    );
    assert.ok(lines.length > 0 && lines.length < 45);
    await page.locator('#shown').getByText(`${lines.length} of 45 shown`).waitFor();
    assert.deepEqual(await saved(page, 'Export NDJSON'), lines.map((line) => `${line}\n`).join(''));
    // Said by every line of JSON, and by nothing that is shown.
    await page.locator('#filter').fill('"completeness"');
    await page.locator('#shown').getByText('0 of 45 shown').waitFor();
    await page.locator('#filter').fill('');
    await page.locator('#shown').getByText('45 shown', { exact: true }).waitFor();
    await page.getByRole('radio', { name: 'Complete' }).check();
    await page.locator('#shown').getByText('0 of 45 shown').waitFor();
    await page.getByRole('radio', { name: 'Partial' }).check();
    await page.locator('#shown').getByText('45 shown', { exact: true }).waitFor();
  }));

test('what is exported is what the native engine finds', () =>
  pages.open(async (page) => {
    await ask(page, 0);
    const lines = await linesOf('edge({})[5m] and on(request_id) app({})[5m]');
    assert.equal(lines.length, 1455);
    assert.equal(await saved(page, 'Export NDJSON'), lines.map((line) => `${line}\n`).join(''));
    const array = JSON.parse(await saved(page, 'Export JSON')) as unknown[];
    assert.deepEqual(
      array,
      lines.map((line) => JSON.parse(line) as unknown),
    );
  }));

test('what is wrong is said where it is, before the query runs and after', () =>
  pages.open(async (page) => {
    await ask(page, 1);
    await write(page, 'edge({}) and on(request_id) ap({})');
    await page.locator('#run').click();
    await page.getByText('Required data source adapter not found: ap').first().waitFor();
    await write(page, 'edge({}) and app({})');
    await page
      .locator('#diagnostics')
      .getByText(/^error at 1:/)
      .waitFor();
    await editor(page).locator('.cm-lintRange-error').waitFor();
    await page.locator('#diagnostics button').click();
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'query');
    await page.locator('#run').click();
    await page.locator('#failure').getByText(/on\(/).waitFor();
    // What failed has found nothing.
    assert.equal(await page.locator('#count-found').textContent(), '0');
    assert.match(await ask(page, 0), /^1,455 correlations/);
    assert.equal(await page.locator('#failure').isVisible(), false);
  }));

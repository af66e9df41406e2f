// Everything can be done with keys alone, and those who listen hear of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Page } from 'playwright-core';

import { Pages, ask, editor, ended, rows, write } from './page.js';

const pages = new Pages();

/** Presses Tab until the focus is at what is looked for. */
async function tabTo(page: Page, selector: string): Promise<void> {
  for (let times = 0; times < 60; times += 1) {
    await page.keyboard.press('Tab');
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted), selector)) return;
  }
  assert.fail(`Tab does not lead to ${selector}`);
}

const announced = (page: Page) => page.locator('#announcer').textContent();

/** What assistive technology is told to be at, in the list. */
const active = (page: Page) =>
  page.evaluate(() => {
    const id = document.activeElement?.getAttribute('aria-activedescendant') ?? '';
    const at = document.getElementById(id);
    return at && `${at.ariaPosInSet} of ${at.ariaSetSize}, ${String(at.ariaSelected)}`;
  });

test('from the first key to the labels of an event', () =>
  pages.open(async (page) => {
    await tabTo(page, '#try');
    await page.keyboard.press('Enter');
    await ended(page);
    assert.match((await announced(page)) ?? '', /^1,455 correlations, in /);
    await tabTo(page, '#query');
    await page.keyboard.press('Control+A');
    await page.keyboard.type('edge({}) unless on(request_id) app({})');
    await page.keyboard.press('Control+Enter');
    await page
      .getByText(/^45 correlations/)
      .first()
      .waitFor();
    await tabTo(page, '#results');
    await page.keyboard.press('ArrowDown');
    assert.equal(await active(page), '1 of 45, true');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    assert.equal(await active(page), '3 of 45, true');
    await page.keyboard.press('End');
    assert.equal(await active(page), '45 of 45, true');
    await page.keyboard.press('PageUp');
    await page.keyboard.press('Home');
    assert.equal(await active(page), '1 of 45, true');
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'details');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.locator('#details pre').waitFor();
  }));

test('the timeline is walked through in the order of time, aloud', () =>
  pages.open(async (page) => {
    await ask(page, 1);
    await tabTo(page, '#timeline');
    const starts: string[] = [];
    for (let times = 0; times < 5; times += 1) {
      await page.keyboard.press('ArrowRight');
      starts.push(await page.locator('#details > .facts').innerText());
    }
    const times = starts.map((facts) => /20\d\d-[\d-]+ [\d:.]+/.exec(facts)?.[0] ?? '');
    assert.equal(new Set(times).size, 5);
    assert.deepEqual(times, [...times].sort());
    assert.match(
      (await announced(page)) ?? '',
      /^request_id=[0-9a-f]{32}, partial, 1 event, \d+ of 45$/,
    );
    await page.keyboard.press('ArrowLeft');
    assert.match(await page.locator('#details > .facts').innerText(), new RegExp(times[3] ?? '-'));
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'details');
  }));

test('the row that is active stays in the page, wherever the list is scrolled to', () =>
  pages.open(async (page) => {
    await ask(page, 0);
    const list = page.locator('#results');
    await list.focus();
    await page.keyboard.press('ArrowDown');
    await list.evaluate((element) => {
      element.scrollTop = element.scrollHeight;
    });
    await page.locator('#results [aria-posinset="1455"]').waitFor();
    assert.equal(await active(page), '1 of 1455, true');
    assert.ok((await rows(page).count()) < 40);
  }));

test('a query is cancelled with a key or by the next, and another can run', () =>
  pages.open(async (page) => {
    // Longer than a key press takes, by far.
    const line = (at: number, k: number) =>
      `{"time":"${new Date(Date.UTC(2026, 0, 1) + at).toISOString()}","k":"${k}","message":"event ${at}"}\n`;
    const lines = Array.from({ length: 150_000 }, (_, at) => line(at, at % 7000)).join('');
    for (const name of ['a.ndjson', 'b.ndjson']) {
      const buffer = Buffer.from(lines);
      await page.locator('#files').setInputFiles({ name, mimeType: 'text/plain', buffer });
    }
    await write(page, 'a({})[1s] and on(k) b({})[1s]');
    await editor(page).press('Control+Enter');
    await page.locator('#cancel').press('Enter');
    assert.match(await ended(page), /^Cancelled after /);
    assert.match((await announced(page)) ?? '', /^Cancelled after /);
    await page.locator('#run').press('Enter');
    await page.locator('#cancel:enabled').waitFor();
    assert.match(await ask(page, 1), /^45 correlations/);
    assert.equal(await page.locator('#count-found').textContent(), '45');
  }));

test('a source is named and taken away, and the focus goes on', () =>
  pages.open(async (page) => {
    await ask(page, 0);
    const names = page.locator('.source input');
    await names.nth(0).fill('app');
    await page.keyboard.press('Enter');
    await page.getByText('There is a source app already.').waitFor();
    assert.equal(await names.nth(0).getAttribute('aria-invalid'), 'true');
    await names.nth(0).fill('front');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Remove front' }).waitFor();
    await write(page, 'front({}) unless on(request_id) app({})');
    await editor(page).press('Control+Enter');
    await page
      .getByText(/^45 correlations/)
      .first()
      .waitFor();
    await page.getByRole('button', { name: 'Remove front' }).press('Enter');
    assert.equal(
      await page.evaluate(() => (document.activeElement as HTMLInputElement).value),
      'app',
    );
    assert.equal(await names.count(), 2);
  }));

test('the filter says what it lets through', () =>
  pages.open(async (page) => {
    await ask(page, 1);
    await tabTo(page, '#filter');
    await page.keyboard.type('f48c78d4d948');
    await page.locator('#announcer').getByText('1 of 45 shown').waitFor();
  }));

test('the query is completed with the labels of the files', () =>
  pages.open(async (page) => {
    await ask(page, 1);
    for (const source of await page.locator('.source').all()) {
      await source
        .getByText(/labels$/)
        .first()
        .waitFor();
    }
    await editor(page).press('Control+A');
    await page.keyboard.type('edge({upstr');
    await page.getByRole('option', { name: 'upstream_status' }).click();
    assert.equal(await editor(page).innerText(), 'edge({upstream_status})');
  }));

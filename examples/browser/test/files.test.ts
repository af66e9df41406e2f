// Files come in by dropping and by picking, get names that queries can use, and are looked into.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import type { Page } from 'playwright-core';

import { Pages, addFile, ask, rows, run } from './page.js';

const pages = new Pages();

/** Drops files on the page, as a pointer does. */
async function drop(page: Page, files: Record<string, string>): Promise<void> {
  const data = await page.evaluateHandle((contents) => {
    const transfer = new DataTransfer();
    for (const [name, content] of Object.entries(contents)) {
      transfer.items.add(new File([content], name));
    }
    return transfer;
  }, files);
  await page.dispatchEvent('main', 'dragenter', { dataTransfer: data });
  await page.locator('.drop').waitFor();
  await page.dispatchEvent('main', 'dragover', { dataTransfer: data });
  await page.dispatchEvent('main', 'drop', { dataTransfer: data });
  await page.locator('.drop').waitFor({ state: 'hidden' });
}

const line = (second: number, k: string) => `{"time":"2026-01-01T00:00:0${second}Z","k":"${k}"}\n`;

test('files that are dropped are sources at once', () =>
  pages.open(async (page) => {
    await drop(page, {
      'api-gateway.2026-01-01.log.1': line(0, 'x') + line(1, 'y'),
      'Billing Service.ndjson': line(2, 'x'),
    });
    assert.match(
      await run(page, 'api_gateway({}) and on(k) billing_service({})'),
      /^1 correlation,/,
    );
    assert.match(await rows(page).first().innerText(), /k=x/);
    assert.equal(
      await page.locator('#announcer').textContent(),
      await page.locator('#status').textContent(),
    );
  }));

test('names are made of the names of files, and never clash or break a query', () =>
  pages.open(async (page) => {
    const names: [file: string, name: string][] = [
      ['app.log', 'app'],
      ['app.json', 'app_2'],
      ['app.log.3', 'app_3'],
      ['nginx-error-2026-11-20T21-20-09.log', 'nginx_error'],
      ['and.log', 'log_and'],
      ['2026-01-01.log', 'log_2026_01_01'],
      ['日本語.log', 'log'],
      ['20.txt', 'log_20'],
    ];
    for (const [file, name] of names) {
      await addFile(page, file, line(0, file));
      const input = page.locator('.source input').last();
      assert.equal(await input.inputValue(), name, file);
    }
  }));

test('a file is added once, and again after it was removed', () =>
  pages.open(async (page) => {
    await ask(page, 1);
    await page.getByRole('button', { name: 'Remove edge' }).click();
    assert.equal(await page.locator('.source').count(), 2);
    await ask(page, 1);
    assert.equal(await page.locator('.source').count(), 3);
  }));

test('what is wrong with a file is told on its card', () =>
  pages.open(async (page) => {
    await addFile(page, 'picture.log', '\u0000\u0001\u0002 nothing that has a time');
    await page.getByText('No events: no line has a time that could be read.').waitFor();
    await addFile(page, 'half.log', `${line(0, 'x')}not JSON\n${line(1, 'y')}`);
    await page.getByText(/1 bad line, the first is line 2: /).waitFor();
    await addFile(page, 'empty.log', '');
    assert.equal(await page.locator('.source').count(), 3);
  }));

test('a source that runs backwards, and late events, are told', () =>
  pages.open(async (page) => {
    const seconds = Array.from({ length: 20_000 }, (_, at) => 20_000 - at);
    const backwards = seconds.map(
      (second) => `{"time":${Date.UTC(2026, 0, 1) + second * 1000},"k":"${second}"}\n`,
    );
    await addFile(page, 'backwards.log', backwards.join(''));
    await addFile(page, 'other.log', line(0, '1'));
    await run(page, 'other({}) and on(k) backwards({})');
    await page.locator('#problem-count').click();
    await page.getByText(/it may be in reverse order/).waitFor();
    await page.getByText(/backwards: [\d,]+ late events, the first/).waitFor();
    assert.notEqual(await page.locator('#count-late').textContent(), '0');
  }));

test('a file that has gone is told with its source', () =>
  pages.open(async (page) => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'logbraid-page-'));
    const files = ['left.log', 'right.log'].map((name) => path.join(folder, name));
    for (const file of files) writeFileSync(file, line(0, 'x'));
    await page.locator('#files').setInputFiles(files);
    assert.match(await run(page, 'left({}) and on(k) right({})'), /^1 correlation,/);
    rmSync(folder, { recursive: true });
    assert.match(
      await run(page, 'left({}) and on(k) right({})'),
      /^Failed: 0 correlations before that/,
    );
    await page
      .locator('#failure')
      .getByText(/the source left failed: .* add it again\./)
      .waitFor();
  }));

// What the tests of the page share: the page, served as `cargo xtask demo --browser` does, in a browser.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';

import type { Browser, BrowserContextOptions, Page } from 'playwright-core';

/** From the folder of the compiled tests. */
const root = new URL('../../', import.meta.url);

/** Starts the Chromium of the machine. */
const { launch } = (await import(new URL('../../npm/build/chromium.js', root).href)) as {
  launch: () => Promise<Browser>;
};

/** A file of the examples. */
export function example(path: string): string {
  return fileURLToPath(new URL(`../${path}`, root));
}

/** A browser and the page's server, for the tests of a file. */
export class Pages {
  #browser: Browser | undefined;
  address = '';
  #stop: (() => Promise<unknown>) | undefined;

  constructor() {
    before(async () => {
      this.#browser = await launch();
      await this.#serve();
    });
    after(async () => {
      await this.#browser?.close();
      await this.#stop?.();
    });
  }

  /**
   * Opens the page, hands it to the test, and holds it to have made no mistake and asked nobody else; the browser
   * may say what is `expected`.
   */
  async open(
    use: (page: Page) => Promise<void>,
    options: BrowserContextOptions = {},
    expected?: RegExp,
  ): Promise<void> {
    assert.ok(this.#browser, 'the browser has started');
    const context = await this.#browser.newContext({
      viewport: { width: 1280, height: 800 },
      reducedMotion: 'reduce',
      ...options,
    });
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    const wrong: string[] = [];
    page.on('pageerror', (error) => wrong.push(String(error)));
    page.on('console', (message) => {
      if (!expected?.test(message.text())) wrong.push(`${message.type()}: ${message.text()}`);
    });
    page.on('request', (request) => {
      const url = request.url();
      if (!url.startsWith(this.address) && !url.startsWith('blob:')) wrong.push(url);
    });
    await page.goto(this.address);
    await page.waitForSelector('body.is-ready');
    await use(page);
    await context.close();
    assert.deepEqual(wrong, []);
  }

  get browser(): Browser {
    assert.ok(this.#browser, 'the browser has started');
    return this.#browser;
  }

  async #serve(): Promise<void> {
    const script = fileURLToPath(new URL('serve.mjs', root));
    const server = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#stop = () => {
      const ended = once(server, 'exit');
      server.kill();
      return ended;
    };
    for await (const line of createInterface(server.stdout)) {
      const [, address] = /(http:\S+)/.exec(line) ?? [];
      assert.ok(address, `the server says where it is, not: ${line}`);
      this.address = address;
      break;
    }
  }
}

/** Waits for the query that runs, and gives what the page says of its end. */
export async function ended(page: Page): Promise<string> {
  await page.waitForSelector('#run:enabled');
  const status = page.locator('#status');
  await status.filter({ hasText: /correlation/ }).waitFor();
  return (await status.textContent()) ?? '';
}

/** Adds the shop's logs and runs one of its questions. */
export async function ask(page: Page, question: number): Promise<string> {
  await page.getByRole('button', { name: 'Examples…' }).click();
  await page.locator('#examples button').nth(question).click();
  return ended(page);
}

/** Adds a file of this content. */
export async function addFile(page: Page, name: string, content: string): Promise<void> {
  await page
    .locator('#files')
    .setInputFiles({ name, mimeType: 'text/plain', buffer: Buffer.from(content) });
}

/** Where the query is written. */
export function editor(page: Page) {
  return page.getByRole('textbox', { name: 'Query' });
}

/** Writes a query in the place of the one that is there. */
export async function write(page: Page, query: string): Promise<void> {
  await editor(page).press('Control+A');
  await page.keyboard.insertText(query);
}

/** Writes a query, and runs it. */
export async function run(page: Page, query: string): Promise<string> {
  await write(page, query);
  await page.locator('#run').click();
  return ended(page);
}

/** The rows of the list that are in the page. */
export function rows(page: Page) {
  return page.locator('#results [role=option]');
}

// Pages in a real browser, and a server of files for them.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';

import type { Browser, ConsoleMessage } from 'playwright-core';

/** Starts the Chromium of the machine. */
export const { launch } = (await import(
  new URL('../../../../build/chromium.js', import.meta.url).href
)) as { launch: (args?: string[]) => Promise<Browser> };

/** How long a page that prints less than expected is waited for, in milliseconds. */
const PATIENCE = 60_000;

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.wasm': 'application/wasm',
};

/** A server of the files of a folder. */
export interface FileServer {
  url: string;
  close(): void;
}

/** Serves a folder, with these headers, and types of files by the ends of their names. */
export async function serve(
  folder: string,
  headers: Record<string, string> = {},
  types: Record<string, string> = {},
): Promise<FileServer> {
  const known: Record<string, string> = { ...TYPES, ...types };
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '', 'http://localhost');
    const type = known[path.extname(pathname)] ?? 'application/octet-stream';
    readFile(path.join(folder, pathname)).then(
      (file) => response.writeHead(200, { ...headers, 'content-type': type }).end(file),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => {
    server.listen(0, 'localhost', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://localhost:${port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/**
 * Opens a page, and returns the lines that it and its Workers print, once there are so many of them. Fails
 * where anything is wrong: a warning or an error on its console, which tells of what the Content-Security-Policy
 * forbids too, an error that nobody catches, a request that fails.
 */
export async function visit(browser: Browser, url: string, count: number): Promise<string[]> {
  const page = await browser.newPage();
  const lines: string[] = [];
  let wait: NodeJS.Timeout | undefined;
  try {
    return await new Promise<string[]>((resolve, reject) => {
      const fail = (what: string) => {
        reject(new Error([`${url}: ${what}`, ...lines].join('\n')));
      };
      page.on('console', (message) => {
        const harmless = ['debug', 'info', 'log'].includes(message.type());
        if (!harmless) fail(`${message.type()}: ${message.text()}`);
        if (message.type() === 'log') lines.push(lineOf(message));
        if (lines.length === count) resolve(lines);
      });
      page.on('pageerror', (error) => {
        fail(`${error.name}: ${error.message}`);
      });
      page.on('requestfailed', (request) => {
        fail(`${request.url()}: ${request.failure()?.errorText ?? 'failed'}`);
      });
      page.on('response', (response) => {
        if (response.status() >= 400) fail(`${response.url()}: ${response.status()}`);
      });
      wait = setTimeout(() => {
        fail('it prints no more than');
      }, PATIENCE);
      page.goto(url).catch(reject);
    });
  } finally {
    clearTimeout(wait);
    await page.close();
  }
}

function lineOf(message: ConsoleMessage): string {
  return `${message.worker() ? 'Worker' : 'page'}: ${message.text()}`;
}

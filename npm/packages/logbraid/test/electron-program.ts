// What a program has of Electron in all: main, windows that are pages of Chromium, and utility processes that are threads.
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { MessageChannel, Worker } from 'node:worker_threads';

import type { Browser, Page } from 'playwright-core';

import type { MainPort } from 'logbraid/electron/main';

import { NodeChannel, NodePort } from './electron-process.js';
import { NodeIpc, openPage } from './electron-window.js';

/** What the program shows, and where Chromium has it: it knows no scheme of a program. */
const [APP, HOST] = ['app://logs', 'http://logs.test'];

const TYPES: Record<string, string> = {
  '.css': 'text/css',
  '.html': 'text/html',
  '.js': 'text/javascript',
};

/** A process of `utilityProcess`: a thread. */
export class Utility extends EventEmitter {
  readonly posted: unknown[] = [];
  readonly #port: NodePort;
  readonly #thread: Worker;

  constructor(script: string) {
    super();
    const { port1, port2 } = new MessageChannel();
    this.#port = new NodePort(port1);
    const run = `
      import { workerData } from 'node:worker_threads';
      import { NodePort } from '${new URL('electron-process.js', import.meta.url).href}';
      process.parentPort = new NodePort(workerData.port);
      await import(workerData.script);
      process.parentPort.start();`;
    this.#thread = new Worker(new URL(`data:text/javascript,${encodeURIComponent(run)}`), {
      workerData: { port: port2, script: pathToFileURL(script).href },
      transferList: [port2],
    });
    this.#thread.on('exit', (code) => this.emit('exit', code));
  }

  postMessage(message: unknown, transfer?: MainPort[]): void {
    this.posted.push(message);
    this.#port.postMessage(message, transfer);
  }

  async kill(): Promise<void> {
    await this.#thread.terminate();
  }
}

/** What `electron` exports, as far as the program uses it, and what has become of it. */
export class Program {
  readonly processes: Utility[] = [];
  readonly windows: ProgramWindow[] = [];
  readonly ipcMain = new NodeIpc();
  readonly MessageChannelMain = NodeChannel;
  readonly app = Object.assign(new EventEmitter(), {
    whenReady: () => Promise.resolve(),
    quit: () => undefined,
  });
  readonly utilityProcess = {
    fork: (script: string) => {
      const made = new Utility(script);
      this.processes.push(made);
      return made;
    },
  };
  readonly net = {
    fetch: async (url: string) => {
      const type = TYPES[path.extname(url)] ?? 'application/octet-stream';
      return new Response(await readFile(new URL(url)), { headers: { 'content-type': type } });
    },
  };
  answer: (request: Request) => Promise<Response> = () => Promise.reject(new Error('not yet'));
  readonly protocol = {
    registerSchemesAsPrivileged: () => undefined,
    handle: (scheme: string, answer: (request: Request) => Promise<Response>) => {
      assert.equal(scheme, 'app');
      this.answer = answer;
    },
  };
  readonly BrowserWindow: new (options: WindowOptions) => ProgramWindow;

  constructor(browser: Browser) {
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- a class that is made within another
    const program = this;
    this.BrowserWindow = class extends ProgramWindow {
      constructor(options: WindowOptions) {
        super(options, browser, program);
        program.windows.push(this);
      }
    };
  }
}

interface WindowOptions {
  webPreferences: { preload: string; contextIsolation: boolean; sandbox: boolean };
}

/** A `BrowserWindow`. */
export class ProgramWindow extends EventEmitter {
  readonly webContents = Object.assign(new EventEmitter(), {
    id: 1,
    setWindowOpenHandler: () => undefined,
  });
  readonly #browser: Browser;
  readonly #program: Program;
  #page: Promise<Page> | undefined;
  /** Told what its page prints. */
  onConsole: (text: string) => void = () => undefined;

  constructor({ webPreferences }: WindowOptions, browser: Browser, program: Program) {
    super();
    const { preload, ...isolation } = webPreferences;
    assert.deepEqual(isolation, { contextIsolation: true, sandbox: true });
    assert.equal(preload, createRequire(import.meta.url).resolve('logbraid/electron/preload'));
    this.#browser = browser;
    this.#program = program;
  }

  /** What it shows. */
  get page(): Promise<Page> {
    assert.ok(this.#page);
    return this.#page;
  }

  loadURL(url: string): Promise<void> {
    this.#page = this.#show(url);
    return this.#page.then(() => undefined);
  }

  destroy(): void {
    this.#page = undefined;
  }

  isDestroyed(): boolean {
    return this.#page === undefined;
  }

  /** Ends its renderer as Electron would tell of it. */
  async crash(reason: string): Promise<void> {
    const page = await this.page;
    const crashed = page.waitForEvent('crash');
    page.goto('chrome://crash').catch(() => undefined);
    await crashed;
    this.webContents.emit('render-process-gone', {}, { reason });
  }

  async #show(url: string): Promise<Page> {
    const seen = (shown: string) => shown.replace(HOST, APP);
    const page = await openPage(this.#browser, this.#program.ipcMain, { webContents: 1, seen });
    await page.route(`${HOST}/**`, async (route) => {
      const response = await this.#program.answer(new Request(seen(route.request().url())));
      const { status, headers } = response;
      const body = Buffer.from(await response.arrayBuffer());
      await route.fulfill({ status, headers: Object.fromEntries(headers), body });
    });
    page.on('console', (message) => {
      this.onConsole(message.text());
    });
    await page.goto(url.replace(APP, HOST));
    return page;
  }
}

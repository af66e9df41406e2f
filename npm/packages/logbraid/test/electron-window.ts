// Windows of an Electron program, made of what there is without Electron: a page of Chromium, which runs the preload
// script before its own, and what is between that and main. The page's end of a port is a port of the page; what
// passes it goes through the bindings of the browser.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import type { Browser, Page } from 'playwright-core';

import type { ConnectEvent, Frame, IpcMain, MainPort } from 'logbraid/electron/main';

const PRELOAD = readFileSync(
  createRequire(import.meta.url).resolve('logbraid/electron/preload'),
  'utf8',
);

type Handler = (event: ConnectEvent, ...args: unknown[]) => unknown;

/** `ipcMain`. */
export class NodeIpc implements IpcMain {
  readonly #handlers = new Map<string, Handler>();

  handle(channel: string, listener: Handler): void {
    if (this.#handlers.has(channel)) throw new Error(`a second handler for '${channel}'`);
    this.#handlers.set(channel, listener);
  }

  removeHandler(channel: string): void {
    this.#handlers.delete(channel);
  }

  /** As Electron tells errors of a handler. */
  async invoke(event: ConnectEvent, channel: string, args: unknown[]): Promise<unknown> {
    const handler = this.#handlers.get(channel);
    if (!handler) throw new Error(`No handler registered for '${channel}'`);
    try {
      return await handler(event, ...args);
    } catch (error) {
      const message = `Error invoking remote method '${channel}': ${String(error)}`;
      throw new Error(message, { cause: error });
    }
  }
}

/** What runs in the page before anything else: gives a preload script its `require`. */
function sandbox(): (name: string) => unknown {
  const scope = globalThis as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
  const { electronInvoke, electronSend } = scope;
  const heard = new Map<string, (event: { ports: MessagePort[] }, ...args: unknown[]) => void>();
  const ports = new Map<number, MessagePort>();
  Object.assign(globalThis, {
    electronPost(channel: string, message: unknown, port: number) {
      const { port1, port2 } = new MessageChannel();
      ports.set(port, port1);
      port1.onmessage = ({ data }) => void electronSend?.(port, data);
      heard.get(channel)?.({ ports: [port2] }, message);
    },
    electronReceive(port: number, data: unknown) {
      ports.get(port)?.postMessage(data);
    },
    electronClose(port: number) {
      ports.get(port)?.close();
    },
  });
  const electron = {
    contextBridge: {
      exposeInMainWorld(name: string, api: object) {
        Object.defineProperty(globalThis, name, { value: Object.freeze(api) });
      },
    },
    ipcRenderer: {
      invoke: (channel: string, ...args: unknown[]) => electronInvoke?.(channel, args),
      on: heard.set.bind(heard),
    },
  };
  return (name) => {
    if (name !== 'electron') throw new Error(`module not found: ${name}`);
    return electron;
  };
}

let windows = 0;

/** What a window is made of, where it matters. */
interface PageSetup {
  /** The id of its `webContents`. Default: another for each. */
  webContents?: number;
  /** The URL that main sees, for one of the page. Default: the same. */
  seen?: (url: string) => string;
}

/** Opens a window of an Electron program: its page is not shown yet. */
export async function openPage(
  browser: Browser,
  ipcMain: NodeIpc,
  { webContents = ++windows, seen = (url) => url }: PageSetup = {},
): Promise<Page> {
  const page = await browser.newPage();
  const ports = new Map<number, MainPort>();
  let last = 0;
  /** Calls what the sandbox has put into the page. */
  const tell = (name: string, ...args: unknown[]) => {
    // A window that is gone hears nothing.
    page
      .evaluate(
        ([name, args]) => {
          const scope = globalThis as unknown as Record<string, (...args: unknown[]) => void>;
          scope[name]?.(...args);
        },
        [name, args] as const,
      )
      .catch(() => undefined);
  };
  const frame: Frame = {
    frameTreeNodeId: webContents,
    parent: null,
    get url() {
      return seen(page.url());
    },
    get origin() {
      const { protocol, host } = new URL(this.url);
      return `${protocol}//${host}`;
    },
    postMessage(channel, message, [port] = []) {
      last += 1;
      const number = last;
      tell('electronPost', channel, message, number);
      if (!port) return;
      ports.set(number, port);
      port.on('message', ({ data }) => {
        tell('electronReceive', number, data);
      });
      port.on('close', () => {
        tell('electronClose', number);
      });
      port.start();
    },
  };
  const leave = () => {
    for (const port of ports.values()) port.close();
    ports.clear();
  };
  // As Electron does where a document or its process ends.
  page.on('framenavigated', leave);
  page.on('crash', leave);
  page.on('close', leave);
  await page.exposeFunction('electronInvoke', (channel: string, args: unknown[]) =>
    ipcMain.invoke({ sender: { id: webContents }, senderFrame: frame }, channel, args),
  );
  await page.exposeFunction('electronSend', (port: number, data: unknown) => {
    ports.get(port)?.postMessage(data);
  });
  const content = `(function (require) {\n${PRELOAD}\n})((${String(sandbox)})());`;
  await page.addInitScript({ content });
  return page;
}

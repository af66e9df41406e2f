// The page of a window in a real browser: the preload script hands it the port of an engine and nothing else, and
// closing, leaving or losing the page ends what the engine did for it.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';

import { connectWindows, serveWindows } from 'logbraid/electron/main';
import type { ConnectEvent, ConnectOptions, Frame, ServeOptions } from 'logbraid/electron/main';
import type { connectEngine } from 'logbraid/electron/renderer';

import { launch, serve } from './browser.js';
import type { FileServer } from './browser.js';
import { NodeChannel } from './electron-process.js';
import { QUERY, Silent, events } from './electron-scene.js';
import { NodeIpc, openPage } from './electron-window.js';

const WEB = fileURLToPath(new URL('../../dist/web', import.meta.url));

/** Nothing is compiled in a page whose engine is elsewhere. */
const POLICY = "default-src 'self'";

const folder = mkdtempSync(path.join(tmpdir(), 'logbraid-electron-'));

let browser: Browser;
let files: FileServer;
before(async () => {
  symlinkSync(WEB, path.join(folder, 'web'));
  writeFileSync(path.join(folder, 'index.html'), '<!doctype html><title>window</title>');
  writeFileSync(
    path.join(folder, 'framed.html'),
    '<!doctype html><iframe src="index.html"></iframe>',
  );
  writeFileSync(
    path.join(folder, 'classic.html'),
    '<!doctype html><script src="bundle.js"></script>',
  );
  // That ports tell when they are closed, Electron adds to its pages.
  browser = await launch(['--enable-blink-features=MessagePortCloseEvent']);
  files = await serve(folder, { 'content-security-policy': POLICY });
});
after(async () => {
  files.close();
  await browser.close();
  rmSync(folder, { recursive: true });
});

/** Main of a program, with its engines in the same process. */
function program(options: ServeOptions = {}, allow?: ConnectOptions['allow']) {
  const ipcMain = new NodeIpc();
  const sources = () => ({ a: events(300), b: events(300, 3) });
  const engine = serveWindows({ sources, ...options });
  const connection = connectWindows({ ipcMain, MessageChannelMain: NodeChannel, engine, allow });
  return { ipcMain, engine, connection };
}

/** A window that shows a page of the program. */
async function show(ipcMain: NodeIpc, url = `${files.url}/index.html`): Promise<Page> {
  const page = await openPage(browser, ipcMain);
  await page.goto(url);
  return page;
}

/** Has a page connect, as `engine` of its window. */
async function connect(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const module = '/web/electron-renderer.js';
    const renderer = (await import(module)) as { connectEngine: typeof connectEngine };
    Object.assign(globalThis, { engine: await renderer.connectEngine() });
  });
}

/** Has a page that is connected run a query; gives how many correlations it finds whose events have their key. */
async function count(page: Page): Promise<number> {
  return page.evaluate(async (query) => {
    const { engine } = globalThis as unknown as {
      engine: Awaited<ReturnType<typeof connectEngine>>;
    };
    const found = await engine.run(query);
    return found.filter(({ joinValue, events }) =>
      events.every(({ labels }) => labels['k'] === joinValue),
    ).length;
  }, QUERY);
}

/** Has a page begin a query whose end it keeps. */
async function begin(page: Page): Promise<void> {
  await page.evaluate((query) => {
    const scope = globalThis as unknown as {
      engine: Awaited<ReturnType<typeof connectEngine>>;
      abort: AbortController;
      ended: Promise<string>;
    };
    scope.abort = new AbortController();
    scope.ended = scope.engine
      .run(query, { signal: scope.abort.signal })
      .then(String, (error: unknown) => String(error));
  }, QUERY);
}

test('a page has one function, and an engine by it', async () => {
  const { ipcMain, engine } = program();
  const page = await show(ipcMain);
  const seen = await page.evaluate(() => {
    const { logbraid } = globalThis as unknown as { logbraid: object };
    return Object.entries(logbraid).map(([name, value]) => `${name}: ${typeof value}`);
  });
  assert.deepEqual(seen, ['connect: function']);
  await connect(page);
  assert.equal(await count(page), 300);
  await page.close();
  await engine.close();
});

test('a Blob of a page is read in the page', async () => {
  const { ipcMain, engine } = program({ sources: () => ({ b: events(1) }) });
  const page = await show(ipcMain);
  await connect(page);
  await page.evaluate(() => {
    const line = '{"time":"2026-01-01T00:00:00Z","k":"k0"}\n';
    const { engine } = globalThis as unknown as {
      engine: Awaited<ReturnType<typeof connectEngine>>;
    };
    engine.addAdapter('a', new Blob([line]));
  });
  assert.equal(await count(page), 1);
  await page.close();
  await engine.close();
});

test('a page that asks twice at once has the engine that it was given last', async () => {
  const { ipcMain, engine } = program();
  const page = await show(ipcMain);
  const told = await page.evaluate(async (query) => {
    const module = '/web/electron-renderer.js';
    const renderer = (await import(module)) as { connectEngine: typeof connectEngine };
    const engines = await Promise.all([renderer.connectEngine(), renderer.connectEngine()]);
    const count = ({ length }: unknown[]) => String(length);
    const code = (error: { code: string }) => error.code;
    return Promise.all(engines.map((one) => one.run(query).then(count, code)));
  }, QUERY);
  assert.deepEqual(told, ['BACKEND_UNAVAILABLE', '300']);
  assert.equal(engine.size, 1);
  await page.close();
  await engine.close();
});

test('a page opened from the disk has an engine, too', async () => {
  const { ipcMain, engine } = program();
  await build({
    stdin: {
      contents: `
        import { connectEngine } from './electron-renderer.js';
        globalThis.connecting = connectEngine().then((engine) => (globalThis.engine = engine));`,
      resolveDir: WEB,
    },
    bundle: true,
    outfile: path.join(folder, 'bundle.js'),
  });
  const page = await show(ipcMain, pathToFileURL(path.join(folder, 'classic.html')).href);
  await page.evaluate(async () => {
    await (globalThis as unknown as { connecting: Promise<unknown> }).connecting;
  });
  assert.equal(await count(page), 300);
  await page.close();
  await engine.close();
});

test('a window that may have no engine is told so, and so is one without the preload script', async () => {
  const asked: string[] = [];
  const { ipcMain, engine, connection } = program({}, ({ senderFrame }) => {
    asked.push(senderFrame.origin);
    return false;
  });
  const page = await show(ipcMain);
  await assert.rejects(
    connect(page),
    /main gives this page no engine: .*this frame may not have an/,
  );
  assert.deepEqual(asked, [files.url]);
  connection.close();
  await assert.rejects(connect(page), /main gives this page no engine: .*No handler registered/);
  assert.equal(engine.size, 0);
  const plain = await browser.newPage();
  await plain.goto(`${files.url}/index.html`);
  await assert.rejects(
    connect(plain),
    /name logbraid\/electron\/preload as webPreferences\.preload/,
  );
  await Promise.all([page.close(), plain.close()]);
});

test('what another frame posts is not taken for the port', async () => {
  const { ipcMain, engine } = program();
  const page = await show(ipcMain, `${files.url}/framed.html`);
  await page.evaluate(() => {
    crypto.getRandomValues = <T>(array: T) => (array as unknown as Uint32Array).fill(1) as T;
  });
  const forged = page.frames()[1]?.evaluate(() => {
    const send = () => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => Object.assign(globalThis, { taken: true });
      parent.postMessage({ type: 'logbraid:port', id: '1-1-1-1' }, '*', [port2]);
    };
    setInterval(send, 1);
    send();
  });
  await forged;
  await connect(page);
  assert.equal(await count(page), 300);
  const taken = await page.frames()[1]?.evaluate(() => 'taken' in globalThis);
  assert.equal(taken, false);
  await page.close();
  await engine.close();
});

const ENDS: [how: string, end: (page: Page) => Promise<unknown>][] = [
  ['its window closes', (page) => page.close()],
  ['its page reloads', (page) => page.reload()],
  ['its renderer crashes', (page) => page.goto('chrome://crash').catch(() => undefined)],
];

for (const [how, end] of ENDS) {
  test(`a query ends when ${how}, and those of other windows go on`, async () => {
    const silent = [new Silent(), new Silent()];
    const { ipcMain, engine } = program(
      {
        sources: ({ webContents, data }) => {
          assert.equal(data, 'known');
          const source = silent[webContents % 2];
          assert.ok(source);
          return { a: source, b: [] };
        },
      },
      () => ({ data: 'known' }),
    );
    const pages = [await show(ipcMain), await show(ipcMain)];
    for (const page of pages) {
      await connect(page);
      await begin(page);
    }
    await Promise.all(silent.map(({ opened }) => opened));
    const [page, other] = pages as [Page, Page];
    const [first, second] = silent as [Silent, Silent];
    const left = Promise.race([first.left.then(() => second), second.left.then(() => first)]);
    await end(page);
    const remaining = await left;
    assert.equal(engine.size, 1);
    await other.evaluate(() => {
      (globalThis as unknown as { abort: AbortController }).abort.abort(new Error('enough'));
    });
    await remaining.left;
    const ended = () => (globalThis as unknown as { ended: Promise<string> }).ended;
    assert.equal(await other.evaluate(ended), 'Error: enough');
    await Promise.all(pages.map((one) => one.close()));
    await engine.close();
  });
}

test('a page is told when the process of its engine ends', async () => {
  const silent = new Silent();
  const { ipcMain, engine } = program({ sources: () => ({ a: silent, b: [] }) });
  const page = await show(ipcMain);
  await connect(page);
  await begin(page);
  await silent.opened;
  await engine.close();
  const ended = await page.evaluate(
    () => (globalThis as unknown as { ended: Promise<string> }).ended,
  );
  assert.match(ended, /^BackendUnavailableError: the process of the engine has ended/);
  await page.close();
});

test('only the main frame of a window is answered, and only a request that is one', async () => {
  const { ipcMain, engine } = program();
  const frame: Frame = {
    frameTreeNodeId: 1,
    parent: null,
    url: 'app://page/',
    origin: 'app://page',
    postMessage: (_channel, _message, [port] = []) => port?.close(),
  };
  const ask = (senderFrame: Frame | null, ...args: unknown[]) => {
    const event: ConnectEvent = { sender: { id: 1 }, senderFrame };
    return ipcMain.invoke(event, 'logbraid:connect', args);
  };
  for (const [senderFrame, id] of [
    [null, 'x'],
    [{ ...frame, parent: frame }, 'x'],
    [frame, undefined],
    [frame, 'x'.repeat(65)],
    [frame, { toString: () => 'x' }],
  ] as const) {
    await assert.rejects(ask(senderFrame, id), /this frame may not have an engine/);
  }
  assert.equal(engine.size, 0);
  await ask(frame, 'x');
  await engine.close();
});

test('main hands windows to a utility process, with what it allows them', async () => {
  const posted: unknown[] = [];
  const ipcMain = new NodeIpc();
  connectWindows({
    ipcMain,
    MessageChannelMain: NodeChannel,
    engine: {
      postMessage: (message, [port] = []) => {
        posted.push(message);
        port?.close();
      },
    },
    allow: ({ senderFrame }) =>
      senderFrame.origin === files.url && { maxMemoryMB: 20, data: 'shop' },
  });
  const page = await show(ipcMain);
  await connect(page);
  const url = `${files.url}/index.html`;
  const [{ type, window }] = posted as [{ type: string; window: Record<string, unknown> }];
  const { frame, webContents, ...others } = window;
  assert.equal(type, 'logbraid:connect');
  assert.deepEqual([typeof frame, typeof webContents], ['number', 'number']);
  assert.deepEqual(others, { url, maxMemoryMB: 20, data: 'shop' });
  await page.close();
});

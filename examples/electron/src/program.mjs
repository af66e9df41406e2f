// Main: shows windows, runs the process of their engines, and gives each window a port to its own.
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { connectWindows } from 'logbraid/electron/main';

import { FIRST, limitsAfter } from './memory.mjs';

/** All that windows show, and all that may have an engine. */
const ORIGIN = 'app://logs';

const FOLDER = fileURLToPath(new URL('../dist/', import.meta.url));
const ENGINE = fileURLToPath(new URL('engine.mjs', import.meta.url));
const PRELOAD = fileURLToPath(import.meta.resolve('logbraid/electron/preload'));

/** No WebAssembly is needed, since nothing is joined in the page. */
const POLICY =
  "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'";

/** The process of engines is started again so many times. */
const RESTARTS = 5;

/** Starts the program, with what `electron` exports. */
export function start(electron) {
  const { app, BrowserWindow, protocol } = electron;
  const privileges = { standard: true, secure: true, supportFetchAPI: true };
  protocol.registerSchemesAsPrivileged([{ scheme: 'app', privileges }]);
  /** By the id of its webContents, what a window may keep. */
  const limits = new Map();

  const openWindow = () => {
    const window = new BrowserWindow({
      width: 1000,
      height: 700,
      webPreferences: { preload: PRELOAD, contextIsolation: true, sandbox: true },
    });
    const { webContents } = window;
    const { id } = webContents;
    const show = (allowed) => {
      limits.set(id, allowed);
      void window.loadURL(`${ORIGIN}/index.html?kept=${allowed.kept}`);
    };
    webContents.setWindowOpenHandler(() => ({ action: 'deny' }));
    webContents.on('will-navigate', (event) => event.preventDefault());
    webContents.on('render-process-gone', (event, { reason }) => {
      const next = limitsAfter(reason, limits.get(id));
      if (next) show(next);
      else window.destroy();
    });
    window.on('closed', () => limits.delete(id));
    show(FIRST);
  };

  void app.whenReady().then(() => {
    protocol.handle('app', (request) => answer(electron, request));
    runEngines(electron, limits, RESTARTS);
    openWindow();
  });
  app.on('window-all-closed', () => app.quit());
}

/** Runs the process of engines, and another when it ends: pages notice, and ask again. */
function runEngines(electron, limits, restarts) {
  const { MessageChannelMain, ipcMain, utilityProcess } = electron;
  const engine = utilityProcess.fork(ENGINE, [], { serviceName: 'logbraid' });
  const connection = connectWindows({
    ipcMain,
    MessageChannelMain,
    engine,
    allow: ({ sender, senderFrame: { parent, origin } }) => {
      const allowed = parent === null && origin === ORIGIN && limits.get(sender.id);
      return allowed ? { maxMemoryMB: allowed.maxMemoryMB } : false;
    },
  });
  engine.once('exit', () => {
    connection.close();
    if (restarts > 0) runEngines(electron, limits, restarts - 1);
  });
}

/** A file of the page. */
async function answer({ net }, request) {
  const { host, pathname } = new URL(request.url);
  // A URL is normalized: no part of its path goes up.
  const file = path.join(FOLDER, pathname);
  if (`app://${host}` !== ORIGIN) return new Response('There is no such page.', { status: 404 });
  const { status, headers, body } = await net.fetch(pathToFileURL(file).href);
  const sent = new Headers(headers);
  sent.set('content-security-policy', POLICY);
  sent.set('x-content-type-options', 'nosniff');
  return new Response(body, { status, headers: sent });
}

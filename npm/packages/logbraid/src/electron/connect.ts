import { CONNECT, PORT } from './channels.js';
import type { ConnectMessage, WindowInfo } from './channels.js';
import type { ConnectEvent, EngineProcess, Frame, IpcMain, MainChannel } from './interfaces.js';
import { WindowServer } from './serve.js';

/** An id that a page gives its request is no longer. */
const ID_LENGTH = 64;

/** What a window is allowed, where it may have an engine. */
export interface Allowance {
  /** What the window may hold, in MiB, where that is less than `serveWindows` says. */
  maxMemoryMB?: number | undefined;
  /** What `sources` is to know of it, such as what is open in it: plain data. */
  data?: unknown;
}

/** What {@link connectWindows} is made of. */
export interface ConnectOptions {
  /** As `electron` exports it. */
  ipcMain: IpcMain;
  /** As `electron` exports it. */
  MessageChannelMain: MainChannel;
  /** Where engines run: what `utilityProcess.fork` gave, or what `serveWindows` gave in main. */
  engine: EngineProcess | WindowServer;
  /**
   * Whether a frame that asks may have an engine, and with what. Default: every main frame. A program whose
   * windows can navigate looks at `event.senderFrame.origin`, too.
   */
  allow?: ((event: ConnectEvent & { senderFrame: Frame }) => boolean | Allowance) | undefined;
}

/**
 * Answers windows that ask for an engine: each is handed a port, the other end of which goes to where engines run.
 * What it gives ends that; call it again with another `engine` when a utility process has ended.
 *
 * ```js
 * const engine = utilityProcess.fork(path.join(import.meta.dirname, 'engine.js'));
 * connectWindows({ ipcMain, MessageChannelMain, engine });
 * ```
 */
export function connectWindows(options: ConnectOptions): { close(): void } {
  const { ipcMain, MessageChannelMain, engine, allow = isMainFrame } = options;
  ipcMain.handle(CONNECT, (event, id) => {
    const { sender, senderFrame } = event;
    // Without one, it has gone meanwhile.
    if (!senderFrame || typeof id !== 'string' || id.length > ID_LENGTH) throw new Error(REFUSED);
    const allowed: unknown = allow({ sender, senderFrame });
    // Whatever its type says: a promise of an answer is none.
    if (!allowed || allowed instanceof Promise) throw new Error(REFUSED);
    const { maxMemoryMB, data }: Allowance = allowed;
    const window: WindowInfo = {
      frame: senderFrame.frameTreeNodeId,
      webContents: sender.id,
      url: senderFrame.url,
      maxMemoryMB,
      data,
    };
    const { port1, port2 } = new MessageChannelMain();
    if (engine instanceof WindowServer) {
      engine.connect(port1, window);
    } else {
      const message: ConnectMessage = { type: CONNECT, window };
      engine.postMessage(message, [port1]);
    }
    senderFrame.postMessage(PORT, id, [port2]);
  });
  return {
    close() {
      ipcMain.removeHandler(CONNECT);
    },
  };
}

const REFUSED = 'this frame may not have an engine';

function isMainFrame({ senderFrame }: { senderFrame: Frame }): boolean {
  return senderFrame.parent === null;
}

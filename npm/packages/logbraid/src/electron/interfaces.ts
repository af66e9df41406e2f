// What these modules need of Electron, by its shape: a program hands in what it imports from `electron`.

/** A `MessagePortMain`. */
export interface MainPort {
  postMessage(message: unknown, transfer?: MainPort[]): void;
  on(event: 'message', listener: (event: MainMessage) => void): unknown;
  on(event: 'close', listener: () => void): unknown;
  start(): void;
  close(): void;
}

/** What comes over a {@link MainPort}. */
export interface MainMessage {
  data: unknown;
  ports: MainPort[];
}

/** The class `MessageChannelMain`. */
export type MainChannel = new () => { port1: MainPort; port2: MainPort };

/** A `WebFrameMain`: a frame of a window. */
export interface Frame {
  /** Stays the same while the frame navigates. */
  readonly frameTreeNodeId: number;
  /** `null` for the main frame of a window. */
  readonly parent: object | null;
  readonly url: string;
  readonly origin: string;
  postMessage(channel: string, message: unknown, transfer?: MainPort[]): void;
}

/** An `IpcMainInvokeEvent`. */
export interface ConnectEvent {
  readonly sender: { readonly id: number };
  /** `null` where the frame is gone. */
  readonly senderFrame: Frame | null;
}

/** `ipcMain`. */
export interface IpcMain {
  handle(channel: string, listener: (event: ConnectEvent, ...args: unknown[]) => unknown): void;
  removeHandler(channel: string): void;
}

/** What `utilityProcess.fork` gives. */
export interface EngineProcess {
  postMessage(message: unknown, transfer?: MainPort[]): void;
}

/** `process.parentPort` of a utility process. */
export interface ParentPort {
  on(event: 'message', listener: (event: MainMessage) => void): unknown;
}

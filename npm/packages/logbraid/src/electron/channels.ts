// What main, the preload script and the page call what passes between them.

/** A page asks main for an engine by this, and main tells the process of the engine of a window. */
export const CONNECT = 'logbraid:connect';

/** Main hands a port to the preload script by this, and that to the page. */
export const PORT = 'logbraid:port';

/** Under this name the preload script shows a page its {@link Bridge}. */
export const BRIDGE = 'logbraid';

/** All that a page sees of the preload script. */
export interface Bridge {
  /** Has a port posted to the page, with this id. Rejects where main refuses it. */
  connect(id: string): Promise<void>;
}

/** A window, as main describes it to the process of its engine. */
export interface WindowInfo {
  /** The frame that has asked; it has one engine at a time. */
  frame: number;
  /** The id of its `webContents`. */
  webContents: number;
  /** What it shows. */
  url: string;
  /** The least of this and what the engine's process allows. */
  maxMemoryMB: number | undefined;
  /** What `allow` says of it. */
  data: unknown;
}

/** What main tells the process of the engine, with a port. */
export interface ConnectMessage {
  type: typeof CONNECT;
  window: WindowInfo;
}

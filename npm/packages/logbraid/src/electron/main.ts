/**
 * Engines for the windows of an Electron program: for main, and for the utility process that runs them.
 *
 * @packageDocumentation
 */
export { connectWindows } from './connect.js';
export type { Allowance, ConnectOptions } from './connect.js';
export { serveWindows } from './serve.js';
export type { ServeOptions, Shed, WindowServer } from './serve.js';
export type { Sources } from './window.js';
export type { WindowInfo } from './channels.js';
export type { WindowLimits } from './limits.js';
export type { SystemMemory } from './memory.js';
export type {
  ConnectEvent,
  EngineProcess,
  Frame,
  IpcMain,
  MainChannel,
  MainMessage,
  MainPort,
  ParentPort,
} from './interfaces.js';

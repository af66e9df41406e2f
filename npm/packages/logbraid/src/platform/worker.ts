import type { Endpoint, Port } from '../remote/port.js';
import type { Reply, Request } from '../remote/messages.js';

/** What a Worker can be sent of a `WasmSource`: not a `Response`. */
export type SentSource = string | ArrayBuffer | ArrayBufferView | object;

/** What an engine needs of a `Worker`. */
export interface EngineWorker extends Endpoint {
  terminate(): void;
}

/** The Worker of an engine. */
export interface WorkerOptions {
  /**
   * Starts the Worker, which runs `logbraid/worker`; for browsers. Default: the one of this package, which
   * bundlers find. To be given with `logbraid/slim` and `logbraid/inline`.
   */
  worker?: (() => EngineWorker) | undefined;
  /** What its engine is made of, as for `load`, but no `Response`. Default: what the Worker finds beside it. */
  wasm?: SentSource | undefined;
}

/** How an engine in another thread is reached. */
export interface Connection {
  port: Port<Request, Reply>;
  /** What the other end loads, where it is not to find that out by itself. */
  wasm: SentSource | undefined;
  /** Whether the other end reads Blobs and the adapters of this package; where it does not, they are read here. */
  readsSources: boolean;
  /** Whether anything is going on: what waits for an answer keeps the process alive. */
  hold: (busy: boolean) => void;
  /** Calls back when the thread has failed. */
  failed: (tell: (error: Error) => void) => void;
  /** Ends the thread at once. */
  close: () => void;
}

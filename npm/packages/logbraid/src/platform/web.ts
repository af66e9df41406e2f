// What browsers and their Workers have: WebAssembly, which has to be loaded, and messages for turns.
import type { Backend, BackendKind } from '../backend.js';
import { BackendUnavailableError, OptionError } from '../errors.js';
import { portOf } from '../remote/port.js';
import type { WasmSource } from '../types.js';
import { compileModule } from './source.js';
import { wasmBackend } from './wasm.js';
import type { Connection, EngineWorker, WorkerOptions } from './worker.js';

export { openTransport } from './web-transport.js';

let backend: Backend | undefined;
let loading: Promise<void> | undefined;
let defaultSource: (() => WasmSource) | undefined;
let defaultWorker: (() => EngineWorker) | undefined;

/**
 * Says where the module is loaded from where `load` is not told. Where a page has several entries, by way of
 * other packages, a module that is in the script goes before one that is fetched.
 */
export function setDefaultSource(source: () => WasmSource, isInScript = false): void {
  if (isInScript || !defaultSource) defaultSource = source;
}

/** Says what Worker an engine gets where `createWorkerEngine` is not told. */
export function setDefaultWorker(worker: () => EngineWorker): void {
  defaultWorker = worker;
}

/** The engine, once it has been loaded. */
export function loadBackend(kind?: BackendKind): Backend {
  if (kind === 'native') {
    throw new BackendUnavailableError('there is no native addon outside of Node and Electron main');
  }
  if (!backend) {
    throw new BackendUnavailableError('the engine is not loaded yet: await load() first');
  }
  return backend;
}

/** Whether {@link loadBackend} gives an engine without {@link load}. */
export function isLoaded(): boolean {
  return backend !== undefined;
}

/** Loads the engine, once; see the documentation of Node's. A failed attempt can be repeated. */
export function load(source?: WasmSource): Promise<void> {
  if (source === undefined && loading) return loading;
  const attempt = start(source);
  loading = attempt;
  attempt.catch(() => {
    if (loading === attempt) loading = undefined;
  });
  return attempt;
}

async function start(source: WasmSource | undefined): Promise<void> {
  const from = source ?? defaultSource?.();
  if (from === undefined) {
    throw new BackendUnavailableError(
      'logbraid/slim comes without the wasm module: give it to load(), as a URL, a Response, bytes or a ' +
        'WebAssembly.Module',
    );
  }
  backend = wasmBackend(await compileModule(from));
}

let channel: MessageChannel | undefined;
const turns: (() => void)[] = [];

/** Calls back when the event loop has had a turn. Returns what calls it off. */
export function soon(turn: () => void): () => void {
  if (!channel) {
    channel = new MessageChannel();
    channel.port1.onmessage = () => {
      turns.shift()?.();
    };
  }
  let wanted = true;
  turns.push(() => {
    if (wanted) turn();
  });
  // Timers of pages in the background are slowed down; messages are not.
  channel.port2.postMessage(undefined);
  return () => {
    wanted = false;
  };
}

/** Calls back again and again. Returns what ends it. */
export function every(millis: number, tick: () => void): () => void {
  const timer = setInterval(tick, millis);
  return () => {
    clearInterval(timer);
  };
}

/** Starts the Worker of an engine. */
export function startWorker({ worker: given, wasm }: WorkerOptions): Connection {
  const start = given ?? defaultWorker;
  if (!start) {
    throw new OptionError(
      'worker must be given here: a function that starts a Worker which runs logbraid/worker',
      { details: { option: 'worker' } },
    );
  }
  const worker = start();
  return {
    port: portOf(worker),
    wasm: wasm instanceof URL ? wasm.href : wasm,
    readsSources: true,
    // Pages live as long as they are shown.
    hold: () => undefined,
    failed: (tell) => {
      worker.addEventListener('error', (event) => {
        const why = (event as ErrorEvent).message || 'its script cannot be loaded';
        tell(new BackendUnavailableError(`the Worker of the engine has failed: ${why}`));
      });
    },
    close: () => {
      worker.terminate();
    },
  };
}

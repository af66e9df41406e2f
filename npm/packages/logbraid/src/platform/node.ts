// What Node has: the native addon, turns of its event loop, and Workers.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { MessageChannel, Worker } from 'node:worker_threads';

import type { Backend, BackendKind } from '../backend.js';
import { BackendUnavailableError, InternalError } from '../errors.js';
import folder from './folder.cjs';
import { nativeBackend } from './native.js';
import { compileModule } from './source.js';
import type { WasmSource } from '../types.js';
import { portOf } from '../remote/port.js';
import { wasmBackend } from './wasm.js';
import type { Connection, WorkerOptions } from './worker.js';

let native: Backend | undefined;
let wasm: Backend | undefined;
/** What keeps the addon from being loaded. */
let broken: BackendUnavailableError | undefined;

/**
 * The engine of that kind. By default the native addon; where it is missing or broken, WebAssembly, with
 * one warning of the process.
 */
export function loadBackend(kind?: BackendKind): Backend {
  if (kind === 'wasm') return wasmOf();
  if (!native && !broken) {
    try {
      native = nativeBackend();
    } catch (cause) {
      broken = unavailable(cause);
    }
  }
  if (native) return native;
  if (kind === 'native' || !broken) throw broken ?? unavailable(undefined);
  if (!wasm) {
    wasm = wasmOf();
    process.emitWarning(
      `${broken.message}. Its WebAssembly engine is used instead, which is slower`,
      {
        type: 'LogbraidWarning',
        code: 'LOGBRAID_WASM',
        detail: String(broken.cause),
      },
    );
  }
  return wasm;
}

/** Whether {@link loadBackend} gives an engine without {@link load}. */
export function isLoaded(): boolean {
  return true;
}

/**
 * Loads the engine. Node loads it by itself when it is first needed, so that this only tells early when it
 * cannot be; browsers have to be asked. With a `source`, the wasm module is loaded from there, and used by
 * engines with `backend: 'wasm'`. Rejects with a {@link BackendUnavailableError}.
 */
export async function load(source?: WasmSource): Promise<void> {
  if (source === undefined) loadBackend();
  else wasm = wasmBackend(await compileModule(source));
}

/** Calls back when the event loop has had a turn. Returns what calls it off. */
export function soon(turn: () => void): () => void {
  const immediate = setImmediate(turn);
  return () => {
    clearImmediate(immediate);
  };
}

/** Calls back again and again, and keeps no process alive. Returns what ends it. */
export function every(millis: number, tick: () => void): () => void {
  const timer = setInterval(tick, millis).unref();
  return () => {
    clearInterval(timer);
  };
}

/** Starts the Worker of an engine. */
export function startWorker({ wasm }: WorkerOptions): Connection {
  const { port1, port2 } = new MessageChannel();
  const script = path.join(folder, 'node-worker.js');
  const worker = new Worker(script, { workerData: { port: port2 }, transferList: [port2] });
  const hold = (busy: boolean) => {
    for (const one of [port1, worker]) {
      if (busy) one.ref();
      else one.unref();
    }
  };
  return {
    port: portOf(port1),
    wasm: wasm instanceof URL ? wasm.href : wasm,
    hold,
    failed: (tell) => {
      worker.on('error', (cause) => {
        tell(new InternalError(`the Worker of the engine has failed: ${String(cause)}`, { cause }));
      });
    },
    close: () => {
      port1.close();
      void worker.terminate();
    },
  };
}

function wasmOf(): Backend {
  if (!wasm) {
    let bytes: BufferSource;
    try {
      bytes = readFileSync(path.join(folder, '../../../wasm/logbraid.wasm'));
    } catch (cause) {
      throw new BackendUnavailableError(
        'the wasm module of logbraid cannot be read; in a clone of the repository, build it with: ' +
          'cargo xtask build',
        { cause },
      );
    }
    wasm = wasmBackend(new WebAssembly.Module(bytes));
  }
  return wasm;
}

function unavailable(cause: unknown): BackendUnavailableError {
  const { platform, arch } = process;
  return new BackendUnavailableError(
    `the native addon of logbraid cannot be loaded on ${platform}-${arch}; ` +
      'in a clone of the repository, build it with: cargo xtask build',
    { cause, details: { platform, arch } },
  );
}

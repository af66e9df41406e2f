// What Node has: the native addon, turns of its event loop, and Workers.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { MessageChannel, Worker } from 'node:worker_threads';

import type { Backend, BackendKind } from '../backend.js';
import { BackendUnavailableError, InternalError } from '../errors.js';
import { portOf } from '../remote/port.js';
import type { WasmSource } from '../types.js';
import folder from './folder.cjs';
import { nativeBackend } from './native.js';
import { compileModule } from './source.js';
import { wasmBackend } from './wasm.js';
import type { Connection, WorkerOptions } from './worker.js';

export { openTransport } from './node-transport.js';

/** How to get what is missing. */
const REPAIR =
  'install logbraid again, with its optional dependencies, or in a clone of the repository run: cargo xtask build';

/** The addon, or what keeps it from being loaded. */
let native: Backend | BackendUnavailableError | undefined;
let wasm: Backend | undefined;
let warned = false;

/**
 * The engine of that kind. By default the native addon; where it is missing or broken, WebAssembly, with
 * one warning of the process.
 */
export function loadBackend(kind?: BackendKind): Backend {
  if (kind === 'wasm') return wasmOf();
  native ??= nativeOf();
  if (!(native instanceof BackendUnavailableError)) return native;
  if (kind === 'native') throw native;
  const instead = wasmOf();
  if (!warned) {
    warned = true;
    process.emitWarning(
      `${withoutAddon()}; its WebAssembly engine is used instead, which is slower. For the addon, ${REPAIR}; ` +
        "to be content without it, choose backend: 'wasm'",
      { type: 'LogbraidWarning', code: 'LOGBRAID_WASM', detail: String(native.cause) },
    );
  }
  return instead;
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
  // What type the text of a program has is a flag with which a Worker runs no file.
  const isText = process.execArgv.some((flag) => flag.startsWith('--input-type'));
  const worker = new Worker(script, {
    workerData: { port: port2 },
    transferList: [port2],
    ...(isText && { execArgv: [] }),
  });
  const hold = (busy: boolean) => {
    for (const one of [port1, worker]) {
      if (busy) one.ref();
      else one.unref();
    }
  };
  return {
    port: portOf(port1),
    wasm: wasm instanceof URL ? wasm.href : wasm,
    readsSources: true,
    hold,
    failed: (tell) => {
      worker.on('error', (cause) => {
        tell(new InternalError(`the Worker of the engine has failed: ${String(cause)}`, { cause }));
      });
      worker.on('exit', (code) => {
        tell(new InternalError(`the Worker of the engine has ended, with code ${code}`));
      });
    },
    close: () => {
      port1.close();
      void worker.terminate();
    },
  };
}

function nativeOf(): Backend | BackendUnavailableError {
  try {
    return nativeBackend();
  } catch (cause) {
    const { platform, arch } = process;
    return new BackendUnavailableError(
      `${withoutAddon()}: ${reason(cause)}; ${REPAIR}, or choose backend: 'wasm'`,
      { cause, details: { platform, arch } },
    );
  }
}

function withoutAddon(): string {
  return `the native addon of logbraid cannot be loaded on ${process.platform}-${process.arch}`;
}

function wasmOf(): Backend {
  if (!wasm) {
    try {
      const bytes = readFileSync(path.join(folder, '../../../wasm/logbraid.wasm'));
      wasm = wasmBackend(new WebAssembly.Module(bytes));
    } catch (cause) {
      throw new BackendUnavailableError(
        `the wasm module of logbraid cannot be loaded: ${reason(cause)}; ${REPAIR}`,
        { cause },
      );
    }
  }
  return wasm;
}

/** The first line of what was thrown: Node tells a stack below it. */
function reason(thrown: unknown): string {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return message.split('\n', 1)[0] ?? message;
}

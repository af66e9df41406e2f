// What Node has: the native addon, files, and turns of its event loop.
import type { Backend, BackendKind } from '../backend.js';
import { BackendUnavailableError } from '../errors.js';
import readModule from './module.cjs';
import { nativeBackend } from './native.js';
import { compileModule } from './source.js';
import type { WasmSource } from './source.js';
import { wasmBackend } from './wasm.js';

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
    process.emitWarning(`${broken.message}. Its WebAssembly engine is used instead, which is slower`, {
      type: 'LogbraidWarning',
      code: 'LOGBRAID_WASM',
      detail: String(broken.cause),
    });
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

/** Has a timer keep no process alive. */
export function unref(timer: ReturnType<typeof setTimeout>): void {
  timer.unref();
}

function wasmOf(): Backend {
  if (!wasm) {
    let bytes: Uint8Array<ArrayBuffer>;
    try {
      bytes = readModule() as Uint8Array<ArrayBuffer>;
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

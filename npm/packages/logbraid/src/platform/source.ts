import { BackendUnavailableError, shown } from '../errors.js';
import type { WasmSource } from '../types.js';

/** Compiles a module. Throws a {@link BackendUnavailableError} that says what was tried. */
export async function compileModule(source: WasmSource): Promise<WebAssembly.Module> {
  const given: unknown = source;
  try {
    if (given instanceof WebAssembly.Module) return given;
    if (ArrayBuffer.isView(given) || given instanceof ArrayBuffer) {
      return await WebAssembly.compile(given as BufferSource);
    }
    if (typeof given === 'string' || given instanceof URL) {
      return await compileResponse(await fetch(given));
    }
    if (given instanceof Response) return await compileResponse(given);
  } catch (cause) {
    const where = typeof given === 'string' || given instanceof URL ? ` from ${String(given)}` : '';
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new BackendUnavailableError(`the wasm engine cannot be loaded${where}: ${why}`, {
      cause,
    });
  }
  throw new BackendUnavailableError(
    `the wasm engine is loaded from a URL, a Response, bytes or a WebAssembly.Module, not ${shown(given)}`,
  );
}

async function compileResponse(response: Response): Promise<WebAssembly.Module> {
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
  const type = response.headers.get('content-type') ?? '';
  // What servers of single-page applications answer where there is no file.
  if (type.startsWith('text/html')) throw new Error('a page was sent instead of the module');
  // Browsers compile while they load, but only what is declared as what it is.
  return type.startsWith('application/wasm')
    ? WebAssembly.compileStreaming(response)
    : WebAssembly.compile(await response.arrayBuffer());
}

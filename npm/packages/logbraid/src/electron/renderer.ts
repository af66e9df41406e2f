/**
 * An engine for a page of an Electron program, which runs in a utility process or in main.
 *
 * @packageDocumentation
 */
import { BackendUnavailableError, shown } from '../errors.js';
import { resolveOptions } from '../options.js';
import type { EngineOptions } from '../options.js';
import { RemoteEngine } from '../remote/engine.js';
import { portOf } from '../remote/port.js';
import type { Endpoint } from '../remote/port.js';
import { BRIDGE, PORT } from './channels.js';
import type { Bridge } from './channels.js';

export { RemoteEngine } from '../remote/engine.js';
export type { RemoteSource } from '../remote/source.js';

/** What an engine needs of a `MessagePort`. */
export interface EnginePort extends Endpoint {
  close(): void;
}

/**
 * An engine for this page, used as one of `createWorkerEngine`. It has the sources that the program gives
 * this window, which `vocabulary()` names, and those that are added here, which are read here. A page has one at
 * a time: the one before ends. Rejects with a `BackendUnavailableError` where main gives it none, and with an
 * `OptionError`.
 *
 * ```js
 * const engine = await connectEngine();
 * for await (const { joinValue } of engine.correlate(query, { signal })) show(joinValue);
 * ```
 */
export async function connectEngine(options: EngineOptions = {}): Promise<RemoteEngine> {
  resolveOptions(options);
  return engineOf(await askForPort(), options);
}

/** The engine at the other end of a port, for programs that hand ports to their pages in a way of their own. */
export function engineOf(port: EnginePort, options: EngineOptions = {}): RemoteEngine {
  resolveOptions(options);
  return new RemoteEngine(
    {
      port: portOf(port),
      wasm: undefined,
      // A window can have a file or a server read by nobody else. Blobs do not pass the ports of Electron.
      readsSources: false,
      // Pages live as long as they are shown.
      hold: () => undefined,
      failed: (tell) => {
        port.addEventListener('close', () => {
          tell(new BackendUnavailableError('the process of the engine has ended'));
        });
      },
      close: () => {
        port.close();
      },
    },
    options,
  );
}

async function askForPort(): Promise<MessagePort> {
  const bridge = (globalThis as { [BRIDGE]?: Bridge })[BRIDGE];
  if (!bridge) {
    throw new BackendUnavailableError(
      'this page has no way to an engine: name logbraid/electron/preload as webPreferences.preload of its window',
    );
  }
  // Not randomUUID, which only secure pages have.
  const id = crypto.getRandomValues(new Uint32Array(4)).join('-');
  const waiting = new AbortController();
  const { signal } = waiting;
  const port = new Promise<MessagePort>((resolve) => {
    const take = ({ source, origin, data, ports: [port] }: MessageEvent<unknown>) => {
      if (source !== window || origin !== globalThis.origin || !port) return;
      const isOurs =
        typeof data === 'object' && data !== null && 'type' in data && data.type === PORT;
      if (isOurs && 'id' in data && data.id === id) resolve(port);
    };
    window.addEventListener('message', take, { signal });
  });
  try {
    await bridge.connect(id);
    return await port;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : shown(cause);
    throw new BackendUnavailableError(`main gives this page no engine: ${why}`, { cause });
  } finally {
    waiting.abort();
  }
}

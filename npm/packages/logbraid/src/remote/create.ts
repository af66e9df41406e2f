import type { EngineOptions } from '../options.js';
import { resolveOptions } from '../options.js';
import { startWorker } from '#platform';
import type { WorkerOptions } from '../platform/worker.js';
import { RemoteEngine } from './engine.js';

/** Options of {@link createWorkerEngine}. */
export type WorkerEngineOptions = EngineOptions & WorkerOptions;

/**
 * An engine in a Worker of its own: what it decodes and joins holds nobody up in this thread. Everything else
 * is as with a {@link CorrelationEngine}; see {@link RemoteEngine} for the little that differs. Throws an
 * `OptionError` as that does.
 *
 * ```js
 * const engine = createWorkerEngine({ maxMemoryMB: 200 });
 * ```
 */
export function createWorkerEngine(options: WorkerEngineOptions = {}): RemoteEngine {
  const { worker, wasm, ...engineOptions } = options;
  resolveOptions(engineOptions);
  return new RemoteEngine(startWorker({ worker, wasm }), engineOptions);
}

import { createWorkerEngine, load } from 'logbraid';
import type { RemoteEngine } from 'logbraid';

import { Inspector } from './inspector.js';

/** What a query may hold, in MiB: a page has 4 GB at most, and machines with less are many. */
const MAX_MEMORY_MB = 1000;

/** How often the counters of a running query are told, in milliseconds. */
const METRICS_MS = 200;

/** What computes. */
export interface Engines {
  /** Runs queries in a Worker. */
  engine: RemoteEngine;
  /** Looks into files in another. */
  inspector: Inspector;
}

/** Starts the Workers, and loads the engine into the page too, for what its editor asks at each key. */
export async function startEngines(): Promise<Engines> {
  const response = await fetch(new URL('logbraid.wasm', import.meta.url));
  if (!response.ok) throw new Error(`logbraid.wasm: ${response.status} ${response.statusText}`);
  // Compiled once for all three.
  const module = await WebAssembly.compileStreaming(response);
  await load(module);
  const engine = createWorkerEngine({
    worker: () => new Worker(new URL('./engine-worker.js', import.meta.url), { type: 'module' }),
    wasm: module,
    maxMemoryMB: MAX_MEMORY_MB,
    metricsInterval: METRICS_MS,
  });
  const inspector = new Inspector(module);
  // Both have answered: nothing more is to be loaded.
  await Promise.all([engine.metrics(), inspector.inspect(new File([], ''))]);
  return { engine, inspector };
}

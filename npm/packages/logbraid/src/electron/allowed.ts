import { availableParallelism } from 'node:os';

import { resolveOptions } from '../options.js';
import type { EngineOptions } from '../options.js';

/**
 * What of its options a page gets, beside those that the program gives all engines of windows: memory is another
 * matter (see `ServedWindow`).
 */
export function allowedOptions(given: EngineOptions, asked: EngineOptions): EngineOptions {
  const wanted = resolveOptions({ ...given, ...asked });
  const most = resolveOptions(given);
  return {
    ...given,
    ...asked,
    // Other windows want to live, too.
    overflow: 'evict',
    bufferSize: Math.min(wanted.bufferSize, most.bufferSize),
    threads: wanted.threads
      ? Math.min(wanted.threads, most.threads ?? availableParallelism())
      : most.threads,
    backend: most.backend,
  };
}

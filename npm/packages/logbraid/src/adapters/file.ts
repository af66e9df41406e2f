import { createReadStream, statSync } from 'node:fs';

import { SourceError } from '../errors.js';
import type { ClockSkew, DecoderOptions } from '../types.js';
import type { DataSourceAdapter, StreamItem, StreamOptions } from './adapter.js';

/** Options of a {@link FileAdapter}. */
export interface FileOptions extends DecoderOptions {
  /** How far the clock that wrote it was ahead; see {@link DataSourceAdapter.clockSkew}. */
  clockSkew?: ClockSkew | undefined;
}

/** Reads a local file, from its beginning to its end. */
export class FileAdapter implements DataSourceAdapter {
  readonly bounded = true;
  readonly selects = false;
  readonly file: string;
  readonly clockSkew: ClockSkew;
  readonly #decoder: DecoderOptions;

  /** What of the format is not named in `options` is found out from the first lines. */
  constructor(path: string, { clockSkew = 0, ...decoder }: FileOptions = {}) {
    this.file = path;
    this.clockSkew = clockSkew;
    this.#decoder = decoder;
  }

  get decoder(): DecoderOptions {
    // A missing file is told when it is opened.
    const changed = statSync(this.file, { throwIfNoEntry: false })?.mtime;
    return { ...(changed && { referenceTime: changed }), ...this.#decoder };
  }

  getName(): string {
    return 'file';
  }

  createStream(_selector: string, { signal }: StreamOptions): AsyncIterable<StreamItem> {
    return readFile(this.file, signal);
  }

  validateQuery(): boolean {
    return true;
  }

  destroy(): Promise<void> {
    return Promise.resolve();
  }
}

/** The bytes of a file, in blocks. Throws a {@link SourceError} that names it. */
export async function* readFile(path: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path, { ...(signal && { signal }), highWaterMark: 1 << 18 });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SourceError(`${path}: ${why}`, { cause, details: { path } });
  }
}

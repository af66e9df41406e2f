import { closeSync, openSync, readSync, statSync } from 'node:fs';

import { bad, duration } from '../checks.js';
import { OptionError } from '../errors.js';
import type { ClockSkew, DecoderOptions, DurationInput } from '../types.js';
import type { AdapterStatus, DataSourceAdapter, StreamItem, StreamOptions } from './adapter.js';
import { compressionOf, decompressed } from './files/compressed.js';
import { follow } from './files/follow.js';
import { fileError, isPattern, lastChange } from './files/matches.js';
import { readWhole } from './files/whole.js';
import type { AdapterSpec } from './spec.js';
import { StreamSet } from './streams.js';

/** The path that stands for standard input. */
const STANDARD_INPUT = '-';

/** Options of a {@link FileAdapter}. What of the format is not named is found out from the first lines. */
export interface FileOptions extends DecoderOptions {
  /** Goes on with what is appended, and through rotation; the source is live then. Default `false`. */
  follow?: boolean | undefined;
  /**
   * With `follow`, the longest time between two looks at the files, a duration above 0. Most changes are told by
   * the system, and read at once. Default `250ms`.
   */
  pollInterval?: DurationInput | undefined;
  /** How far the clock that wrote it was ahead; see {@link DataSourceAdapter.clockSkew}. */
  clockSkew?: ClockSkew | undefined;
}

/**
 * Reads local files, or standard input.
 *
 * ```js
 * engine.addAdapter('app', new FileAdapter('logs/app.ndjson'));
 * engine.addAdapter('edge', new FileAdapter('logs/edge.log*', { zone: 'Europe/Berlin' }));
 * engine.addAdapter('live', new FileAdapter('/var/log/app.log', { follow: true }));
 * ```
 *
 * **Several files** of one source are read one after the other, each from a new line: in order of when they were
 * written last, where that is the same `app.log.2` before `app.log.1` before `app.log`, then of name. That suits
 * rotation. Files that were written at the same time, by several programs, are better sources of their own: read one
 * after the other, the events of the second are late.
 *
 * **Compression** by gzip or zstd is told by how a file begins, whatever its name.
 *
 * **With `follow`** the files are read as far as they go, then what is appended, as whole lines: a last line without an
 * end is read when it has got one. A file that is renamed is read to its end, and until nothing has come for 5 s, and
 * what takes its place from its beginning. One that is cut is read from its beginning; what it had and had not
 * been read, from the copy beside it, if there is one that is not compressed. Files that match later are read from
 * their beginning, but for compressed ones and copies: these have been read as what they were. A file that is not
 * there, or vanishes, is waited for. Several files that grow are read by turns, a line never in parts; the lines of
 * one event may be.
 *
 * Where it fails, a `SourceError` names the file: it cannot be opened or read, no file matches, or it is compressed
 * and broken. `OptionError` for options that make no sense.
 */
export class FileAdapter implements DataSourceAdapter {
  readonly bounded: boolean;
  readonly selects = false;
  readonly clockSkew: ClockSkew;
  readonly #options: FileOptions;
  readonly #paths: readonly string[];
  readonly #follows: boolean;
  readonly #pollMs: number;
  readonly #decoder: DecoderOptions;
  readonly #streams = new StreamSet();

  /** Takes a path, a pattern such as `logs/*.log` (`*`, `**`, `?`, `[a-z]`, `{a,b}`), several of them, or `-`. */
  constructor(path: string | readonly string[], options: FileOptions = {}) {
    const { follow: follows = false, pollInterval, clockSkew = 0, ...decoder } = options;
    this.#paths = typeof path === 'string' ? [path] : [...path];
    if (this.#paths.length === 0 || this.#paths.some((one) => typeof one !== 'string' || !one)) {
      throw new OptionError('path must be the path of a file, a pattern, or several of them', {
        details: { option: 'path', value: path },
      });
    }
    if (this.#paths.length > 1 && this.#paths.includes(STANDARD_INPUT)) {
      throw new OptionError('standard input cannot be read together with files', {
        details: { option: 'path', value: path },
      });
    }
    this.#pollMs = pollInterval === undefined ? 250 : duration('pollInterval', pollInterval);
    if (this.#pollMs === 0) {
      bad('pollInterval', pollInterval, 'a duration above 0');
    }
    this.#follows = follows;
    this.clockSkew = clockSkew;
    this.bounded = !follows;
    this.#decoder = { ...decoder };
    this.#options = options;
  }

  /**
   * Standard input, which can be read once. It is live with `follow`: where what it is a pipe of goes on. Otherwise it is
   * read to its end.
   */
  static stdin(options?: FileOptions): FileAdapter {
    return new FileAdapter(STANDARD_INPUT, options);
  }

  /** The file, where it is a single one as it is. */
  get file(): string | undefined {
    const [path] = this.#paths;
    if (path === undefined || this.#paths.length > 1 || path === STANDARD_INPUT || this.#follows) {
      return undefined;
    }
    const found = statSync(path, { throwIfNoEntry: false });
    // A missing file is told when it is opened; what is no file cannot be looked into.
    if (!found) return isPattern(path) ? undefined : path;
    return found.isFile() && isCompressed(path) ? undefined : path;
  }

  get decoder(): DecoderOptions {
    const changed = this.#follows ? undefined : lastChange(this.#paths);
    return { ...(changed && { referenceTime: changed }), ...this.#decoder };
  }

  /** None of standard input, which is that of this thread. */
  spec(): AdapterSpec | undefined {
    if (this.#paths.includes(STANDARD_INPUT)) return undefined;
    return { kind: 'file', args: [this.#paths, { ...this.#options }], streams: this.#streams };
  }

  getName(): string {
    return 'file';
  }

  createStream(_selector: string, options: StreamOptions): AsyncIterable<StreamItem> {
    return this.#streams.open(options, ({ signal, tell }) => this.read(signal, tell));
  }

  /** The bytes, without compression; what {@link inspect} takes. */
  async *read(
    signal: AbortSignal = new AbortController().signal,
    tell?: StreamOptions['tell'],
  ): AsyncGenerator<Uint8Array> {
    this.#streams.counters.requests += 1;
    tell?.({ type: 'history' });
    for await (const block of this.#blocks(signal, tell)) {
      this.#streams.counters.bytes += block.length;
      yield block;
    }
  }

  validateQuery(): boolean {
    return true;
  }

  /**
   * How its streams are. A file that the engine reads by itself, which is one that is neither followed nor
   * compressed, has none: `metrics()` of the engine tells of it.
   */
  status(): AdapterStatus {
    return this.#streams.status();
  }

  async destroy(): Promise<void> {
    await this.#streams.close();
  }

  #blocks(signal: AbortSignal, tell: StreamOptions['tell']): AsyncIterable<Uint8Array> {
    const onLive = () => {
      tell?.({ type: 'live' });
    };
    if (this.#paths[0] === STANDARD_INPUT) {
      if (this.#follows) onLive();
      return standardInput(signal);
    }
    if (!this.#follows) return readWhole(this.#paths, signal);
    return follow(this.#paths, { pollMs: this.#pollMs, signal, onLive });
  }
}

/** Standard input, without compression. It is closed when it is left. */
async function* standardInput(signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const leave = () => process.stdin.destroy();
  signal.addEventListener('abort', leave);
  try {
    yield* decompressed(process.stdin);
  } catch (error) {
    if (!signal.aborted) throw fileError('standard input', error);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}

/** Whether a file begins as compressed ones do. */
function isCompressed(path: string): boolean {
  const head = new Uint8Array(4);
  try {
    const file = openSync(path, 'r');
    try {
      readSync(file, head);
    } finally {
      closeSync(file);
    }
  } catch {
    // Told when it is read.
    return false;
  }
  return compressionOf(head) !== undefined;
}

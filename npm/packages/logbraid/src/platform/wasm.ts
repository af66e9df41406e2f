import type {
  Backend,
  CheckOptions,
  Columns,
  CorrelatorOptions,
  NativeCorrelator,
  NativeInspector,
  NativeResponseReader,
  RawDecoderOptions,
  RawMetrics,
  ResponseContent,
  ResponseOptions,
} from '../backend.js';
import { BackendUnavailableError, InternalError } from '../errors.js';
import loadGlue from './glue.cjs';

/** What wasm-bindgen makes of the module, once it is initialized. */
interface Exports extends Omit<Backend, 'kind' | 'Inspector' | 'Correlator'> {
  initSync(options: { module: WebAssembly.Module }): { memory: WebAssembly.Memory };
  /** Where a 1 tells what still comes from promises that the module has stopped. */
  stopFlag(): number;
  Inspector: new (options: RawDecoderOptions) => NativeInspector;
  Correlator: new (query: string, options: Partial<CorrelatorOptions>) => WasmCorrelator;
}

type Feed = NonNullable<NativeCorrelator['feed']>;

interface WasmCorrelator extends Omit<
  NativeCorrelator,
  'pushColumns' | 'attachFile' | 'work' | 'hasRoom' | 'isBusy' | 'feed' | 'deadline'
> {
  pushColumns(
    source: number,
    ids: Uint32Array,
    millis: Float64Array,
    nanos: Uint32Array,
    bytes: Uint8Array,
    timesEnd: number,
    ends: Uint32Array,
    cells: number,
    samples: Uint32Array,
    weights: Uint32Array,
    at?: number,
  ): boolean;
  deadline(): number | undefined;
  feed: Feed;
  takeBlock(): void;
}

const NOT_WEIGHED = new Uint32Array(0);

/** Memory of a module that is given back by making another, in bytes: it never shrinks. */
const LARGE = 64 << 20;

/**
 * The engine in WebAssembly. Queries share an instance of the module; one that has trapped is never entered
 * again, and the next query gets a fresh one, as does the first query after one has grown large.
 */
export function wasmBackend(module: WebAssembly.Module): Backend {
  const glue = loadGlue() as () => Exports;
  let current: Instance | undefined;
  const instance = (): Instance => {
    if (current?.usable !== true) current = new Instance(glue(), module);
    return current;
  };
  const call = <T>(use: (exports: Exports) => T): T => {
    const { exports, enter } = instance();
    return enter(() => use(exports));
  };

  class Inspector implements NativeInspector {
    readonly #instance = instance();
    readonly #inner: NativeInspector;

    constructor(options: RawDecoderOptions) {
      const { exports, enter } = this.#instance;
      this.#inner = enter(() => new exports.Inspector(options));
    }

    push(bytes: Uint8Array): void {
      this.#instance.enter(() => {
        this.#inner.push(bytes);
      });
    }

    finish(): string {
      return this.#instance.enter(() => this.#inner.finish());
    }
  }

  class ResponseReader implements NativeResponseReader {
    readonly #instance = instance();
    readonly #inner: NativeResponseReader;

    constructor(options: ResponseOptions) {
      const { exports, enter } = this.#instance;
      this.#inner = enter(() => new exports.ResponseReader(options));
    }

    read(body: Uint8Array): ResponseContent {
      return this.#instance.enter(() => this.#inner.read(body));
    }

    forget(before: bigint): void {
      this.#instance.enter(() => {
        this.#inner.forget(before);
      });
    }
  }

  class Correlator extends InstanceCorrelator {
    constructor(
      query: string,
      options: Partial<CorrelatorOptions>,
      _threads?: number,
      wake?: () => void,
    ) {
      super(instance(), query, options, wake);
    }
  }

  return {
    kind: 'wasm',
    check: (query: string, options: CheckOptions) => call((to) => to.check(query, options)),
    render: (query, options, color) => call((to) => to.render(query, options, color)),
    explain: (query, options, load) => call((to) => to.explain(query, options, load)),
    parse: (query) => call((to) => to.parse(query)),
    format: (query) => call((to) => to.format(query)),
    complete: (query, cursor, known) => call((to) => to.complete(query, cursor, known)),
    highlight: (query) => call((to) => to.highlight(query)),
    hover: (query, offset) => call((to) => to.hover(query, offset)),
    Inspector,
    ResponseReader,
    Correlator,
  };
}

/** One instance of the module, with a memory of its own. */
class Instance {
  readonly exports: Exports;
  readonly #memory: WebAssembly.Memory;
  readonly #stopFlag: number;
  /** What those are told that use it, when it has stopped. */
  readonly #users = new Map<object, () => void>();
  /** Why it has stopped for good. */
  stopped: InternalError | undefined;

  constructor(exports: Exports, module: WebAssembly.Module) {
    this.exports = exports;
    try {
      this.#memory = exports.initSync({ module }).memory;
      this.#stopFlag = exports.stopFlag();
    } catch (cause) {
      throw new BackendUnavailableError(
        `the wasm engine cannot be started: ${cause instanceof Error ? cause.message : String(cause)}`,
        { cause },
      );
    }
  }

  /** Whether a new query can use it. */
  get usable(): boolean {
    const large = this.#users.size === 0 && this.#memory.buffer.byteLength > LARGE;
    return !this.stopped && !large;
  }

  join(user: object, stopped: () => void): void {
    this.#users.set(user, stopped);
  }

  leave(user: object): void {
    this.#users.delete(user);
  }

  /**
   * Runs a call into the module. Errors of the engine have a code; anything else that is thrown is a trap,
   * a panic or an exhausted stack, and leaves the module in the middle of something.
   */
  readonly enter = <T>(call: () => T): T => {
    if (this.stopped) throw this.stopped;
    try {
      return call();
    } catch (thrown) {
      throw this.#judge(thrown);
    }
  };

  /** What was thrown by a call; stops the instance where that is no error of the engine. */
  #judge(thrown: unknown): unknown {
    if (this.stopped || (thrown instanceof Error && 'code' in thrown)) return thrown;
    new Uint8Array(this.#memory.buffer)[this.#stopFlag] = 1;
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    const mebibytes = Math.ceil(this.#memory.buffer.byteLength / (1 << 20));
    this.stopped = new InternalError(
      `the wasm engine has stopped, with ${mebibytes} MB of memory: ${why}; ` +
        'its queries have ended, and new ones get a fresh engine',
      { cause: thrown },
    );
    for (const tell of this.#users.values()) tell();
    return this.stopped;
  }
}

/** A query in an instance. */
class InstanceCorrelator implements NativeCorrelator {
  readonly #instance: Instance;
  readonly #inner: WasmCorrelator;
  /** What ends the promises of streams that are read. */
  readonly #feeds = new Set<(error: unknown) => void>();
  /** The last that was told, for when the instance has stopped. */
  #metrics: RawMetrics;

  constructor(
    instance: Instance,
    query: string,
    options: Partial<CorrelatorOptions>,
    stopped: () => void = () => undefined,
  ) {
    this.#instance = instance;
    this.#inner = instance.enter(() => new instance.exports.Correlator(query, options));
    this.#metrics = instance.enter(() => this.#inner.metrics());
    instance.join(this, () => {
      for (const fail of this.#feeds) fail(instance.stopped);
      stopped();
    });
  }

  push(source: number, bytes: Uint8Array, at?: number): void {
    this.#instance.enter(() => {
      this.#inner.push(source, bytes, at);
    });
  }

  pushColumns(source: number, columns: Columns, at?: number): boolean {
    const { rows, ids, millis, nanos, bytes, timesEnd, textsEnd, ends, cells, samples } = columns;
    const weights = columns.weights ?? NOT_WEIGHED;
    let texts = cells;
    for (const labels of samples) texts += 2 * labels;
    return this.#instance.enter(() =>
      this.#inner.pushColumns(
        source,
        ids.subarray(0, rows),
        millis.subarray(0, rows),
        nanos.subarray(0, rows),
        bytes.subarray(0, textsEnd),
        timesEnd,
        ends.subarray(0, texts),
        cells,
        samples,
        weights.subarray(0, rows),
        at,
      ),
    );
  }

  feed(...[source, stream, fed]: Parameters<Feed>): Promise<void> {
    const take = (bytes: number) => {
      this.#instance.enter(() => {
        if (bytes > 0) this.#inner.takeBlock();
        else this.#inner.close(source);
      });
      return fed(bytes);
    };
    const reading = this.#instance.enter(() => this.#inner.feed(source, stream, take));
    return new Promise((resolve, reject) => {
      // A module that has stopped does not resolve what it has promised.
      this.#feeds.add(reject);
      void reading.then(resolve, reject).finally(() => this.#feeds.delete(reject));
    });
  }

  vocabulary(): string {
    if (this.#instance.stopped) return '{}';
    return this.#instance.enter(() => this.#inner.vocabulary());
  }

  advance(nowMs: number): void {
    this.#instance.enter(() => {
      this.#inner.advance(nowMs);
    });
  }

  setAway(source: number, away: boolean): void {
    this.#instance.enter(() => {
      this.#inner.setAway(source, away);
    });
  }

  setMaxMemory(bytes: number): void {
    this.#instance.enter(() => {
      this.#inner.setMaxMemory(bytes);
    });
  }

  flush(source: number): void {
    this.#instance.enter(() => {
      this.#inner.flush(source);
    });
  }

  close(source: number): void {
    this.#instance.enter(() => {
      this.#inner.close(source);
    });
  }

  hasRoom(): boolean {
    return true;
  }

  isBusy(): boolean {
    return false;
  }

  drain(max: number, at?: number): Uint8Array {
    return this.#instance.enter(() => this.#inner.drain(max, at));
  }

  deadline(): number | null {
    return this.#instance.enter(() => this.#inner.deadline()) ?? null;
  }

  headJson(record: Uint8Array): string {
    return this.#instance.enter(() => this.#inner.headJson(record));
  }

  eventsJson(record: Uint8Array): string {
    return this.#instance.enter(() => this.#inner.eventsJson(record));
  }

  noteTurn(took: number): void {
    if (this.#instance.stopped) return;
    this.#instance.enter(() => {
      this.#inner.noteTurn(took);
    });
  }

  metrics(): RawMetrics {
    if (!this.#instance.stopped) this.#metrics = this.#instance.enter(() => this.#inner.metrics());
    return this.#metrics;
  }

  release(): void {
    this.#instance.leave(this);
    if (!this.#instance.stopped) {
      this.#instance.enter(() => {
        this.#inner.release();
      });
    }
  }
}

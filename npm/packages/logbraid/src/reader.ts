import type { DataSourceAdapter, StreamItem, StreamOptions } from './adapters/adapter.js';
import { BATCH } from './adapters/adapter.js';
import type { ColumnPlan, NativeCorrelator } from './backend.js';
import { isByteStream, readBytes } from './adapters/bytes.js';
import { isChunk } from './adapters/push.js';
import { ColumnEncoder } from './columns.js';
import type { HostEvents, Refused } from './columns.js';
import { AdapterError, CorrelationError, errorFrom, reasonOf } from './errors.js';

/** Bytes handed to the engine at once. */
const BLOCK = 256 << 10;

/** Bytes that weigh as much as one event. */
const BYTES_PER_EVENT = 256;

/** A live source that gave bytes and then nothing for this long is quiet: what waits for a next line is let go. */
const QUIET_MS = 250;

/** What a reader needs of its query. */
export interface ReaderContext {
  correlator: NativeCorrelator;
  host: HostEvents;
  /** Objects handed to the engine at once. */
  batch: number;
  /** Something has arrived, or the stream has ended or failed. Says whether a turn comes to take it. */
  wake: () => boolean;
  /** The source has failed for good, and all that had arrived before has been handed on. */
  fails: (source: number, error: CorrelationError) => void;
}

/**
 * Reads one source of one query: holds at most one item of it, or a batch of single events, and
 * hands that on in slices, so that a source never gets further ahead than the engine allows.
 */
export class Reader {
  /** The engine does not want more of this source for now. */
  paused = false;
  readonly name: string;
  readonly #source: number;
  readonly #adapter: DataSourceAdapter;
  readonly #context: ReaderContext;
  readonly #columns: ColumnEncoder;
  readonly #encoder = new TextEncoder();
  #iterator: AsyncIterator<StreamItem> | undefined;
  /** A stream that the engine reads by itself, until its end. */
  #feeding: Promise<void> | undefined;
  #fedBytes = 0;
  /** Has it read on. */
  #goOn: (() => void) | undefined;
  #asked = false;
  #arrived: Uint8Array | readonly unknown[] | undefined;
  /** When that arrived; of single events, the first. */
  #arrivedAt = 0;
  /** What has arrived, where it is single events: those that follow at once join it. */
  #batch: unknown[] | undefined;
  /** Arrived after that, and is none of it. */
  #next: Uint8Array | readonly unknown[] | undefined;
  #nextAt = 0;
  #taken = 0;
  #exhausted = false;
  #closed = false;
  #failure: CorrelationError | undefined;
  #quietAt: number | undefined;

  constructor(
    source: number,
    name: string,
    adapter: DataSourceAdapter,
    columns: ColumnPlan,
    context: ReaderContext,
    refused: Refused,
  ) {
    this.#source = source;
    this.name = name;
    this.#adapter = adapter;
    this.#context = context;
    const { host, batch } = context;
    this.#columns = new ColumnEncoder(columns, host, batch, refused, adapter.weigh);
  }

  /** Opens the stream and asks for its first item. */
  open(selector: string, options: StreamOptions): void {
    try {
      const stream: unknown = this.#adapter.createStream(selector, options);
      if (isByteStream(stream)) {
        this.#feeding = this.#context.correlator.feed?.(this.#source, stream, this.#fed);
        if (this.#feeding) {
          void this.#feeding.catch((error: unknown) => {
            // The engine tells its own errors by their code, and passes on those of the stream.
            const coded =
              error instanceof Error && 'code' in error && error.code === 'SOURCE_ERROR';
            this.#fail(coded ? errorFrom(error) : error);
          });
          return;
        }
        this.#iterator = readBytes(stream);
      } else {
        if (typeof stream !== 'object' || !stream || !(Symbol.asyncIterator in stream)) {
          throw new TypeError('createStream() must return an async iterable, or bytes of the web');
        }
        this.#iterator = (stream as AsyncIterable<StreamItem>)[Symbol.asyncIterator]();
      }
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#ask();
  }

  /** When {@link feed} has something to do without anything arriving. */
  get dueAt(): number | undefined {
    return this.#quietAt;
  }

  /** Hands a slice of what has arrived to the engine; returns its weight in events, 0 when there is nothing to do. */
  feed(now: number): number {
    if (this.#closed) {
      return 0;
    }
    if (this.#goOn && !this.paused) {
      return this.#letFeed(this.#goOn, now);
    }
    if (this.#arrived && !this.paused) {
      return this.#feedSlice(this.#arrived, now);
    }
    if (this.#failure) {
      this.#closed = true;
      this.#quietAt = undefined;
      this.#context.fails(this.#source, this.#failure);
      return 1;
    }
    if (this.#exhausted && !this.#arrived) {
      this.#closed = true;
      this.#quietAt = undefined;
      this.#context.correlator.close(this.#source);
      return 1;
    }
    if (this.#quietAt !== undefined && now >= this.#quietAt) {
      this.#quietAt = undefined;
      this.#context.correlator.flush(this.#source);
      return 1;
    }
    this.#ask();
    return 0;
  }

  /** Closes the stream. Resolves when it has closed, at once where it is busy: its signal tells it. */
  async stop(): Promise<void> {
    this.#closed = true;
    this.#arrived = this.#batch = this.#next = undefined;
    // The engine leaves the stream when the query is released.
    await this.#feeding?.catch(() => undefined);
    const iterator = this.#iterator;
    this.#iterator = undefined;
    if (iterator?.return && !this.#exhausted && !this.#failure) {
      // A generator that is waiting cannot return before its wait ends.
      const returned = quietly(iterator.return.bind(iterator));
      if (!this.#asked) await returned;
    }
  }

  /** The engine has read so many bytes of a stream by itself, or all; it reads on when a turn says so. */
  readonly #fed = (bytes: number): Promise<void> | undefined => {
    if (bytes === 0) {
      this.#closed = true;
      this.#quietAt = undefined;
    }
    this.#fedBytes += bytes;
    const room = bytes > 0 ? new Promise<void>((resolve) => (this.#goOn = resolve)) : undefined;
    this.#context.wake();
    return room;
  };

  #letFeed(goOn: () => void, now: number): number {
    const weight = Math.ceil(this.#fedBytes / BYTES_PER_EVENT);
    this.#fedBytes = 0;
    this.#goOn = undefined;
    if (!this.#adapter.bounded) this.#quietAt = now + QUIET_MS;
    goOn();
    return weight;
  }

  readonly #fail = (error: unknown): void => {
    this.#failure = this.#wrap(error);
    this.#context.wake();
  };

  #feedSlice(arrived: Uint8Array | readonly unknown[], now: number): number {
    const { correlator } = this.#context;
    const from = this.#taken;
    const isBytes = arrived instanceof Uint8Array;
    let to = Math.min(from + BLOCK, arrived.length);
    if (isBytes) {
      correlator.push(this.#source, arrived.subarray(from, to), this.#arrivedAt);
      if (!this.#adapter.bounded) this.#quietAt = now + QUIET_MS;
    } else {
      to = this.#columns.push(arrived, from, (columns) =>
        correlator.pushColumns(this.#source, columns, this.#arrivedAt),
      );
    }
    this.#taken = to;
    // What has gone to the engine takes nothing more in.
    this.#batch = undefined;
    if (to === arrived.length) {
      this.#arrived = this.#next;
      this.#arrivedAt = this.#nextAt;
      this.#next = undefined;
      this.#taken = 0;
      this.#ask();
    }
    if (isBytes) return Math.ceil((to - from) / BYTES_PER_EVENT);
    return Math.max(to - from, Math.ceil(this.#columns.pushedBytes / BYTES_PER_EVENT), 1);
  }

  #ask(): void {
    const iterator = this.#iterator;
    if (!iterator || this.#asked || this.#full() || this.#exhausted || this.paused) {
      return;
    }
    this.#asked = true;
    void this.#await(iterator);
  }

  #full(): boolean {
    return this.#batch ? this.#next !== undefined || this.#batch.length >= BATCH : !!this.#arrived;
  }

  async #await(iterator: AsyncIterator<StreamItem>): Promise<void> {
    let result: IteratorResult<StreamItem> | undefined;
    try {
      result = await iterator.next();
      if (result.done) {
        this.#exhausted = true;
      } else {
        this.#receive(result.value);
      }
    } catch (error) {
      this.#failure = this.#wrap(error);
      // What it gave is refused: it has not failed by itself, and waits to be asked for more.
      if (result) void quietly(() => iterator.return?.());
    }
    this.#asked = false;
    const taken = this.#context.wake();
    // A turn per event would cost far more than the event; where none comes, the consumer is behind.
    if (taken && this.#batch && !this.#failure) this.#ask();
  }

  #receive(item: StreamItem): void {
    const arrived = this.#normalize(item);
    if (!arrived && this.#batch) {
      this.#batch.push(item);
      return;
    }
    const at = arrivalOf(item);
    // Asked for while single events came, of which some have gone to the engine and some have not.
    if (this.#arrived) {
      this.#next = arrived ?? [item];
      this.#nextAt = at;
      return;
    }
    this.#arrived = arrived ?? (this.#batch = [item]);
    this.#arrivedAt = at;
  }

  /** Bytes or events; `undefined` for a single event. */
  #normalize(item: StreamItem): Uint8Array | readonly unknown[] | undefined {
    if (typeof item === 'string') {
      return this.#encoder.encode(item);
    }
    if (item instanceof Uint8Array || Array.isArray(item)) {
      return item as Uint8Array | readonly unknown[];
    }
    // What is no object is told as such when it is made an event.
    if (typeof (item as unknown) === 'object' && (item as unknown) !== null && isChunk(item)) {
      const expected = this.#adapter.decoder?.format;
      if (item.format !== undefined && item.format !== expected) {
        throw new AdapterError(
          `a chunk of ${this.name} is ${item.format}, and its adapter says ${expected ?? 'nothing of its format'}`,
          { details: { source: this.name } },
        );
      }
      return item.bytes;
    }
    return undefined;
  }

  #wrap(error: unknown): CorrelationError {
    if (error instanceof CorrelationError) {
      error.details['source'] ??= this.name;
      return error;
    }
    return new AdapterError(`the source ${this.name} failed: ${reasonOf(error)}`, {
      cause: error,
      details: { source: this.name },
    });
  }
}

/** When an item arrived, by the steady clock; one that its adapter has told is no later than now. */
function arrivalOf(item: StreamItem): number {
  const now = performance.now();
  const told = typeof item === 'object' && 'arrivedAt' in item ? item.arrivedAt : undefined;
  return typeof told === 'number' && told < now ? told : now;
}

/** Whatever a stream says when it is closed early changes nothing. */
export async function quietly(close: () => unknown): Promise<void> {
  try {
    await close();
  } catch {
    // See above.
  }
}

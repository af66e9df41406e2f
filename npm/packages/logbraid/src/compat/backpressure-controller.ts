import { EventEmitter } from 'eventemitter3';

import { bad, count } from '../checks.js';

/** Options of a {@link BackpressureController}: whole numbers of events above 0. */
export interface BackpressureOptions {
  /** The stream is not read further while so many events wait. Default 1000. */
  highWaterMark?: number | undefined;
  /** It is read again when no more than so many wait; below `highWaterMark`, 0 included. Default half of that. */
  lowWaterMark?: number | undefined;
  /** The most events that wait, whatever the marks say. Default: `highWaterMark`. */
  maxBufferSize?: number | undefined;
}

/** What a {@link BackpressureController} emits. */
export interface BackpressureEvents {
  paused: [state: { waiting: number }];
  resumed: [state: { waiting: number }];
  /** An event could not be processed, and was left out. */
  processingError: [failure: { error: unknown; event: unknown }];
  /** Never: a stream that is not read loses nothing. */
  eventDropped: [event: unknown];
}

/**
 * Reads a stream ahead of its consumer, as far as the marks allow, and not further. Queries do that by
 * themselves; this is for streams that go elsewhere.
 */
export class BackpressureController extends EventEmitter<BackpressureEvents> {
  readonly #high: number;
  readonly #low: number;

  /** Throws an `OptionError` at a value that makes no sense. */
  constructor(options: BackpressureOptions = {}) {
    super();
    const { highWaterMark = 1000, maxBufferSize = highWaterMark } = options;
    const most = count('maxBufferSize', maxBufferSize);
    this.#high = Math.min(count('highWaterMark', highWaterMark), most);
    const { lowWaterMark: low = Math.floor(this.#high / 2) } = options;
    if (!Number.isSafeInteger(low) || low < 0 || low >= this.#high) {
      bad('lowWaterMark', low, 'a whole number of at least 0, below highWaterMark');
    }
    this.#low = low;
  }

  /**
   * The events of a stream, in order, each after `process` where that is given; one over which it throws is left
   * out and told as `processingError`. An error of the stream comes after what waits. Leaving the loop
   * closes the stream.
   */
  async *controlFlow<T, R = T>(
    stream: Iterable<T> | AsyncIterable<T>,
    process?: (event: T) => R | Promise<R>,
  ): AsyncGenerator<R, void> {
    const ahead = new ReadAhead(stream, this.#high, this.#low, (name, waiting) => {
      this.emit(name, { waiting });
    });
    try {
      for (;;) {
        const result = await ahead.next();
        if (result.done) return;
        const event = result.value;
        let processed: R;
        try {
          processed = process ? await process(event) : (event as unknown as R);
        } catch (error) {
          this.emit('processingError', { error, event });
          continue;
        }
        yield processed;
      }
    } finally {
      await ahead.close();
    }
  }
}

/** Reads a stream until so much waits, and again when so little does. */
class ReadAhead<T> {
  readonly #items: Iterator<T> | AsyncIterator<T>;
  readonly #high: number;
  readonly #low: number;
  readonly #tell: (name: 'paused' | 'resumed', waiting: number) => void;
  readonly #waiting: T[] = [];
  #reading = false;
  #paused = false;
  #ended = false;
  #failure: { error: unknown } | undefined;
  #wake: () => void = () => undefined;

  constructor(
    stream: Iterable<T> | AsyncIterable<T>,
    high: number,
    low: number,
    tell: (name: 'paused' | 'resumed', waiting: number) => void,
  ) {
    this.#items =
      Symbol.asyncIterator in stream ? stream[Symbol.asyncIterator]() : stream[Symbol.iterator]();
    this.#high = high;
    this.#low = low;
    this.#tell = tell;
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    for (;;) {
      void this.#read();
      if (this.#waiting.length > 0) {
        const value = this.#waiting.shift() as T;
        if (this.#paused && this.#waiting.length <= this.#low) {
          this.#paused = false;
          this.#tell('resumed', this.#waiting.length);
        }
        return { value, done: false };
      }
      if (this.#failure) throw this.#failure.error;
      if (this.#ended) return { value: undefined, done: true };
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  async close(): Promise<void> {
    if (this.#ended || this.#failure) return;
    this.#ended = true;
    const closed = this.#close();
    // A generator that waits cannot be left before its wait ends.
    if (this.#reading) closed.catch(() => undefined);
    else await closed;
  }

  async #close(): Promise<void> {
    await this.#items.return?.();
  }

  /** Never rejects: what goes wrong is told by {@link next}. */
  async #read(): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    try {
      while (!this.#ended && !this.#paused) {
        const result = await this.#items.next();
        if (result.done) {
          this.#ended = true;
        } else {
          this.#waiting.push(result.value);
          if (this.#waiting.length >= this.#high) {
            this.#paused = true;
            this.#tell('paused', this.#waiting.length);
          }
        }
        this.#wake();
      }
    } catch (error) {
      this.#failure = { error };
      this.#ended = true;
      this.#wake();
    }
    this.#reading = false;
  }
}

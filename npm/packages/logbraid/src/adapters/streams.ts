import { AdapterError, CorrelationError, reasonOf } from '../errors.js';
import type { AdapterNotice, AdapterStatus, StreamItem, StreamOptions } from './adapter.js';

/** What a stream is read with: what it tells is counted on its way. */
export interface ReadOptions extends StreamOptions {
  tell: (notice: AdapterNotice) => void;
}

/** Where another adapter is that was made of the same, in the Worker of an engine. */
export interface AdapterElsewhere {
  /** How it is, as it has told last. */
  status: AdapterStatus;
  /** Ends its streams. */
  destroy(): Promise<void>;
}

/**
 * The streams of an adapter that are open, and its counters. A stream ends with its signal or with the
 * adapter, whatever it is waiting for, and leaves nothing open.
 */
export class StreamSet {
  /** Where what reads the streams counts. */
  readonly counters: AdapterStatus = {
    state: 'idle',
    streams: 0,
    requests: 0,
    bytes: 0,
    events: 0,
    repeats: 0,
    reconnects: 0,
    gaps: 0,
    dropped: 0,
  };
  /** Where an engine in a Worker reads in place of these. */
  elsewhere: AdapterElsewhere | undefined;
  readonly #open = new Set<() => Promise<unknown>>();
  #isClosed = false;

  /** Starts a stream with its first `next()`. `read` gets a signal that ends what it waits for. */
  open<Item extends StreamItem>(
    options: StreamOptions,
    read: (options: ReadOptions) => AsyncIterable<Item>,
  ): AsyncGenerator<Item, undefined, undefined> {
    const ended = new AbortController();
    const stream: AsyncGenerator<Item, undefined, undefined> = this.#run(
      options,
      ended,
      read,
      () => {
        ended.abort();
        // One that waits returns when its wait has ended.
        return stream.return(undefined);
      },
    );
    return stream;
  }

  status(): AdapterStatus {
    return { ...(this.elsewhere?.status ?? this.counters) };
  }

  /** Ends all that are open, wherever that is. Resolves when they have. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.elsewhere?.destroy();
    await Promise.allSettled([...this.#open].map((end) => end()));
  }

  async *#run<Item extends StreamItem>(
    options: StreamOptions,
    ended: AbortController,
    read: (options: ReadOptions) => AsyncIterable<Item>,
    end: () => Promise<unknown>,
  ): AsyncGenerator<Item, undefined, undefined> {
    const { signal } = options;
    if (signal.aborted) return;
    if (this.#isClosed) {
      throw new AdapterError('the adapter has been destroyed, and opens no stream any more');
    }
    const onAbort = () => {
      // What a stream says when it is closed early changes nothing.
      void end().catch(() => undefined);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    this.#open.add(end);
    this.counters.streams = this.#open.size;
    this.counters.state = 'connecting';
    try {
      const tell = (notice: AdapterNotice) => {
        this.#count(notice);
        options.tell?.(notice);
      };
      yield* read({ ...options, signal: ended.signal, tell });
    } catch (error) {
      // Whoever leaves wants to hear of nothing more.
      if (ended.signal.aborted) return;
      this.counters.state = 'failed';
      this.counters.lastError =
        error instanceof CorrelationError ? error : new AdapterError(reasonOf(error));
      throw error;
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#open.delete(end);
      this.counters.streams = this.#open.size;
      if (this.#open.size === 0 && this.counters.state !== 'failed') this.counters.state = 'idle';
    }
  }

  #count(notice: AdapterNotice): void {
    const { counters } = this;
    switch (notice.type) {
      case 'history':
      case 'live':
        counters.state = notice.type;
        break;
      case 'reconnect':
        counters.state = 'waiting';
        counters.reconnects += 1;
        counters.lastError = notice.error;
        break;
      case 'gap':
        counters.gaps += 1;
        break;
    }
  }
}

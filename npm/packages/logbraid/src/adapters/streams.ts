import { AdapterError, CorrelationError } from '../errors.js';
import type { AdapterStatus, StreamItem } from './adapter.js';

/**
 * The streams of an adapter that are open, and its counters. A stream ends with its signal or with the
 * adapter, whatever it is waiting for, and leaves nothing open.
 */
export class StreamSet {
  state: AdapterStatus['state'] = 'idle';
  requests = 0;
  bytes = 0;
  events = 0;
  reconnects = 0;
  gaps = 0;
  lastError: CorrelationError | undefined;
  readonly #open = new Set<() => Promise<unknown>>();

  /** Starts a stream with its first `next()`. `read` gets a signal that ends what it waits for. */
  open(
    signal: AbortSignal,
    read: (signal: AbortSignal) => AsyncIterable<StreamItem>,
  ): AsyncGenerator<StreamItem, undefined> {
    const ended = new AbortController();
    const stream = this.#run(signal, ended, read, () => {
      ended.abort();
      // One that waits returns when its wait has ended.
      return stream.return(undefined);
    });
    return stream;
  }

  /** Ends all that are open. Resolves when they have. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#open].map((end) => end()));
  }

  status(): AdapterStatus {
    const { state, requests, bytes, events, reconnects, gaps, lastError } = this;
    return {
      state,
      streams: this.#open.size,
      requests,
      bytes,
      events,
      repeats: 0,
      reconnects,
      gaps,
      dropped: 0,
      ...(lastError && { lastError }),
    };
  }

  async *#run(
    signal: AbortSignal,
    ended: AbortController,
    read: (signal: AbortSignal) => AsyncIterable<StreamItem>,
    end: () => Promise<unknown>,
  ): AsyncGenerator<StreamItem, undefined> {
    if (signal.aborted) return;
    const onAbort = () => {
      // What a stream says when it is closed early changes nothing.
      void end().catch(() => undefined);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    this.#open.add(end);
    try {
      yield* read(ended.signal);
    } catch (error) {
      if (ended.signal.aborted) return;
      this.state = 'failed';
      this.lastError =
        error instanceof CorrelationError
          ? error
          : new AdapterError(error instanceof Error ? error.message : String(error));
      throw error;
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#open.delete(end);
      if (this.#open.size === 0 && this.state !== 'failed') this.state = 'idle';
    }
  }
}

import type { ByteStream } from '../backend.js';
import type { ClockSkew, DecoderOptions } from '../types.js';
import { toInstant } from '../time.js';
import type { LogEvent } from '../types.js';
import { BATCH } from './adapter.js';
import { isByteStream } from './bytes.js';
import type { DataSourceAdapter, StreamItem } from './adapter.js';

/** What can be a source without being an adapter. */
export type EventIterable = Iterable<LogEvent> | AsyncIterable<StreamItem> | ByteStream;

/** Options of an {@link IterableAdapter}. */
export interface IterableOptions extends DecoderOptions {
  /** Whether it ends by itself. Default: an async iterable, a stream and a `Response` are live, anything else is bounded. */
  bounded?: boolean;
  /** How far the clock of the source is ahead; see {@link DataSourceAdapter.clockSkew}. */
  clockSkew?: ClockSkew | undefined;
}

/**
 * Makes a source of an array, an iterable or an async iterable, or of bytes as the web has them: a
 * `ReadableStream`, a `Blob` or `File`, a `Response`. Arrays are sorted by time, and read again by each
 * query, as are a `Blob` and a `File`; what anything else has given to one query is gone for the next.
 */
export class IterableAdapter implements DataSourceAdapter {
  readonly selects = false;
  readonly bounded: boolean;
  readonly decoder: DecoderOptions;
  readonly clockSkew: ClockSkew;
  readonly #events: EventIterable;

  constructor(events: EventIterable, { bounded, clockSkew = 0, ...decoder }: IterableOptions = {}) {
    this.#events = events;
    this.bounded = bounded ?? (events instanceof Blob || !isLive(events));
    this.decoder = decoder;
    this.clockSkew = clockSkew;
  }

  /** The bytes that it reads, where they can be read anywhere. @internal */
  get blob(): Blob | undefined {
    return this.#events instanceof Blob ? this.#events : undefined;
  }

  getName(): string {
    return 'iterable';
  }

  createStream(): AsyncIterable<StreamItem> | ByteStream {
    const events = this.#events;
    return isByteStream(events) || Symbol.asyncIterator in events ? events : batches(events);
  }

  validateQuery(): boolean {
    return true;
  }

  destroy(): Promise<void> {
    return Promise.resolve();
  }
}

/** A promise per batch, not per event. */
// eslint-disable-next-line @typescript-eslint/require-await -- a stream is asynchronous by contract
async function* batches(events: Iterable<LogEvent>): AsyncGenerator<LogEvent[]> {
  let batch: LogEvent[] = [];
  for (const event of Array.isArray(events) ? sorted(events as LogEvent[]) : events) {
    batch.push(event);
    if (batch.length === BATCH) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) {
    yield batch;
  }
}

/** By time, ties in the order given. What has no time goes first; the query reports it. */
function sorted(events: readonly LogEvent[]): LogEvent[] {
  const timed = events.map((event) => ({
    event,
    at: toInstant((event as LogEvent | null)?.timestamp) ?? { millis: -Infinity, nanos: 0 },
  }));
  timed.sort((a, b) =>
    a.at.millis === b.at.millis ? a.at.nanos - b.at.nanos : a.at.millis < b.at.millis ? -1 : 1,
  );
  return timed.map(({ event }) => event);
}

/** Whether a value can be made a source by {@link IterableAdapter}. */
export function isIterable(value: object): value is EventIterable {
  return isByteStream(value) || Symbol.asyncIterator in value || Symbol.iterator in value;
}

/** Whether nobody knows whether it ends. */
function isLive(events: EventIterable): boolean {
  return isByteStream(events) || Symbol.asyncIterator in events;
}

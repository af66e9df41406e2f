import type { ByteStream } from '../backend.js';
import type { CorrelationError } from '../errors.js';
import type { KnownLabel } from '../query.js';
import type { ClockSkew, DecoderOptions } from '../types.js';
import type { EncodedChunk, LogEvent } from '../types.js';
import type { AdapterSpec } from './spec.js';

/** What an adapter is asked for. */
export interface StreamOptions {
  /** How far back to fetch, in milliseconds. */
  range: number;
  /** The same as text, such as `5m`. */
  timeRange: string;
  start?: Date;
  end?: Date;
  limit?: number;
  /** The query has ended; close the stream. */
  signal: AbortSignal;
  /**
   * Told what becomes of the stream. From `history` and `reconnect` on until `live`, that nothing comes of it says
   * nothing: it is not idle, and nothing is called missing in it. The engine emits `reconnect` and `gap` as events.
   */
  tell?: (notice: AdapterNotice) => void;
}

/** What an adapter tells of a stream that goes on. */
export type AdapterNotice =
  /** It reads what was there before. */
  | { type: 'history' }
  /** It has all there was: what comes next is what happens now. */
  | { type: 'live' }
  | {
      /** It was interrupted, and is tried again. */
      type: 'reconnect';
      /** Counts the attempts since the last that went well, from 1. */
      attempt: number;
      /** How long it waits before, in milliseconds. */
      delayMs: number;
      /** What interrupted it. */
      error: CorrelationError;
    }
  | {
      /** Events between two times have not come, and will not. */
      type: 'gap';
      /** RFC 3339. */
      from: string;
      to: string;
      /** How many, where that is known. */
      count?: number;
      /** Why. */
      reason: string;
    };

/** How an adapter is. Counters are of all its streams since it was made. */
export interface AdapterStatus {
  /**
   * The state of its latest stream: `history` reads what was there before, `live` what comes, `waiting` to try
   * again, `failed` for good; `idle` before the first and after the last.
   */
  state: 'idle' | 'connecting' | 'history' | 'live' | 'waiting' | 'failed';
  /** Streams that are open. */
  streams: number;
  /** Requests made, connections included. */
  requests: number;
  /** Bytes received, as they were before any compression. */
  bytes: number;
  /** Events handed on. */
  events: number;
  /** Events that came again and were left out. */
  repeats: number;
  /** Times a stream was interrupted and tried again. */
  reconnects: number;
  /** Spans of time of which events are known to be missing. */
  gaps: number;
  /** Events that the server said it had dropped; those that were read again afterwards count, too. */
  dropped: number;
  /** The time of the newest event, RFC 3339. */
  newest?: string;
  /** What went wrong last. */
  lastError?: CorrelationError;
}

/** What a stream yields: objects, or bytes cut anywhere. */
export type StreamItem = LogEvent | readonly LogEvent[] | EncodedChunk | Uint8Array | string;

/** A source of events. It does transport, cursor and retry; it never parses. */
export interface DataSourceAdapter {
  getName(): string;
  /**
   * Starts reading. `selector` is the text between the parentheses of the query, unchanged.
   *
   * Items that are arrays of events, or bytes, are asked for one by one: when the next is asked for, all of what came
   * before has been taken by the engine, here or in a Worker. So a source that acknowledges does it when its generator
   * goes on after `yield`. What was yielded last when the stream is left, whatever the reason, has not been acknowledged
   * and comes again. Single events are asked for ahead, up to a batch of them: such a source gives arrays.
   *
   * Taken is not joined: events wait for others in the memory of the query, and are lost with it.
   */
  createStream(selector: string, options: StreamOptions): AsyncIterable<StreamItem> | ByteStream;
  /** Whether it ends by itself. Default: no, it is live. */
  readonly bounded?: boolean;
  /** Whether it applies selectors itself. Default: yes; where it is `false` the engine does. */
  readonly selects?: boolean;
  /** How its bytes are decoded. */
  readonly decoder?: DecoderOptions;
  /**
   * How far the clock of the source is ahead; taken off the time of each event before anything else sees it, so
   * that results have the time set right. Default: not at all. What `createStream` is asked for is in the time of the source.
   */
  readonly clockSkew?: ClockSkew;
  /** A local file that is all it reads; an engine that can, reads it without `createStream`. */
  readonly file?: string | undefined;
  /** What an adapter of this package is made of; an engine in a Worker makes its own of it, without `createStream`. */
  spec?(): AdapterSpec | undefined;
  validateQuery(selector: string): boolean;
  /** Names of what can be read there, as its service lists them. The engine does not ask. */
  getAvailableStreams?(): Promise<string[]>;
  /**
   * Bytes that an event takes which nobody but the engine holds: they count as held. Default: objects are the
   * program's, and do not count. @internal
   */
  readonly weigh?: Weigh | undefined;
  /** How it is; for health checks. */
  status?(): AdapterStatus;
  /** Labels that events of it have, and values of them, to complete queries with. */
  getLabels?(): Promise<KnownLabel[]>;
  /**
   * Ends what it holds open. Where the engine is destroyed, the signals of its streams have aborted before; a stream
   * may still be open that does not end at once, or whose query goes on without the source (`removeAdapter`).
   */
  destroy(): Promise<void>;
}

/** Tells how many bytes an event takes, about. */
export type Weigh = (event: object) => number;

/** How many events are handed on at once. */
export const BATCH = 1024;

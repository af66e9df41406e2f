import type { ByteStream } from '../backend.js';
import type { KnownLabel } from '../query.js';
import type { DecoderOptions } from '../types.js';
import type { EncodedChunk, LogEvent } from '../types.js';

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
}

/** What a stream yields: objects, or bytes cut anywhere. */
export type StreamItem = LogEvent | readonly LogEvent[] | EncodedChunk | Uint8Array | string;

/** A source of events. It does transport, cursor and retry; it never parses. */
export interface DataSourceAdapter {
  getName(): string;
  /** Starts reading. `selector` is the text between the parentheses of the query, unchanged. */
  createStream(selector: string, options: StreamOptions): AsyncIterable<StreamItem> | ByteStream;
  /** Whether it ends by itself. Default: no, it is live. */
  readonly bounded?: boolean;
  /** Whether it applies selectors itself. Default: yes; where it is `false` the engine does. */
  readonly selects?: boolean;
  /** How its bytes are decoded. */
  readonly decoder?: DecoderOptions;
  /** A local file that is all it reads; an engine that can, reads it without `createStream`. */
  readonly file?: string;
  validateQuery(selector: string): boolean;
  /** Names of what can be read there, as its service lists them. The engine does not ask. */
  getAvailableStreams?(): Promise<string[]>;
  /** Labels that events of it have, and values of them, to complete queries with. */
  getLabels?(): Promise<KnownLabel[]>;
  destroy(): Promise<void>;
}

/** How many events are handed on at once. */
export const BATCH = 1024;

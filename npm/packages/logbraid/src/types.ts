import type { Correlation } from './correlation.js';
import type { CorrelationError } from './errors.js';

/** A point in time: RFC 3339 text, milliseconds since the epoch, nanoseconds since the epoch, a `Date`. */
export type TimeInput = string | number | bigint | Date;

/** A length of time: milliseconds, or text such as `30s` or `1h30m`. */
export type DurationInput = number | string;

/** The value of a label. `null`, `undefined` and empty text are missing; numbers and booleans are their text. */
export type LabelValue = string | number | boolean | bigint | null | undefined;

/** An event that a program hands in. */
export interface LogEvent {
  /** When it happened. Text without a zone is UTC; digits beyond milliseconds are kept. */
  timestamp: TimeInput;
  /** What it says. Line filters and parsers of a selector see this text. */
  message?: string;
  labels?: Readonly<Record<string, LabelValue>>;
  /** Keys to join on, looked up after the labels. */
  joinKeys?: Readonly<Record<string, LabelValue>>;
  /** Where it is from, if that is not the name of the source in the query. */
  source?: string;
  stream?: string;
}

/** Bytes of a source, cut anywhere. */
export interface EncodedChunk {
  /** The format, where the adapter knows it; it must be the one of `adapter.decoder`. */
  format?: string;
  bytes: Uint8Array;
}

/** A finding about a query. */
export interface Diagnostic {
  /** A stable code, such as `QUERY_SYNTAX`. */
  code: string;
  /** An `error` keeps the query from running. */
  severity: 'error' | 'warning';
  message: string;
  /** Where: `query.slice(span.start, span.end)`. */
  span: { start: number; end: number };
  /** Line of the start, from 1. */
  line: number;
  /** Column of the start, in characters, from 1. */
  column: number;
  /** What would mend it, where that is known. */
  suggestion: string | null;
}

/** When correlations are delivered: once, when they cannot change any more, or at once and again as they grow. */
export type Emit = 'final' | 'eager';

/** Options of one query. */
export interface CorrelateOptions {
  /** Ends the query; the iterator then rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Default: the engine's `emit`, else `final` when every source of the query is bounded, else `eager`. */
  emit?: Emit | undefined;
  /** Only correlations whose first event is not earlier. */
  start?: TimeInput | undefined;
  /** Only correlations whose first event is earlier. */
  end?: TimeInput | undefined;
  /** The query ends after this many correlations. */
  limit?: number | undefined;
}

/** Something about the events of a source that is worth knowing. */
export interface SourceNotice {
  /** The name of the source. */
  source: string;
  code: string;
  message: string;
  /** Line from 1, where the source is made of lines. */
  line?: number;
  /** Byte of the source at which the line starts, from 0. */
  byte?: number;
}

/** Counters over all queries of an engine. */
export type Metrics = Record<string, number>;

/** What a {@link CorrelationEngine} emits. */
export interface EngineEvents {
  /** A correlation, or a revision of one, is ready for its consumer. */
  correlationFound: [correlation: Correlation];
  /** A line or an object that could not be used; those around it are kept. */
  badLine: [notice: SourceNotice];
  /** An event older than the watermark. */
  lateEvent: [notice: SourceNotice];
  /** An event the engine let go of before its time. */
  eventDropped: [notice: SourceNotice];
  /** A bounded source runs backwards in time. */
  sourceBackwards: [notice: SourceNotice];
  /** A source is ahead of the others in event time and is not read for now. */
  paused: [source: { source: string }];
  resumed: [source: { source: string }];
  memoryWarning: [use: { usedMB: number; maxMB: number }];
  adapterAdded: [name: string];
  adapterError: [failure: { adapter: string; error: CorrelationError }];
}

import type { Correlation } from './correlation.js';
import type { AdapterNotice } from './adapters/adapter.js';
import type { CorrelationError } from './errors.js';

/** A point in time: RFC 3339 text, milliseconds since the epoch, nanoseconds since the epoch, a `Date`. */
export type TimeInput = string | number | bigint | Date;

/** A length of time: milliseconds, or text such as `30s` or `1h30m`. */
export type DurationInput = number | string;

/** How far a clock is ahead: milliseconds, or text such as `2s`; negative, such as `-2s`, where it is behind. */
export type ClockSkew = DurationInput;

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
  /**
   * When it arrived, as `performance.now()` has it, for the latency that `metrics()` tells. Default: when the
   * query takes it.
   */
  arrivedAt?: number;
}

/** How the bytes of a source are decoded. What is not given is found out. */
export interface DecoderOptions {
  /** The format, such as `ndjson`, `logfmt` or `text`. */
  format?: string;
  /** The field that holds the time. */
  time?: string;
  /** The field that holds the message. */
  message?: string;
  /** The field that holds the level. */
  level?: string;
  /** The zone of times that name none: `UTC`, `+02:00`, `Europe/Berlin`. */
  zone?: string;
  /** When the source was written, for times without a year. Default: of a file its last change, else now. */
  referenceTime?: TimeInput;
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
  /** Ends the query at once: what waits is dropped, and the iterator rejects with the signal's reason. */
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

/** Lines, or objects, of a source that could not be used. Those around them are kept. */
export interface BadLine {
  /** The name of the source. */
  source: string;
  /** A stable code, such as `LINE_NOT_JSON`. */
  code: string;
  /** What was wrong with the first of them, and what was expected. */
  message: string;
  /** The line of the first, from 1; absent for objects. */
  line?: number;
  /** The byte of the source at which it starts, from 0; absent for objects. */
  byte?: number;
  /** How many there are. */
  count: number;
}

/** Events older than the watermark. They complete matches with what is held, and are not kept. */
export interface LateEvents {
  /** The name of the source. */
  source: string;
  count: number;
  /** The time of the first of them. */
  time: string;
  /** How far that was behind. */
  behindMs: number;
}

/** Events that were dropped. */
export interface DroppedEvents {
  /** The name of the source. */
  source: string;
  /**
   * `evicted`: they were the oldest when a query held as much as it may. `truncated`: they would have
   * joined a correlation that was closed as truncated.
   */
  reason: 'evicted' | 'truncated';
  count: number;
  /** The time of the newest of them. */
  time: string;
}

/** A query holds more than four fifths of what it may hold. */
export interface MemoryWarning {
  /** What it holds, in MiB as the bound. */
  usedMB: number;
  /** The bound, `maxMemoryMB`. */
  maxMB: number;
}

/** A bounded source of whose events more than half were late. */
export interface RunsBackwards {
  /** The name of the source. */
  source: string;
  events: number;
  late: number;
}

/** Lengths of time that were measured, in milliseconds; those but `max` to a hundredth, and 0 where there are none. */
export interface Durations {
  /** How many. */
  count: number;
  /** Half of them were not longer. */
  p50: number;
  p95: number;
  p99: number;
  /** The longest. */
  max: number;
}

/** What has come from a source, over all queries that read it: each reads for itself. */
export interface SourceMetrics {
  /** Bytes given to the engine. */
  bytes: number;
  /** Events decoded or pushed. */
  events: number;
  /** Lines, or objects, that could not be used. */
  badLines: number;
  /** Selected events that were late. */
  late: number;
  /** Events ignored as repeats. */
  repeats: number;
}

/**
 * What an engine has counted and measured over all its queries, running and past, and what the running
 * ones hold now.
 */
export interface Metrics {
  /** Queries that run. */
  queries: number;
  /** Bytes given to the engine. */
  bytes: number;
  /** Events decoded or pushed. */
  events: number;
  /** Lines that could not be used. */
  badLines: number;
  /** Events that a selector took; one that two streams select counts twice. */
  selected: number;
  /** Selected events without the key of their join. */
  unkeyed: number;
  /** Selected events that were late. */
  late: number;
  /** Late events that completed a match. */
  lateMatched: number;
  /** Events ignored as repeats. */
  repeats: number;
  /** Events dropped as the oldest, at `maxMemoryMB` or `maxEvents`. */
  evicted: number;
  /** Events dropped that would have joined a correlation which was closed as truncated; once for each. */
  dropped: number;
  /** Events not reported since what they might have matched had been evicted. */
  unknown: number;
  /** Correlations delivered as truncated. */
  truncated: number;
  /** Correlations delivered as final. */
  correlations: number;
  /** Deliveries, revisions counted. */
  deliveries: number;
  /** Events held now. */
  heldEvents: number;
  /** Distinct keys held now. */
  heldKeys: number;
  /** Bytes held now, by the engine's own accounting. */
  memory: number;
  /** The most bytes one query has held. */
  peakMemory: number;
  /** Results that wait for their consumer outside the engine: `bufferSize` of a query at most. */
  waiting: number;
  /** Sources that are not read for now; see the event `paused`. */
  paused: number;
  /**
   * From the arrival of the last event of a correlation to the delivery of that. Arrival is when the source
   * hands the event to the query (of a chunk, `arrivedAt` where it says so); delivery is when the query
   * takes the correlation from the engine for its consumer. `eager` is of those delivered while they may
   * still grow, and tells how soon one hears of what has happened. `final` is of those that are final: that
   * wait for the window and `lateTolerance` is what they promise.
   */
  latency: { eager: Durations; final: Durations };
  /** How long a query held the event loop before it gave others their turn. */
  turns: Durations;
  /**
   * By name of the source. One that has been removed, and that no query reads any more, is given up when 1,000
   * others have been removed after it: the counters above keep what it has counted, and should it come again
   * under its name, its own begin at 0.
   */
  sources: Record<string, SourceMetrics>;
}

/** How {@link Metrics} are given. */
export interface MetricsOptions {
  /** `prometheus`: as text. Default: as an object. */
  format?: 'prometheus' | undefined;
}

/** A source that is not read for now, or is again. */
export interface PausedSource {
  /** The text of the query. */
  query: string;
  /** The name of the source. */
  source: string;
}

/**
 * What the wasm module can be made of: where it is, a response with it, its bytes, or the module itself (a
 * `WebAssembly.Module`, of which types tell no more than that it is an object), compiled by whoever
 * bundles it.
 */
export type WasmSource = string | URL | Response | ArrayBuffer | ArrayBufferView | object;

/** What a {@link CorrelationEngine} emits. */
export interface EngineEvents {
  /** A correlation, or a revision of one, is ready for its consumer. */
  correlationFound: [correlation: Correlation];
  badLine: [lines: BadLine];
  lateEvent: [events: LateEvents];
  eventDropped: [events: DroppedEvents];
  /** Once, and again after the query has held less than three fifths. */
  memoryWarning: [warning: MemoryWarning];
  runsBackwards: [source: RunsBackwards];
  /**
   * A query does not read a source for now: it is `ahead` of the others in event time, or the
   * `consumer` of the query takes its results more slowly than they come.
   */
  paused: [source: PausedSource & { reason: 'ahead' | 'consumer' }];
  /** A query reads a source again; where its consumer was behind, once that has taken all there was. */
  resumed: [source: PausedSource];
  /** Every `metricsInterval` while a query runs: what `metrics()` gives. */
  performanceMetrics: [metrics: Metrics];
  adapterAdded: [name: string];
  /** A source was interrupted, and is tried again. */
  adapterReconnect: [
    reconnect: { adapter: string } & Omit<Extract<AdapterNotice, { type: 'reconnect' }>, 'type'>,
  ];
  /** Events of a source are missing that could not be read again. */
  adapterGap: [gap: { adapter: string } & Omit<Extract<AdapterNotice, { type: 'gap' }>, 'type'>];
  /** A source has failed for good. */
  adapterError: [failure: { adapter: string; error: CorrelationError }];
}

import type { DecoderOptions } from './types.js';

/**
 * What an engine binding offers: small, synchronous, in batches. Everything asynchronous is written
 * once, above it, in TypeScript.
 *
 * A batch of outputs, as {@link NativeCorrelator.drain} gives it, is a sequence of records, little
 * endian: `u32` length of what follows, `u8` kind, then
 *
 * - kind 1, a correlation: `u8` flags (1 final, 2 truncated, 4 withdrawn, 8 has an object of the host),
 *   `u32` revision, 16 bytes of id, `u32` number of events, and per event `u16` position of its stream,
 *   `u8` kind (0 raw, 1 object held by the host), `i64` time in nanoseconds, then either `u32` length and
 *   raw bytes, or `u32` host id; the rest is for {@link NativeCorrelator.headJson};
 * - kind 2, a notice: JSON object text, see {@link Notice};
 * - kind 3, the `u32` host ids of objects that the engine will not name again.
 */
export interface Backend {
  readonly kind: BackendKind;
  /** Checks a query. JSON out ({@link Checked}), here and below. */
  check(query: string, options: CheckOptions): string;
  /** The diagnostics of a query drawn with carets under the text; empty when there are none. */
  render(query: string, options: CheckOptions, color: boolean): string;
  /** The syntax tree of a query as JSON: `{ ast }` or `{ diagnostics }`. */
  parse(query: string): string;
  /** The canonical text of a query as JSON: `{ text }` or `{ diagnostics }`. */
  format(query: string): string;
  /** What can stand at a cursor, in bytes. JSON in (`Vocabulary`), an array out. */
  complete(query: string, cursor: number, vocabularyJson: string): string;
  /** The pieces of a query as an array. */
  highlight(query: string): string;
  /** What stands at an offset, in bytes, as an object or `null`. */
  hover(query: string, offset: number): string;
  /** What a query will do under a load, which is JSON: `{ explanation }` or `{ diagnostics }`. */
  explain(query: string, options: CheckOptions, loadJson: string): string;
  /** Looks into a source without a query. */
  Inspector: new (options: RawDecoderOptions) => NativeInspector;
  /** Reads the answers of a server. */
  ResponseReader: new (options: ResponseOptions) => NativeResponseReader;
  /**
   * One running query. Throws an `Error` with a `code` when query or options make no sense. On more than
   * one of `threads`, by default as many as there are processors, up to 8, only small amounts are decoded and
   * joined on this one; `wake` is called when there is something to drain, or room again. In WebAssembly
   * there is one thread.
   */
  Correlator: new (
    query: string,
    options: Partial<CorrelatorOptions>,
    threads?: number,
    wake?: () => void,
  ) => NativeCorrelator;
}

/** Bytes as the web has them. */
export type ByteStream = ReadableStream<Uint8Array> | Blob | Response;

/** The native addon, or WebAssembly. */
export type BackendKind = 'native' | 'wasm';

/** Looks at one source. */
export interface NativeInspector {
  /** Bytes, cut anywhere. */
  push(bytes: Uint8Array): void;
  /** What was found, as JSON ({@link Inspection}). */
  finish(): string;
}

/** What the answers of a server are. */
export type ResponseFormat = 'loki' | 'prometheus' | 'graylog' | 'graylog-csv';

/** How answers are read. */
export interface ResponseOptions {
  format: ResponseFormat;
}

/** What an answer held. Times are nanoseconds since the epoch. */
export interface ResponseContent {
  /** Those that have not come before, as NDJSON, in order of time. */
  lines: Uint8Array;
  /** All. */
  entries: number;
  /** Those of the lines. */
  fresh: number;
  /** The time of the first and the last of all; absent where there are none. */
  first?: bigint;
  last?: bigint;
  /** From when on nothing that comes again is taken for new; absent where that is so of all that has come. */
  rememberedFrom?: bigint;
  /** What the server says that it left out (`dropped_entries` of Loki): how many, and between which times. */
  dropped: number;
  droppedFrom?: bigint;
  droppedTo?: bigint;
}

/** Reads the answers of a server, one after the other; what came before is left out. */
export interface NativeResponseReader {
  /** Throws with the code `RESPONSE_INVALID` where it is none, and then has taken nothing of it. */
  read(body: Uint8Array): ResponseContent;
  /** Events before that time, in nanoseconds since the epoch, will not come again. */
  forget(before: bigint): void;
}

/** One running query in the engine. */
export interface NativeCorrelator {
  /**
   * Bytes of a source, cut anywhere, that arrived `at` that time of a steady clock, in milliseconds. Where
   * times are given, here and below, latencies are measured.
   */
  push(source: number, bytes: Uint8Array, at?: number): void;
  /**
   * Objects of a source that stay in JavaScript. False where a text is no time that the engine reads:
   * nothing is taken then, and whoever pushes reads the times.
   */
  pushColumns(source: number, columns: Columns, at?: number): boolean;
  /** Labels and values seen so far, as a JSON object (`Vocabulary`); empty after `release`. */
  vocabulary(): string;
  /**
   * Makes a file the content of a source. Throws with code `SOURCE_ERROR` when it cannot be opened. Absent
   * where there are no files, as is `work`.
   */
  attachFile?(source: number, path: string): void;
  /**
   * Reads attached files, merged by time, up to about `maxBytes`. `pending` is false when all of
   * them have ended. On several threads it allows that much to be read, and tells what has been read since
   * it was called last.
   */
  work?(maxBytes: number, at?: number): { pending: boolean; read: number };
  /**
   * Reads a stream of bytes into a source, to its end. `fed` is told how many bytes were read, 0 at the end;
   * nothing more is read before the promise that it returns resolves. Absent where streams are read in
   * JavaScript.
   */
  feed?(
    source: number,
    stream: ByteStream,
    fed: (bytes: number) => Promise<void> | undefined,
  ): Promise<void>;
  /** Tells the time, in milliseconds since the epoch. */
  advance(nowMs: number): void;
  /** A live source reads what is of the past, or is interrupted, or is back: meanwhile it is not idle. */
  setAway(source: number, away: boolean): void;
  /** So many bytes may be held from now on; see `maxMemoryBytes`. */
  setMaxMemory(bytes: number): void;
  /** A live source is quiet: settle its format, let go of a multi-line event that waits for its next line. */
  flush(source: number): void;
  /** A source has ended. */
  close(source: number): void;
  /** Whether more of a source should be pushed for now; always, on one thread. */
  hasRoom(source: number, at?: number): boolean;
  /** Whether `wake` will be called without anything being pushed; never, on one thread. */
  isBusy(): boolean;
  /** Up to `max` outputs as one batch, or more on several threads; empty when nothing waits. */
  drain(max: number, at?: number): Uint8Array;
  /** When `advance` should be called next, in milliseconds since the epoch. */
  deadline(): number | null;
  /** One correlation record without its events as a JSON object. Works after `release` too. */
  headJson(record: Uint8Array): string;
  /** The events of one correlation record as a JSON array. Works after `release` too. */
  eventsJson(record: Uint8Array): string;
  /** The event loop was held for so many milliseconds. */
  noteTurn(took: number): void;
  /** Counters and distributions. */
  metrics(): RawMetrics;
  /** Frees the state of the engine. */
  release(): void;
}

/**
 * Events as columns, and labels of a sample of them for {@link NativeCorrelator.vocabulary}. The arrays may be
 * longer than what is in them.
 *
 * An event has a row of cells, each a text, empty for what is missing: one for each label of the plan, or one
 * with all labels as a JSON object of texts; one for each join key; and the message, where it is needed.
 */
export interface Columns {
  rows: number;
  /** What the engine calls each event by. */
  ids: Uint32Array;
  /** Event times: whole milliseconds since the epoch. `NaN` where it is text. */
  millis: Float64Array;
  /** Event times: nanoseconds within the millisecond. */
  nanos: Uint32Array;
  /** UTF-8: times that are text, such as `2026-01-01T00:00:00.5Z`, one after the other; then the texts. */
  bytes: Uint8Array;
  /** Where the times end in them. */
  timesEnd: number;
  /** Where the texts end. */
  textsEnd: number;
  /** Where each text ends, from where the times end: cells row by row, then names and values of samples. */
  ends: Uint32Array;
  /** How many cells there are in all. */
  cells: number;
  /** How many labels each event of the sample has. */
  samples: Uint32Array;
  /** Bytes that each event takes here; none where these are not counted as held. */
  weights?: Uint32Array;
}

/** Options of {@link Backend.check} and {@link Backend.render}. */
export interface CheckOptions {
  defaultTimeWindowMs?: number;
  /** Names of the sources that apply selectors themselves. */
  selectingSources?: string[];
  joinType?: 'inner' | 'left' | 'outer';
  /** What it compares has to cross with objects. */
  dedupe?: RawDedupe;
}

/** How repeats are told; all fields are compared where none are named. */
export interface RawDedupe {
  windowMs?: number;
  fields?: string[];
}

/** Answer of {@link Backend.check}. */
export interface Checked {
  diagnostics: RawDiagnostic[];
  plan?: PlanSummary;
}

/** A diagnostic as the engine tells it: its span counts UTF-8 bytes. */
export interface RawDiagnostic {
  code: string;
  severity: 'error' | 'warning';
  message: string;
  span: { start: number; end: number };
  line: number;
  column: number;
  suggestion: string | null;
}

/** What the host has to know of a plan. */
export interface PlanSummary {
  sources: PlannedSource[];
  streams: PlannedStream[];
  /** By source: what of an object crosses into the engine. */
  columns: ColumnPlan[];
}

/** Something to read. */
export interface PlannedSource {
  name: string;
  /** The selector the source applies; `null` where the engine selects. */
  selector: string | null;
  /** How far back to fetch. */
  rangeMs: number;
}

/** One stream of the query. */
export interface PlannedStream {
  /** Its name in results. */
  name: string;
  alias: string | null;
  /** Position of its source in {@link PlanSummary.sources}. */
  source: number;
  selector: string;
  rangeMs: number;
}

/** What of an object crosses into the engine. */
export interface ColumnPlan {
  /** Labels by name; empty where all are needed. */
  labels: string[];
  /** Whether every label is needed. They then come as one JSON object of texts per row. */
  allLabels: boolean;
  /** Join keys the object may name itself. */
  joinKeys: string[];
  /** Whether the message is needed, for keys found in it or as the line that filters and parsers see. */
  message: boolean;
  /** Whether it is needed of every object, or only of one that lacks any of the labels. */
  messageAlways: boolean;
}

/** How the bytes of a source are decoded; as {@link DecoderOptions}, ready for the engine. */
export interface RawDecoderOptions extends Omit<DecoderOptions, 'referenceTime'> {
  /** Milliseconds since the epoch. */
  referenceTimeMs?: number;
}

/** Options of {@link Backend.Correlator}. */
export interface CorrelatorOptions {
  defaultTimeWindowMs: number;
  selectingSources: string[];
  lateToleranceMs: number;
  idleTimeoutMs: number;
  emit: 'final' | 'eager';
  processingIntervalMs: number;
  bufferSize: number;
  late: 'match' | 'drop';
  maxMemoryBytes: number;
  maxEvents?: number;
  overflow?: 'evict' | 'block';
  maxEventsPerCorrelation: number;
  dedupe?: RawDedupe;
  joinType: 'inner' | 'left' | 'outer';
  startNs?: string;
  endNs?: string;
  limit?: number;
  /** By position in {@link PlanSummary.sources}. */
  sources: { bounded: boolean; decoder?: RawDecoderOptions; clockSkewMs?: number }[];
  keyPatterns?: Record<string, string>;
}

/** Why a source is not read for now: it is ahead of the others, or the consumer is behind. */
export type PauseReason = 'ahead' | 'consumer';

/** Something the engine tells beside correlations. Sources are positions in the plan. */
export type Notice =
  | {
      type: 'badLine';
      source: number;
      code: string;
      /** Of the first of them, like its place. */
      message: string;
      line: number;
      byte: number;
      count: number;
    }
  | { type: 'lateEvent'; source: number; count: number; time: string; behindMs: number }
  | { type: 'runsBackwards'; source: number; events: number; late: number }
  | {
      type: 'eventDropped';
      source: number;
      reason: 'evicted' | 'truncated';
      count: number;
      /** Of the newest of them. */
      time: string;
    }
  /** Bytes. */
  | { type: 'memoryWarning'; used: number; max: number }
  /** Readers of the source stop, and go on. */
  | { type: 'pause'; source: number; reason: PauseReason }
  | { type: 'resume'; source: number }
  /** Nothing more will come. */
  | { type: 'end' }
  /** The query has ended with this error. */
  | { type: 'error'; code: string; message: string; details?: Record<string, unknown> };

/** Answer of {@link NativeCorrelator.metrics}. */
export interface RawMetrics {
  /** By position in the plan. */
  sources: { bytes: number; events: number; badLines: number; late: number; repeats: number }[];
  selected: number;
  unkeyed: number;
  late: number;
  lateMatched: number;
  evicted: number;
  dropped: number;
  unknown: number;
  truncated: number;
  correlations: number;
  deliveries: number;
  heldEvents: number;
  heldKeys: number;
  memory: number;
  peakMemory: number;
  watermark: string | null;
  latency: { eager: RawDistribution; final: RawDistribution };
  turns: RawDistribution;
}

/** Lengths of time, in microseconds. */
export interface RawDistribution {
  count: number;
  sum: number;
  max: number;
  /** How many by about how long; the lengths are the same in all distributions. */
  buckets: [value: number, count: number][];
}

/** What {@link NativeInspector.finish} tells of a source. */
export interface Inspection {
  /** `null` where there was nothing to tell it from. */
  format: string | null;
  timeField: string | null;
  bytes: number;
  events: number;
  badLines: number;
  /** Events older than the one before. */
  outOfOrder: number;
  /** RFC 3339; `null` without events. */
  firstTime: string | null;
  lastTime: string | null;
  spanNs: number;
  labels: {
    name: string;
    /** Events that have it. */
    events: number;
    /** Distinct values; `null` where there are too many to count. */
    values: number | null;
    /** The value, where there is one only. */
    only: string | null;
  }[];
  moreLabels: boolean;
  badLineSamples: { line: number; byte: number; code: string; message: string }[];
}

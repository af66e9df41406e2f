/**
 * What an engine binding offers: small, synchronous, in batches. Everything asynchronous is written
 * once, above it, in TypeScript.
 *
 * A batch of outputs, as {@link NativeCorrelator.drain} gives it, is a sequence of records, little
 * endian: `u32` length of what follows, `u8` kind, then
 *
 * - kind 1, a correlation: `u32` length and the head (JSON object text, everything but the events),
 *   `u32` number of events, and per event `u16` position of its stream, `u8` kind (0 raw, 1 object
 *   held by the host), `i64` time in nanoseconds, then either `u32` length and raw bytes, or `u32`
 *   host id;
 * - kind 2, a notice: JSON object text, see {@link Notice}.
 */
export interface Backend {
  /** Checks a query. JSON in ({@link CheckOptions}), JSON out ({@link Checked}). */
  check(query: string, optionsJson: string): string;
  /** The diagnostics of a query drawn with carets under the text; empty when there are none. */
  render(query: string, optionsJson: string, color: boolean): string;
  /** The syntax tree of a query as JSON: `{ ast }` or `{ diagnostics }`. */
  parse(query: string): string;
  /** Looks into a file without a query. JSON in ({@link DecoderOptions}), JSON out ({@link Inspection}). */
  inspectFile(path: string, optionsJson: string): string;
  /** One running query. Throws an `Error` with a `code` when query or options make no sense. */
  Correlator: new (query: string, optionsJson: string) => NativeCorrelator;
}

/** One running query in the engine. */
export interface NativeCorrelator {
  /** Bytes of a source, cut anywhere. */
  push(source: number, bytes: Uint8Array): void;
  /** Objects of a source that stay in JavaScript. */
  pushColumns(source: number, columns: Columns): void;
  /** Makes a file the content of a source. Throws with code `SOURCE_ERROR` when it cannot be opened. */
  attachFile(source: number, path: string): void;
  /**
   * Reads attached files, merged by time, up to about `maxBytes`. `pending` is false when all of
   * them have ended.
   */
  work(maxBytes: number): { pending: boolean; read: number };
  /** Tells the time, in milliseconds since the epoch. */
  advance(nowMs: number): void;
  /** A live source is quiet: settle its format, let go of a multi-line event that waits for its next line. */
  flush(source: number): void;
  /** A source has ended. */
  close(source: number): void;
  /** Up to `max` outputs as one batch; empty when nothing waits. */
  drain(max: number): Uint8Array;
  /** When `advance` should be called next, in milliseconds since the epoch. */
  deadline(): number | null;
  /** The events of one correlation record as a JSON array. Works after `release` too. */
  eventsJson(record: Uint8Array): string;
  /** Counters as a JSON object. */
  metrics(): string;
  /** Frees the state of the engine. */
  release(): void;
}

/** Events as columns: what the plan needs of each, row by row. */
export interface Columns {
  /** What the engine calls each event by. */
  ids: Uint32Array;
  /** Event times: whole milliseconds since the epoch. */
  millis: Float64Array;
  /** Event times: nanoseconds within the millisecond. */
  nanos: Uint32Array;
  /** The distinct texts, concatenated, UTF-8. */
  texts: Uint8Array;
  /** Where each text ends. Text 0 is the empty one: missing. */
  textEnds: Uint32Array;
  /** Row by row, for each label of the plan, its text. */
  labels: Uint32Array;
  /** Row by row the text of the message, where the plan needs it. */
  messages?: Uint32Array;
  /** Row by row the text that line filters and parsers see, where the plan needs it. */
  lines?: Uint32Array;
}

/** Options of {@link Backend.check} and {@link Backend.render}. */
export interface CheckOptions {
  defaultTimeWindowMs?: number;
  /** Names of the sources that apply selectors themselves. */
  selectingSources?: string[];
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
  rangeText: string;
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
  /** Labels by name. */
  labels: string[];
  /** Whether line filters or parsers look at the line. */
  line: boolean;
  /** Whether join keys may come from the message. */
  message: boolean;
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
  maxMemoryBytes: number;
  startNs?: string;
  endNs?: string;
  limit?: number;
  /** By position in {@link PlanSummary.sources}. */
  sources: { bounded: boolean; decoder?: DecoderOptions }[];
  keyPatterns?: Record<string, string>;
}

/** Something the engine tells beside correlations. */
export type Notice =
  | {
      type: 'badLine' | 'lateEvent' | 'sourceBackwards' | 'eventDropped';
      source: number;
      code: string;
      message: string;
      line?: number;
      byte?: number;
      count?: number;
    }
  | { type: 'memoryWarning'; usedBytes: number; maxBytes: number }
  /** Readers of the source stop, and go on. */
  | { type: 'pause' | 'resume'; source: number }
  /** Objects the engine will not name again. */
  | { type: 'released'; ids: number[] }
  /** Nothing more will come. */
  | { type: 'end' }
  /** The query has ended with this error. */
  | { type: 'error'; code: string; message: string; details?: Record<string, unknown> };

/** What `logbraid sources` tells of a file. */
export interface Inspection {
  format: string;
  timeField: string | null;
  messageField?: string | null;
  events: number;
  badLines: number;
  bytes: number;
  /** RFC 3339 with nanoseconds; `null` in a file without events. */
  firstTime: string | null;
  lastTime: string | null;
  /** Labels and how many values each has; `null` for too many to count. */
  labels: { name: string; distinctCount: number | null }[];
  sampleBadLines: { line: number; byte: number; code: string; message: string }[];
}

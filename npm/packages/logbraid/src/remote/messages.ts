// What passes between a page and the Worker that its engine runs in. Everything is plain data that
// `postMessage` copies; what has come is taken in the order it was sent.
import type { ErrorOptions } from '../errors.js';
import { CorrelationError, QueryError, errorOf, reasonOf, shown } from '../errors.js';
import type { EngineOptions } from '../options.js';
import type {
  ClockSkew,
  CorrelateOptions,
  DecoderOptions,
  Diagnostic,
  EngineEvents,
} from '../types.js';
import type { PlanSummary } from '../backend.js';
import type { KnownLabel } from '../query.js';
import type { SentSource } from '../platform/worker.js';
import type {
  AdapterNotice,
  AdapterStatus,
  StreamItem,
  StreamOptions,
} from '../adapters/adapter.js';
import type { AdapterKind } from '../adapters/spec.js';
import type { LogEvent } from '../types.js';

/** A source that is read in the page: what the engine has to know of its adapter. */
export interface ProxiedAdapter {
  bounded: boolean;
  selects: boolean;
  decoder: DecoderOptions | undefined;
  clockSkew: ClockSkew | undefined;
}

/** What the page asks for. */
export type Request =
  | { type: 'start'; options: EngineOptions; wasm: SentSource | undefined }
  | { type: 'addBlob'; name: string; blob: Blob; options: ProxiedAdapter }
  | {
      type: 'addAdapter';
      name: string;
      adapter: number;
      kind: AdapterKind;
      args: readonly unknown[];
    }
  | { type: 'addStream'; name: string; adapter: number; options: ProxiedAdapter }
  | { type: 'labels'; adapter: number; labels: KnownLabel[] }
  | { type: 'addPush'; name: string; source: number }
  | { type: 'push'; source: number; items: StreamItem[] }
  | { type: 'end'; source: number }
  | { type: 'listen'; event: keyof EngineEvents; wanted: boolean }
  | { type: 'call'; call: number; method: Method; args: unknown[] }
  | { type: 'correlate'; run: number; query: string; options: CorrelateOptions }
  | { type: 'pull'; run: number; count: number }
  | { type: 'leave'; run: number }
  | { type: 'items'; stream: number; items: StreamItem[] }
  | { type: 'notice'; stream: number; notice: PackedNotice }
  | { type: 'finished'; stream: number; error: PlainError | undefined };

/** What is answered with one value. */
export type Method =
  | 'parse'
  | 'validate'
  | 'complete'
  | 'vocabulary'
  | 'metrics'
  | 'setMaxMemory'
  | 'removeAdapter'
  | 'destroyAdapter'
  | 'destroy';

/** What the Worker tells. */
export type Reply =
  | { type: 'failed'; error: PlainError }
  | { type: 'answer'; call: number; value: unknown }
  | { type: 'refused'; call: number; error: PlainError }
  | { type: 'room'; source: number; error: PlainError | undefined }
  | { type: 'event'; event: keyof EngineEvents; told: unknown[] }
  | { type: 'status'; adapter: number; status: PackedStatus }
  | { type: 'found'; run: number; found: PackedCorrelations }
  | { type: 'ended'; run: number; error: PlainError | undefined }
  | {
      type: 'open';
      stream: number;
      name: string;
      adapter: number;
      selector: string;
      options: Omit<StreamOptions, 'signal' | 'tell'>;
    }
  | { type: 'take'; stream: number }
  | { type: 'drop'; stream: number };

/** Correlations of one query with all that can be asked of them, since there is no engine to ask where they go. */
export interface PackedCorrelations {
  /** Of the query; only with the first. */
  plan: PlanSummary | undefined;
  /** Their records, one after the other, as the engine wrote them. */
  records: Uint8Array<ArrayBuffer>;
  packed: PackedCorrelation[];
}

/** What a correlation has beside its record. */
export interface PackedCorrelation {
  /** Where its record ends. */
  end: number;
  head: string;
  events: string;
  failedSources: readonly string[];
  /** Objects of the program, by the number they have in the record. */
  objects: [id: number, object: LogEvent][];
}

/** What an adapter tells, with its error as plain data. */
export type PackedNotice =
  | Exclude<AdapterNotice, { type: 'reconnect' }>
  | (Omit<Extract<AdapterNotice, { type: 'reconnect' }>, 'error'> & { error: PlainError });

/** How an adapter is, with its error as plain data. */
export type PackedStatus = Omit<AdapterStatus, 'lastError'> & { lastError?: PlainError };

/** An error as plain data. */
export interface PlainError {
  code: string | undefined;
  name: string;
  message: string;
  details: Record<string, unknown> | undefined;
  /** The text of what is no error. */
  cause: PlainError | string | undefined;
}

/** Causes of causes that are told as errors: they may go in a circle. */
const CAUSES = 8;

/** An error, for the way. */
export function packError(error: unknown, causes = CAUSES): PlainError {
  if (!(error instanceof Error)) {
    const message = reasonOf(error);
    return { code: undefined, name: 'Error', message, details: undefined, cause: undefined };
  }
  const { name, message, cause } = error;
  const coded = error instanceof CorrelationError;
  return {
    code: coded ? error.code : undefined,
    name,
    message,
    details: coded ? plainDetails(error.details) : undefined,
    cause: packCause(cause, causes),
  };
}

function packCause(cause: unknown, causes: number): PlainError | string | undefined {
  if (cause instanceof Error && causes > 0) return packError(cause, causes - 1);
  return cause === undefined ? undefined : shown(cause);
}

/** The error at the other end. */
export function unpackError({ code, name, message, details, cause }: PlainError): Error {
  const behind = typeof cause === 'object' ? unpackError(cause) : cause;
  const options: ErrorOptions = { details, cause: behind };
  if (code === undefined) {
    const made = behind === undefined ? new Error(message) : new Error(message, { cause: behind });
    return Object.assign(made, { name });
  }
  if (code === 'QUERY_PARSE_ERROR') {
    return new QueryError(message, (details?.['diagnostics'] ?? []) as Diagnostic[], options);
  }
  return errorOf(code, message, options);
}

/** What the adapter at the other end tells. */
export function unpackNotice(notice: PackedNotice): AdapterNotice {
  if (notice.type !== 'reconnect') return notice;
  return { ...notice, error: unpackError(notice.error) as never };
}

/** Values that cannot be copied, such as functions, are told by their text. */
function plainDetails(details: Record<string, unknown>): Record<string, unknown> {
  const copied = Object.entries(details).map(([name, value]): [string, unknown] => {
    try {
      return [name, structuredClone(value)];
    } catch {
      return [name, String(value)];
    }
  });
  return Object.fromEntries(copied);
}

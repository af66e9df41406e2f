import type { Diagnostic } from './types.js';

/** What a {@link CorrelationError} carries beside its message. */
export interface ErrorOptions {
  /** Facts for programs, by name. */
  details?: Record<string, unknown> | undefined;
  /** The error behind this one. */
  cause?: unknown;
}

/** Any error of this package. `code` is stable; each code that is thrown here has a subclass. */
export class CorrelationError extends Error {
  // Written out, here and below: minifiers rename classes.
  override name = 'CorrelationError';

  /** A stable name of the mistake, such as `QUERY_PARSE_ERROR`. */
  readonly code: string;
  /** Facts for programs, by name. */
  readonly details: Record<string, unknown>;

  constructor(message: string, code: string, { details = {}, cause }: ErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.details = details;
  }
}

/** `QUERY_PARSE_ERROR`: a query that does not parse or makes no sense; `diagnostics` say what and where. */
export class QueryError extends CorrelationError {
  override name = 'QueryError';

  readonly diagnostics: readonly Diagnostic[];

  constructor(
    message: string,
    diagnostics: readonly Diagnostic[] = [],
    options: ErrorOptions = {},
  ) {
    super(message, 'QUERY_PARSE_ERROR', {
      ...options,
      details: { ...options.details, diagnostics },
    });
    this.diagnostics = diagnostics;
  }
}

/** `INVALID_OPTION`: an option that does not exist, or a value it cannot have; `details.option` names it. */
export class OptionError extends CorrelationError {
  override name = 'OptionError';

  constructor(message: string, options?: ErrorOptions) {
    super(message, 'INVALID_OPTION', options);
  }
}

/** `ADAPTER_NOT_FOUND`: a query names a source that was not added. */
export class AdapterNotFoundError extends CorrelationError {
  override name = 'AdapterNotFoundError';

  constructor(message: string, options?: ErrorOptions) {
    super(message, 'ADAPTER_NOT_FOUND', options);
  }
}

/** `ADAPTER_EXISTS`: the name of a source is taken. */
export class AdapterExistsError extends CorrelationError {
  override name = 'AdapterExistsError';

  constructor(message: string, options?: ErrorOptions) {
    super(message, 'ADAPTER_EXISTS', options);
  }
}

/** `ADAPTER_ERROR`: a source failed for good; `cause` says why. */
export class AdapterError extends CorrelationError {
  override name = 'AdapterError';

  constructor(message: string, options?: ErrorOptions) {
    super(message, 'ADAPTER_ERROR', options);
  }
}

/**
 * `SOURCE_ERROR`: a file cannot be opened or read. `details.source` and `details.path` say which, where
 * it cannot be opened.
 */
export class SourceError extends CorrelationError {
  override name = 'SourceError';

  constructor(message: string, options?: ErrorOptions) {
    super(message, 'SOURCE_ERROR', options);
  }
}

/** `AUTH_REQUIRED`: a server wants credentials, or other ones; `details.status` is 401 or 403. */
export class AuthRequiredError extends CorrelationError {
  override name = 'AuthRequiredError';

  constructor(message: string, options?: ErrorOptions) {
    super(message, 'AUTH_REQUIRED', options);
  }
}

/** `TIMEOUT_ERROR`: a server has not answered in time, `timeout` of the adapter. */
export class RequestTimeoutError extends CorrelationError {
  override name = 'RequestTimeoutError';

  constructor(message: string, options?: ErrorOptions) {
    super(message, 'TIMEOUT_ERROR', options);
  }
}

/** `WEBSOCKET_MAX_RETRIES`: a WebSocket could not be kept open, `maxRetries` times in a row. */
export class WebSocketError extends CorrelationError {
  override name = 'WebSocketError';

  constructor(message: string, options?: ErrorOptions) {
    super(message, 'WEBSOCKET_MAX_RETRIES', options);
  }
}

/** `LOKI_QUERY_ERROR`: Loki refuses a query; the message has what it says. */
export class LokiQueryError extends CorrelationError {
  override name = 'LokiQueryError';

  constructor(message: string, options?: ErrorOptions) {
    super(message, 'LOKI_QUERY_ERROR', options);
  }
}

/** `GRAYLOG_SEARCH_ERROR`: Graylog refuses a search; the message has what it says. */
export class GraylogSearchError extends CorrelationError {
  override name = 'GraylogSearchError';

  constructor(message: string, options?: ErrorOptions) {
    super(message, 'GRAYLOG_SEARCH_ERROR', options);
  }
}

/** `PROMQL_QUERY_ERROR`: Prometheus refuses a query, or cannot execute it; `details.errorType` says which. */
export class PromqlQueryError extends CorrelationError {
  override name = 'PromqlQueryError';

  constructor(message: string, options?: ErrorOptions) {
    super(message, 'PROMQL_QUERY_ERROR', options);
  }
}

/** `SOURCE_ENDED`: a push into a source after its end. */
export class SourceEndedError extends CorrelationError {
  override name = 'SourceEndedError';

  constructor(message: string, options?: ErrorOptions) {
    super(message, 'SOURCE_ENDED', options);
  }
}

/** `SOURCE_FULL`: pushes that were not awaited have filled a source. */
export class SourceFullError extends CorrelationError {
  override name = 'SourceFullError';

  constructor(message: string, options?: ErrorOptions) {
    super(message, 'SOURCE_FULL', options);
  }
}

/**
 * What a {@link MemoryError} is about. Of `maxEvents` and `maxBytes`, the bound that was reached is there.
 *
 * ```js
 * { maxEvents: 8, heldEvents: 9, heldBytes: 4402, heldMs: 4000, windowMs: 10000, neededEvents: 23 }
 * ```
 */
export interface MemoryDetails {
  /** `maxEvents`. */
  maxEvents?: number;
  /** `maxMemoryMB`, in bytes. */
  maxBytes?: number;
  /** Events that the query held then. */
  heldEvents: number;
  /** Bytes that it used for them, by the engine's own accounting. */
  heldBytes: number;
  /** Event time from the oldest to the newest of them, in whole milliseconds. */
  heldMs: number;
  /** How far back the query has to hold events, by its ranges, `within` and `lateTolerance`. */
  windowMs: number;
  /**
   * About the `maxEvents` that would do, if events go on as they came. Absent where that cannot be told:
   * less than a tenth of the window was held, or more than all of it, or a source had not begun.
   */
  neededEvents?: number;
  /** The same for `maxMemoryMB`, in bytes. */
  neededBytes?: number;
}

/**
 * `MEMORY_ERROR`: the query has to hold more than `maxMemoryMB` or `maxEvents` allow, and may drop nothing
 * (`overflow: 'block'`). The message says how much it holds and, as far as that can be told, would need;
 * `details` the same for programs.
 */
export class MemoryError extends CorrelationError {
  override name = 'MemoryError';

  declare readonly details: Record<string, unknown> & MemoryDetails;

  constructor(message: string, options: ErrorOptions & { details: MemoryDetails }) {
    super(message, 'MEMORY_ERROR', options);
  }
}

/** `ENGINE_DESTROYED`: the engine was used after `destroy()`. */
export class EngineDestroyedError extends CorrelationError {
  override name = 'EngineDestroyedError';

  constructor(message = 'the engine has been destroyed', options?: ErrorOptions) {
    super(message, 'ENGINE_DESTROYED', options);
  }
}

/** `BACKEND_UNAVAILABLE`: the native addon or the wasm module cannot be loaded. */
export class BackendUnavailableError extends CorrelationError {
  override name = 'BackendUnavailableError';

  constructor(message: string, options?: ErrorOptions) {
    super(message, 'BACKEND_UNAVAILABLE', options);
  }
}

/** `INTERNAL_ERROR`: a defect of this package. */
export class InternalError extends CorrelationError {
  override name = 'InternalError';

  constructor(message: string, options?: ErrorOptions) {
    super(message, 'INTERNAL_ERROR', options);
  }
}

type ErrorClass = new (message: string, options?: ErrorOptions) => CorrelationError;

const byCode = new Map<string, ErrorClass>([
  ['INVALID_OPTION', OptionError],
  ['ADAPTER_NOT_FOUND', AdapterNotFoundError],
  ['ADAPTER_EXISTS', AdapterExistsError],
  ['ADAPTER_ERROR', AdapterError],
  ['SOURCE_ERROR', SourceError],
  ['SOURCE_ENDED', SourceEndedError],
  ['SOURCE_FULL', SourceFullError],
  ['ENGINE_DESTROYED', EngineDestroyedError],
  ['BACKEND_UNAVAILABLE', BackendUnavailableError],
  ['INTERNAL_ERROR', InternalError],
  ['AUTH_REQUIRED', AuthRequiredError],
  ['TIMEOUT_ERROR', RequestTimeoutError],
  ['WEBSOCKET_MAX_RETRIES', WebSocketError],
  ['LOKI_QUERY_ERROR', LokiQueryError],
  ['GRAYLOG_SEARCH_ERROR', GraylogSearchError],
  ['PROMQL_QUERY_ERROR', PromqlQueryError],
]);

/** The error for a code, as the engine or a Worker tells it. */
export function errorOf(code: string, message: string, options?: ErrorOptions): CorrelationError {
  if (code === 'QUERY_PARSE_ERROR') {
    return new QueryError(message, [], options);
  }
  if (code === 'MEMORY_ERROR') {
    // The engine writes them as `Overrun` in core says.
    return new MemoryError(message, options as ErrorOptions & { details: MemoryDetails });
  }
  const Class = byCode.get(code);
  return Class ? new Class(message, options) : new CorrelationError(message, code, options);
}

/** The error for what a call into the engine threw. */
export function errorFrom(thrown: unknown): CorrelationError {
  if (thrown instanceof CorrelationError) {
    return thrown;
  }
  const message = reasonOf(thrown);
  const code: unknown = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  const known = typeof code === 'string' && /^[A-Z]+(_[A-Z]+)+$/.test(code);
  // The engine names the option first.
  const option = code === 'INVALID_OPTION' ? /^option ([\w.]+): /.exec(message)?.[1] : undefined;
  const details = option === undefined ? undefined : { option };
  const told = details ? message.slice('option '.length) : message;
  return errorOf(known ? code : 'INTERNAL_ERROR', told, { cause: thrown, details });
}

/** What something that was thrown says. */
export function reasonOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message;
  return typeof thrown === 'string' ? thrown : shown(thrown);
}

/** A value as a message shows it; also one that has no text of its own, over which `String` throws. */
export function shown(value: unknown): string {
  if (typeof value === 'string') {
    return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  }
  try {
    return String(value);
  } catch {
    return 'an object';
  }
}

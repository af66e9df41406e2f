/**
 * Finds what belongs together in streams of logs, metrics and events, while they arrive.
 *
 * @packageDocumentation
 */
export { CorrelationEngine } from './engine.js';
export type { EngineOptions } from './options.js';
export { CorrelatedEvent, Correlation } from './correlation.js';
export type { CorrelationJson, EventJson } from './correlation.js';
export { parse, render, validate } from './query.js';
export type { SyntaxTree, Validation } from './query.js';
export { IterableAdapter } from './adapters/iterable.js';
export type { EventIterable, IterableOptions } from './adapters/iterable.js';
export type { PushSource } from './adapters/push.js';
export type { DataSourceAdapter, StreamItem, StreamOptions } from './adapters/adapter.js';
export type {
  BadLine,
  CorrelateOptions,
  DecoderOptions,
  Diagnostic,
  DurationInput,
  Emit,
  EncodedChunk,
  EngineEvents,
  LabelValue,
  LateEvents,
  LogEvent,
  Metrics,
  RunsBackwards,
  TimeInput,
} from './types.js';
export {
  AdapterError,
  AdapterExistsError,
  AdapterNotFoundError,
  BackendUnavailableError,
  CorrelationError,
  EngineDestroyedError,
  InternalError,
  MemoryError,
  OptionError,
  QueryError,
  SourceEndedError,
  SourceError,
  SourceFullError,
} from './errors.js';
export type { ErrorOptions } from './errors.js';

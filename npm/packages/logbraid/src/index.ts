/**
 * Finds what belongs together in streams of logs, metrics and events, while they arrive.
 *
 * @packageDocumentation
 */
export { CorrelationEngine } from './engine.js';
export type { DedupeOptions, EngineOptions } from './options.js';
export { presets } from './presets.js';
export type { PresetName } from './presets.js';
export { CorrelatedEvent, Correlation } from './correlation.js';
export type { CorrelationJson, EventJson } from './correlation.js';
export { complete, format, highlight, hover, parse, render, validate } from './query.js';
export type {
  Completion,
  Hover,
  KnownLabel,
  PlanningOptions,
  QueryToken,
  RenderOptions,
  Validation,
  Vocabulary,
} from './query.js';
export type {
  JoinSyntax,
  MatcherSyntax,
  Spanned,
  StreamSyntax,
  SyntaxNode,
  SyntaxTree,
  TextSpan,
} from './syntax.js';
export { createWorkerEngine } from './remote/create.js';
export type { WorkerEngineOptions } from './remote/create.js';
export type { RemoteEngine } from './remote/engine.js';
export type { RemoteSource } from './remote/source.js';
export type { WorkerOptions } from './platform/worker.js';
export { load } from '#platform';
export type { BackendKind, Inspection } from './backend.js';
export { inspect } from './inspect.js';
export type { Inspected } from './inspect.js';
export { explain } from './explain.js';
export type {
  ExplainOptions,
  ExplainedJoin,
  ExplainedSource,
  ExplainedStream,
  Explanation,
  PlanNode,
} from './explain.js';
export { QueryBuilder, stream } from './builder/index.js';
export type {
  Field,
  JoinClauses,
  JoinedQuery,
  KeyInput,
  OrderedClauses,
  QueryInput,
  SelectedQuery,
  StagedQuery,
  Stream,
  StreamClauses,
  StreamName,
} from './builder/index.js';
export { field, local, raw } from './builder/selector.js';
export type {
  FieldFilter,
  FieldOperator,
  LabelMatchers,
  LabelOperator,
  LocalSelector,
  Selector,
} from './builder/selector.js';
export { count, duration, every, first, label, last, not, ts, value } from './builder/condition.js';
export type {
  Comparison,
  Condition,
  DurationLiteral,
  Kind,
  LabelOperand,
  Operand,
  TimeOperand,
} from './builder/operand.js';
export { IterableAdapter } from './adapters/iterable.js';
export type { EventIterable, IterableOptions } from './adapters/iterable.js';
export type { PushSource } from './adapters/push.js';
export type {
  AdapterNotice,
  AdapterStatus,
  DataSourceAdapter,
  StreamItem,
  StreamOptions,
} from './adapters/adapter.js';
export type {
  BadLine,
  ClockSkew,
  CorrelateOptions,
  DecoderOptions,
  Diagnostic,
  DroppedEvents,
  DurationInput,
  Durations,
  Emit,
  EncodedChunk,
  EngineEvents,
  LabelValue,
  LateEvents,
  LogEvent,
  MemoryWarning,
  Metrics,
  MetricsOptions,
  PausedSource,
  RunsBackwards,
  SourceMetrics,
  TimeInput,
  WasmSource,
} from './types.js';
export {
  AdapterError,
  AdapterExistsError,
  AdapterNotFoundError,
  AuthRequiredError,
  BackendUnavailableError,
  CorrelationError,
  EngineDestroyedError,
  GraylogSearchError,
  InternalError,
  LokiQueryError,
  MemoryError,
  OptionError,
  PromqlQueryError,
  QueryError,
  RequestTimeoutError,
  SourceEndedError,
  SourceError,
  SourceFullError,
  WebSocketError,
} from './errors.js';
export type { ErrorOptions, MemoryDetails } from './errors.js';

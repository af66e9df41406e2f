/**
 * The classes, options and codes of log-correlator over the engine of Logbraid: its users change the import.
 * `docs/migrating-from-log-correlator.md` lists every difference.
 *
 * @packageDocumentation
 */
export { BackpressureController } from './backpressure-controller.js';
export type { BackpressureEvents, BackpressureOptions } from './backpressure-controller.js';
export type { CorrelatedEvent } from './correlated-event.js';
export { CorrelationEngine } from './correlation-engine.js';
export type { CorrelationEngineEvents, CorrelationWindow } from './correlation-engine.js';
export { CorrelationError } from './correlation-error.js';
export { EventDeduplicator } from './event-deduplicator.js';
export type { EventDeduplicatorOptions } from './event-deduplicator.js';
export { GraylogAdapter } from './graylog-adapter.js';
export type { GraylogAdapterOptions } from './graylog-adapter.js';
export { IndexedEventStore } from './indexed-event-store.js';
export type { EventStoreStats } from './indexed-event-store.js';
export type { LabelMapping, StreamJoinerOptions } from './join-options.js';
export { LokiAdapter } from './loki-adapter.js';
export type { LokiAdapterOptions } from './loki-adapter.js';
export { MultiStreamJoiner } from './multi-stream-joiner.js';
export type { EventStream, NamedStreams } from './multi-stream-joiner.js';
export type { CorrelationEngineOptions } from './options.js';
export { ParallelProcessor } from './parallel-processor.js';
export type { ParallelJoinOptions, ParallelProcessorOptions } from './parallel-processor.js';
export { PeggyQueryParser } from './peggy-query-parser.js';
export type { JoinQuery, ParsedQuery, QueryValidation, StreamQuery } from './peggy-query-parser.js';
export { PerformanceMonitor } from './performance-monitor.js';
export type { PerformanceEvents, PerformanceMetrics } from './performance-monitor.js';
export { PromQLAdapter } from './promql-adapter.js';
export type { PromQLAdapterOptions } from './promql-adapter.js';
export type { ProxyOptions } from './proxy.js';
export { QueryBuilder } from './query-builder.js';
export { StreamJoiner } from './stream-joiner.js';
export { TimeWindow } from './time-window.js';
export type { TimeWindowOptions } from './time-window.js';
export {
  debounce,
  extractLabels,
  formatDuration,
  generateCorrelationId,
  isValidTimestamp,
  parseTimeWindow,
} from './utilities.js';
export type { DataSourceAdapter, StreamOptions } from '../adapters/adapter.js';
export { load } from '#platform';
export type { LogEvent } from '../types.js';

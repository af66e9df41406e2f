import type { RawMetrics } from './backend.js';
import type { Metrics } from './types.js';

/** Counters at the beginning. */
export function noMetrics(): Metrics {
  return {
    queries: 0,
    bytes: 0,
    events: 0,
    badLines: 0,
    selected: 0,
    unkeyed: 0,
    late: 0,
    lateMatched: 0,
    repeats: 0,
    evicted: 0,
    dropped: 0,
    unknown: 0,
    truncated: 0,
    correlations: 0,
    deliveries: 0,
    heldEvents: 0,
    heldKeys: 0,
    memory: 0,
    peakMemory: 0,
  };
}

/** Adds what a query has counted. */
export function addCounters(sum: Metrics, query: RawMetrics): void {
  for (const source of query.sources) {
    sum.bytes += source.bytes;
    sum.events += source.events;
    sum.badLines += source.badLines;
    sum.repeats += source.repeats;
  }
  sum.selected += query.selected;
  sum.unkeyed += query.unkeyed;
  sum.late += query.late;
  sum.lateMatched += query.lateMatched;
  sum.evicted += query.evicted;
  sum.dropped += query.dropped;
  sum.unknown += query.unknown;
  sum.truncated += query.truncated;
  sum.correlations += query.correlations;
  sum.deliveries += query.deliveries;
  sum.peakMemory = Math.max(sum.peakMemory, query.peakMemory);
}

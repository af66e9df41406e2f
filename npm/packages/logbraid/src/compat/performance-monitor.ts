import { EventEmitter } from 'eventemitter3';

import { CorrelationEngine as Engine } from '../engine.js';
import { Distribution } from '../metrics.js';
import { MAX_DELAY_MS } from '../time.js';
import type { Durations } from '../types.js';
import { every } from '#platform';
import { CorrelationEngine } from './correlation-engine.js';
import { bad } from '../checks.js';

/** What a {@link PerformanceMonitor} tells of the time since it told last. */
export interface PerformanceMetrics {
  /** Events a second, decoded or recorded. */
  throughput: number;
  /** Correlations delivered a second, revisions counted. */
  correlationRate: number;
  /** From the arrival of the event that completes a correlation to its delivery by the engine, or as recorded. */
  latency: Durations;
  /** What queries hold, by the engine's own accounting, in MiB. */
  memoryMB: number;
}

/** What a {@link PerformanceMonitor} emits. */
export interface PerformanceEvents {
  metrics: [metrics: PerformanceMetrics];
  /** The p95 is above 100 ms. */
  highLatency: [metrics: PerformanceMetrics];
  /** More than 100 MiB are held. */
  highMemoryUsage: [metrics: PerformanceMetrics];
  /** Fewer than 10 events came a second. */
  lowThroughput: [metrics: PerformanceMetrics];
}

const HIGH_LATENCY_MS = 100;
const HIGH_MEMORY_MB = 100;
const LOW_THROUGHPUT = 10;

/** Counts at one time. */
interface Snapshot {
  at: number;
  events: number;
  deliveries: number;
  latency: Distribution;
  memory: number;
}

/** Tells at intervals how an engine does, or what a program records itself. */
export class PerformanceMonitor extends EventEmitter<PerformanceEvents> {
  readonly #intervalMs: number;
  readonly #recorded = { events: 0, latency: new Distribution() };
  #end: (() => void) | undefined;

  /** Throws an `OptionError` at what is no interval, in milliseconds. */
  constructor(intervalMs = 5_000) {
    super();
    if (!(intervalMs >= 1 && intervalMs <= MAX_DELAY_MS)) {
      bad('intervalMs', intervalMs, 'a number from 1 to 2147483647');
    }
    this.#intervalMs = intervalMs;
  }

  /** Begins to tell, of an engine where one is given; anew where it has begun before. Keeps no process alive. */
  start(engine?: CorrelationEngine | Engine): void {
    this.stop();
    const watched = engine instanceof CorrelationEngine ? engine.engine : engine;
    let before = this.#snapshot(watched);
    this.#end = every(this.#intervalMs, () => {
      const now = this.#snapshot(watched);
      this.#tell(difference(now, before));
      before = now;
    });
  }

  /** Tells nothing more. Idempotent. */
  stop(): void {
    this.#end?.();
    this.#end = undefined;
  }

  /** Counts an event, where no engine does, with how long it took in milliseconds. */
  recordEvent(latencyMs?: number): void {
    this.#recorded.events += 1;
    if (latencyMs === undefined || !(latencyMs >= 0 && latencyMs <= Number.MAX_SAFE_INTEGER))
      return;
    const micros = latencyMs * 1000;
    // To a hundredth, so that there are few different ones.
    const bucket = Number(micros.toPrecision(3));
    this.#recorded.latency.add({ count: 1, sum: micros, max: micros, buckets: [[bucket, 1]] });
  }

  #snapshot(engine: Engine | undefined): Snapshot {
    const latency = new Distribution();
    latency.add(this.#recorded.latency.raw());
    const { events: recorded } = this.#recorded;
    const at = performance.now();
    if (!engine) return { at, events: recorded, deliveries: 0, latency, memory: 0 };
    latency.add(engine.distributions().totals.eager.raw());
    const { events, deliveries, memory } = engine.metrics();
    return { at, events: recorded + events, deliveries, latency, memory };
  }

  #tell(metrics: PerformanceMetrics): void {
    this.emit('metrics', metrics);
    if (metrics.latency.p95 > HIGH_LATENCY_MS) this.emit('highLatency', metrics);
    if (metrics.memoryMB > HIGH_MEMORY_MB) this.emit('highMemoryUsage', metrics);
    if (metrics.throughput < LOW_THROUGHPUT) this.emit('lowThroughput', metrics);
  }
}

function difference(now: Snapshot, before: Snapshot): PerformanceMetrics {
  const seconds = Math.max(now.at - before.at, 1) / 1000;
  return {
    throughput: (now.events - before.events) / seconds,
    correlationRate: (now.deliveries - before.deliveries) / seconds,
    latency: now.latency.since(before.latency).summary(),
    memoryMB: now.memory / (1 << 20),
  };
}

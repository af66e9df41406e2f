import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

import type { CorrelationEngine } from '../../engine.js';
import { Distribution } from '../../metrics.js';
import type { Durations, Emit, Metrics } from '../../types.js';
import type { Pacer } from './source.js';

const MIB = 1 << 20;

/** Nanoseconds in a millisecond. */
const NANOS = 1e6;

/** How often the event loop is asked for a turn, in milliseconds. */
const EVERY_MS = 10;

/** How often the memory of the process is looked at, in milliseconds. */
const LOOK_MS = 50;

/** One engine under load. */
export interface Loaded {
  engine: CorrelationEngine;
  pacer: Pacer;
  /** Runs the query to its end, and counts. */
  consume: (counted: Counted) => Promise<void>;
}

/** What a consumer has been given. */
export interface Counted {
  /** First revisions. */
  correlations: number;
  deliveries: number;
}

/** What a load test has found; over all engines, and over the time after the warmup. Times in milliseconds. */
export interface LoadReport {
  seconds: number;
  engines: number;
  /** Events a second: asked for, and taken by the engines. */
  rate: { offered: number; achieved: number };
  /** Whether a result is delivered while it may still grow. */
  emit: Emit;
  /** From the time at which the last event of a correlation was due to its delivery. */
  latency: { eager: Durations; final: Durations };
  /** How long a query held the event loop in one go. */
  turns: Durations;
  /** How late the event loop came to a timer. */
  eventLoopDelay: Omit<Durations, 'count'>;
  /** In percent of one core, without what it took to make the events, and that. */
  cpu: { engine: number; load: number };
  /** In MiB: the most the process had resident, what it had before the queries began, the most one query held. */
  memory: { process: number; before: number; query: number };
  /** A second. */
  results: { correlations: number; deliveries: number };
  /** Events that were lost or late. */
  events: Pick<Metrics, 'late' | 'evicted' | 'dropped' | 'unknown' | 'badLines'> & {
    /** Not sent, since too much waited for the engine. */
    unsent: number;
  };
}

/**
 * Runs queries under load, and measures after the warmup: until `signal` ends it, if that comes first.
 * Nothing where it comes before the warmup is over.
 */
export async function measure(
  loaded: readonly Loaded[],
  {
    rate,
    emit,
    warmupMs,
    durationMs,
    signal,
  }: { rate: number; emit: Emit; warmupMs: number; durationMs: number; signal: AbortSignal },
): Promise<LoadReport | undefined> {
  const counted: Counted = { correlations: 0, deliveries: 0 };
  const resident = () => process.memoryUsage.rss() / MIB;
  const before = resident();
  let most = before;
  const looking = setInterval(() => {
    most = Math.max(most, resident());
  }, LOOK_MS);
  const delay = monitorEventLoopDelay({ resolution: EVERY_MS });
  // An error of a query ends the test; none of them ends by itself.
  const failed = Promise.all(loaded.map(({ consume }) => consume(counted)));
  const wait = async (ms: number) => {
    const passed = sleep(ms, undefined, { signal }).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    await Promise.race([failed, passed]);
  };
  for (const { pacer } of loaded) pacer.start();
  try {
    await wait(warmupMs);
    if (signal.aborted) return undefined;
    const start = state(loaded, counted);
    delay.enable();
    await wait(durationMs);
    delay.disable();
    const end = state(loaded, counted);
    const seconds = (end.at - start.at) / 1000;
    const a_second = (of: (now: State) => number) => (of(end) - of(start)) / seconds;
    const more = (of: (now: State) => number) => of(end) - of(start);
    return {
      seconds,
      engines: loaded.length,
      rate: { offered: rate * loaded.length, achieved: a_second(({ totals }) => totals.events) },
      emit,
      latency: {
        eager: end.eager.since(start.eager).summary(),
        final: end.final.since(start.final).summary(),
      },
      turns: end.turns.since(start.turns).summary(),
      eventLoopDelay: {
        p50: late(delay.percentile(50)),
        p95: late(delay.percentile(95)),
        p99: late(delay.percentile(99)),
        max: late(delay.max),
      },
      cpu: {
        engine: a_second(({ cpu, making }) => cpu - making) / 1e4,
        load: a_second(({ making }) => making) / 1e4,
      },
      memory: { process: most, before, query: end.totals.peakMemory / MIB },
      results: {
        correlations: a_second(({ counted }) => counted.correlations),
        deliveries: a_second(({ counted }) => counted.deliveries),
      },
      events: {
        late: more(({ totals }) => totals.late),
        evicted: more(({ totals }) => totals.evicted),
        dropped: more(({ totals }) => totals.dropped),
        unknown: more(({ totals }) => totals.unknown),
        badLines: more(({ totals }) => totals.badLines),
        unsent: more(({ unsent }) => unsent),
      },
    };
  } finally {
    clearInterval(looking);
    for (const { pacer } of loaded) pacer.stop();
  }
}

/** How late a turn came that was this many nanoseconds after the one before, in milliseconds. */
function late(nanos: number): number {
  return Math.max(nanos / NANOS - EVERY_MS, 0);
}

type State = ReturnType<typeof state>;

/** What has been counted up to now. */
function state(loaded: readonly Loaded[], counted: Counted) {
  const [eager, final, turns] = [new Distribution(), new Distribution(), new Distribution()];
  const totals = {
    events: 0,
    late: 0,
    evicted: 0,
    dropped: 0,
    unknown: 0,
    badLines: 0,
    peakMemory: 0,
  };
  let [making, unsent] = [0, 0];
  for (const { engine, pacer } of loaded) {
    const found = engine.distributions().totals;
    eager.add(found.eager.raw());
    final.add(found.final.raw());
    turns.add(found.turns.raw());
    const metrics = engine.metrics();
    for (const name of ['events', 'late', 'evicted', 'dropped', 'unknown', 'badLines'] as const) {
      totals[name] += metrics[name];
    }
    totals.peakMemory = Math.max(totals.peakMemory, metrics.peakMemory);
    making += pacer.sent.cpu;
    unsent += pacer.sent.unsent;
  }
  const { user, system } = process.cpuUsage();
  const cpu = user + system;
  return {
    at: performance.now(),
    cpu,
    making,
    unsent,
    eager,
    final,
    turns,
    totals,
    counted: { ...counted },
  };
}

import type { RawDistribution, RawMetrics } from './backend.js';
import type { Durations, Metrics, SourceMetrics } from './types.js';

/** What a query that runs holds now. */
export interface RunningQuery {
  query: string;
  heldEvents: number;
  heldKeys: number;
  memory: number;
  /** Results that wait for the consumer. */
  waiting: number;
  /** Sources that are not read for now. */
  paused: number;
  /** In seconds since the epoch; `undefined` before it is known and after the end. */
  watermark: number | undefined;
}

const COUNTERS = [
  'selected',
  'unkeyed',
  'late',
  'lateMatched',
  'evicted',
  'dropped',
  'unknown',
  'truncated',
  'correlations',
  'deliveries',
] as const;

const SOURCE_COUNTERS = ['bytes', 'events', 'badLines', 'late', 'repeats'] as const;

/**
 * Most sources that have been removed whose counters are kept: more than anybody looks at, and few enough that
 * {@link Metrics} and their text stay small where sources come and go under ever new names.
 */
const MOST_REMOVED = 1_000;

/** What queries have counted and measured, added up. */
export class Totals {
  readonly counters = Object.fromEntries(COUNTERS.map((name) => [name, 0])) as Record<
    (typeof COUNTERS)[number],
    number
  >;
  /** Of all sources together, those that have been given up included. */
  readonly input = nothing();
  /** By name; those that have been removed in the order of that. */
  readonly sources = new Map<string, SourceMetrics>();
  readonly eager = new Distribution();
  readonly final = new Distribution();
  readonly turns = new Distribution();
  peakMemory = 0;

  /** Adds what a query over these sources says. */
  addQuery(query: RawMetrics, names: readonly string[]): void {
    for (const name of COUNTERS) this.counters[name] += query[name];
    for (const [at, counted] of query.sources.entries()) this.#addSource(names[at] ?? '', counted);
    this.eager.add(query.latency.eager);
    this.final.add(query.latency.final);
    this.turns.add(query.turns);
    this.peakMemory = Math.max(this.peakMemory, query.peakMemory);
  }

  /** Objects of the source that could not be used. */
  addRefused(source: string, count: number): void {
    this.#addSource(source, { ...nothing(), badLines: count });
  }

  /** The source has been removed, as the last so far. */
  noteRemoved(source: string): void {
    const counted = this.sources.get(source);
    if (!counted) return;
    this.sources.delete(source);
    this.sources.set(source, counted);
  }

  /** Gives up the counters of sources that are not there, but of those that have been removed last. */
  forget(isThere: (source: string) => boolean): void {
    const removed = [...this.sources.keys()].filter((name) => !isThere(name));
    for (const name of removed.slice(0, -MOST_REMOVED)) this.sources.delete(name);
  }

  copy(): Totals {
    const copy = new Totals();
    Object.assign(copy.counters, this.counters);
    Object.assign(copy.input, this.input);
    for (const [name, counted] of this.sources) copy.sources.set(name, { ...counted });
    copy.eager.add(this.eager.raw());
    copy.final.add(this.final.raw());
    copy.turns.add(this.turns.raw());
    copy.peakMemory = this.peakMemory;
    return copy;
  }

  #addSource(name: string, counted: SourceMetrics): void {
    const sum = this.sources.get(name) ?? nothing();
    this.sources.set(name, sum);
    for (const counter of SOURCE_COUNTERS) {
      sum[counter] += counted[counter];
      this.input[counter] += counted[counter];
    }
  }
}

function nothing(): SourceMetrics {
  return { bytes: 0, events: 0, badLines: 0, late: 0, repeats: 0 };
}

/** How often which lengths of time were measured; as the engine has it, and can be added up. */
export class Distribution {
  count = 0;
  /** Microseconds, as all here. */
  sum = 0;
  max = 0;
  /** How many by how long, in no order. */
  readonly #buckets = new Map<number, number>();

  add({ count, sum, max, buckets }: RawDistribution): void {
    this.count += count;
    this.sum += sum;
    this.max = Math.max(this.max, max);
    for (const [value, more] of buckets) {
      this.#buckets.set(value, (this.#buckets.get(value) ?? 0) + more);
    }
  }

  /** What has been added since `before`, whose longest is then known to a hundredth only. */
  since(before: Distribution): Distribution {
    const left = new Distribution();
    const more = [...this.#buckets].map(([value, count]): [number, number] => {
      return [value, count - (before.#buckets.get(value) ?? 0)];
    });
    const buckets = more.filter(([, count]) => count > 0);
    const longest = Math.max(0, ...buckets.map(([value]) => value));
    left.add({
      count: this.count - before.count,
      sum: this.sum - before.sum,
      max: Math.min(longest, this.max),
      buckets,
    });
    return left;
  }

  raw(): RawDistribution {
    const { count, sum, max } = this;
    return { count, sum, max, buckets: [...this.#buckets].sort(([a], [b]) => a - b) };
  }

  /** In milliseconds; zeros where there is nothing. */
  summary(): Durations {
    const { count, max, buckets } = this.raw();
    const quantile = (share: number) => {
      let left = Math.max(Math.ceil(count * share), 1);
      const found = buckets.find(([, more]) => (left -= more) <= 0);
      return Math.min(found?.[0] ?? 0, max) / 1000;
    };
    return {
      count,
      p50: quantile(0.5),
      p95: quantile(0.95),
      p99: quantile(0.99),
      max: max / 1000,
    };
  }
}

/** What {@link Metrics} says of all this. */
export function summarize(totals: Totals, running: readonly RunningQuery[]): Metrics {
  const sum = (of: (query: RunningQuery) => number) =>
    running.reduce((all, query) => all + of(query), 0);
  const { bytes, events, badLines, repeats } = totals.input;
  return {
    queries: running.length,
    bytes,
    events,
    badLines,
    repeats,
    ...totals.counters,
    heldEvents: sum(({ heldEvents }) => heldEvents),
    heldKeys: sum(({ heldKeys }) => heldKeys),
    memory: sum(({ memory }) => memory),
    peakMemory: totals.peakMemory,
    waiting: sum(({ waiting }) => waiting),
    paused: sum(({ paused }) => paused),
    latency: { eager: totals.eager.summary(), final: totals.final.summary() },
    turns: totals.turns.summary(),
    sources: Object.fromEntries(totals.sources),
  };
}

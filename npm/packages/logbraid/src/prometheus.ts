import type { Distribution, RunningQuery, Totals } from './metrics.js';
import type { Metrics, SourceMetrics } from './types.js';

/** Upper ends of the buckets of histograms, in seconds: a turn of the event loop up to a long window. */
const BUCKETS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600,
  1800, 3600,
];

type Labels = Readonly<Record<string, string>>;

/** What an engine has counted, as Prometheus reads it: the text format, version 0.0.4. */
export function prometheusText(
  metrics: Metrics,
  totals: Totals,
  running: readonly RunningQuery[],
  maxMemoryBytes: number,
): string {
  const text = new Exposition();
  const source = (name: string, help: string, of: (counted: SourceMetrics) => number) => {
    const samples = [...totals.sources].map(([source, counted]): [Labels, number] => {
      return [{ source }, of(counted)];
    });
    text.family(`logbraid_${name}_total`, 'counter', help, samples);
  };
  const counter = (name: string, help: string, value: number) => {
    text.family(`logbraid_${name}_total`, 'counter', help, [[{}, value]]);
  };
  // A query that runs several times at once is one.
  const queries = new Map<string, RunningQuery[]>();
  for (const one of running) queries.set(one.query, [...(queries.get(one.query) ?? []), one]);
  const gauge = (name: string, help: string, of: (query: RunningQuery) => number) => {
    const samples = [...queries].map(([query, runs]): [Labels, number] => {
      return [{ query }, runs.reduce((sum, run) => sum + of(run), 0)];
    });
    text.family(`logbraid_${name}`, 'gauge', help, samples);
  };

  source('bytes', 'Bytes given to the engine.', ({ bytes }) => bytes);
  source('events', 'Events decoded or pushed.', ({ events }) => events);
  source('bad_lines', 'Lines or objects that could not be used.', ({ badLines }) => badLines);
  source('late_events', 'Selected events that were late.', ({ late }) => late);
  source('repeated_events', 'Events ignored as repeats.', ({ repeats }) => repeats);
  counter('selected_events', 'Events that a selector took.', metrics.selected);
  counter('unkeyed_events', 'Selected events without the key of their join.', metrics.unkeyed);
  counter('late_matched_events', 'Late events that completed a match.', metrics.lateMatched);
  counter('evicted_events', 'Events dropped as the oldest, at a bound.', metrics.evicted);
  counter('dropped_events', 'Events of correlations closed as truncated.', metrics.dropped);
  counter(
    'unknown_events',
    'Events not reported since what they might have matched had been evicted.',
    metrics.unknown,
  );
  counter('correlations', 'Correlations delivered as final.', metrics.correlations);
  counter('truncated_correlations', 'Of these, those truncated.', metrics.truncated);
  counter('deliveries', 'Deliveries, revisions counted.', metrics.deliveries);

  text.family('logbraid_queries', 'gauge', 'Queries that run.', [[{}, metrics.queries]]);
  text.family('logbraid_memory_limit_bytes', 'gauge', 'What each query may hold, in bytes.', [
    [{}, maxMemoryBytes],
  ]);
  gauge('memory_bytes', 'Bytes held.', ({ memory }) => memory);
  gauge('held_events', 'Events held.', ({ heldEvents }) => heldEvents);
  gauge('held_keys', 'Distinct keys held.', ({ heldKeys }) => heldKeys);
  gauge('waiting_results', 'Results that wait for their consumer.', ({ waiting }) => waiting);
  gauge('paused_sources', 'Sources that are not read for now.', ({ paused }) => paused);
  const watermarks = [...queries].flatMap(([query, runs]): [Labels, number][] => {
    const known = runs.flatMap(({ watermark }) => watermark ?? []);
    return known.length > 0 ? [[{ query }, Math.min(...known)]] : [];
  });
  text.family(
    'logbraid_watermark_timestamp_seconds',
    'gauge',
    'Event time up to which nothing more is expected; of a query that runs several times, the earliest.',
    watermarks,
  );

  text.histogram(
    'eager_latency_seconds',
    'From the arrival of the last event of a correlation that may still grow to its delivery.',
    totals.eager,
  );
  text.histogram(
    'final_latency_seconds',
    'From the arrival of the last event of a final correlation to its delivery.',
    totals.final,
  );
  text.histogram('turn_seconds', 'How long a query held the event loop in one go.', totals.turns);
  return text.text;
}

/** Families of samples, as text. */
class Exposition {
  text = '';

  family(
    name: string,
    type: 'counter' | 'gauge' | 'histogram',
    help: string,
    samples: readonly [labels: Labels, value: number][],
  ): void {
    this.text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
    for (const [labels, value] of samples) this.#sample(name, labels, value);
  }

  histogram(name: string, help: string, distribution: Distribution): void {
    const family = `logbraid_${name}`;
    this.family(family, 'histogram', help, []);
    const { count, sum, buckets } = distribution.raw();
    let [at, below] = [0, 0];
    for (const end of BUCKETS) {
      for (; (buckets[at]?.[0] ?? Infinity) <= end * 1e6; at += 1) below += buckets[at]?.[1] ?? 0;
      this.#sample(`${family}_bucket`, { le: String(end) }, below);
    }
    this.#sample(`${family}_bucket`, { le: '+Inf' }, count);
    this.#sample(`${family}_sum`, {}, sum / 1e6);
    this.#sample(`${family}_count`, {}, count);
  }

  #sample(name: string, labels: Labels, value: number): void {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
    this.text += `${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}\n`;
  }
}

/** The value of a label, with what the format escapes; a half of a character would not be UTF-8. */
function escaped(value: string): string {
  return value
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('\n', '\\n')
    .replace(/\p{Surrogate}/gu, '\ufffd');
}

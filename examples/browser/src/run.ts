import { explain } from 'logbraid';
import type { Correlation, Metrics, PlanNode, RemoteEngine } from 'logbraid';

/** How a query came to its end. */
export type Ending =
  { type: 'finished' } | { type: 'cancelled' } | { type: 'failed'; error: Error };

/** What is told of a run. */
export interface RunListener {
  /** It reads these sources, and its streams have the names of the lanes. */
  started: (lanes: string[], sources: string[]) => void;
  found: (correlation: Correlation) => void;
  counted: (counted: RunMetrics) => void;
  ended: (ending: Ending) => void;
}

/** The counters of one run. */
export interface RunMetrics {
  seconds: number;
  bytes: number;
  events: number;
  late: number;
  badLines: number;
  /** The most bytes that a query has held so far. */
  peakMemory: number;
}

/** Runs one query at a time. */
export class Runner {
  readonly #engine: RemoteEngine;
  readonly #listener: RunListener;
  /** The last that was asked for. */
  #wanted = new AbortController();
  #ended = Promise.resolve();

  constructor(engine: RemoteEngine, listener: RunListener) {
    this.#engine = engine;
    this.#listener = listener;
  }

  cancel(): void {
    this.#wanted.abort();
  }

  /** Runs a query once the one before, which is cancelled, has ended. */
  run(query: string): void {
    this.cancel();
    this.#wanted = new AbortController();
    const { signal } = this.#wanted;
    this.#ended = this.#ended.then(async () => {
      if (!signal.aborted) this.#listener.ended(await this.#run(query, signal));
    });
  }

  async #run(query: string, signal: AbortSignal): Promise<Ending> {
    const engine = this.#engine;
    let begun = performance.now();
    let before: Metrics | undefined;
    const count = (metrics: Metrics) => {
      if (before) this.#listener.counted(since(before, metrics, performance.now() - begun));
    };
    try {
      const { tree, sources } = explain(query);
      this.#listener.started(
        lanesOf(tree),
        sources.map(({ name }) => name),
      );
      // Counters are of all queries of the engine.
      before = await engine.metrics();
      engine.on('performanceMetrics', count);
      begun = performance.now();
      for await (const correlation of engine.correlate(query, { signal })) {
        this.#listener.found(correlation);
      }
      return { type: 'finished' };
    } catch (error) {
      if (signal.aborted) return { type: 'cancelled' };
      return { type: 'failed', error: error instanceof Error ? error : new Error(String(error)) };
    } finally {
      engine.off('performanceMetrics', count);
      // An engine that has stopped counts no more; why it has is told already.
      await engine.metrics().then(count, () => undefined);
    }
  }
}

/** The names of the streams of a plan, in the order of the query. */
function lanesOf(node: PlanNode): string[] {
  return node.type === 'stream' ? [node.name] : [...lanesOf(node.left), ...lanesOf(node.right)];
}

function since(before: Metrics, now: Metrics, millis: number): RunMetrics {
  return {
    seconds: millis / 1000,
    bytes: now.bytes - before.bytes,
    events: now.events - before.events,
    late: now.late - before.late,
    badLines: now.badLines - before.badLines,
    peakMemory: now.peakMemory,
  };
}

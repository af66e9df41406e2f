/// <reference lib="esnext.disposable" preserve="true" />
import type { DataSourceAdapter, StreamOptions } from './adapters/adapter.js';
import { checkName, toAdapter } from './adapters/given.js';
import type { EventIterable } from './adapters/iterable.js';
import { PushSource } from './adapters/push.js';
import { queryText } from './builder/index.js';
import type { QueryInput } from './builder/index.js';
import { clockSkew } from './checks.js';
import type {
  BackendKind,
  CheckOptions,
  CorrelatorOptions,
  Notice,
  PlanSummary,
} from './backend.js';
import type { Correlation } from './correlation.js';
import { AdapterNotFoundError, EngineDestroyedError, QueryError } from './errors.js';
import { EngineEmitter } from './events.js';
import { every, isLoaded, load, loadBackend, soon } from '#platform';
import { Totals, summarize } from './metrics.js';
import type { RunningQuery } from './metrics.js';
import {
  resolveCorrelateOptions,
  resolveDecoder,
  resolveMaxMemory,
  resolveMetricsOptions,
  resolveOptions,
} from './options.js';
import type { EngineOptions, ResolvedCorrelateOptions, ResolvedOptions } from './options.js';
import { prometheusText } from './prometheus.js';
import { complete, parse, plan, validateAs } from './query.js';
import type { Completion, Validation, Vocabulary } from './query.js';
import type { SyntaxTree } from './syntax.js';
import { LaterRun } from './later.js';
import { QueryRun } from './run.js';
import { formatDuration } from './time.js';
import type { CorrelateOptions, Metrics, MetricsOptions } from './types.js';
import { bounded, knownLabels, knownOf, merge } from './vocabulary.js';

const MIB = 1 << 20;

/**
 * Sources by name, and queries over them. Any number of queries may run at once, each with a state
 * of its own. An engine that runs no query holds no timer, thread or socket.
 */
export class CorrelationEngine extends EngineEmitter {
  readonly #options: Omit<
    ResolvedOptions,
    'metricsIntervalMs' | 'threads' | 'backend' | 'onAdapterError'
  >;
  readonly #threads: number | undefined;
  readonly #backend: BackendKind | undefined;
  readonly #continues: boolean;
  readonly #metricsIntervalMs: number;
  readonly #adapters = new Map<string, DataSourceAdapter>();
  readonly #runs = new Set<QueryRun>();
  /** Counters of the queries that have ended. */
  readonly #past = new Totals();
  /** Labels and values that queries have seen which have ended, of the sources that are there. */
  #seen: Vocabulary = {};
  #destroyed: Promise<void> | undefined;
  /** Ends what emits `performanceMetrics`; there is one only while a query runs and somebody listens. */
  #endTimer: (() => void) | undefined;

  /** Throws an `OptionError` at an unknown option or a value that makes no sense. */
  constructor(options: EngineOptions = {}) {
    super();
    const { metricsIntervalMs, threads, backend, onAdapterError, ...resolved } =
      resolveOptions(options);
    this.#options = resolved;
    this.#threads = threads;
    this.#backend = backend;
    this.#continues = onAdapterError === 'continue';
    this.#metricsIntervalMs = metricsIntervalMs;
  }

  /**
   * Gives a source its name in queries. An array, an iterable or an async iterable is a source too, and so is
   * a `ReadableStream`, a `Blob` or `File`, or a `Response`; see {@link IterableAdapter} for how it is read. Throws an `OptionError` for a name that no query
   * can name: anything but letters, digits and `_`, and words of the language such as `and`.
   */
  addAdapter(name: string, adapter: DataSourceAdapter | EventIterable): this {
    this.#alive();
    checkName(this.#adapters, name);
    this.#adapters.set(name, toAdapter(name, adapter));
    this.emit('adapterAdded', name);
    return this;
  }

  /** The adapter of a source. */
  getAdapter(name: string): DataSourceAdapter | undefined {
    return this.#adapters.get(name);
  }

  /** All adapters by name, in the order they were added. */
  getAdapters(): Map<string, DataSourceAdapter> {
    return new Map(this.#adapters);
  }

  /** Takes a source away and destroys its adapter; `false` when there is none of that name. */
  async removeAdapter(name: string): Promise<boolean> {
    const adapter = this.#adapters.get(name);
    if (!adapter) return false;
    this.#adapters.delete(name);
    this.#seen = knownOf(this.#adapters, this.#seen);
    this.#past.noteRemoved(name);
    this.#forgetRemoved();
    await adapter.destroy();
    return true;
  }

  /** The source of that name that the program pushes into; made at the first call. */
  source(name: string): PushSource {
    this.#alive();
    const present = this.#adapters.get(name);
    if (present instanceof PushSource) {
      return present;
    }
    const source = new PushSource(name, this.#options.bufferSize);
    this.addAdapter(name, source);
    return source;
  }

  /**
   * Runs a query. It is checked at once: a query, an option or a source that is wrong throws here, or at
   * the first `next()` where the engine has to be loaded first (see {@link load}). Reading starts with
   * the first `next()`. Leaving the loop, by whatever way, closes every stream
   * and frees the state; while the consumer is slow, the sources wait.
   */
  correlate(
    input: QueryInput,
    options: CorrelateOptions = {},
  ): AsyncIterableIterator<Correlation, undefined> {
    this.#alive();
    const query = queryText(input);
    const resolved = resolveCorrelateOptions(options);
    if (isLoaded()) return this.#start(query, resolved);
    return new LaterRun(async () => {
      await load();
      this.#alive();
      return this.#start(query, resolved);
    });
  }

  /** Runs a query over bounded sources and collects what it finds. */
  async run(query: QueryInput, options: CorrelateOptions = {}): Promise<Correlation[]> {
    const found: Correlation[] = [];
    for await (const correlation of this.correlate(query, options)) {
      found.push(correlation);
    }
    return found;
  }

  /** The syntax tree of a query. Throws a `QueryError` when it does not parse. */
  parse(query: QueryInput): SyntaxTree {
    return parse(query);
  }

  /**
   * Checks a query as {@link correlate} does, with the options of the engine and the selectors of its
   * adapters left to them, and reports all that can be found.
   */
  validate(query: QueryInput): Validation {
    return validateAs(query, this.#checkOptions());
  }

  /**
   * What the engine knows to complete queries with: its sources, the labels and values that queries,
   * running and past, have seen in a sample of their events, and what `getLabels` of the adapters says.
   * Adapters are asked each time, and one that fails adds nothing: an editor keeps the answer for a while
   * and gives it to {@link complete}.
   */
  async vocabulary(): Promise<Vocabulary> {
    this.#alive();
    const told = [...this.#adapters].map(async ([name, adapter]) => {
      const selects = adapter.selects !== false;
      try {
        return { name, selects, labels: knownLabels(await adapter.getLabels?.()) };
      } catch {
        return { name, selects };
      }
    });
    const named = { sources: await Promise.all(told) };
    let seen = this.#seen;
    for (const run of this.#runs) seen = merge(run.vocabulary(), seen);
    // Sources in the order they were added, without those taken away; what was seen before what is
    // told, since it is sorted by how frequent it is.
    const { sources = [] } = merge(seen, named);
    const known = (name: string) => sources.find((source) => source.name === name);
    return { sources: named.sources.map((source) => known(source.name) ?? source) };
  }

  /**
   * What can stand at a cursor (UTF-16 units from the start), best first, with what the engine knows
   * (see {@link vocabulary}).
   *
   * ```js
   * const [first] = await engine.complete('edge({sta', 9); // offers the labels of edge, such as status
   * ```
   */
  async complete(query: string, cursor: number): Promise<Completion[]> {
    return complete(query, cursor, await this.vocabulary());
  }

  /**
   * What has been counted and measured over all queries, running and past, and what is held now. With
   * `{ format: 'prometheus' }` as text that Prometheus reads, format 0.0.4: serve it as
   * `text/plain; version=0.0.4`. Counters never go back; those of a source that has been removed
   * may be given up (see `sources` of {@link Metrics}). Costs tens of microseconds for each query that runs.
   * Throws an `OptionError` for any other format.
   */
  metrics(): Metrics;
  metrics(options: { format: 'prometheus' }): string;
  metrics(options: MetricsOptions): Metrics | string;
  metrics(options: MetricsOptions = {}): Metrics | string {
    const format = resolveMetricsOptions(options);
    const { totals, running } = this.distributions();
    const metrics = summarize(totals, running);
    if (format === undefined) return metrics;
    const limit = bytesOf(this.#options.maxMemoryMB);
    return prometheusText(metrics, totals, running, limit);
  }

  /** What {@link metrics} tells of. @internal */
  distributions(): { totals: Totals; running: RunningQuery[] } {
    const totals = this.#past.copy();
    const running = [...this.#runs].map((run) => {
      const metrics = run.metrics();
      totals.addQuery(metrics, run.sources);
      return run.running(metrics);
    });
    return { totals, running };
  }

  /**
   * From now on `maxMemoryMB` is this, for queries that run and for those to come: where memory has become
   * scarce, or is free again. What a running query holds beyond it goes at once, as `overflow` says: the
   * oldest events are dropped (`evict`; with `memoryWarning` and `eventDropped` as ever), or the query ends
   * with a `MEMORY_ERROR` (`block`). Where it has only waited for room it goes on once there is some. What the
   * consumer has not taken yet stays. Throws an `OptionError` for a value that the option could not have.
   *
   * ```js
   * const engine = new CorrelationEngine({ maxMemoryMB: 200 });
   * powerMonitor.on('on-battery', () => engine.setMaxMemory(50));
   * ```
   */
  setMaxMemory(maxMemoryMB: number): void {
    this.#alive();
    this.#options.maxMemoryMB = resolveMaxMemory(maxMemoryMB);
    for (const run of this.#runs) run.setMaxMemory(bytesOf(this.#options.maxMemoryMB));
  }

  /**
   * Ends running queries normally and destroys all adapters; rejects with the first error of one. Resolves when all
   * streams have closed, too: one that does not keeps no adapter from being destroyed. Idempotent.
   */
  destroy(): Promise<void> {
    this.#destroyed ??= this.#destroy();
    return this.#destroyed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.destroy();
  }

  async #destroy(): Promise<void> {
    // All streams are told before any adapter is destroyed, and those that end at once have ended.
    const closed = Promise.allSettled([...this.#runs].map((run) => run.close()));
    const adapters = [...this.#adapters.values()];
    this.#adapters.clear();
    const turn = new Promise<void>((resolve) => {
      soon(resolve);
    });
    await Promise.race([closed, turn]);
    // One that cannot be destroyed keeps no other from it, nor does a stream that does not end.
    const gone = await Promise.allSettled(adapters.map(async (adapter) => adapter.destroy()));
    const failed = [...(await closed), ...gone].find((one) => one.status === 'rejected');
    this.removeAllListeners();
    if (failed) throw failed.reason;
  }

  protected override listenersChanged(): void {
    this.#watch();
  }

  /** Holds a timer while a query runs and somebody listens; it keeps no process alive. */
  #watch(): void {
    const wanted = this.#runs.size > 0 && this.listenerCount('performanceMetrics') > 0;
    if (wanted) {
      this.#endTimer ??= every(this.#metricsIntervalMs, () => {
        this.emit('performanceMetrics', this.metrics());
      });
    } else {
      this.#endTimer?.();
      this.#endTimer = undefined;
    }
  }

  /** A source that a query still reads is there: its counters do not go back. */
  #forgetRemoved(): void {
    const read = new Set([...this.#runs].flatMap(({ sources }) => sources));
    this.#past.forget((name) => this.#adapters.has(name) || read.has(name));
  }

  #alive(): void {
    if (this.#destroyed) {
      throw new EngineDestroyedError();
    }
  }

  /** Checks a query and makes its run, of an engine that is loaded. */
  #start(query: string, resolved: ResolvedCorrelateOptions): QueryRun {
    const backend = loadBackend(this.#backend);
    const checkOptions = this.#checkOptions();
    const planned = plan(backend, query, checkOptions);
    const adapters = planned.sources.map(({ name, selector }) => this.#adapterFor(name, selector));
    const skews = adapters.map((adapter) =>
      adapter.clockSkew === undefined ? 0 : clockSkew('clockSkew', adapter.clockSkew),
    );
    const { maxMemoryMB } = this.#options;
    return new QueryRun({
      backend,
      query,
      plan: planned,
      options: this.#correlatorOptions(adapters, skews, checkOptions, resolved),
      threads: this.#threads,
      adapters,
      continues: this.#continues,
      signal: resolved.signal,
      streamOptions: (source, signal) => ({
        ...streamOptions(planned, source, skews[source] ?? 0, resolved, signal),
        tell: (notice) => {
          this.tellAdapter(planned.sources[source]?.name ?? '', notice);
        },
      }),
      onCorrelation: (correlation) => this.emit('correlationFound', correlation),
      onRefused: (source, message) => {
        this.#past.addRefused(source, 1);
        this.emit('badLine', { source, code: 'EVENT_INVALID', message, count: 1 });
      },
      onNotice: (notice) => {
        this.#tell(notice, planned);
      },
      onPace: (at, reason) => {
        const source = planned.sources[at]?.name ?? '';
        if (reason) this.emit('paused', { query, source, reason });
        else this.emit('resumed', { query, source });
      },
      onAdapterError: (adapter, error) => this.emit('adapterError', { adapter, error }),
      onStart: (run) => {
        this.#alive();
        this.#runs.add(run);
        // It may have been made long before its first `next()`.
        if (maxMemoryMB !== this.#options.maxMemoryMB)
          run.setMaxMemory(bytesOf(this.#options.maxMemoryMB));
        this.#watch();
      },
      onEnd: (run) => {
        if (!this.#runs.delete(run)) return;
        this.#past.addQuery(run.metrics(), run.sources);
        this.#forgetRemoved();
        const seen = merge(run.vocabulary(), this.#seen);
        this.#seen = bounded(knownOf(this.#adapters, seen));
        this.#watch();
      },
    });
  }

  #adapterFor(name: string, selector: string | null): DataSourceAdapter {
    const adapter = this.#adapters.get(name);
    if (!adapter) {
      const names = [...this.#adapters.keys()].join(', ') || 'none';
      throw new AdapterNotFoundError(
        `Required data source adapter not found: ${name}; sources are: ${names}`,
        { details: { name } },
      );
    }
    if (selector !== null && !adapter.validateQuery(selector)) {
      throw new QueryError(`the source ${name} does not accept the selector ${selector}`, [], {
        details: { name, selector },
      });
    }
    return adapter;
  }

  /** How queries are planned here. */
  #checkOptions() {
    const selectingSources = [...this.#adapters]
      .filter(([, adapter]) => adapter.selects !== false)
      .map(([name]) => name);
    const { defaultTimeWindowMs, joinType, dedupe } = this.#options;
    return { defaultTimeWindowMs, selectingSources, joinType, ...(dedupe && { dedupe }) };
  }

  #correlatorOptions(
    adapters: DataSourceAdapter[],
    skews: number[],
    { selectingSources }: Required<Pick<CheckOptions, 'selectingSources'>>,
    { emit, startNs, endNs, limit }: ResolvedCorrelateOptions,
  ): CorrelatorOptions {
    const { maxMemoryMB, maxEvents, overflow, dedupe, keyPatterns, ...options } = this.#options;
    const { emit: engineEmit } = options;
    const bounded = adapters.every((adapter) => adapter.bounded);
    return {
      ...options,
      selectingSources,
      emit: emit ?? engineEmit ?? (bounded ? 'final' : 'eager'),
      maxMemoryBytes: bytesOf(maxMemoryMB),
      ...(maxEvents !== undefined && { maxEvents }),
      ...(overflow && { overflow }),
      ...(dedupe && { dedupe }),
      ...(startNs !== undefined && { startNs }),
      ...(endNs !== undefined && { endNs }),
      ...(limit !== undefined && { limit }),
      ...(keyPatterns && { keyPatterns }),
      sources: adapters.map(({ bounded, decoder }, at) => ({
        bounded: bounded ?? false,
        decoder: resolveDecoder(decoder),
        clockSkewMs: skews[at] ?? 0,
      })),
    };
  }

  #tell(notice: Notice, { sources }: PlanSummary): void {
    if (notice.type === 'memoryWarning') {
      const inMB = (bytes: number) => Math.round((bytes / MIB) * 100) / 100;
      this.emit('memoryWarning', { usedMB: inMB(notice.used), maxMB: inMB(notice.max) });
    }
    if (!('source' in notice)) {
      return;
    }
    const source = sources[notice.source]?.name ?? '';
    switch (notice.type) {
      case 'badLine': {
        const { code, message, line, byte, count } = notice;
        this.emit('badLine', { source, code, message, line, byte, count });
        break;
      }
      case 'lateEvent': {
        const { count, time, behindMs } = notice;
        this.emit('lateEvent', { source, count, time, behindMs });
        break;
      }
      case 'eventDropped': {
        const { reason, count, time } = notice;
        this.emit('eventDropped', { source, reason, count, time });
        break;
      }
      case 'runsBackwards': {
        const { events, late } = notice;
        this.emit('runsBackwards', { source, events, late });
        break;
      }
    }
  }
}

/** What the engine counts in, of MiB. */
function bytesOf(mebibytes: number): number {
  return Math.floor(mebibytes * MIB);
}

function streamOptions(
  { sources }: PlanSummary,
  source: number,
  skewMs: number,
  { startNs, endNs }: ResolvedCorrelateOptions,
  signal: AbortSignal,
): StreamOptions {
  const planned = sources[source]?.rangeMs ?? 0;
  // In the time of the source: where that is behind, what happened just now is older there.
  const rangeMs = planned + Math.max(0, -skewMs);
  // Dates have whole milliseconds: rather too much is asked for than too little.
  const before = (nanos: bigint) => Number(nanos / 1_000_000n) - (nanos % 1_000_000n < 0n ? 1 : 0);
  const after = (nanos: bigint) => -before(-nanos);
  return {
    range: rangeMs,
    timeRange: formatDuration(rangeMs),
    signal,
    // One reach beyond both ends: what starts inside may belong to events outside.
    ...(startNs !== undefined && {
      start: new Date(before(BigInt(startNs)) - planned + Math.floor(skewMs)),
    }),
    ...(endNs !== undefined && {
      end: new Date(after(BigInt(endNs)) + planned + Math.ceil(skewMs)),
    }),
  };
}

import { EventEmitter } from 'eventemitter3';

import type { DataSourceAdapter, StreamItem } from '../adapters/adapter.js';
import { toAdapter } from '../adapters/given.js';
import type { EventIterable } from '../adapters/iterable.js';
import type { Correlation } from '../correlation.js';
import { CorrelationEngine as Engine } from '../engine.js';
import { AdapterError, CorrelationError, QueryError } from '../errors.js';
import { EVENTS } from '../events.js';
import type { SyntaxNode } from '../syntax.js';
import type { CorrelateOptions, EngineEvents, LogEvent, Metrics } from '../types.js';
import { isLoaded, load } from '#platform';
import { toCorrelatedEvent } from './correlated-event.js';
import type { CorrelatedEvent } from './correlated-event.js';
import { Once } from './once.js';
import { splitOptions } from './options.js';
import type { CorrelationEngineOptions, SplitOptions } from './options.js';
import { telling } from './telling.js';

/** The span of event time of a correlation. */
export interface CorrelationWindow {
  correlationId: string;
  start: string;
  end: string;
}

/** What the engine emits: the events of log-correlator, and those of Logbraid. */
export interface CorrelationEngineEvents extends Omit<EngineEvents, 'correlationFound'> {
  /** A correlation is delivered. */
  correlationFound: [correlation: CorrelatedEvent];
  /** A source has given an object. What it gives as bytes becomes events inside the engine, and is not told. */
  eventReceived: [event: LogEvent, source: string];
  /** The engine has delivered a correlation for the first time. */
  windowCreated: [window: CorrelationWindow];
  /** A correlation cannot change any more. */
  windowClosed: [window: CorrelationWindow];
}

type Passed = Exclude<keyof EngineEvents, 'correlationFound'>;

const PASSED: readonly Passed[] = [...EVENTS, 'adapterAdded'];

/** The engine of log-correlator: one of Logbraid that delivers each correlation once, as plain data. */
export class CorrelationEngine extends EventEmitter<CorrelationEngineEvents> {
  readonly #engine: Engine;
  readonly #options: Omit<SplitOptions, 'engine'>;
  readonly #adapters = new Map<string, DataSourceAdapter>();

  /** Throws an `OptionError` at an unknown option or a value that makes no sense. */
  constructor(options: CorrelationEngineOptions = {}) {
    super();
    const { engine, ...own } = splitOptions(options);
    this.#engine = new Engine(engine);
    this.#options = own;
    for (const name of PASSED) {
      this.#engine.on(name, (...told: readonly unknown[]) => {
        (this as EventEmitter).emit(name, ...told);
      });
    }
  }

  /** Gives a source its name in queries. Throws where the name is taken, or no query can name it. */
  addAdapter(name: string, adapter: DataSourceAdapter | EventIterable): this {
    const given = toAdapter(name, adapter);
    this.#engine.addAdapter(
      name,
      telling(given, () =>
        this.listenerCount('eventReceived') > 0 ? this.#received(name) : undefined,
      ),
    );
    this.#adapters.set(name, given);
    return this;
  }

  /** The adapter of a source. */
  getAdapter(name: string): DataSourceAdapter | undefined {
    return this.#adapters.get(name);
  }

  /**
   * Runs a query, from the first `next()` on, which rejects where the query or a source is wrong. Each
   * correlation comes once: when it is complete and nothing has joined it for `processingInterval`, or when it
   * is final. Where all sources are bounded, or the query has stages, it comes when it is final.
   */
  correlate(
    query: string,
    options: Omit<CorrelateOptions, 'emit'> = {},
  ): AsyncIterableIterator<CorrelatedEvent, undefined> {
    return new Once({
      start: async () => {
        if (!isLoaded()) await load();
        return this.#start(query, options);
      },
      quietMs: this.#options.quietMs,
      open: (correlation) => {
        this.#tellWindow('windowCreated', correlation);
      },
      close: (correlation) => {
        this.#tellWindow('windowClosed', correlation);
      },
      give: (correlation) => {
        if (!this.#isOurs(correlation.joinValue)) return undefined;
        const found = toCorrelatedEvent(correlation);
        this.emit('correlationFound', found);
        return found;
      },
      fail: withOwnCode,
    });
  }

  /** Whether a query makes sense; selectors of adapters that select are left to them. In browsers `load()` has to be awaited before. */
  validateQuery(query: string): boolean {
    return this.#engine.validate(query).valid;
  }

  /** What has been counted and measured. */
  metrics(): Metrics {
    return this.#engine.metrics();
  }

  /** The engine that runs its queries, for what log-correlator does not have. */
  get engine(): Engine {
    return this.#engine;
  }

  /** Ends running queries normally and destroys all adapters; rejects with the first error of one. Idempotent. */
  async destroy(): Promise<void> {
    this.#adapters.clear();
    try {
      await this.#engine.destroy();
    } finally {
      this.removeAllListeners();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.destroy();
  }

  #start(query: string, options: CorrelateOptions): AsyncIterator<Correlation, undefined> {
    const { expr, stages } = this.#engine.parse(query);
    if (this.#options.shardCount > 1 && keysOf(expr).size > 1) {
      throw new QueryError('shardCount: all joins of the query must be on the same key', [], {
        details: { query },
      });
    }
    // A stage takes back what has been delivered, which cannot be taken back here.
    const emit = stages.length > 0 ? ({ emit: 'final' } as const) : {};
    return this.#engine.correlate(query, { ...options, ...emit });
  }

  #received(source: string): (item: StreamItem) => void {
    return (item) => {
      if (typeof item === 'string' || item instanceof Uint8Array || 'bytes' in item) return;
      const events = Array.isArray(item) ? (item as LogEvent[]) : [item as LogEvent];
      for (const event of events) this.emit('eventReceived', event, source);
    };
  }

  #tellWindow(name: 'windowCreated' | 'windowClosed', correlation: Correlation): void {
    if (this.listenerCount(name) === 0) return;
    const { correlationId, timeWindow } = toCorrelatedEvent(correlation);
    this.emit(name, { correlationId, ...timeWindow });
  }

  #isOurs(key: string): boolean {
    const { shardId, shardCount } = this.#options;
    return shardCount === 1 || hash(key) % shardCount === shardId;
  }
}

/** The keys of the joins, as texts. */
function keysOf(node: SyntaxNode): Set<string> {
  if (node.type === 'stream') return new Set();
  const on = node.on.map(({ left, right }) => `${left}=${right}`);
  const ignored = on.length === 0 ? node.ignoring?.labels.map(({ value }) => value) : undefined;
  const own = JSON.stringify(ignored ? { ignored } : { on });
  return new Set([own, ...keysOf(node.left), ...keysOf(node.right)]);
}

/** FNV-1a, the same everywhere. */
function hash(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return hash;
}

/** What a source has failed with, where that has a code of its own, as it was. */
function withOwnCode(error: unknown): unknown {
  const coded = error instanceof AdapterError && error.cause instanceof CorrelationError;
  return coded ? error.cause : error;
}

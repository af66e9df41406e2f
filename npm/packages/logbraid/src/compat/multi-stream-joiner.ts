import { IterableAdapter } from '../adapters/iterable.js';
import { OptionError } from '../errors.js';
import type { LogEvent } from '../types.js';
import type { CorrelatedEvent } from './correlated-event.js';
import { CorrelationEngine } from './correlation-engine.js';
import { readJoin } from './join-options.js';
import type { Join, StreamJoinerOptions } from './join-options.js';

/** Events that are joined. */
export type EventStream = Iterable<LogEvent> | AsyncIterable<LogEvent>;

/** Streams by name. */
export type NamedStreams =
  ReadonlyMap<string, EventStream> | Readonly<Record<string, EventStream>> | readonly EventStream[];

/** Joins any number of streams, each with all before it. The engine does it, one for each call. */
export class MultiStreamJoiner {
  readonly #join: Join;
  readonly #engines = new Set<CorrelationEngine>();

  /** Throws an `OptionError` at an unknown option or a value that makes no sense. */
  constructor(options: StreamJoinerOptions) {
    this.#join = readJoin(options);
  }

  /**
   * Joins streams that end. Correlations come as soon as they are final, in order of time. Streams in an array
   * are called `stream1` and so on.
   */
  joinMultiple(streams: NamedStreams): AsyncGenerator<CorrelatedEvent, void> {
    return this.run(entriesOf(streams), true);
  }

  /** Ends all joins that run. */
  async cleanup(): Promise<void> {
    await Promise.all([...this.#engines].map((engine) => engine.destroy()));
  }

  /** @internal */
  protected async *run(
    streams: readonly (readonly [name: string, stream: EventStream])[],
    bounded: boolean,
  ): AsyncGenerator<CorrelatedEvent, void> {
    const { engine: options, query, keyed, isKeyed } = this.#join;
    const engine = new CorrelationEngine(options);
    this.#engines.add(engine);
    try {
      const sources = streams.map((_, at) => `s${at + 1}`);
      const names = streams.map(([name]) => name);
      for (const [at, [, stream]] of streams.entries()) {
        const events = isKeyed ? mapped(stream, (event) => keyed(event, at === 0)) : stream;
        engine.addAdapter(sources[at] ?? '', new IterableAdapter(events, { bounded }));
      }
      yield* engine.correlate(query(sources, names));
    } finally {
      this.#engines.delete(engine);
      await engine.destroy();
    }
  }
}

function entriesOf(streams: NamedStreams): (readonly [string, EventStream])[] {
  if (streams instanceof Map) return [...(streams as ReadonlyMap<string, EventStream>)];
  if (Array.isArray(streams)) {
    const listed = streams as readonly EventStream[];
    return listed.map((stream, at) => [`stream${at + 1}`, stream] as const);
  }
  if (typeof (streams as unknown) === 'object' && (streams as unknown) !== null) {
    return Object.entries(streams as Readonly<Record<string, EventStream>>);
  }
  throw new OptionError('streams must be a map, an object or an array of iterables of events', {
    details: { option: 'streams' },
  });
}

function mapped(stream: EventStream, change: (event: LogEvent) => LogEvent): EventStream {
  if (Array.isArray(stream)) return (stream as LogEvent[]).map(change);
  return (async function* () {
    for await (const event of stream) yield change(event);
  })();
}

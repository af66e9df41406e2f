// Sources for tests of the layer for users of log-correlator, as they wrote them: they say nothing of ends
// and selectors.
import { CorrelationEngine } from 'logbraid/compat';
import type {
  CorrelatedEvent,
  CorrelationEngineOptions,
  DataSourceAdapter,
  LogEvent,
  StreamOptions,
} from 'logbraid/compat';

export const T0 = Date.UTC(2026, 0, 1);

/** An event `seconds` after midnight of 2026. */
export function at(
  seconds: number,
  labels: LogEvent['labels'] = {},
  rest: Partial<LogEvent> = {},
): LogEvent {
  const timestamp = new Date(T0 + seconds * 1000).toISOString();
  return { timestamp, source: 'test', message: '', labels, ...rest };
}

/** A live source: gives what it is given, by selector where it is asked for several, until it is ended. */
export class Feed implements DataSourceAdapter {
  /** Streams that are open. */
  open = 0;
  /** How it was asked. */
  readonly asked: { selector: string; range: number; timeRange: string }[] = [];
  /** Events that were taken. */
  taken = 0;
  #events: LogEvent[] = [];
  #ended = false;
  #failure: Error | undefined;
  #wake: () => void = () => undefined;
  readonly #choose: (event: LogEvent, selector: string) => boolean;

  constructor(
    events: LogEvent[] = [],
    choose: (event: LogEvent, selector: string) => boolean = () => true,
  ) {
    this.#events = events;
    this.#choose = choose;
  }

  give(...events: LogEvent[]): this {
    this.#events.push(...events);
    this.#wake();
    return this;
  }

  end(): this {
    this.#ended = true;
    this.#wake();
    return this;
  }

  fail(error: Error): this {
    this.#failure = error;
    this.#wake();
    return this;
  }

  async *createStream(
    selector: string,
    { signal, range, timeRange }: StreamOptions,
  ): AsyncGenerator<LogEvent> {
    this.asked.push({ selector, range, timeRange });
    this.open += 1;
    signal.addEventListener('abort', () => {
      this.#wake();
    });
    try {
      for (let next = 0; !signal.aborted;) {
        const event = this.#events[next];
        next += 1;
        if (event) {
          if (!this.#choose(event, selector)) continue;
          this.taken += 1;
          yield event;
        } else {
          if (this.#failure) throw this.#failure;
          if (this.#ended) return;
          next -= 1;
          await new Promise<void>((resolve) => (this.#wake = resolve));
        }
      }
    } finally {
      this.open -= 1;
    }
  }

  getName(): string {
    return 'feed';
  }
  validateQuery(): boolean {
    return true;
  }
  destroy(): Promise<void> {
    return Promise.resolve();
  }
}

/** A correlation in short: `a@0 b@1`. */
export function shape({ events }: Pick<CorrelatedEvent, 'events'>): string {
  return events
    .map(({ stream, timestamp }) => `${stream}@${(Date.parse(timestamp) - T0) / 1000}`)
    .join(' ');
}

/** Events, or a feed, by the name of the source. */
export type Sources = Record<string, LogEvent[] | Feed>;

/** An engine with these sources; events come from a source that ends. */
export function engineOf(
  sources: Sources,
  options: CorrelationEngineOptions = {},
): CorrelationEngine {
  const engine = new CorrelationEngine(options);
  for (const [name, given] of Object.entries(sources)) {
    engine.addAdapter(name, given instanceof Feed ? given : new Feed(given).end());
  }
  return engine;
}

/** What a query finds in sources that end. */
export async function find(
  query: string,
  sources: Sources,
  options: CorrelationEngineOptions = {},
): Promise<CorrelatedEvent[]> {
  await using engine = engineOf(sources, options);
  const found: CorrelatedEvent[] = [];
  for await (const correlation of engine.correlate(query)) found.push(correlation);
  return found;
}

/** The same in short, in order of the alphabet. */
export async function shapes(...given: Parameters<typeof find>): Promise<string[]> {
  return (await find(...given)).map(shape).sort();
}

export const AND = 'a({})[5m] and on(k) b({})[5m]';

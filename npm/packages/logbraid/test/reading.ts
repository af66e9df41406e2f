// A reader of one stream of an adapter, for tests whose events carry numbers.
import type {
  AdapterNotice,
  DataSourceAdapter,
  LogEvent,
  StreamItem,
  StreamOptions,
} from 'logbraid';

import type { Subject } from './conformance.js';

const HOUR = 3_600_000;

/** An event as adapters hand it on. */
export interface ReadEvent {
  timestamp: string;
  message: string;
  labels: Record<string, string>;
}

export interface ReadingOptions extends Partial<StreamOptions> {
  /** The item, counted from 1, after which no more is asked for until {@link Reading.goOn}. */
  pausesAt?: number;
  /** The number of an event. Default: what stands in its message. */
  numberOf?: (event: ReadEvent) => number;
}

/** Reads a stream and keeps its events, and their numbers. */
export class Reading {
  readonly events: ReadEvent[] = [];
  readonly numbers: number[] = [];
  readonly notices: AdapterNotice[] = [];
  readonly done: Promise<void>;
  error: unknown;
  #isOver = false;
  readonly #abort = new AbortController();
  readonly #numberOf: (event: ReadEvent) => number;
  readonly #decoder = new TextDecoder();
  /** A line that has not ended. */
  #rest = '';
  #goOn: (() => void) | undefined;
  #wake: (() => void) | undefined;

  constructor(
    adapter: DataSourceAdapter,
    selector: string,
    { pausesAt = Infinity, numberOf = numberInMessage, ...options }: ReadingOptions = {},
  ) {
    this.#numberOf = numberOf;
    const stream = adapter.createStream(selector, {
      range: HOUR,
      timeRange: '1h',
      signal: this.#abort.signal,
      tell: (notice) => {
        if (notice.type === 'reconnect' || notice.type === 'gap') this.notices.push(notice);
      },
      ...options,
    }) as AsyncIterable<StreamItem>;
    this.done = this.#read(stream, pausesAt);
  }

  /** Resolves when so many have come; rejects when the stream ends before. */
  async until(count: number): Promise<void> {
    while (this.numbers.length < count) {
      if (!this.#isOver) await new Promise<void>((resolve) => (this.#wake = resolve));
      if (this.#isOver && this.numbers.length < count) {
        throw new Error(`the stream ended after ${this.numbers.length} of ${count}`, {
          cause: this.error,
        });
      }
    }
  }

  /** Those that have come, in order. */
  get sorted(): number[] {
    return [...this.numbers].sort((a, b) => a - b);
  }

  goOn(): void {
    this.#goOn?.();
  }

  /** Wants nothing more; where it pauses, not what comes next either. */
  async leave(): Promise<void> {
    this.#abort.abort();
    this.goOn();
    await this.done;
  }

  async #read(stream: AsyncIterable<StreamItem>, pausesAt: number): Promise<void> {
    try {
      let items = 0;
      for await (const item of stream) {
        for (const event of this.#eventsOf(item)) {
          this.events.push(event);
          this.numbers.push(this.#numberOf(event));
        }
        items += 1;
        this.#wake?.();
        if (items === pausesAt) {
          await new Promise<void>((resolve) => (this.#goOn = resolve));
          if (this.#abort.signal.aborted) break;
        }
      }
    } catch (error) {
      this.error = error;
    }
    this.#isOver = true;
    this.#wake?.();
  }

  #eventsOf(item: StreamItem): ReadEvent[] {
    if (Array.isArray(item)) return item as ReadEvent[];
    let text: string;
    if (typeof item === 'string') {
      text = item;
    } else {
      const bytes = item instanceof Uint8Array ? item : (item as { bytes: Uint8Array }).bytes;
      text = this.#decoder.decode(bytes, { stream: true });
    }
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as ReadEvent);
  }
}

/** Reads what a subject has. */
export function read(
  { selector, times, numberOf }: Subject,
  adapter: DataSourceAdapter,
  options: ReadingOptions = {},
): Reading {
  return new Reading(adapter, selector, {
    ...times?.(),
    ...(numberOf && { numberOf }),
    ...options,
  });
}

/** An event with a number, as a source that is read by events has it. */
export function numbered(number: number, timestamp = Date.now()): LogEvent {
  return {
    timestamp: new Date(timestamp).toISOString(),
    message: `number ${number}`,
    labels: { n: String(number) },
  };
}

export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, at) => from + at);
}

function numberInMessage({ message }: ReadEvent): number {
  return Number(/number (\d+)/.exec(message)?.[1]);
}

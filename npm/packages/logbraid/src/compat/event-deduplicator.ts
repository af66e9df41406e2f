import { toText } from '../columns.js';
import { toMillis } from '../time.js';
import type { DurationInput, LogEvent } from '../types.js';
import { bad, count } from '../checks.js';
import { nanosOf } from './time-window.js';

/** Options of an {@link EventDeduplicator}. */
export interface EventDeduplicatorOptions {
  /** How far apart in event time two events may be of which one repeats the other, a duration. Default `1m`. */
  windowSize?: DurationInput | undefined;
  /**
   * What is compared: `timestamp`, `source`, `stream`, `message`, or names of labels. Default: time, source,
   * message and all labels.
   */
  hashFields?: readonly string[] | undefined;
  /** The most events that are remembered, the latest; a whole number above 0. Default 10000. */
  maxCacheSize?: number | undefined;
}

/** Tells repeats of events. `dedupe` of an engine does it where events are joined. */
export class EventDeduplicator {
  readonly #window: bigint;
  readonly #fields: readonly string[] | undefined;
  readonly #size: number;
  /** Times by what is compared; what was seen longest ago first. */
  readonly #seen = new Map<string, bigint>();

  /** Throws an `OptionError` at a value that makes no sense. */
  constructor(options: EventDeduplicatorOptions = {}) {
    const { windowSize = '1m', hashFields, maxCacheSize = 10_000 } = options;
    const millis = toMillis(windowSize);
    if (millis === undefined) bad('windowSize', windowSize, 'a duration such as "30s"');
    if (hashFields?.length === 0) bad('hashFields', '[]', 'one field at least');
    this.#window = BigInt(Math.round(millis * 1e6));
    this.#fields = hashFields;
    this.#size = count('maxCacheSize', maxCacheSize);
  }

  /** Whether an event repeats one that was asked about before; remembers it. */
  isDuplicate(event: LogEvent): boolean {
    const at = nanosOf('timestamp', event.timestamp);
    const key = this.#keyOf(event, at);
    const before = this.#seen.get(key);
    const apart = before === undefined ? undefined : at > before ? at - before : before - at;
    if (apart !== undefined && apart <= this.#window) return true;
    this.#seen.delete(key);
    this.#seen.set(key, at);
    const [oldest] = this.#seen.keys();
    if (this.#seen.size > this.#size && oldest !== undefined) this.#seen.delete(oldest);
    return false;
  }

  /** The events without repeats, as they come. */
  async *deduplicate(
    events: Iterable<LogEvent> | AsyncIterable<LogEvent>,
  ): AsyncGenerator<LogEvent, void> {
    for await (const event of events) {
      if (!this.isDuplicate(event)) yield event;
    }
  }

  #keyOf(event: LogEvent, at: bigint): string {
    const { source, stream, message, labels = {} } = event;
    const all = new Map<string, unknown>([
      ...Object.entries(labels),
      ...Object.entries({ source, stream, message, timestamp: String(at) }),
    ]);
    const compared = this.#fields
      ? this.#fields.map((field) => toText(all.get(field)))
      : [
          ...[String(at), source, message].map(toText),
          ...Object.keys(labels)
            .sort()
            .flatMap((name) => [name, toText(labels[name])]),
        ];
    return JSON.stringify(compared);
  }
}

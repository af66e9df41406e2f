import { toText } from '../columns.js';
import type { LogEvent, TimeInput } from '../types.js';
import type { CorrelatedEvent } from './correlated-event.js';
import type { StreamJoinerOptions } from './join-options.js';
import { MultiStreamJoiner } from './multi-stream-joiner.js';
import { collected, joinAmong } from './parallel-processor.js';
import { TimeWindow, nanosOf } from './time-window.js';
import type { TimeWindowOptions } from './time-window.js';

/** How much an {@link IndexedEventStore} holds. */
export interface EventStoreStats {
  events: number;
  /** Different keys with their values. */
  keys: number;
  oldest?: Date;
  newest?: Date;
}

/** The newest events, found by key or by time. */
export class IndexedEventStore {
  readonly #window: TimeWindow;
  /** By key and value. */
  readonly #byKey = new Map<string, Set<LogEvent>>();

  /** Holds what a `TimeWindow` of these options holds; the oldest events leave by themselves. */
  constructor(options: TimeWindowOptions = {}) {
    this.#window = new TimeWindow(options);
  }

  addEvent(event: LogEvent): void {
    const gone = this.#window.addEvent(event);
    for (const key of keysOf(event)) {
      const events = this.#byKey.get(key);
      if (events) events.add(event);
      else this.#byKey.set(key, new Set([event]));
    }
    this.#forget(gone);
  }

  /** The events with that value of a label, or of a join key where they have no such label; as they were added. */
  getEventsByJoinKey(key: string, value: string): LogEvent[] {
    return [...(this.#byKey.get(indexed(key, value)) ?? [])];
  }

  /** The events from one time to another, both included, in order. */
  getEventsByTimeRange(from: TimeInput, to: TimeInput): LogEvent[] {
    return this.#window.getEvents(from, to);
  }

  /** Joins the events by what their `source` says they are from, as `ParallelProcessor.processChunk`. */
  findCorrelations(options: StreamJoinerOptions): Promise<CorrelatedEvent[]> {
    return collected(joinAmong(new MultiStreamJoiner(options), this.#window.getEvents()));
  }

  /** Takes out the events before a time; returns how many. */
  pruneOldEvents(before: TimeInput): number {
    const gone = this.#window.pruneBefore(nanosOf('before', before));
    this.#forget(gone);
    return gone.length;
  }

  getStats(): EventStoreStats {
    const { size: events, start: oldest, end: newest } = this.#window;
    const keys = this.#byKey.size;
    return { events, keys, ...(oldest && { oldest }), ...(newest && { newest }) };
  }

  #forget(gone: readonly LogEvent[]): void {
    for (const event of gone) {
      for (const key of keysOf(event)) {
        const events = this.#byKey.get(key);
        events?.delete(event);
        if (events?.size === 0) this.#byKey.delete(key);
      }
    }
  }
}

/** Labels go before join keys; empty text is missing. */
function keysOf({ labels, joinKeys }: LogEvent): string[] {
  const isThere = ([, value]: [string, unknown]) => toText(value) !== '';
  const all = new Map(
    [joinKeys, labels].flatMap((one) => Object.entries(one ?? {}).filter(isThere)),
  );
  return [...all].map(([name, value]) => indexed(name, toText(value)));
}

function indexed(name: string, value: string): string {
  return JSON.stringify([name, value]);
}

import { bad, count } from '../checks.js';
import { toMillis, toNanos } from '../time.js';
import type { DurationInput, LogEvent, TimeInput } from '../types.js';

/** Options of a {@link TimeWindow}. */
export interface TimeWindowOptions {
  /** How long before the newest event an event may be, a duration. Default `5m`. */
  windowSize?: DurationInput | undefined;
  /** The most events it holds; the oldest go first. A whole number above 0. Default 10000. */
  maxEvents?: number | undefined;
}

/** An event and its time. */
interface Timed {
  at: bigint;
  event: LogEvent;
}

/**
 * The newest events in order of time. The engine does not use it: its windows are those of its queries. It is
 * for programs that keep events themselves.
 */
export class TimeWindow {
  readonly #size: bigint;
  readonly #maxEvents: number;
  #events: Timed[] = [];

  /** Throws an `OptionError` at a value that makes no sense. */
  constructor({ windowSize = '5m', maxEvents = 10_000 }: TimeWindowOptions = {}) {
    const millis = toMillis(windowSize);
    if (millis === undefined) bad('windowSize', windowSize, 'a duration such as "30s"');
    this.#size = BigInt(Math.round(millis * 1e6));
    this.#maxEvents = count('maxEvents', maxEvents);
  }

  /** Adds an event, and returns those that leave for it; it may be one of them. */
  addEvent(event: LogEvent): LogEvent[] {
    const at = nanosOf('timestamp', event.timestamp);
    this.#events.splice(this.#after(at), 0, { at, event });
    return this.pruneBefore((this.#events.at(-1)?.at ?? at) - this.#size);
  }

  /** The events from one time to another, both included, in order; all where none is given. */
  getEvents(from?: TimeInput, to?: TimeInput): LogEvent[] {
    const first = from === undefined ? 0 : this.#after(nanosOf('from', from) - 1n);
    const end = to === undefined ? this.#events.length : this.#after(nanosOf('to', to));
    return this.#events.slice(first, end).map(({ event }) => event);
  }

  /** Takes out what is older than a time (of nanoseconds since the epoch), and what is too much. Returns it. */
  pruneBefore(time: bigint): LogEvent[] {
    const tooMuch = Math.max(this.#events.length - this.#maxEvents, 0);
    const gone = this.#events.splice(0, Math.max(this.#after(time - 1n), tooMuch));
    return gone.map(({ event }) => event);
  }

  /** How many events it holds. */
  get size(): number {
    return this.#events.length;
  }

  /** The time of the oldest event. */
  get start(): Date | undefined {
    return dateOf(this.#events[0]);
  }

  /** The time of the newest event. */
  get end(): Date | undefined {
    return dateOf(this.#events.at(-1));
  }

  clear(): void {
    this.#events = [];
  }

  /** Where events later than a time begin. */
  #after(at: bigint): number {
    let [from, to] = [0, this.#events.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((this.#events[middle]?.at ?? at) <= at) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}

/** A time in nanoseconds since the epoch. Throws an `OptionError` at what is none. */
export function nanosOf(option: string, time: TimeInput): bigint {
  const nanos = toNanos(time);
  if (nanos === undefined) bad(option, time, 'a time');
  return BigInt(nanos);
}

function dateOf(timed: Timed | undefined): Date | undefined {
  return timed && new Date(Number(timed.at / 1_000_000n));
}

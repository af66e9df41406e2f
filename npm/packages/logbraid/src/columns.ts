import type { ColumnPlan, Columns } from './backend.js';
import { toInstant } from './time.js';
import type { LogEvent } from './types.js';

/** Why an object is no event. */
export type Refused = (message: string) => void;

/**
 * The objects of one query that are in the engine's hands. They stay here; the engine knows them by
 * number, and only the texts its plan asks for cross over.
 */
export class HostEvents {
  readonly #held: (LogEvent | undefined)[] = [];
  readonly #free: number[] = [];

  /** The object behind a number of the engine. */
  get(id: number): LogEvent | undefined {
    return this.#held[id];
  }

  /** Forgets objects that the engine will not name again. */
  release(ids: readonly number[]): void {
    for (const id of ids) {
      this.#held[id] = undefined;
      this.#free.push(id);
    }
  }

  /** Takes in `events[from..to]` and makes columns of them; what is no event is refused and left out. */
  encode(
    events: readonly unknown[],
    from: number,
    to: number,
    plan: ColumnPlan,
    refused: Refused,
  ): Columns | undefined {
    const size = to - from;
    const width = plan.labels.length;
    const ids = new Uint32Array(size);
    const millis = new Float64Array(size);
    const nanos = new Uint32Array(size);
    const labels = new Uint32Array(size * width);
    const messages = plan.message ? new Uint32Array(size) : undefined;
    const lines = plan.line ? new Uint32Array(size) : undefined;
    const texts = new Texts();
    let rows = 0;
    for (let at = from; at < to; at += 1) {
      const event = events[at] as LogEvent | null;
      if (typeof event !== 'object' || event === null) {
        refused('not an object');
        continue;
      }
      const instant = toInstant(event.timestamp);
      if (!instant) {
        refused(`timestamp is no time: ${describe(event.timestamp)}`);
        continue;
      }
      millis[rows] = instant.millis;
      nanos[rows] = instant.nanos;
      for (const [column, name] of plan.labels.entries()) {
        labels[rows * width + column] = texts.id(lookUp(event, name));
      }
      if (messages || lines) {
        const message = texts.id(event.message);
        if (messages) messages[rows] = message;
        if (lines) lines[rows] = message;
      }
      ids[rows] = this.#hold(event);
      rows += 1;
    }
    if (rows === 0) {
      return undefined;
    }
    return {
      ids: ids.subarray(0, rows),
      millis: millis.subarray(0, rows),
      nanos: nanos.subarray(0, rows),
      labels: labels.subarray(0, rows * width),
      ...texts.encode(),
      ...(messages && { messages: messages.subarray(0, rows) }),
      ...(lines && { lines: lines.subarray(0, rows) }),
    };
  }

  #hold(event: LogEvent): number {
    const id = this.#free.pop() ?? this.#held.length;
    this.#held[id] = event;
    return id;
  }
}

/** The distinct texts of one batch, each crossing once. */
class Texts {
  readonly #ids = new Map<string, number>([['', 0]]);

  /** The number of a value's text; 0 for what is missing. */
  id(value: unknown): number {
    const text = toText(value);
    let id = this.#ids.get(text);
    if (id === undefined) {
      id = this.#ids.size;
      this.#ids.set(text, id);
    }
    return id;
  }

  encode(): { texts: Uint8Array; textEnds: Uint32Array } {
    const encoder = new TextEncoder();
    const textEnds = new Uint32Array(this.#ids.size);
    const all = [...this.#ids.keys()];
    const texts = encoder.encode(all.join(''));
    let end = 0;
    // Where every unit became one byte, lengths are known without encoding text by text.
    const ascii = texts.length === all.reduce((units, text) => units + text.length, 0);
    for (const [at, text] of all.entries()) {
      end += ascii ? text.length : encoder.encode(text).length;
      textEnds[at] = end;
    }
    return { texts, textEnds };
  }
}

/** Labels first, then join keys; only what the object itself has. */
function lookUp(event: LogEvent, name: string): unknown {
  const label = own(event.labels, name);
  return toText(label) === '' ? own(event.joinKeys, name) : label;
}

function own(record: unknown, name: string): unknown {
  return typeof record === 'object' && record !== null && Object.hasOwn(record, name)
    ? (record as Record<string, unknown>)[name]
    : undefined;
}

/** The text of a label's value, as the NDJSON decoder would have it; empty for what is missing. */
export function toText(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
    case 'boolean':
    case 'bigint':
      return String(value);
    case 'object':
      return value === null ? '' : jsonText(value);
    default:
      return '';
  }
}

/** A label that is an object is a mistake that must not cost the event. */
function jsonText(value: object): string {
  try {
    return JSON.stringify(value);
  } catch {
    return '';
  }
}

function describe(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 60)) : String(value);
}

import type { ColumnPlan, Columns } from './backend.js';
import { shown } from './errors.js';
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
    const ids = new Uint32Array(size);
    const millis = new Float64Array(size);
    const nanos = new Uint32Array(size);
    const labelColumns = plan.allLabels ? 1 : plan.labels.length;
    const labels = new Uint32Array(size * labelColumns);
    const joinKeys = new Uint32Array(size * plan.joinKeys.length);
    const messages = new Uint32Array(plan.message ? size : 0);
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
        refused(`timestamp is no time: ${shown(event.timestamp)}`);
        continue;
      }
      ids[rows] = this.#hold(event);
      millis[rows] = instant.millis;
      nanos[rows] = instant.nanos;
      if (plan.allLabels) labels[rows] = texts.id(labelSet(event.labels));
      else fill(labels, rows, plan.labels, event.labels, texts);
      fill(joinKeys, rows, plan.joinKeys, event.joinKeys, texts);
      if (plan.message) messages[rows] = texts.id(event.message);
      rows += 1;
    }
    if (rows === 0) {
      return undefined;
    }
    return {
      ids: ids.subarray(0, rows),
      millis: millis.subarray(0, rows),
      nanos: nanos.subarray(0, rows),
      labels: labels.subarray(0, rows * labelColumns),
      joinKeys: joinKeys.subarray(0, rows * plan.joinKeys.length),
      messages: messages.subarray(0, plan.message ? rows : 0),
      ...texts.encode(),
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
    const joined = encoder.encode(all.join(''));
    // Where every unit became one byte, lengths are known without encoding text by text. Elsewhere
    // texts are encoded one by one: halves of a surrogate pair must not meet across two of them.
    const ascii = joined.length === all.reduce((units, text) => units + text.length, 0);
    const parts = ascii ? all : all.map((text) => encoder.encode(text));
    let end = 0;
    for (const [at, { length }] of parts.entries()) {
      end += length;
      textEnds[at] = end;
    }
    return { texts: ascii ? joined : concatenate(parts as Uint8Array[], end), textEnds };
  }
}

function concatenate(parts: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Reads the named fields of a record into a row; only what the record itself has. */
function fill(
  column: Uint32Array,
  row: number,
  names: readonly string[],
  record: unknown,
  texts: Texts,
): void {
  if (typeof record !== 'object' || record === null) {
    return;
  }
  for (const [at, name] of names.entries()) {
    if (Object.hasOwn(record, name)) {
      column[row * names.length + at] = texts.id((record as Record<string, unknown>)[name]);
    }
  }
}

/** All labels of an event as a JSON object of texts; empty for none. */
export function labelSet(record: unknown): string {
  if (typeof record !== 'object' || record === null) {
    return '';
  }
  const labels = Object.entries(record)
    .map(([name, value]) => [name, toText(value)] as const)
    .filter(([, text]) => text !== '')
    // Two events with the same labels have the same text, and it crosses once.
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, text]) => `${json(name)}:${json(text)}`);
  return labels.length === 0 ? '' : `{${labels.join(',')}}`;
}

/** JSON writes half a surrogate pair as an escape that no text in UTF-8 can hold. */
function json(text: string): string {
  return JSON.stringify(text.replace(/\p{Surrogate}/gu, '\ufffd'));
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
    // A `toJSON` may give nothing, whatever the types say.
    const text: unknown = JSON.stringify(value);
    return typeof text === 'string' ? text : '';
  } catch {
    return '';
  }
}

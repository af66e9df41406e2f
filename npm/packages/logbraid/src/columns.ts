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

  /** Forgets objects that the engine will not name again: a record of a batch, from its numbers on. */
  release(batch: DataView, from: number, to: number): void {
    for (let at = from; at < to; at += 4) {
      const id = batch.getUint32(at, true);
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
    // One more for the message.
    const texts = new Texts(labelColumns + plan.joinKeys.length + 1);
    const message = labelColumns + plan.joinKeys.length;
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
      let whole = false;
      if (plan.allLabels) labels[rows] = texts.id(0, labelSet(event.labels));
      else whole = fill(labels, rows, plan.labels, event.labels, texts, 0);
      fill(joinKeys, rows, plan.joinKeys, event.joinKeys, texts, labelColumns);
      if (plan.message && (plan.messageAlways || !whole)) {
        messages[rows] = texts.id(message, event.message);
      }
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

/** The texts of one batch. */
class Texts {
  readonly #all: string[] = [''];
  readonly #ends: number[] = [0];
  #end = 0;
  /** By column, the value it had last: what does not change crosses once. */
  readonly #last: unknown[];
  readonly #lastIds: number[];

  constructor(columns: number) {
    this.#last = new Array<unknown>(columns).fill('');
    this.#lastIds = new Array<number>(columns).fill(0);
  }

  /** The number of the text of a value of this column; 0 for what is missing. */
  id(column: number, value: unknown): number {
    if (value === this.#last[column]) return this.#lastIds[column] ?? 0;
    const text = typeof value === 'string' ? value : toText(value);
    const id = text === '' ? 0 : this.#all.length;
    if (id > 0) {
      this.#all.push(text);
      this.#end += text.length;
      this.#ends.push(this.#end);
    }
    // An object may be another by the next time.
    if (typeof value !== 'object') {
      this.#last[column] = value;
      this.#lastIds[column] = id;
    }
    return id;
  }

  encode(): { texts: Uint8Array; textEnds: Uint32Array } {
    const joined = encoder.encode(this.#all.join(''));
    // Where every unit became one byte, lengths are known without encoding text by text. Elsewhere
    // texts are encoded one by one: halves of a surrogate pair must not meet across two of them.
    if (joined.length === this.#end) {
      return { texts: joined, textEnds: Uint32Array.from(this.#ends) };
    }
    const textEnds = new Uint32Array(this.#all.length);
    const parts = this.#all.map((text) => encoder.encode(text));
    let end = 0;
    for (const [at, { length }] of parts.entries()) {
      end += length;
      textEnds[at] = end;
    }
    return { texts: concatenate(parts, end), textEnds };
  }
}

const encoder = new TextEncoder();

function concatenate(parts: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * Reads the named fields of a record into a row; only what the record itself has. Says whether it has
 * all of them.
 */
function fill(
  column: Uint32Array,
  row: number,
  names: readonly string[],
  record: unknown,
  texts: Texts,
  first: number,
): boolean {
  if (typeof record !== 'object' || record === null) {
    return false;
  }
  let place = row * names.length;
  let number = first;
  let whole = true;
  for (const name of names) {
    const value = (record as Record<string, unknown>)[name];
    const id = value !== undefined && Object.hasOwn(record, name) ? texts.id(number, value) : 0;
    column[place] = id;
    whole &&= id !== 0;
    place += 1;
    number += 1;
  }
  return whole;
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

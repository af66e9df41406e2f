import type { Weigh } from './adapters/adapter.js';
import type { ColumnPlan, Columns } from './backend.js';
import { shown } from './errors.js';
import { isUsualTime, toInstant } from './time.js';
import type { LogEvent } from './types.js';
import { nextSample } from './vocabulary.js';

/** Most text of a batch, in UTF-16 units: the event that reaches it is the last. */
const MOST_TEXT = 1 << 18;

/** Longest buffer that is kept for the next batch. */
const KEPT_BYTES = 1 << 20;

/** Why an object is no event. */
export type Refused = (message: string) => void;

/**
 * The objects of one query that are in the engine's hands. They stay here; the engine knows them by
 * number, and only the texts its plan asks for cross over.
 */
export class HostEvents {
  readonly #held: (LogEvent | undefined)[] = [];
  /** By number, the bytes that an object takes, where that is counted. */
  readonly #weights: number[] = [];
  /** Numbers that are free again; how many there are. */
  #free = new Uint32Array(1024);
  #freeCount = 0;

  /** The object behind a number of the engine. */
  get(id: number): LogEvent | undefined {
    return this.#held[id];
  }

  /** The bytes that the object behind a number takes; 0 where that is not counted. */
  weightOf(id: number): number {
    return this.#weights[id] ?? 0;
  }

  /** Gives an object a number. */
  hold(event: LogEvent, weight = 0): number {
    let id = this.#held.length;
    if (this.#freeCount > 0) {
      this.#freeCount -= 1;
      id = this.#free[this.#freeCount] ?? 0;
    }
    this.#held[id] = event;
    if (weight > 0 || id < this.#weights.length) this.#weights[id] = weight;
    return id;
  }

  /** Forgets objects that the engine will not name again: the numbers in a record of a batch. */
  release(batch: DataView, from: number, to: number): void {
    for (let at = from; at < to; at += 4) this.forget(batch.getUint32(at, true));
  }

  /** Forgets an object. */
  forget(id: number): void {
    this.#held[id] = undefined;
    if (this.#freeCount === this.#free.length) {
      const free = this.#free;
      this.#free = new Uint32Array(free.length * 2);
      this.#free.set(free);
    }
    this.#free[this.#freeCount] = id;
    this.#freeCount += 1;
  }
}

/**
 * Makes columns of the objects of one source. Text is joined in JavaScript and encoded at once, and what it is
 * encoded into is used again by the next batch: an event costs the reading of what the plan names.
 */
export class ColumnEncoder {
  readonly #plan: ColumnPlan;
  readonly #host: HostEvents;
  readonly #refused: Refused;
  readonly #weigh: Weigh | undefined;
  readonly #columns: Columns;
  #refusals: string[] = [];
  /** Whether times that are text are read here, since the engine could not read one. */
  #readsTimes = false;
  /** Objects that have been taken. */
  #taken = 0;
  #pushedBytes = 0;

  /** Of at most so many objects at once; with what each takes, where `weigh` tells it. */
  constructor(plan: ColumnPlan, host: HostEvents, most: number, refused: Refused, weigh?: Weigh) {
    this.#plan = plan;
    this.#host = host;
    this.#weigh = weigh;
    this.#refused = refused;
    const labels = plan.allLabels ? 1 : plan.labels.length;
    this.#columns = {
      rows: 0,
      ids: new Uint32Array(most),
      millis: new Float64Array(most),
      nanos: new Uint32Array(most),
      bytes: new Uint8Array(0),
      timesEnd: 0,
      textsEnd: 0,
      ends: new Uint32Array(most * (labels + plan.joinKeys.length + Number(plan.message))),
      cells: 0,
      samples: new Uint32Array(0),
      ...(weigh && { weights: new Uint32Array(most) }),
    };
  }

  /** Bytes that the objects of the last batch take; 0 where that is not counted. */
  get pushedBytes(): number {
    return this.#pushedBytes;
  }

  /**
   * Pushes a batch of `events`, beginning with `from`; what is no event is refused and left out. Returns where
   * the batch ends. `push` takes columns, which are written anew after it returns, or says that it reads
   * none of their times.
   */
  push(events: readonly unknown[], from: number, push: (columns: Columns) => boolean): number {
    const columns = this.#columns;
    let to = this.#encode(events, from);
    if ((columns.rows > 0 || columns.samples.length > 0) && !push(columns)) {
      for (let row = 0; row < columns.rows; row += 1) this.#host.forget(columns.ids[row] ?? 0);
      this.#readsTimes = true;
      to = this.#encode(events, from);
      push(columns);
    }
    if (columns.bytes.length > KEPT_BYTES) columns.bytes = new Uint8Array(0);
    this.#taken += to - from;
    for (const message of this.#refusals) this.#refused(message);
    return to;
  }

  #encode(events: readonly unknown[], from: number): number {
    const { labels, joinKeys, allLabels, message, messageAlways } = this.#plan;
    const columns = this.#columns;
    const { ids, millis, nanos, ends, weights } = columns;
    const host = this.#host;
    const readsTimes = this.#readsTimes;
    const most = Math.min(from + ids.length, events.length);
    this.#refusals = [];
    let [times, texts] = ['', ''];
    let [rows, cells, pushedBytes] = [0, 0, 0];
    let at = from;
    for (; at < most && texts.length < MOST_TEXT; at += 1) {
      const event = events[at] as LogEvent | null;
      if (typeof event !== 'object' || event === null) {
        this.#refusals.push('not an object');
        continue;
      }
      const { timestamp } = event;
      if (typeof timestamp === 'string' && !readsTimes && isUsualTime(timestamp)) {
        millis[rows] = Number.NaN;
        times += timestamp;
      } else {
        const instant = toInstant(timestamp);
        if (!instant) {
          this.#refusals.push(`timestamp is no time: ${shown(timestamp)}`);
          continue;
        }
        millis[rows] = instant.millis;
        nanos[rows] = instant.nanos;
      }
      const weight = this.#weigh?.(event) ?? 0;
      ids[rows] = host.hold(event, weight);
      if (weights) weights[rows] = weight;
      pushedBytes += weight;
      rows += 1;
      const record: unknown = event.labels;
      let whole = isRecord(record);
      if (allLabels) {
        texts += labelSet(record);
        ends[cells++] = texts.length;
      } else {
        for (const name of labels) {
          const text = isRecord(record) ? ownText(record, name) : '';
          whole &&= text !== '';
          texts += text;
          ends[cells++] = texts.length;
        }
      }
      const keys: unknown = event.joinKeys;
      for (const name of joinKeys) {
        if (isRecord(keys)) texts += ownText(keys, name);
        ends[cells++] = texts.length;
      }
      if (message) {
        if (messageAlways || !whole) texts += toText(event.message);
        ends[cells++] = texts.length;
      }
    }
    columns.rows = rows;
    columns.cells = cells;
    this.#pushedBytes = pushedBytes;
    this.#finish(times, texts, this.#sample(events, from, at));
    return at;
  }

  /** Names and values of the labels of a sample of `events[from..to]`. */
  #sample(events: readonly unknown[], from: number, to: number): string[] {
    const before = this.#taken - from;
    const texts: string[] = [];
    const samples: number[] = [];
    for (let at = nextSample(before + from); at < before + to; at = nextSample(at + 1)) {
      const event = events[at - before] as { labels?: unknown } | null | undefined;
      const labels = labelTexts(event?.labels);
      if (labels.length > 0) samples.push(labels.length);
      for (const [name, text] of labels) texts.push(name, text);
    }
    this.#columns.samples = samples.length > 0 ? Uint32Array.from(samples) : NO_SAMPLES;
    return texts;
  }

  /** Encodes all texts, and turns where they end into bytes. */
  #finish(times: string, cellTexts: string, samples: readonly string[]): void {
    const columns = this.#columns;
    const count = columns.cells + samples.length;
    if (columns.ends.length < count) {
      const ends = columns.ends;
      columns.ends = new Uint32Array(count);
      columns.ends.set(ends);
    }
    const { cells, ends } = columns;
    let texts = cellTexts;
    for (const [at, text] of samples.entries()) {
      texts += text;
      ends[cells + at] = texts.length;
    }
    this.#write(times, texts);
    if (columns.textsEnd - columns.timesEnd === texts.length) return;
    // Not every unit became one byte.
    if (halvesMeet(texts, ends, count)) {
      let start = 0;
      let apart = '';
      for (let at = 0; at < count; at += 1) {
        const end = ends[at] ?? 0;
        apart += wellFormed(texts.slice(start, end));
        start = end;
      }
      this.#write(times, apart);
    }
    endsInBytes(ends, count, columns.bytes.subarray(columns.timesEnd));
  }

  #write(times: string, texts: string): void {
    const columns = this.#columns;
    const units = times.length + texts.length;
    // Mostly every unit is one byte.
    if (columns.bytes.length < units) columns.bytes = new Uint8Array(units * 2);
    for (;;) {
      const first = encoder.encodeInto(times, columns.bytes);
      const rest = encoder.encodeInto(texts, columns.bytes.subarray(first.written));
      columns.timesEnd = first.written;
      columns.textsEnd = first.written + rest.written;
      if (first.read + rest.read === units) return;
      columns.bytes = new Uint8Array(units * 3);
    }
  }
}

const encoder = new TextEncoder();

const NO_SAMPLES = new Uint32Array(0);

/** Whether a text begins with the second half of a character, and could be taken for one with the text before. */
function halvesMeet(texts: string, ends: Uint32Array, count: number): boolean {
  for (let at = 0; at < count; at += 1) {
    if ((texts.charCodeAt(ends[at] ?? 0) & 0xfc00) === 0xdc00) return true;
  }
  return false;
}

/** Turns the ends of texts from UTF-16 units into bytes. */
function endsInBytes(ends: Uint32Array, count: number, bytes: Uint8Array): void {
  let [unit, byte] = [0, 0];
  for (let at = 0; at < count; at += 1) {
    const end = ends[at] ?? 0;
    while (unit < end) {
      const lead = bytes[byte] ?? 0;
      unit += lead < 0xf0 ? 1 : 2;
      byte += lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    }
    ends[at] = byte;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** The text of a field that the record itself has; else empty. */
function ownText(record: Record<string, unknown>, name: string): string {
  const value = record[name];
  if (value === undefined || !Object.hasOwn(record, name)) return '';
  return typeof value === 'string' ? value : toText(value);
}

/** The labels of an event that are there, as texts. */
function labelTexts(record: unknown): [name: string, text: string][] {
  if (!isRecord(record)) return [];
  const labels: [string, string][] = [];
  for (const name of Object.keys(record)) {
    const text = toText(record[name]);
    if (text !== '') labels.push([name, text]);
  }
  return labels;
}

/** All labels of an event as a JSON object of texts; empty for none. */
function labelSet(record: unknown): string {
  const labels = labelTexts(record).map(([name, text]) => `${json(name)}:${json(text)}`);
  return labels.length === 0 ? '' : `{${labels.join(',')}}`;
}

/** JSON writes half a surrogate pair as an escape that no text in UTF-8 can hold. */
function json(text: string): string {
  return JSON.stringify(wellFormed(text));
}

/** A text with what stands for half a character in the place of each. */
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
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

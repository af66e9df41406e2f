import type { Correlation, CorrelationJson } from 'logbraid';

import { Growing } from './growing.js';
import { TextStore } from './text-store.js';

/** Most correlations that are kept, and most of their text in bytes. Those that come after are counted. */
export const MAX_RESULTS = 100_000;
export const MAX_BYTES = 256 << 20;

const PARTIAL = 1;
const TRUNCATED = 2;

/** Results that are drawn again and again are kept as objects, so many of them. */
const CACHED = 256;

/** A correlation that was kept, and what each of its events was made of. */
export interface Result {
  correlation: CorrelationJson;
  raws: string[];
}

/** What has been found: text and numbers in buffers, made objects again when they are looked at. */
export class Results {
  /** Names of the streams of the query; a lane is a position in them. */
  lanes: readonly string[] = [];
  /** Found, whether they were kept or not. */
  found = 0;
  partial = 0;
  events = 0;
  /** The times of the first and the last event of all, in milliseconds. */
  from = Infinity;
  to = -Infinity;
  readonly #text = new TextStore();
  readonly #flags = new Growing(Uint8Array);
  /** By result, where its marks end. */
  readonly #marksEnd = new Growing(Uint32Array);
  /** By mark, that is by event: when it happened, and in which lane it is. */
  readonly #times = new Growing(Float64Array);
  readonly #lanes = new Growing(Uint16Array);
  readonly #cache = new Map<number, Result>();

  /** How many are kept. */
  get length(): number {
    return this.#flags.length;
  }

  /** Bytes that are kept. */
  get bytes(): number {
    return this.#text.bytes;
  }

  clear(lanes: readonly string[]): void {
    this.lanes = lanes;
    this.found = this.partial = this.events = 0;
    this.from = Infinity;
    this.to = -Infinity;
    this.#text.clear();
    this.#flags.clear();
    this.#marksEnd.clear();
    this.#times.clear();
    this.#lanes.clear();
    this.#cache.clear();
  }

  add(correlation: Correlation): void {
    const isPartial = correlation.metadata.completeness === 'partial';
    this.found += 1;
    this.partial += isPartial ? 1 : 0;
    this.events += correlation.eventCount;
    if (this.length < MAX_RESULTS && this.bytes < MAX_BYTES) this.#keep(correlation, isPartial);
  }

  isPartial(index: number): boolean {
    return (this.#flags.at(index) & PARTIAL) !== 0;
  }

  isTruncated(index: number): boolean {
    return (this.#flags.at(index) & TRUNCATED) !== 0;
  }

  /** Where the marks of a result begin and end. They are in event order. */
  firstMark(index: number): number {
    return index === 0 ? 0 : this.#marksEnd.at(index - 1);
  }

  endMark(index: number): number {
    return this.#marksEnd.at(index);
  }

  timeOf(mark: number): number {
    return this.#times.at(mark);
  }

  laneOf(mark: number): number {
    return this.#lanes.at(mark);
  }

  /** When a result begins and ends, in milliseconds since the epoch. */
  start(index: number): number {
    return this.timeOf(this.firstMark(index));
  }

  end(index: number): number {
    return this.timeOf(this.endMark(index) - 1);
  }

  /** By lane, how many events of a result are in it. */
  laneCounts(index: number): number[] {
    const counts = this.lanes.map(() => 0);
    for (let mark = this.firstMark(index); mark < this.endMark(index); mark += 1) {
      const lane = this.laneOf(mark);
      counts[lane] = (counts[lane] ?? 0) + 1;
    }
    return counts;
  }

  /** A line of JSON, with its line ending. */
  line(index: number): Uint8Array<ArrayBuffer> {
    return this.#text.bytesOf(index * 2);
  }

  get(index: number): Result {
    const known = this.#cache.get(index);
    if (known) return known;
    const correlation = JSON.parse(this.#text.textOf(index * 2)) as CorrelationJson;
    const raws = JSON.parse(this.#text.textOf(index * 2 + 1)) as string[];
    const result = { correlation, raws };
    if (this.#cache.size >= CACHED) {
      for (const oldest of this.#cache.keys()) {
        this.#cache.delete(oldest);
        break;
      }
    }
    this.#cache.set(index, result);
    return result;
  }

  #keep(correlation: Correlation, isPartial: boolean): void {
    this.#text.add(`${correlation.toLine()}\n`);
    this.#text.add(JSON.stringify(correlation.events.map(({ raw }) => raw)));
    for (const { position, timestampNs } of correlation.events) {
      this.#times.push(Number(timestampNs) / 1e6);
      this.#lanes.push(position);
    }
    this.#marksEnd.push(this.#times.length);
    this.#flags.push((isPartial ? PARTIAL : 0) | (correlation.truncated ? TRUNCATED : 0));
    const index = this.length - 1;
    this.from = Math.min(this.from, this.start(index));
    this.to = Math.max(this.to, this.end(index));
  }
}

import { OptionError, SourceEndedError, SourceFullError, shown } from '../errors.js';
import type { EncodedChunk, LogEvent } from '../types.js';
import type { DataSourceAdapter, StreamItem, StreamOptions, Weigh } from './adapter.js';

/** Pushes that were not awaited may fill a source this many times over, no further. */
const HARD_LIMIT_FACTOR = 1000;

const ROOM = Promise.resolve();

/** Bytes that weigh as much as one event. */
const BYTES_PER_EVENT = 256;

/** Characters up to which pieces of text that wait become one. */
const BLOCK = 1 << 16;

/** What a piece of text or bytes costs beside its content, in bytes. */
const PIECE = 64;

/**
 * A source that the program pushes into. Each query that is running reads all that is pushed; what
 * is pushed while no query reads waits for the first that does.
 */
export class PushSource implements DataSourceAdapter {
  readonly bounded = false;
  readonly selects = false;
  /** @internal */
  weigh: Weigh | undefined;
  readonly #name: string;
  readonly #room: number;
  readonly #readers = new Set<Queue>();
  #waiting: Queue;
  #ended = false;

  /** @internal */
  constructor(name: string, room: number) {
    this.#name = name;
    this.#room = room;
    this.#waiting = new Queue(room);
  }

  getName(): string {
    return this.#name;
  }

  /**
   * Hands in an event, several, or bytes cut anywhere. Resolves when there is room for more, at
   * once where there is: awaiting it keeps memory bounded. Throws a `SourceFullError` when far more
   * waits than fits, and an `OptionError` at what is neither event, array, text nor bytes.
   */
  push(data: StreamItem): Promise<void> {
    if (this.#ended) {
      throw new SourceEndedError(`the source ${this.#name} has ended`, {
        details: { source: this.#name },
      });
    }
    checkPushed(this.#name, data);
    const queues = this.#readers.size > 0 ? [...this.#readers] : [this.#waiting];
    for (const queue of queues) {
      if (queue.size > this.#room * HARD_LIMIT_FACTOR) {
        throw new SourceFullError(
          `the source ${this.#name} is full; await push() before pushing more`,
          { details: { source: this.#name, waiting: queue.size } },
        );
      }
    }
    for (const queue of queues) {
      queue.add(data);
    }
    const full = queues.filter((queue) => queue.full);
    return full.length === 0 ? ROOM : allRoom(full);
  }

  /** Resolves when queries have taken, or left, all that has been pushed until now. @internal */
  async taken(): Promise<void> {
    const queues = this.#readers.size > 0 ? [...this.#readers] : [this.#waiting];
    await Promise.all(queues.map((queue) => queue.taken()));
  }

  /** Nothing more will come. Idempotent. */
  end(): void {
    this.#ended = true;
    this.#waiting.end();
    for (const reader of this.#readers) {
      reader.end();
    }
  }

  createStream(_selector: string, { signal }: StreamOptions): AsyncIterable<StreamItem> {
    const queue = this.#waiting;
    this.#waiting = new Queue(this.#room);
    if (this.#ended) {
      this.#waiting.end();
    }
    this.#readers.add(queue);
    const leave = () => {
      this.#readers.delete(queue);
      queue.abandon();
    };
    if (signal.aborted) {
      leave();
    } else {
      signal.addEventListener('abort', leave, { once: true });
    }
    return queue;
  }

  validateQuery(): boolean {
    return true;
  }

  destroy(): Promise<void> {
    this.end();
    return Promise.resolve();
  }
}

/** What waits for one query. */
class Queue implements AsyncIterable<StreamItem>, AsyncIterator<StreamItem> {
  /** Weight of what waits, in events. */
  size = 0;
  readonly #room: number;
  #items: StreamItem[] = [];
  /** How many of the items have been taken. */
  #taken = 0;
  #ended = false;
  #reader: ((result: IteratorResult<StreamItem>) => void) | undefined;
  #writers: (() => void)[] = [];
  /** Weight of all that has been handed on, in events. */
  #served = 0;
  /** Who waits until what has been added is taken. */
  #watchers: { until: number; resolve: () => void }[] = [];

  constructor(room: number) {
    this.#room = room;
  }

  add(data: StreamItem): void {
    const last = this.#items.at(-1);
    if (isEvents(data) && isEvents(last)) {
      // Single pushes travel together.
      const batch = Array.isArray(last) ? last : [last];
      this.#items[this.#items.length - 1] = batch;
      if (Array.isArray(data)) {
        // Faster than a call for each.
        let end = batch.length;
        for (const event of data) batch[end++] = event;
      } else {
        batch.push(data);
      }
      this.size += weight(data);
    } else if (typeof data === 'string' && typeof last === 'string' && last.length < BLOCK) {
      this.#items[this.#items.length - 1] = last + data;
      this.size += weight(last + data) - weight(last);
    } else {
      this.#items.push(copy(data));
      this.size += weight(data);
    }
    // A turn later, so that what is pushed in one go is taken in one go.
    if (this.#reader)
      queueMicrotask(() => {
        this.#serve();
      });
  }

  get full(): boolean {
    return this.size >= this.#room && !this.#ended;
  }

  /** Resolves when what waits now has been taken: the reader has asked for more, or has left. */
  taken(): Promise<void> {
    const until = this.#served + this.size;
    return new Promise((resolve) => this.#watchers.push({ until, resolve }));
  }

  /** Resolves when less waits than fits. */
  room(): Promise<void> {
    return new Promise((resolve) => this.#writers.push(resolve));
  }

  end(): void {
    this.#ended = true;
    this.#serve();
    this.#wakeWriters();
  }

  /** Nobody reads any more. */
  abandon(): void {
    this.#items = [];
    this.#taken = 0;
    this.size = 0;
    this.end();
    this.#tellTaken(Infinity);
  }

  next(): Promise<IteratorResult<StreamItem>> {
    return new Promise((resolve) => {
      this.#reader = resolve;
      this.#tellTaken(this.#served);
      this.#serve();
    });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #serve(): void {
    const reader = this.#reader;
    if (!reader) {
      return;
    }
    const value = this.#items[this.#taken];
    if (value !== undefined) {
      this.#taken += 1;
      // Cut by halves: a shift per item would move all that wait.
      if (this.#taken * 2 >= this.#items.length) {
        this.#items = this.#items.slice(this.#taken);
        this.#taken = 0;
      }
      this.#reader = undefined;
      this.size -= weight(value);
      this.#served += weight(value);
      reader({ value, done: false });
      if (!this.full) this.#wakeWriters();
    } else if (this.#ended) {
      this.#reader = undefined;
      reader({ value: undefined, done: true });
    }
  }

  #tellTaken(served: number): void {
    const waiting = this.#watchers.findIndex(({ until }) => until > served);
    const told = this.#watchers.splice(0, waiting < 0 ? this.#watchers.length : waiting);
    for (const { resolve } of told) resolve();
  }

  #wakeWriters(): void {
    const writers = this.#writers;
    this.#writers = [];
    for (const wake of writers) wake();
  }
}

async function allRoom(queues: Queue[]): Promise<void> {
  await Promise.all(queues.map((queue) => queue.room()));
}

/** Whether an item is events, as objects. */
export function isEvents(data: StreamItem | undefined): data is LogEvent | LogEvent[] {
  return typeof data === 'object' && !(data instanceof Uint8Array) && !isChunk(data);
}

/** Whether an item is bytes with what is known of them; an event may have `bytes` that are a number. */
export function isChunk(data: object): data is EncodedChunk {
  return 'bytes' in data && data.bytes instanceof Uint8Array;
}

/** Arrays and buffers belong to the program, which may reuse them. */
export function copy(data: StreamItem): StreamItem {
  if (Array.isArray(data)) {
    return data.slice() as LogEvent[];
  }
  // Not `slice`, which of a Node.js `Buffer` is a view.
  if (data instanceof Uint8Array) {
    return new Uint8Array(data);
  }
  const chunk = typeof data === 'object' && isChunk(data);
  return chunk ? { ...data, bytes: new Uint8Array(data.bytes) } : data;
}

/** Throws an `OptionError` at what is neither event, array, text nor bytes. */
export function checkPushed(name: string, data: unknown): void {
  if (typeof data !== 'string' && (typeof data !== 'object' || data === null)) {
    throw new OptionError(`the source ${name} takes events, text or bytes, not ${shown(data)}`, {
      details: { option: 'data', value: data },
    });
  }
}

/** What an item weighs, in events. */
export function weight(data: StreamItem): number {
  if (typeof data === 'string' || data instanceof Uint8Array) {
    return (data.length + PIECE) / BYTES_PER_EVENT;
  }
  if (Array.isArray(data)) {
    return data.length;
  }
  return isChunk(data) ? (data.bytes.length + PIECE) / BYTES_PER_EVENT : 1;
}

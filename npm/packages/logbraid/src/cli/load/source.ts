import type { DataSourceAdapter, StreamItem, StreamOptions } from '../../adapters/adapter.js';
import type { Workload } from './workload.js';

/** How much of the schedule travels as one chunk, in milliseconds: about what a socket hands over at once. */
const SLOT_MS = 10;

/** Slots that may wait for the engine; those beyond are not sent, as a source that is held up would. */
const MAX_WAITING = 500;

/** What a load has sent. */
export interface Sent {
  events: number;
  /** Events that were not sent, since too much waited. */
  unsent: number;
  /** CPU spent to make the events, in microseconds. */
  cpu: number;
}

/** Sends a workload on schedule, as live sources would: what is late is sent at once, with the time at which it was due. */
export class Pacer {
  readonly sent: Sent = { events: 0, unsent: 0, cpu: 0 };
  readonly #workload: Workload;
  readonly #queues: readonly LoadQueue[];
  readonly #encoder = new TextEncoder();
  #timer: NodeJS.Timeout | undefined;
  #slot = 0;
  #begun = 0;
  #epoch = 0;

  /** `queues` by position of the source in the plan. */
  constructor(workload: Workload, queues: readonly LoadQueue[]) {
    this.#workload = workload;
    this.#queues = queues;
  }

  start(): void {
    this.#begun = performance.now();
    this.#epoch = Date.now();
    this.#tick();
  }

  stop(): void {
    clearTimeout(this.#timer);
    for (const queue of this.#queues) queue.end();
  }

  readonly #tick = (): void => {
    const before = process.cpuUsage();
    const next = () => this.#begun + (this.#slot + 1) * SLOT_MS;
    while (next() <= performance.now()) {
      this.#slot += 1;
      const until = this.#slot * SLOT_MS;
      this.#send(until, this.#epoch, this.#begun + until);
    }
    const { user, system } = process.cpuUsage(before);
    this.sent.cpu += user + system;
    this.#timer = setTimeout(this.#tick, next() - performance.now());
  };

  #send(until: number, epoch: number, arrivedAt: number): void {
    const { lines, events } = this.#workload.take(until, epoch);
    if (this.#queues.some(({ waiting }) => waiting >= MAX_WAITING)) {
      this.sent.unsent += events;
      return;
    }
    this.sent.events += events;
    for (const [source, text] of lines.entries()) {
      // A source that has nothing in this slot leaves a hole.
      if (typeof text === 'string') {
        this.#queues[source]?.add({ bytes: this.#encoder.encode(text), arrivedAt });
      }
    }
  }
}

/** What waits for the engine of one thing that a query reads. */
export class LoadQueue {
  readonly #chunks: StreamItem[] = [];
  #ended = false;
  #wake: (() => void) | undefined;

  /** Chunks that wait. */
  get waiting(): number {
    return this.#chunks.length;
  }

  add(chunk: StreamItem): void {
    this.#chunks.push(chunk);
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *read(): AsyncGenerator<StreamItem> {
    while (!this.#ended) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        yield chunk;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}

/** A source of a load: live, of lines; `queues` are what is read of it, by selector where it selects itself. */
export function loadSource(
  name: string,
  selects: boolean,
  queues: ReadonlyMap<string, LoadQueue>,
): DataSourceAdapter {
  return {
    bounded: false,
    selects,
    decoder: { format: 'ndjson' },
    getName: () => name,
    createStream(selector: string, { signal }: StreamOptions): AsyncIterable<StreamItem> {
      const queue = queues.get(selector) ?? new LoadQueue();
      signal.addEventListener(
        'abort',
        () => {
          queue.end();
        },
        { once: true },
      );
      return queue.read();
    },
    validateQuery: () => true,
    destroy: () => Promise.resolve(),
  };
}

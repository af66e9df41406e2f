import type { DataSourceAdapter, StreamItem } from '../adapters/adapter.js';
import { checkPushed, copy, isEvents, weight } from '../adapters/push.js';
import { OptionError, SourceEndedError, SourceFullError, shown } from '../errors.js';
import type { Request } from './messages.js';
import type { Port } from './port.js';

/** Pushes that were not awaited may be on the way this many times over, no further. */
const HARD_LIMIT_FACTOR = 1000;

/** Characters of an object that weigh as much as one event. */
const TEXT_PER_EVENT = 1 << 10;

/** Values of an event that are looked at, to weigh it. */
const VALUES = 4096;

const ROOM = Promise.resolve();

/** A source that the program pushes into, at this end: what is pushed in one turn is one message. */
export class RemoteSource implements DataSourceAdapter {
  readonly bounded = false;
  readonly selects = false;
  readonly #name: string;
  readonly #number: number;
  readonly #port: Pick<Port<Request, never>, 'send'>;
  readonly #room: number;
  #items: StreamItem[] = [];
  #weight = 0;
  /** Of each message that has not been taken, its weight. */
  readonly #sent: number[] = [];
  #onTheWay = 0;
  #ended = false;
  /** What the next push is told. */
  #failure: Error | undefined;
  /** What every push is told: nobody takes anything any more. */
  #gone: Error | undefined;
  #waiters: (() => void)[] = [];

  constructor(
    name: string,
    number: number,
    port: Pick<Port<Request, never>, 'send'>,
    room: number,
  ) {
    this.#name = name;
    this.#number = number;
    this.#port = port;
    this.#room = room;
  }

  getName(): string {
    return this.#name;
  }

  /** As of a source of an engine in the same thread; a failure is told by the next push. */
  push(data: StreamItem): Promise<void> {
    if (this.#ended) {
      throw new SourceEndedError(`the source ${this.#name} has ended`, {
        details: { source: this.#name },
      });
    }
    checkPushed(this.#name, data);
    if (this.#gone) throw this.#gone;
    if (this.#failure) {
      const failure = this.#failure;
      this.#failure = undefined;
      throw failure;
    }
    if (this.#onTheWay + this.#weight > this.#room * HARD_LIMIT_FACTOR) {
      throw new SourceFullError(
        `the source ${this.#name} is full; await push() before pushing more`,
        { details: { source: this.#name, waiting: this.#onTheWay + this.#weight } },
      );
    }
    if (this.#items.length === 0) {
      queueMicrotask(() => {
        this.#flush();
      });
    }
    const weighed = weightSent(data);
    this.#add(data);
    this.#weight += weighed;
    if (this.#onTheWay + this.#weight < this.#room) return ROOM;
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  end(): void {
    if (this.#ended) return;
    this.#flush();
    this.#ended = true;
    this.#port.send({ type: 'end', source: this.#number });
    this.#wake();
  }

  /** The engine has taken the oldest message, or failed to. */
  taken(error: Error | undefined): void {
    this.#failure ??= error;
    this.#onTheWay -= this.#sent.shift() ?? 0;
    if (error === undefined && this.#onTheWay >= this.#room) return;
    this.#wake();
  }

  /** The engine is gone. */
  fail(error: Error): void {
    this.#gone = error;
    this.#items = [];
    this.#wake();
  }

  createStream(): AsyncIterable<StreamItem> {
    throw new TypeError(`the source ${this.#name} is read in the Worker`);
  }

  validateQuery(): boolean {
    return true;
  }

  destroy(): Promise<void> {
    this.end();
    return Promise.resolve();
  }

  #wake(): void {
    for (const wake of this.#waiters.splice(0)) wake();
  }

  /** Events travel together. */
  #add(data: StreamItem): void {
    const last = this.#items.at(-1);
    if (!isEvents(data)) {
      this.#items.push(copy(data));
    } else if (Array.isArray(last)) {
      if (Array.isArray(data)) for (const event of data as object[]) last.push(event);
      else last.push(data);
    } else {
      this.#items.push(Array.isArray(data) ? data.slice() : [data]);
    }
  }

  #flush(): void {
    if (this.#items.length === 0) return;
    const items = this.#items;
    this.#items = [];
    const weighed = this.#weight;
    this.#weight = 0;
    try {
      this.#port.send({ type: 'push', source: this.#number, items });
    } catch (cause) {
      // Such as a function within an event.
      const message = `what was pushed into ${this.#name} cannot be sent to the Worker: ${shown(cause)}`;
      this.#failure ??= new OptionError(message, { cause, details: { option: 'data' } });
      this.#wake();
      return;
    }
    this.#sent.push(weighed);
    this.#onTheWay += weighed;
  }
}

/** What an item weighs that is copied on its way, in events: an object by the texts in it. */
function weightSent(data: StreamItem): number {
  if (!isEvents(data)) return weight(data);
  const events: readonly unknown[] = Array.isArray(data) ? data : [data];
  return events.reduce<number>(
    (sum, event) => sum + Math.max(textIn(event) / TEXT_PER_EVENT, 1),
    0,
  );
}

/** Characters and bytes in a value, names included; of what cannot be read, as far as it can be. */
function textIn(value: unknown): number {
  let sum = 0;
  const left = [value];
  try {
    for (let looked = 0; left.length > 0 && looked < VALUES; looked += 1) {
      const one = left.pop();
      if (typeof one === 'string') sum += one.length;
      else if (one instanceof Uint8Array) sum += one.byteLength;
      else if (typeof one === 'object' && one !== null) {
        for (const [name, inner] of Object.entries(one)) {
          sum += name.length;
          left.push(inner);
        }
      }
    }
  } catch {
    // What throws when it is read is told when it is sent.
  }
  return sum;
}

import type { AdapterNotice, StreamItem } from '../adapters/adapter.js';

/** A stream that is read in the page: each item that is asked for is one message. */
export class ProxiedStream implements AsyncIterableIterator<StreamItem, undefined> {
  readonly #ask: () => void;
  /** Called once, when nothing of it is read any more. */
  #left: (() => void) | undefined;
  /** Told what the adapter tells. */
  readonly tell: (notice: AdapterNotice) => void;
  #items: StreamItem[] = [];
  #ended = false;
  #failure: Error | undefined;
  #asked = false;
  #reader: (() => void) | undefined;

  constructor(
    ask: () => void,
    left: () => void,
    tell: (notice: AdapterNotice) => void = () => undefined,
  ) {
    this.#ask = ask;
    this.#left = left;
    this.tell = tell;
  }

  give(items: StreamItem[]): void {
    this.#asked = false;
    this.#items.push(...items);
    this.#reader?.();
  }

  finish(error: Error | undefined): void {
    this.#ended = true;
    this.#failure = error;
    this.#reader?.();
  }

  async next(): Promise<IteratorResult<StreamItem, undefined>> {
    if (this.#items.length === 0 && !this.#ended) {
      if (!this.#asked) {
        this.#asked = true;
        this.#ask();
      }
      await new Promise<void>((resolve) => (this.#reader = resolve));
      this.#reader = undefined;
    }
    if (this.#items.length > 0) {
      // Whatever its type says, a stream gives what it likes.
      return { value: this.#items.shift(), done: false } as IteratorYieldResult<StreamItem>;
    }
    this.#leave();
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure) throw failure;
    return { value: undefined, done: true };
  }

  return(): Promise<IteratorResult<StreamItem, undefined>> {
    this.#items = [];
    this.#leave();
    if (!this.#ended) this.finish(undefined);
    return Promise.resolve({ value: undefined, done: true });
  }

  #leave(): void {
    const left = this.#left;
    this.#left = undefined;
    left?.();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

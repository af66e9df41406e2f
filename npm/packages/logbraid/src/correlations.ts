import type { Correlation } from './correlation.js';

type Next = Promise<IteratorResult<Correlation, undefined>>;

/** A query as an iterator of what it finds; leaving it by any way closes it. */
export abstract class Correlations implements AsyncIterableIterator<Correlation, undefined> {
  abstract next(): Next;

  /** Ends the query at once and drops what waits. Idempotent. */
  abstract close(): Promise<void>;

  async return(): Next {
    await this.close();
    return { value: undefined, done: true };
  }

  async throw(error: unknown): Next {
    await this.close();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

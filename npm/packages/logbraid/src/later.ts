import type { Correlation } from './correlation.js';

type Run = AsyncIterableIterator<Correlation, undefined>;

/** A query whose engine has yet to be loaded: that is done with the first `next()`. */
export class LaterRun implements Run {
  readonly #make: () => Promise<Run>;
  #run: Promise<Run> | undefined;
  #closed = false;

  constructor(make: () => Promise<Run>) {
    this.#make = make;
  }

  async next(): Promise<IteratorResult<Correlation, undefined>> {
    if (this.#closed) return { value: undefined, done: true };
    this.#run ??= this.#make();
    try {
      const run = await this.#run;
      // It may have been left meanwhile; then nothing is read.
      return this.#isLeft() ? await this.return() : await run.next();
    } catch (error) {
      // As any iterator, it ends with its error.
      this.#closed = true;
      throw error;
    }
  }

  #isLeft(): boolean {
    return this.#closed;
  }

  async return(): Promise<IteratorResult<Correlation, undefined>> {
    this.#closed = true;
    const run = await this.#run?.catch(() => undefined);
    await run?.return?.();
    return { value: undefined, done: true };
  }

  async throw(error: unknown): Promise<IteratorResult<Correlation, undefined>> {
    await this.return();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}

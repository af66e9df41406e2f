import type { Correlation } from './correlation.js';
import { Correlations } from './correlations.js';

/** A query whose engine has yet to be loaded: that is done with the first `next()`. */
export class LaterRun extends Correlations {
  readonly #make: () => Promise<Correlations>;
  #run: Promise<Correlations> | undefined;
  #closed = false;

  constructor(make: () => Promise<Correlations>) {
    super();
    this.#make = make;
  }

  async next(): Promise<IteratorResult<Correlation, undefined>> {
    if (this.#closed) return { value: undefined, done: true };
    this.#run ??= this.#make();
    try {
      const run = await this.#run;
      // It may have been left meanwhile; then nothing is read.
      return this.#isLeft() ? await run.return() : await run.next();
    } catch (error) {
      // As any iterator, it ends with its error.
      this.#closed = true;
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const run = await this.#run?.catch(() => undefined);
    await run?.close();
  }

  #isLeft(): boolean {
    return this.#closed;
  }
}

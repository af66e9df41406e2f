import type { Correlation } from '../correlation.js';

/** How a query is run and what becomes of what it finds. */
export interface OnceSetup<T> {
  /** Starts the query; called with the first `next()`. */
  start: () => Promise<AsyncIterator<Correlation, undefined>>;
  /** How long nothing may join a complete correlation before it is given, in milliseconds. */
  quietMs: number;
  /** Told of a correlation when the engine first delivers it. */
  open: (correlation: Correlation) => void;
  /** Told of it when it cannot change any more. */
  close: (correlation: Correlation) => void;
  /** What is given for a correlation; `undefined` for nothing. */
  give: (correlation: Correlation) => T | undefined;
  /** What the consumer gets for an error. */
  fail: (error: unknown) => unknown;
}

const NOTHING = Promise.resolve(undefined);

/**
 * Gives each correlation of a query once: when it is complete and has been quiet for a while, or else when
 * it is final. What joins it after that is not told. The query is asked only while the consumer waits, so
 * that a slow one slows the sources down.
 */
export class Once<T> implements AsyncIterableIterator<T, undefined> {
  readonly #setup: OnceSetup<T>;
  #run: AsyncIterator<Correlation, undefined> | undefined;
  #pull: Promise<IteratorResult<Correlation, undefined>> | undefined;
  /** Complete and not given, by id; what has changed longest ago first. */
  readonly #waiting = new Map<string, { correlation: Correlation; quietAt: number }>();
  /** Of those that may still grow, by id, whether they were given. */
  readonly #open = new Map<string, boolean>();
  #ready: T[] = [];
  #failure: { error: unknown } | undefined;
  #ended = false;
  #last: Promise<unknown> = NOTHING;

  constructor(setup: OnceSetup<T>) {
    this.#setup = setup;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const step = () => this.#step();
    const next = this.#last.then(step, step);
    this.#last = next;
    return next;
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    this.#ended = true;
    this.#ready = [];
    this.#waiting.clear();
    await this.#run?.return?.();
    return { value: undefined, done: true };
  }

  async throw(error: unknown): Promise<IteratorResult<T, undefined>> {
    await this.return();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  async #step(): Promise<IteratorResult<T, undefined>> {
    for (;;) {
      const value = this.#ready.shift();
      if (value !== undefined) return { value, done: false };
      if (this.#failure) {
        const { error } = this.#failure;
        this.#failure = undefined;
        throw error;
      }
      if (this.#ended) return { value: undefined, done: true };
      try {
        await this.#proceed();
      } catch (error) {
        this.#ended = true;
        this.#failure = { error: this.#setup.fail(error) };
      }
    }
  }

  /** Takes what the query has; where it has nothing, what is quiet; else waits for either. */
  async #proceed(): Promise<void> {
    this.#run ??= await this.#setup.start();
    if (this.#ended) {
      await this.#run.return?.();
      return;
    }
    const asked = performance.now();
    this.#pull ??= this.#run.next();
    const result = await Promise.race([this.#pull, NOTHING]);
    if (result) {
      this.#take(result);
      return;
    }
    // The query had nothing more to say of those when they had been quiet for long enough.
    for (const [id, { correlation, quietAt }] of this.#waiting) {
      if (quietAt > asked) break;
      this.#waiting.delete(id);
      this.#open.set(id, true);
      this.#give(correlation);
    }
    if (this.#ready.length === 0) await this.#wait(this.#pull, asked);
  }

  async #wait(pull: Promise<unknown>, asked: number): Promise<void> {
    const [oldest] = this.#waiting.values();
    if (!oldest) {
      await pull;
      return;
    }
    let timer: ReturnType<typeof setTimeout> | undefined;
    const quiet = new Promise((resolve) => {
      timer = setTimeout(resolve, oldest.quietAt - asked);
    });
    try {
      await Promise.race([pull, quiet]);
    } finally {
      clearTimeout(timer);
    }
  }

  #take(result: IteratorResult<Correlation, undefined>): void {
    this.#pull = undefined;
    if (result.done) {
      this.#ended = true;
      return;
    }
    const correlation = result.value;
    const { correlationId: id, replaces, final, withdrawn, metadata } = correlation;
    for (const gone of replaces) {
      this.#waiting.delete(gone);
      this.#open.delete(gone);
    }
    const given = this.#open.get(id);
    if (given === undefined) this.#setup.open(correlation);
    this.#waiting.delete(id);
    if (final) {
      this.#open.delete(id);
      this.#setup.close(correlation);
      if (!given && !withdrawn) this.#give(correlation);
      return;
    }
    this.#open.set(id, given ?? false);
    if (!given && !withdrawn && metadata.completeness === 'complete') {
      const quietAt = performance.now() + this.#setup.quietMs;
      this.#waiting.set(id, { correlation, quietAt });
    }
  }

  #give(correlation: Correlation): void {
    const value = this.#setup.give(correlation);
    if (value !== undefined) this.#ready.push(value);
  }
}

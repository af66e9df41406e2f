import type { Correlation } from '../correlation.js';
import { packError } from './messages.js';
import type { Reply } from './messages.js';
import { pack } from './packed.js';
import type { Port } from './port.js';

/** Correlations of one message, at most. */
const BATCH = 256;

/** A query: sends as many correlations as are asked for, those that are ready together in one message. */
export class HostedRun {
  readonly #run: number;
  readonly #port: Pick<Port<Reply, never>, 'send'>;
  readonly #correlations: Promise<AsyncIterator<Correlation, undefined>>;
  readonly #ended: () => void;
  #wanted = 0;
  #pulling = false;
  #left = false;
  #batch: Correlation[] = [];
  #isFirst = true;

  constructor(
    run: number,
    port: Pick<Port<Reply, never>, 'send'>,
    start: () => Promise<AsyncIterator<Correlation, undefined>>,
    ended: () => void,
  ) {
    this.#ended = ended;
    this.#run = run;
    this.#port = port;
    this.#correlations = start();
    this.#correlations.catch(() => undefined);
  }

  pull(count: number): void {
    this.#wanted += count;
    if (!this.#pulling) void this.#pull();
  }

  /** Resolves when nothing is read any more. */
  async leave(): Promise<void> {
    this.#left = true;
    // What it says when it is left changes nothing.
    await this.#correlations.then((run) => run.return?.()).catch(() => undefined);
  }

  async #pull(): Promise<void> {
    this.#pulling = true;
    try {
      const run = await this.#correlations;
      while (this.#wanted > 0 && !this.#left) {
        const next = run.next();
        // What is ready comes without waiting; before a wait, what there is goes out.
        const ready = await Promise.race([next, PAUSE]);
        if (ready === undefined) this.#flush();
        const { value, done } = await next;
        if (done) {
          this.#finish(undefined);
          return;
        }
        this.#wanted -= 1;
        this.#batch.push(value);
        if (this.#batch.length === BATCH) this.#flush();
      }
      this.#flush();
      this.#pulling = false;
    } catch (error) {
      this.#finish(error);
    }
  }

  #finish(failure: unknown): void {
    let error = failure;
    try {
      this.#flush();
    } catch (thrown) {
      // An engine that has stopped says nothing more of what it has found.
      error ??= thrown;
    }
    const told = error === undefined ? undefined : packError(error);
    this.#ended();
    if (!this.#left) this.#port.send({ type: 'ended', run: this.#run, error: told });
  }

  #flush(): void {
    if (this.#batch.length === 0) return;
    const batch = this.#batch;
    this.#batch = [];
    if (this.#left) return;
    const found = pack(batch, this.#isFirst);
    this.#isFirst = false;
    this.#port.send({ type: 'found', run: this.#run, found }, [found.records.buffer]);
  }
}

/** Resolved: whatever is ready comes before it. */
const PAUSE = Promise.resolve(undefined);

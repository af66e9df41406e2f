import type { PlanSummary } from '../backend.js';
import type { Correlation } from '../correlation.js';
import { Correlations } from '../correlations.js';
import type { PackedCorrelations, Request } from './messages.js';
import { unpack } from './packed.js';
import type { Port } from './port.js';

/** Correlations that may be on the way or wait here. */
export const AHEAD = 256;

interface Waiter {
  resolve: (result: IteratorResult<Correlation, undefined>) => void;
  reject: (error: unknown) => void;
}

/** What is done where a query begins, asks for more, and ends. */
interface RunLife {
  start: () => void;
  pull: () => void;
  end: () => void;
}

/** A query that runs at the other end of a port, as its iterator. Starts with the first `next()`. */
export class RemoteRun extends Correlations {
  readonly #number: number;
  readonly #port: Pick<Port<Request, never>, 'send'>;
  readonly #signal: AbortSignal | undefined;
  readonly #life: RunLife;
  #state: 'new' | 'running' | 'ended' = 'new';
  #ready: Correlation[] = [];
  /** Asked for, and not here yet. */
  #wanted = 0;
  /** Taken since more was asked for. */
  #taken = 0;
  #waiters: Waiter[] = [];
  #failure: { error: unknown } | undefined;
  #plan: PlanSummary | undefined;

  constructor(
    number: number,
    port: Pick<Port<Request, never>, 'send'>,
    signal: AbortSignal | undefined,
    life: RunLife,
  ) {
    super();
    this.#number = number;
    this.#port = port;
    this.#signal = signal;
    this.#life = life;
  }

  async next(): Promise<IteratorResult<Correlation, undefined>> {
    if (this.#state === 'new') this.#start();
    const value = this.#ready.shift();
    if (value) {
      this.#took();
      return { value, done: false };
    }
    if (this.#failure) {
      const { error } = this.#failure;
      this.#failure = undefined;
      this.#ignoreAbort();
      throw error;
    }
    if (this.#state === 'ended') {
      this.#ignoreAbort();
      return { value: undefined, done: true };
    }
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  close(): Promise<void> {
    this.#ready = [];
    this.#failure = undefined;
    this.abandon(undefined);
    this.#ignoreAbort();
    return Promise.resolve();
  }

  /** What has come in one message. */
  unpack(found: PackedCorrelations): Correlation[] {
    this.#plan ??= found.plan;
    return this.#plan ? unpack(found, this.#plan) : [];
  }

  /** Whether the other end has anything to do. */
  get isBusy(): boolean {
    return this.#wanted > 0;
  }

  /** One more has come. */
  give(correlation: Correlation): void {
    this.#wanted -= 1;
    const waiter = this.#waiters.shift();
    if (!waiter) {
      this.#ready.push(correlation);
      return;
    }
    this.#took();
    waiter.resolve({ value: correlation, done: false });
  }

  /** Ends the query at both ends. */
  abandon(error: unknown): void {
    if (this.#state === 'running') this.#port.send({ type: 'leave', run: this.#number });
    this.finish(error);
  }

  /** Nothing more comes; of an error, the consumer hears after what is ready. */
  finish(error: unknown): void {
    if (this.#state === 'ended') return;
    this.#end();
    const [first, ...others] = this.#waiters.splice(0);
    if (error !== undefined) {
      if (first) first.reject(error);
      else this.#failure = { error };
    } else {
      first?.resolve({ value: undefined, done: true });
    }
    for (const waiter of others) waiter.resolve({ value: undefined, done: true });
  }

  #start(): void {
    this.#state = 'running';
    if (this.#signal?.aborted) {
      this.finish(this.#signal.reason);
      return;
    }
    this.#signal?.addEventListener('abort', this.#abort, { once: true });
    try {
      this.#life.start();
    } catch (error) {
      this.finish(error);
      return;
    }
    this.#pull(AHEAD);
  }

  readonly #abort = (): void => {
    const error: unknown = this.#signal?.reason;
    // Of what is ready, too, whoever aborts wants nothing.
    this.#ready = [];
    if (this.#state === 'ended') this.#failure = { error };
    this.abandon(error);
    this.#ignoreAbort();
  };

  #took(): void {
    this.#taken += 1;
    if (this.#taken < AHEAD / 2 || this.#state !== 'running') return;
    const count = this.#taken;
    this.#taken = 0;
    this.#pull(count);
  }

  #pull(count: number): void {
    this.#wanted += count;
    this.#port.send({ type: 'pull', run: this.#number, count });
    this.#life.pull();
  }

  #end(): void {
    this.#state = 'ended';
    // What is ready may still be given up.
    if (this.#ready.length === 0) this.#ignoreAbort();
    this.#life.end();
  }

  #ignoreAbort(): void {
    this.#signal?.removeEventListener('abort', this.#abort);
  }
}

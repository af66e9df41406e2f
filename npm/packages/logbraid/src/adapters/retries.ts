import { bad, duration } from '../checks.js';
import { MAX_DELAY_MS } from '../time.js';
import type { DurationInput } from '../types.js';

/** How a source that fails is tried again. */
export interface RetryOptions {
  /**
   * How many failures in a row are followed by another attempt; one that goes well begins anew. A whole
   * number, 0 or more, or `Infinity`. Default 10.
   */
  maxRetries?: number | undefined;
  /** The longest wait before the first retry, a duration; it doubles with each. Default `250ms`. */
  baseDelay?: DurationInput | undefined;
  /** The longest wait before any retry that no server has asked for, a duration. Default `30s`. */
  maxDelay?: DurationInput | undefined;
  /** Numbers from 0 up to 1, that waits are picked by. Default: `Math.random`. */
  random?: (() => number) | undefined;
}

/**
 * Counts attempts and says how long to wait before the next: exponential backoff with full jitter, so that
 * many clients of one server do not come back together.
 *
 * ```js
 * const retries = new Retries({ maxRetries: 3 });
 * while (!(await connect())) {
 *   const delay = retries.next();
 *   if (delay === undefined) throw new Error('given up');
 *   await sleep(delay, signal);
 * }
 * retries.reset();
 * ```
 */
export class Retries {
  readonly #maxRetries: number;
  readonly #baseMs: number;
  readonly #maxMs: number;
  readonly #random: () => number;
  #attempt = 0;

  /** Throws an `OptionError` at a value that an option cannot have. */
  constructor({ maxRetries = 10, baseDelay, maxDelay, random = Math.random }: RetryOptions = {}) {
    if (!(maxRetries === Infinity || (Number.isInteger(maxRetries) && maxRetries >= 0))) {
      bad('maxRetries', maxRetries, 'a whole number, 0 or more, or Infinity');
    }
    this.#maxRetries = maxRetries;
    this.#baseMs = baseDelay === undefined ? 250 : duration('baseDelay', baseDelay);
    this.#maxMs = maxDelay === undefined ? 30_000 : duration('maxDelay', maxDelay);
    this.#random = random;
  }

  /** Failures since the last attempt that went well. */
  get attempt(): number {
    return this.#attempt;
  }

  /**
   * An attempt has failed: how long to wait before the next, in milliseconds, or `undefined` where there is
   * none any more. What a server has asked for in milliseconds comes before the wait that is picked.
   */
  next(retryAfterMs = 0): number | undefined {
    if (this.#attempt >= this.#maxRetries) return undefined;
    const bound = Math.min(this.#baseMs * 2 ** this.#attempt, this.#maxMs);
    this.#attempt += 1;
    return Math.min(Math.round(retryAfterMs + this.#random() * bound), MAX_DELAY_MS);
  }

  /** An attempt has gone well. */
  reset(): void {
    this.#attempt = 0;
  }
}

/** What a `Retry-After` asks for, in milliseconds from now; 0 where it is missing, past or nothing that is known. */
export function retryAfter(header: string | null | undefined, now = Date.now()): number {
  const text = header?.trim() ?? '';
  const millis = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return millis > 0 ? Math.min(millis, MAX_DELAY_MS) : 0;
}

/** Whether a request that was answered with this status may be answered otherwise later. */
export function isTransient(status: number): boolean {
  return status >= 500 || status === 408 || status === 425 || status === 429;
}

/** Resolves after so many milliseconds, or as soon as the signal aborts; then its timer is gone. */
export function sleep(millis: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, Math.min(millis, MAX_DELAY_MS));
    signal.addEventListener('abort', end);
  });
}

import type { AdapterStatus, DataSourceAdapter } from '../adapters/adapter.js';
import type { AdapterSpec } from '../adapters/spec.js';
import type { AdapterElsewhere } from '../adapters/streams.js';
import { AdapterError } from '../errors.js';
import { unpackError } from './messages.js';
import type { PackedStatus } from './messages.js';

/** An adapter that the engine in a Worker has made of the same as one here. */
export class SentAdapter implements AdapterElsewhere {
  status: AdapterStatus;
  #end: (() => Promise<void>) | undefined;

  /** With what ends it there. */
  constructor(status: AdapterStatus, end: () => Promise<void>) {
    this.status = status;
    this.#end = end;
  }

  /** What has been told of it. */
  tell({ lastError, ...status }: PackedStatus): void {
    this.status = { ...status, ...(lastError && { lastError: unpackError(lastError) as never }) };
  }

  /** It has ended there, or with the Worker: by an error, where there is one. */
  gone(error?: Error): void {
    this.#end = undefined;
    if (!error) return;
    const lastError = new AdapterError(error.message, { cause: error });
    this.status = { ...this.status, streams: 0, state: 'failed', lastError };
  }

  async destroy(): Promise<void> {
    const end = this.#end;
    this.#end = undefined;
    await end?.();
  }
}

/** What an adapter is made of that reads as its class says: one that a program has changed is read by the program. */
export function plainSpec(adapter: DataSourceAdapter): AdapterSpec | undefined {
  const itsClass = Object.getPrototypeOf(adapter) as object;
  const extended = Object.getPrototypeOf(itsClass) !== Object.prototype;
  return extended || Object.hasOwn(adapter, 'createStream') ? undefined : adapter.spec?.();
}

import { CorrelationError as AnyError } from '../errors.js';

/**
 * An error with a stable `code` and `details`, made as log-correlator makes it. `instanceof` holds for every
 * error of this package, whichever class it is of.
 */
export class CorrelationError extends AnyError {
  constructor(message: string, code: string, details: Record<string, unknown> = {}) {
    super(message, code, { details });
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof AnyError;
  }
}

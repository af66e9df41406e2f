import { CorrelationError } from '../errors.js';

/** `MESSAGE_REFUSED`: a window has sent what its engine takes from no window. */
export function refused(what: string): CorrelationError {
  return new CorrelationError(`the window has sent what is not taken: ${what}`, 'MESSAGE_REFUSED');
}

/** `LIMIT_EXCEEDED`: a window has asked for more than one of the limits allows. */
export function exceeded(limit: string, allowed: number): CorrelationError {
  const message = `the window has exceeded limits.${limit}, which is ${allowed}`;
  return new CorrelationError(message, 'LIMIT_EXCEEDED', { details: { limit, allowed } });
}

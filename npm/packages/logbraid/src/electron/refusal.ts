import { CorrelationError } from '../errors.js';

/** Characters of what a window has sent that an error shows. */
const SHOWN = 300;

/** What an error says, as it may be written to a log: windows make up names, and values. */
export function told(text: string): string {
  const brief = text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
  return brief.replace(/\p{C}/gu, (one) => `\\u{${one.codePointAt(0)?.toString(16) ?? ''}}`);
}

/** `MESSAGE_REFUSED`: a window has sent what its engine takes from no window. */
export function refused(what: string): CorrelationError {
  return new CorrelationError(`the window has sent what is not taken: ${what}`, 'MESSAGE_REFUSED');
}

/** `LIMIT_EXCEEDED`: a window has asked for more than one of the limits allows. */
export function exceeded(limit: string, allowed: number): CorrelationError {
  const message = `the window has exceeded limits.${limit}, which is ${allowed}`;
  return new CorrelationError(message, 'LIMIT_EXCEEDED', { details: { limit, allowed } });
}

// Where things stand in a batch of outputs; `backend.ts` says what they are.
import type { Notice } from './backend.js';

/** Kinds of records, beside notices. */
export const CORRELATION = 1;
export const RELEASED = 3;

/** Where things begin in a correlation. */
export const FLAGS_AT = 1;
export const REVISION_AT = 2;
export const COUNT_AT = 22;
export const EVENTS_AT = 26;

/** Flags of a correlation. */
export const FINAL = 1;
export const TRUNCATED = 2;
export const WITHDRAWN = 4;
export const HAS_OBJECTS = 8;

const decoder = new TextDecoder();

/** Shows the records of a batch, without their lengths: from where to where each goes. */
export function eachRecord(
  { buffer, byteOffset, byteLength }: Uint8Array,
  take: (batch: DataView, start: number, end: number) => void,
): void {
  const view = new DataView(buffer, byteOffset, byteLength);
  for (let at = 0; at < byteLength;) {
    const start = at + 4;
    at = start + view.getUint32(at, true);
    take(view, start, at);
  }
}

/** What a record of any other kind says. */
export function noticeOf(batch: DataView, start: number, end: number): Notice {
  const text = new Uint8Array(batch.buffer, batch.byteOffset + start + 1, end - start - 1);
  return JSON.parse(decoder.decode(text)) as Notice;
}

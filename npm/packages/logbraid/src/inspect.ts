import { isByteStream, readBytes } from './adapters/bytes.js';
import type { ByteStream, Inspection } from './backend.js';
import { load, loadBackend } from '#platform';
import { resolveDecoder } from './options.js';
import type { DecoderOptions } from './types.js';

/** What {@link inspect} looks into: bytes as the web has them, or in blocks that are cut anywhere. */
export type Inspected = ByteStream | AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/**
 * Looks into a source without a query: its format, its time, its span, its labels. What of the format is not
 * named in `decoder` is found out from the first lines. Reads to the end and holds a block at a time; a generator
 * that is handed in hears of each, and ends it by ending. Rejects with what reading throws.
 *
 * ```js
 * const { format, events } = await inspect(new Blob(['{"time":"2026-01-01T00:00:00Z","k":"1"}\n']));
 * console.log(format, events); // ndjson 1
 * ```
 */
export async function inspect(
  content: Inspected,
  decoder: DecoderOptions = {},
): Promise<Inspection> {
  const options = resolveDecoder(decoder);
  await load();
  const inspector = new (loadBackend().Inspector)(options);
  const blocks = isByteStream(content) ? readBytes(content) : content;
  for await (const block of blocks) inspector.push(block);
  return JSON.parse(inspector.finish()) as Inspection;
}

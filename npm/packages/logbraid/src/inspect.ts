import type { Inspection } from './backend.js';
import { load, loadBackend } from '#platform';
import { resolveDecoder } from './options.js';
import type { DecoderOptions } from './types.js';

/** What {@link inspect} looks into: a file, or its bytes in blocks that are cut anywhere. */
export type Inspected =
  Blob | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

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
  for await (const block of blocksOf(content)) inspector.push(block);
  return JSON.parse(inspector.finish()) as Inspection;
}

function blocksOf(content: Inspected): AsyncIterable<Uint8Array> | Iterable<Uint8Array> {
  if (content instanceof Blob) return blocksOfStream(content.stream());
  return content instanceof ReadableStream ? blocksOfStream(content) : content;
}

/** Not all browsers can iterate over a stream. */
async function* blocksOfStream(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel();
  }
}

import { createReadStream, existsSync } from 'node:fs';

import { SourceError } from '../../errors.js';
import { decompressed } from './compressed.js';
import { fileError, isPattern, listFiles } from './matches.js';

/** Bytes read at once. */
const BLOCK = 1 << 18;

export const LINE_FEED = 0x0a;

/** What ends a line that has no end. */
export const LINE_END = new Uint8Array([LINE_FEED]);

/**
 * The files of paths and patterns from beginning to end, one after the other, without compression; what one begins
 * with is never in the last line of the one before. Throws a `SourceError` that names the file.
 */
export async function* readWhole(
  patterns: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const paths = (await listFiles(patterns)).map((file) => file.path);
  // A path without a file is an error, whatever else there is: opening it tells.
  paths.push(...patterns.filter((one) => !isPattern(one) && !existsSync(one)));
  if (paths.length === 0) {
    const names = patterns.join(', ');
    throw new SourceError(`${names}: no file has such a name`, { details: { path: names } });
  }
  let last = LINE_FEED;
  for (const file of paths) {
    let isFirst = true;
    for await (const block of readFile(file, signal)) {
      if (isFirst && last !== LINE_FEED) yield LINE_END;
      isFirst = false;
      last = block.at(-1) ?? last;
      yield block;
    }
  }
}

/** The bytes of one file, without compression. */
export async function* readFile(file: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    yield* decompressed(createReadStream(file, { signal, highWaterMark: BLOCK }));
  } catch (error) {
    throw fileError(file, error);
  }
}

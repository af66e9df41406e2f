import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';

import { Decompress } from 'fzstd';

/** How gzip and zstd begin; zstd also with a frame that is to be skipped, whose first byte varies. */
const GZIP = [0x1f, 0x8b];
const ZSTD = [0x28, 0xb5, 0x2f, 0xfd];
const SKIPPED = [0x2a, 0x4d, 0x18];

/** As many bytes as it takes to tell. */
const HEAD = 4;

/** Bytes of zstd that are decompressed at once: what they become is held, which is at most 32 MiB. */
const STEP = 1 << 10;

/** What bytes that begin so are compressed by. */
export function compressionOf(head: Uint8Array): 'gzip' | 'zstd' | undefined {
  const begins = (magic: readonly number[], at = 0) =>
    magic.every((byte, index) => head[at + index] === byte);
  if (begins(GZIP)) return 'gzip';
  const isSkipped = begins(SKIPPED, 1) && ((head[0] ?? 0) & 0xf0) === 0x50;
  return begins(ZSTD) || isSkipped ? 'zstd' : undefined;
}

/** Bytes as they were before compression: gzip of any members, zstd of any frames, and what is neither as it is. */
export async function* decompressed(blocks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const iterator = blocks[Symbol.asyncIterator]();
  try {
    let head = new Uint8Array();
    while (head.length < HEAD) {
      const next = await iterator.next();
      if (next.done) break;
      head = Buffer.concat([head, next.value]);
      // Live text is not to wait for more.
      if (![GZIP[0], ZSTD[0]].includes(head[0]) && ((head[0] ?? 0) & 0xf0) !== 0x50) break;
    }
    const all = joined(head, { [Symbol.asyncIterator]: () => iterator });
    const compression = compressionOf(head);
    if (compression === 'gzip') yield* gunzip(all);
    else if (compression === 'zstd') yield* unzstd(all);
    else yield* all;
  } finally {
    await iterator.return?.();
  }
}

async function* joined(
  head: Uint8Array,
  rest: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  if (head.length > 0) yield head;
  yield* rest;
}

async function* gunzip(blocks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip({ chunkSize: 1 << 18 });
  // Its errors come out of the stream, too.
  pipeline(blocks, gunzip).catch(() => undefined);
  yield* gunzip as AsyncIterable<Uint8Array>;
}

async function* unzstd(blocks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const made: Uint8Array[] = [];
  const decompress = new Decompress((piece) => made.push(piece));
  for await (const block of blocks) {
    for (let at = 0; at < block.length; at += STEP) {
      decompress.push(block.subarray(at, at + STEP));
      yield* made.splice(0);
    }
  }
  decompress.push(new Uint8Array(), true);
  yield* made;
}

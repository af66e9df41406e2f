import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';

import { compressionOf } from './compressed.js';
import { fileError, idOf, isMissing } from './matches.js';
import type { Match } from './matches.js';
import { LINE_END, LINE_FEED } from './whole.js';

/** Bytes of the beginning of a file that tell whether it is still the same; by fewer, many logs are alike. */
const HEAD = 1 << 10;

/** Bytes read at once. A longer line is handed on in parts; the engine takes none of that length. */
const BLOCK = 1 << 20;

const NOTHING: Uint8Array = new Uint8Array();

/** How a file is at some time. */
export type Look = Pick<Match, 'size' | 'changed'>;

/**
 * A file that grows: how far it has been read, and what it is known by. It is read in whole lines, so that no
 * other file gets into one of its lines.
 */
export class FollowedFile {
  readonly id: string;
  path: string;
  /** When it was seen to grow, by the steady clock. */
  grewAt = performance.now();
  #handle: FileHandle | undefined;
  #position = 0;
  /** When it had been written last, as it was read. */
  #changed = -1n;
  #head = NOTHING;
  #compression: 'gzip' | 'zstd' | undefined;

  constructor({ id, path }: Pick<Match, 'id' | 'path'>) {
    this.id = id;
    this.path = path;
  }

  get isOpen(): boolean {
    return this.#handle !== undefined;
  }

  /** How it is now; `undefined` where another file, or none, is in its place. */
  async look(): Promise<Look | undefined> {
    try {
      this.#handle ??= await open(this.path);
      const found = await this.#handle.stat({ bigint: true });
      if (idOf(found) === this.id) return { size: Number(found.size), changed: found.mtimeNs };
      await this.close();
      return undefined;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw fileError(this.path, error);
    }
  }

  /** Whether it begins as `other` did. */
  async isCopyOf(other: FollowedFile): Promise<boolean> {
    return other.#head.length > 0 && (await this.#beginsWith(other.#head));
  }

  /** Whether it does, as far as it goes: a copy is not made at once. */
  async isLike(other: FollowedFile): Promise<boolean> {
    const head = await this.#read(0, other.#head.length);
    return other.#head.length > 0 && startsWith(other.#head, head);
  }

  /** Finds out what compresses it. */
  async learn(): Promise<void> {
    this.#compression = compressionOf(await this.#read(0, 4));
  }

  get compression(): 'gzip' | 'zstd' | undefined {
    return this.#compression;
  }

  /** How far it has been read. */
  get position(): number {
    return this.#position;
  }

  /** Whether there may be something to read. */
  hasNews({ size, changed }: Look): boolean {
    return size !== this.#position || changed !== this.#changed;
  }

  /**
   * The lines that have been finished since they were read last, as far as it went when it was looked at. Returns
   * whether it has been cut, or written anew, since then.
   */
  async *linesOf({ size, changed }: Look): AsyncGenerator<Uint8Array, boolean> {
    if (size < this.#position) return true;
    this.#changed = changed;
    for (;;) {
      const block = await this.#read(this.#position, Math.min(size - this.#position, BLOCK));
      // After the reading: it may be cut at any time.
      if (!(await this.#beginsWith(this.#head))) return true;
      const lines = block.length < BLOCK ? block.lastIndexOf(LINE_FEED) + 1 : lineEnd(block);
      if (lines === 0) return false;
      yield this.#take(block.subarray(0, lines));
    }
  }

  /** All that has not been read, with an end for its last line: nothing will be added to it. */
  async *rest(look: Look): AsyncGenerator<Uint8Array> {
    if (yield* this.linesOf(look)) return;
    const block = await this.#read(this.#position, look.size - this.#position);
    if (block.length > 0) yield Buffer.concat([this.#take(block), LINE_END]);
  }

  /** Goes on where `other` was. */
  goOnFrom(other: FollowedFile): void {
    this.#position = other.#position;
    this.#head = other.#head;
  }

  /** It is another file now. */
  beginAnew(): void {
    this.#position = 0;
    this.#changed = -1n;
    this.#head = NOTHING;
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }

  #take(bytes: Uint8Array): Uint8Array {
    // Until it is full, the head is all that was read.
    const more = bytes.subarray(0, HEAD - this.#head.length);
    if (more.length > 0) this.#head = Buffer.concat([this.#head, more]);
    this.#position += bytes.length;
    this.grewAt = performance.now();
    return bytes;
  }

  async #beginsWith(head: Uint8Array): Promise<boolean> {
    return head.length === 0 || startsWith(await this.#read(0, head.length), head);
  }

  async #read(position: number, length: number): Promise<Uint8Array> {
    if (!this.#handle || length <= 0) return NOTHING;
    try {
      const { bytesRead, buffer } = await this.#handle.read({
        buffer: new Uint8Array(length),
        position,
      });
      return buffer.subarray(0, bytesRead);
    } catch (error) {
      throw fileError(this.path, error);
    }
  }
}

/** Where the last line of a full block ends; one without an end is taken as it is. */
function lineEnd(block: Uint8Array): number {
  return block.lastIndexOf(LINE_FEED) + 1 || block.length;
}

function startsWith(bytes: Uint8Array, head: Uint8Array): boolean {
  return bytes.length >= head.length && head.every((byte, at) => bytes[at] === byte);
}

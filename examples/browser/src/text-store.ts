import { Growing } from './growing.js';

/** Bytes that are asked for at once. */
const BLOCK = 4 << 20;

/** Texts by number, as UTF-8 in few large buffers. */
export class TextStore {
  /** Bytes of all texts. */
  bytes = 0;
  readonly #encoder = new TextEncoder();
  readonly #decoder = new TextDecoder();
  #blocks: Uint8Array<ArrayBuffer>[] = [];
  /** Taken of the last block. */
  #taken = 0;
  readonly #block = new Growing(Uint32Array);
  readonly #start = new Growing(Uint32Array);
  readonly #length = new Growing(Uint32Array);

  clear(): void {
    this.bytes = 0;
    this.#blocks = [];
    this.#taken = 0;
    this.#block.clear();
    this.#start.clear();
    this.#length.clear();
  }

  add(text: string): void {
    const bytes = this.#encoder.encode(text);
    let block = this.#blocks.at(-1);
    if (!block || block.length - this.#taken < bytes.length) {
      block = new Uint8Array(Math.max(BLOCK, bytes.length));
      this.#blocks.push(block);
      this.#taken = 0;
    }
    block.set(bytes, this.#taken);
    this.#block.push(this.#blocks.length - 1);
    this.#start.push(this.#taken);
    this.#length.push(bytes.length);
    this.#taken += bytes.length;
    this.bytes += bytes.length;
  }

  /** A view of a text, for as long as the store is not cleared. */
  bytesOf(number: number): Uint8Array<ArrayBuffer> {
    const start = this.#start.at(number);
    const block = this.#blocks[this.#block.at(number)];
    if (!block) throw new RangeError(`there is no text ${number}`);
    return block.subarray(start, start + this.#length.at(number));
  }

  textOf(number: number): string {
    return this.#decoder.decode(this.bytesOf(number));
  }
}

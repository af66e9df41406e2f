import type { Writable } from 'node:stream';

import { OutputError } from './failure.js';

/** The reader of the output has gone, as `head` does: no mistake, and nothing left to do. */
export class OutputClosed extends Error {}

/** Characters collected before they are written. */
const BLOCK = 1 << 16;

/** Longest time in which text waits for more. */
const DELAY_MS = 50;

/** Writes text in blocks, waits for a slow reader, and notices one that has gone. */
export class Writer {
  readonly #stream: Writable;
  #block = '';
  #timer: NodeJS.Timeout | undefined;
  #failure: Error | undefined;

  readonly #beforeWrite: () => void;

  constructor(stream: Writable, beforeWrite: () => void = () => undefined) {
    this.#stream = stream;
    this.#beforeWrite = beforeWrite;
    stream.on('error', (error: NodeJS.ErrnoException) => {
      this.#fail(error);
    });
  }

  /** Writes text. Blocks wait for the reader. */
  async write(text: string): Promise<void> {
    this.#block += text;
    if (this.#block.length >= BLOCK) {
      await this.flush();
    } else {
      this.#timer ??= setTimeout(() => {
        // A failure is told by the next write.
        this.flush().catch(() => undefined);
      }, DELAY_MS);
    }
  }

  /** Resolves when everything has been handed to the reader. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const block = this.#block;
    this.#block = '';
    if (!this.#failure && block !== '') {
      this.#beforeWrite();
      await new Promise<void>((resolve) => {
        // The callback comes with an error too; it is then kept by the listener above.
        this.#stream.write(block, (error: NodeJS.ErrnoException | null | undefined) => {
          if (error) this.#fail(error);
          resolve();
        });
      });
    }
    if (this.#failure) {
      throw this.#failure;
    }
  }

  #fail(error: NodeJS.ErrnoException): void {
    this.#failure ??=
      error.code === 'EPIPE'
        ? new OutputClosed()
        : new OutputError(`standard output: ${error.message}`, { cause: error });
  }
}

/** Writes a text to standard output, with a line ending. */
export async function print(text: string): Promise<void> {
  const writer = new Writer(process.stdout);
  await writer.write(`${text}\n`);
  await writer.flush();
}

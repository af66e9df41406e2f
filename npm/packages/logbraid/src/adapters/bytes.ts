import type { ByteStream } from '../backend.js';
import { SourceError } from '../errors.js';

/** Whether a value is bytes as the web has them: a stream of them, a `Blob` or `File`, or a `Response`. */
export function isByteStream(value: unknown): value is ByteStream {
  return value instanceof ReadableStream || value instanceof Blob || value instanceof Response;
}

/** The bytes of such a value. What a server answers instead of what was asked for is an error. */
export function readBytes(value: ByteStream): AsyncIterableIterator<Uint8Array, undefined> {
  if (value instanceof Response && !value.ok) {
    const { status, statusText } = value;
    throw new SourceError(`the response is ${status} ${statusText}, expected one that is ok`);
  }
  const stream =
    value instanceof Response ? value.body : value instanceof Blob ? value.stream() : value;
  return new Bytes(stream?.getReader());
}

/** Reads a stream; unlike a generator it can be left while it waits. */
class Bytes implements AsyncIterableIterator<Uint8Array, undefined> {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;

  constructor(reader: ReadableStreamDefaultReader<Uint8Array> | undefined) {
    this.#reader = reader;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const { done, value } = (await this.#reader?.read()) ?? { done: true, value: undefined };
    if (done) return { value: undefined, done: true };
    // Whatever its type says, a stream gives what it likes.
    if (!((value as unknown) instanceof Uint8Array)) {
      await this.return();
      throw new TypeError('a stream gave something other than bytes (Uint8Array)');
    }
    return { value, done: false };
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    await this.#reader?.cancel();
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

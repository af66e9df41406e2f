import type { NativeResponseReader, ResponseContent, ResponseFormat } from '../backend.js';
import { AdapterError } from '../errors.js';
import { loadBackend } from '#platform';
import { rfc3339 } from '../time.js';
import type { EncodedChunk } from '../types.js';
import { Failure } from './server.js';
import type { Server } from './server.js';

const MILLI = 1_000_000n;

/**
 * Where the reading of a server is: what has come, and from when on it is asked again. All times are
 * nanoseconds since the epoch, by the clock of the server.
 */
export class Cursor {
  readonly #server: Server;
  readonly #format: ResponseFormat;
  readonly #reader: NativeResponseReader;
  readonly #overlap: bigint;
  /** Nothing before is asked for. */
  #start: bigint;
  #newest: bigint | undefined;
  #rememberedFrom: bigint | undefined;

  /** Reading begins at `start`. What is asked again reaches `overlapMs` back. */
  constructor(server: Server, format: ResponseFormat, start: bigint, overlapMs: number) {
    this.#server = server;
    this.#format = format;
    this.#reader = readerOf(format);
    this.#start = start;
    this.#overlap = nanos(overlapMs);
  }

  /** What time it is. */
  get now(): bigint {
    return nanos(this.#server.now());
  }

  /** From when on to ask: some way back, since servers take in events out of order. */
  get resume(): bigint {
    const { now } = this;
    const newest = this.#newest ?? this.#start;
    // An event from the future is no reason to leave out what comes until then.
    const from = (newest < now ? newest : now) - this.#overlap;
    return most(most(from, this.#start), this.#rememberedFrom ?? from);
  }

  /** From when on what comes again is told apart from what is new. */
  get rememberedFrom(): bigint {
    return this.#rememberedFrom ?? this.#start;
  }

  /**
   * All there was up to a time has been asked for: what is asked next need not go back further than that. What has
   * come is told apart from `keep` on, for what waits to be taken may be older than what was asked for.
   */
  reached(time: bigint, keep?: bigint): void {
    this.#start = most(this.#start, time - this.#overlap);
    this.forget(keep);
  }

  /** Nothing will be asked for again but from {@link resume} on, nor come from before `keep`. */
  forget(keep?: bigint): void {
    this.#reader.forget(least(this.resume, keep ?? this.resume));
  }

  /** Nothing before a time is asked for, where the clock of the server has not been known before. */
  startAt(time: bigint): void {
    this.#start = time;
  }

  /** What an answer to `what` has, which is not taken yet. Throws as {@link take}. */
  peek(body: Uint8Array, what: string): ResponseContent {
    return contentOf(readerOf(this.#format), body, what);
  }

  /** Takes an answer to `what`. Throws a {@link Failure} where it is none. */
  take(body: Uint8Array, what: string): ResponseContent {
    const content = contentOf(this.#reader, body, what);
    const { entries, fresh, last, rememberedFrom, dropped } = content;
    const { counters } = this.#server.streams;
    counters.events += fresh;
    counters.repeats += entries - fresh;
    counters.dropped += dropped;
    if (rememberedFrom !== undefined) this.#rememberedFrom = rememberedFrom;
    if (last !== undefined && (this.#newest === undefined || last > this.#newest)) {
      this.#newest = last;
      counters.newest = rfc3339(last);
    }
    return content;
  }
}

function readerOf(format: ResponseFormat): NativeResponseReader {
  return new (loadBackend().ResponseReader)({ format });
}

function contentOf(reader: NativeResponseReader, body: Uint8Array, what: string): ResponseContent {
  try {
    return reader.read(body);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Failure(new AdapterError(`${what}: ${why}`, { cause }), true);
  }
}

/** What of an answer goes to the engine. */
export function* chunkOf({ lines }: ResponseContent): Generator<EncodedChunk> {
  if (lines.length > 0) yield { format: 'ndjson', bytes: lines, arrivedAt: performance.now() };
}

/** Milliseconds in nanoseconds. */
export function nanos(millis: number): bigint {
  return BigInt(Math.floor(millis)) * MILLI;
}

export function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

export function most(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

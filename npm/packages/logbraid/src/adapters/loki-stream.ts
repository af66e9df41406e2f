import type { ResponseContent } from '../backend.js';
import { AdapterError, LokiQueryError, WebSocketError } from '../errors.js';
import { MAX_DELAY_MS, rfc3339 } from '../time.js';
import type { EncodedChunk } from '../types.js';
import type { StreamOptions } from './adapter.js';
import { Cursor, chunkOf, least, most, nanos } from './cursor.js';
import type { LokiSettings } from './loki.js';
import { sleep } from './retries.js';
import { Attempts, Failure } from './server.js';
import type { Server } from './server.js';
import type { ReadOptions } from './streams.js';
import type { Frames } from './transport.js';
import { SocketError } from './transport.js';

const RANGE = '/loki/api/v1/query_range';
const TAIL = '/loki/api/v1/tail';

/** Has Loki tell labels of the stream, structured metadata and what was parsed apart, in answers and tail alike. */
const HEADERS = { 'x-loki-response-encoding-flags': 'categorize-labels' };

/** Producers may have a clock that is ahead of the server's. */
const AHEAD = nanos(600_000);

/** Loki refuses to look further at once. */
const LONGEST = nanos(30 * 86_400_000);

type Chunks = AsyncGenerator<EncodedChunk, undefined, undefined>;

/** Reads a query: its range, then what comes. */
export function lokiStream(
  server: Server,
  settings: LokiSettings,
  selector: string,
  options: StreamOptions,
): Chunks {
  return server.stream(options, (given) =>
    new LokiStream(server, settings, selector, given).read(),
  );
}

class LokiStream {
  readonly #server: Server;
  readonly #settings: LokiSettings;
  readonly #selector: string;
  readonly #options: ReadOptions;
  readonly #cursor: Cursor;
  readonly #end: bigint | undefined;
  readonly #requests: Attempts;
  /** Entries of one answer; less than asked for where the server says so. */
  #limit: number;
  /** Times of which there are more entries than one answer has. */
  readonly #crowds = new Set<bigint>();
  /** From when on the tail sends, all over again, what the history has, too. */
  #tailedFrom: bigint | undefined;

  constructor(server: Server, settings: LokiSettings, selector: string, options: ReadOptions) {
    const { start, end, range } = options;
    this.#server = server;
    this.#settings = settings;
    this.#selector = selector;
    this.#options = options;
    this.#limit = settings.limit;
    this.#end = end && nanos(end.getTime());
    const from = nanos(start?.getTime() ?? server.now() - range);
    this.#cursor = new Cursor(server, 'loki', from, settings.overlapMs);
    this.#requests = new Attempts(server, options);
  }

  async *read(): Chunks {
    this.#options.tell({ type: 'history' });
    yield* this.#catchUp(this.#cursor.resume, true);
    if (this.#settings.mode === 'history' || this.#isOver()) return;
    if (this.#settings.mode === 'tail') yield* this.#tail();
    else yield* this.#poll();
  }

  /** Whether nothing comes any more that was asked for, not even late. */
  #isOver(): boolean {
    const { now } = this.#cursor;
    return this.#end !== undefined && now > this.#end + nanos(this.#settings.overlapMs);
  }

  /** All there is from a time on, page by page; of what comes for the first time, nothing comes again but the last. */
  async *#catchUp(from: bigint, isFirst = false): Chunks {
    const { now } = this.#cursor;
    const until = least(this.#end ?? now + AHEAD, now + AHEAD);
    while (from < until) {
      const end = least(until, from + LONGEST);
      const page = await this.#page(from, end, 'forward');
      if (isFirst) this.#cursor.forget();
      yield* chunkOf(page);
      if (page.entries < this.#limit || page.last === undefined) {
        from = end;
      } else if (page.last > from) {
        // Inclusive: others may have the same time.
        from = page.last;
      } else {
        yield* this.#crowd(from);
        from += 1n;
      }
    }
    this.#cursor.reached(now, this.#tailedFrom);
  }

  /** More entries of one nanosecond than one answer has: the others, from the other end. */
  async *#crowd(time: bigint): Chunks {
    const page = await this.#page(time, time + 1n, 'backward');
    yield* chunkOf(page);
    const known = this.#crowds.has(time);
    this.#crowds.add(time);
    // Both ends of one stream have met where some were known; but streams come in one order from either end.
    if (known || page.entries < this.#limit) return;
    const reason =
      `${this.#limit} entries or more have the same time, and Loki gives no more than that ` +
      'of the first and the last: others may be lost';
    this.#gap(time, time, reason);
  }

  async #page(start: bigint, end: bigint, direction: string): Promise<ResponseContent> {
    const { signal } = this.#options;
    return this.#requests.until(async () => {
      for (;;) {
        const limit = this.#limit;
        const query = { query: this.#selector, start, end, limit, direction };
        try {
          const body = await this.#server.request(RANGE, { query, headers: HEADERS, signal });
          return this.#cursor.take(body, `GET ${RANGE}`);
        } catch (thrown) {
          if (isMetric(thrown)) throw new Failure(new LokiQueryError(thrown.message), false);
          const allowed = allowedLimit(thrown);
          if (allowed === undefined || allowed >= limit) throw thrown;
          this.#limit = allowed;
        }
      }
    });
  }

  async *#poll(): Chunks {
    const { signal } = this.#options;
    while (!this.#isOver()) {
      this.#options.tell({ type: 'live' });
      await sleep(this.#settings.pollIntervalMs, signal);
      signal.throwIfAborted();
      yield* this.#catchUp(this.#cursor.resume);
    }
  }

  async *#tail(): Chunks {
    const connections = new Attempts(this.#server, this.#options, tooOften);
    while (!this.#isOver()) {
      let opened = Infinity;
      try {
        const frames = await this.#connect();
        const over = this.#closeWhenOver(frames);
        opened = performance.now();
        try {
          // What came between the history, or the end of the last connection, and this one.
          yield* this.#catchUp(this.#cursor.resume);
          this.#options.tell({ type: 'live' });
          yield* this.#frames(frames, connections);
        } finally {
          clearTimeout(over);
          frames.close();
        }
      } catch (thrown) {
        // Where nothing is logged, too, a connection that has held has gone well.
        if (performance.now() - opened > this.#server.timeoutMs) connections.reset();
        await connections.failed(thrown instanceof SocketError ? this.#judge(thrown) : thrown);
      }
    }
    // What waited when the last connection was closed.
    yield* this.#catchUp(this.#cursor.resume);
  }

  /** Closes a connection that would only wait for what is not asked for. */
  #closeWhenOver(frames: Frames): ReturnType<typeof setTimeout> | undefined {
    if (this.#end === undefined) return undefined;
    const left = this.#end - this.#cursor.now + nanos(this.#settings.overlapMs + 1);
    const close = () => {
      frames.close();
    };
    return setTimeout(close, Number(least(left / nanos(1), BigInt(MAX_DELAY_MS))));
  }

  async #connect(): Promise<Frames> {
    const { signal } = this.#options;
    this.#server.streams.counters.state = 'connecting';
    const start = this.#cursor.resume;
    this.#tailedFrom = start;
    const query = { query: this.#selector, start, limit: this.#limit };
    try {
      return await this.#server.connect(TAIL, { query, headers: HEADERS, signal });
    } catch (thrown) {
      const status = thrown instanceof Failure ? thrown.error.details['status'] : undefined;
      if (!(thrown instanceof Failure) || !NO_SOCKETS.includes(status as number)) throw thrown;
      const message = `${thrown.message}; what cannot be tailed can be read with mode: 'poll'`;
      throw new Failure(new AdapterError(message, { details: { status } }), false);
    }
  }

  async *#frames(frames: Frames, connections: Attempts): Chunks {
    const opened = this.#cursor.now;
    for await (const frame of frames) {
      const content = this.#cursor.take(frame, `WebSocket ${TAIL}`);
      // Each connection begins with what is known.
      if (content.fresh > 0) connections.reset();
      if (content.first !== undefined && content.first > opened) {
        // What the history has, too, has come.
        this.#tailedFrom = undefined;
        this.#cursor.forget();
      }
      yield* chunkOf(content);
      if (content.droppedFrom !== undefined) yield* this.#heal(content.droppedFrom);
      if (this.#isOver()) return;
    }
    this.#options.signal.throwIfAborted();
  }

  /** Loki has dropped entries from that time on; what it tells of them is not all. */
  async *#heal(from: bigint): Chunks {
    const { resume, rememberedFrom } = this.#cursor;
    if (from < rememberedFrom) {
      this.#gap(from, rememberedFrom, 'Loki has dropped entries that are too old to ask for again');
    }
    yield* this.#catchUp(most(least(from, resume), rememberedFrom));
  }

  #gap(from: bigint, to: bigint, reason: string): void {
    this.#options.tell({ type: 'gap', from: rfc3339(from), to: rfc3339(to), reason });
  }

  /** What the end of a connection means. */
  #judge(error: SocketError): Failure {
    const failure = this.#server.failure(`WebSocket ${TAIL}`, error);
    const isRefused = error.code === 1011 && /only log selector|parse error/i.test(error.message);
    if (!isRefused) return failure;
    return new Failure(
      new LokiQueryError(failure.error.message, { cause: failure.error.cause }),
      false,
    );
  }
}

/**
 * What something between here and Loki answers that knows no WebSockets, or Loki without a tail; also to what cannot
 * be tailed, such as several tenants, since the query itself has been answered before.
 */
const NO_SOCKETS = [400, 404, 405, 426, 501];

/** Whether a query is answered with numbers. */
function isMetric(thrown: unknown): thrown is Failure {
  return thrown instanceof Failure && thrown.message.includes('expected streams, as a log query');
}

/** The entries that a server gives at once, where it refuses to give more. */
function allowedLimit(thrown: unknown): number | undefined {
  if (!(thrown instanceof Failure)) return undefined;
  const [, allowed] = /max_entries_limit\w* \(\d+ > (\d+)\)/.exec(thrown.error.message) ?? [];
  return allowed === undefined ? undefined : Number(allowed) || undefined;
}

function tooOften(error: Error): WebSocketError {
  return new WebSocketError(
    `the connection to Loki was lost too often in a row: ${error.message}`,
    {
      cause: error,
    },
  );
}

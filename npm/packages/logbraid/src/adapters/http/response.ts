import type { StreamItem } from '../adapter.js';
import { Connection } from './connection.js';
import type { RequestSetup } from './connection.js';
import { EventLines } from './events.js';
import type { EventPosition } from './events.js';

/** The content type of Server-Sent Events. */
export const EVENT_STREAM = 'text/event-stream';

const LINE_FEED = 0x0a;

/** Told what becomes of a response. */
export interface ResponseListener {
  onOpen: () => void;
  onBytes: (bytes: number) => void;
  /** Server-Sent Events are handed on. */
  onEvents: (events: number) => void;
}

/** One response, as items. */
export class ResponseReader {
  /** Whether anything of it has been handed on. */
  hasBegun = false;
  /** Whether the server has said that there is nothing more. */
  isLast = false;
  readonly #setup: RequestSetup;
  readonly #framing: 'lines' | 'sse' | undefined;
  readonly #position: EventPosition;
  readonly #hear: ResponseListener;

  constructor(
    setup: RequestSetup,
    framing: 'lines' | 'sse' | undefined,
    position: EventPosition,
    hear: ResponseListener,
  ) {
    this.#setup = setup;
    this.#framing = framing;
    this.#position = position;
    this.#hear = hear;
  }

  /** Makes the request, and reads the response to its end. What fails is a `RequestFailure`. */
  async *read(signal: AbortSignal): AsyncGenerator<StreamItem> {
    const headers = new Headers(this.#setup.headers);
    const { lastId } = this.#position;
    // Headers are bytes; ids are what the server likes.
    const id = String.fromCharCode(...new TextEncoder().encode(lastId));
    if (lastId !== '') headers.set('last-event-id', id);
    const connection = await Connection.open({ ...this.#setup, headers }, signal);
    try {
      this.#hear.onOpen();
      const { status, headers: told } = connection.response;
      this.isLast = status === 204;
      const isEvents = told.get('content-type')?.startsWith(EVENT_STREAM) === true;
      const framing = this.#framing ?? (isEvents ? 'sse' : 'lines');
      yield* framing === 'sse' ? this.#events(connection) : this.#lines(connection, signal);
    } finally {
      connection.close();
    }
  }

  async *#lines(connection: Connection, signal: AbortSignal): AsyncGenerator<StreamItem> {
    let last = LINE_FEED;
    try {
      for (let block; (block = await this.#next(connection));) {
        last = block.at(-1) ?? last;
        this.hasBegun = true;
        yield block;
      }
    } catch (error) {
      // What comes of another response is no part of that line. Whoever leaves has no use for half of one.
      if (last !== LINE_FEED && !signal.aborted) yield '\n';
      throw error;
    }
    if (last !== LINE_FEED) yield '\n';
  }

  async *#events(connection: Connection): AsyncGenerator<StreamItem> {
    const events = new EventLines(this.#setup.url, this.#position);
    for (let block; (block = await this.#next(connection));) {
      const lines = events.push(block);
      if (lines.length === 0) continue;
      this.#hear.onEvents(lines.length);
      this.hasBegun = true;
      yield lines.join('');
    }
  }

  async #next(connection: Connection): Promise<Uint8Array | undefined> {
    const block = await connection.read();
    if (block) this.#hear.onBytes(block.length);
    return block;
  }
}

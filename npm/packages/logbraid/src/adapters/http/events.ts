import { createParser } from 'eventsource-parser';

import { AdapterError } from '../../errors.js';
import { redactUrl } from '../redact.js';

/** Characters of one event that are held until it is complete; the engine takes none of that length. */
const MAX_EVENT = 2 << 20;

/** Where a stream of events is, to go on from there. */
export interface EventPosition {
  /** The id of the last event; empty where there was none. */
  lastId: string;
  /** How long the server asks to wait before it is asked again, in milliseconds. */
  retryMs: number;
}

/** Makes lines of the data of Server-Sent Events. An event that is not complete is never seen. */
export class EventLines {
  readonly #decoder = new TextDecoder();
  readonly #parser;
  #lines: string[] = [];
  #failure: AdapterError | undefined;

  /** `position` is moved on with each event. */
  constructor(url: URL, position: EventPosition) {
    this.#parser = createParser({
      maxBufferSize: MAX_EVENT,
      onEvent: ({ id, data }) => {
        if (id !== undefined) position.lastId = id;
        // An event is a line, whatever is in it.
        if (data !== '') this.#lines.push(`${data.replaceAll('\n', ' ')}\n`);
      },
      onRetry: (millis) => {
        position.retryMs = millis;
      },
      onError: ({ type }) => {
        if (type !== 'max-buffer-size-exceeded') return;
        const shown = redactUrl(url);
        this.#failure = new AdapterError(
          `${shown}: an event has more than ${MAX_EVENT} characters`,
          { details: { url: shown } },
        );
      },
    });
  }

  /** The lines that bytes complete. Throws an `AdapterError` where one would be too long. */
  push(bytes: Uint8Array): string[] {
    this.#parser.feed(this.#decoder.decode(bytes, { stream: true }));
    if (this.#failure) throw this.#failure;
    const lines = this.#lines;
    this.#lines = [];
    return lines;
  }
}

import { BATCH } from '../adapters/adapter.js';
import type { AdapterNotice, DataSourceAdapter, StreamItem } from '../adapters/adapter.js';
import { isByteStream, readBytes } from '../adapters/bytes.js';
import { isChunk } from '../adapters/push.js';
import { QueryError } from '../errors.js';
import type { KnownLabel } from '../query.js';
import { soon } from '#platform';
import { quietly } from '../reader.js';
import { packError } from './messages.js';
import type { PlainError, Reply, Request } from './messages.js';
import type { Port } from './port.js';
import { knownLabels } from '../vocabulary.js';

/** The streams of adapters at this end, that an engine at the other end reads. */
export class Streams {
  readonly #port: Pick<Port<Request, Reply>, 'send'>;
  /** By their numbers: a query that has begun reads those that it began with. */
  readonly #adapters = new Map<number, DataSourceAdapter>();
  readonly #open = new Map<number, OpenStream>();

  constructor(port: Pick<Port<Request, Reply>, 'send'>) {
    this.#port = port;
  }

  add(number: number, adapter: DataSourceAdapter): void {
    this.#adapters.set(number, adapter);
  }

  remove(number: number): void {
    this.#adapters.delete(number);
  }

  /** Tells what the adapters know of their labels; one that fails knows nothing. */
  async tellLabels(): Promise<void> {
    const told = [...this.#adapters].map(async ([number, adapter]) => {
      let labels: KnownLabel[] = [];
      try {
        if (!adapter.getLabels) return;
        labels = knownLabels(await adapter.getLabels());
      } catch {
        // See above.
      }
      this.#port.send({ type: 'labels', adapter: number, labels });
    });
    await Promise.all(told);
  }

  /** Opens a stream; nothing is read before it is asked for. */
  open(asked: Extract<Reply, { type: 'open' }>): void {
    const { stream, name, selector, options } = asked;
    const abort = new AbortController();
    const { signal } = abort;
    try {
      const adapter = this.#adapters.get(asked.adapter);
      const selects = adapter && adapter.selects !== false;
      if (selects && !adapter.validateQuery(selector)) {
        throw new QueryError(`the source ${name} does not accept the selector ${selector}`, [], {
          details: { name, selector },
        });
      }
      const tell = (notice: AdapterNotice) => {
        const packed =
          notice.type === 'reconnect' ? { ...notice, error: packError(notice.error) } : notice;
        this.#port.send({ type: 'notice', stream, notice: packed });
      };
      const made = adapter?.createStream(selector, { ...options, signal, tell }) ?? [];
      const items = isByteStream(made) ? readBytes(made) : made;
      if (!(Symbol.asyncIterator in items)) {
        throw new TypeError('createStream() must return an async iterable, or bytes of the web');
      }
      this.#open.set(
        stream,
        new OpenStream(stream, items[Symbol.asyncIterator](), abort, this.#port),
      );
    } catch (error) {
      this.#port.send({ type: 'finished', stream, error: packError(error) });
    }
  }

  take(stream: number): void {
    const taken = this.#open.get(stream)?.take();
    void taken?.then((ended) => {
      if (ended) this.#open.delete(stream);
    });
  }

  /** Nobody asks for anything any more. */
  close(): void {
    for (const stream of this.#open.values()) stream.leave();
    this.#open.clear();
  }

  drop(stream: number): void {
    this.#open.get(stream)?.leave();
    this.#open.delete(stream);
  }
}

class OpenStream {
  readonly #stream: number;
  readonly #items: AsyncIterator<StreamItem>;
  readonly #abort: AbortController;
  readonly #port: Pick<Port<Request, Reply>, 'send'>;
  /** What has been asked for and has not come. */
  #next: Promise<IteratorResult<StreamItem, unknown>> | undefined;
  #left = false;

  constructor(
    stream: number,
    items: AsyncIterator<StreamItem>,
    abort: AbortController,
    port: Pick<Port<Request, Reply>, 'send'>,
  ) {
    this.#stream = stream;
    this.#items = items;
    this.#abort = abort;
    this.#port = port;
  }

  /** Sends what comes next, and what comes in the same turn with it. Says whether that was all. */
  async take(): Promise<boolean> {
    const stream = this.#stream;
    const items: StreamItem[] = [];
    let turn: Promise<undefined> | undefined;
    let end: { error: PlainError | undefined } | undefined;
    try {
      do {
        this.#next ??= this.#items.next();
        const next = await (turn ? Promise.race([this.#next, turn]) : this.#next);
        // What has not come in this turn comes with the next message.
        if (!next) break;
        this.#next = undefined;
        if (next.done) {
          end = { error: undefined };
          break;
        }
        items.push(next.value);
        turn ??= new Promise((resolve) => {
          soon(() => {
            resolve(undefined);
          });
        });
      } while (items.length < BATCH && isEvent(items.at(-1)));
    } catch (error) {
      end = { error: packError(error) };
    }
    if (this.#left) return true;
    try {
      if (items.length > 0) this.#port.send({ type: 'items', stream, items });
    } catch (error) {
      end = { error: packError(error) };
      this.leave();
    }
    if (end) this.#port.send({ type: 'finished', stream, ...end });
    return end !== undefined;
  }

  leave(): void {
    this.#left = true;
    this.#abort.abort();
    // What a stream says when it is closed early changes nothing.
    void quietly(() => this.#items.return?.());
  }
}

/** Whether an item is a single event: a message for each would cost far more than the event. */
function isEvent(item: StreamItem | undefined): boolean {
  return (
    typeof item === 'object' &&
    // Whatever its type says, a stream gives what it likes.
    (item as unknown) !== null &&
    !Array.isArray(item) &&
    !(item instanceof Uint8Array) &&
    !isChunk(item)
  );
}
